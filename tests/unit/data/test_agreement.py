"""The agreement: one file a version, checked strictly, in force from the day in its name."""

from datetime import date, datetime

import pytest

from data.agreement import DEFAULT, default_agreement, in_force, parse_agreement
from data.errors import ConfigError

DAY = date(2026, 1, 1)


def parse(text):
    return parse_agreement(text, DAY, "agreement.toml")


def refused(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value)


def test_the_default_holds_together():
    agreement = default_agreement()
    assert list(agreement.criteria) == ["budget", "authority", "need", "timeframe"]
    assert agreement.zones.qualified > agreement.zones.nearly


@pytest.mark.parametrize(("points", "zone"), [(45, "qualified"), (44.9, "nearly"), (25, "nearly"), (24.9, "not_yet")])
def test_a_zone_begins_at_its_points(points, zone):
    assert default_agreement().zone(points) == zone


def test_the_threshold_is_where_a_hand_off_pays():
    """Refusal: 0.5 * 100 - 10 = 40. Waiting is worth 100, a review costs 50: (100 + 50 - 40) / (1000 - 40)."""
    text = """
        name = "small"
        criteria.need = {yes = 50}
        values = {acceptance = 1000, review = 50, waiting = 100, recyclable = 0.5, trust = 10}
    """
    assert parse(text).values.threshold == pytest.approx(110 / 960)


def test_the_version_is_the_day_and_the_text():
    one, same, other = parse(DEFAULT), parse(DEFAULT), parse(DEFAULT + "# a remark\n")
    assert one.version == same.version != other.version
    assert one.version.startswith("2026-01-01-")


@pytest.mark.parametrize(
    ("changed", "to", "said"),
    [
        ("name =", "nane =", "key nane: expected a known key with a fitting value, got an unknown key; try name"),
        ("qualified = 45", "qualifed = 45", "key zones.qualifed"),
        ("fresh_days = 180", "fresh_day = 180", "key criteria.budget.fresh_day"),
        ("fresh_days = 180", "fresh_days = 0", "key criteria.budget.fresh_days"),
        ("yes = 15", 'yes = "many"', "key criteria.budget.yes"),
        ("recyclable = 0.9", "recyclable = 1.1", "key values.recyclable"),
        ("nearly = 25", "nearly = 46", "[zones]: expected nearly <= qualified, got 46 > 45"),
        ("qualified = 45", "qualified = 101", "zones.qualified: expected at most the 100 points that answers can give"),
        ("waiting = 200", "waiting = 1000", "[values]: expected costs that make a threshold between 0 and 1"),
        ("acceptance = 1000", "acceptance = 200", "[values]: expected costs that make a threshold between 0 and 1"),
        ("acceptance = 1000", "acceptance = 140", "[values]: expected acceptance above the 140 of a refused lead"),
        ("acceptance = 1000", "acceptance = 10", "[values]: expected acceptance above the 140 of a refused lead"),
        ("acceptance = 1000", "acceptance = nan", "key values.acceptance"),
        ("qualified = 45", "qualified = inf", "key zones.qualified"),
        ("[criteria.need]", '[criteria."Need!"]', "criteria.Need!: expected a name of small letters"),
        ("[zones]", "[zones", "expected TOML"),
    ],
)
def test_a_slip_is_named_with_its_key(changed, to, said):
    assert changed in DEFAULT
    message = refused(DEFAULT.replace(changed, to, 1))
    assert message.startswith("reading agreement.toml")
    assert said in message


def test_an_agreement_without_criteria_is_refused():
    assert "key criteria" in refused('name = "none"')
    assert "key criteria" in refused('name = "none"\ncriteria = {}')


def write(folder, **texts):
    for day, text in texts.items():
        (folder / f"{day[1:].replace('_', '-')}.toml").write_text(text, encoding="utf-8")


def test_the_last_version_effective_by_then_is_in_force(tmp_path):
    write(tmp_path, d2026_01_01=DEFAULT, d2026_03_01=DEFAULT.replace("BANT", "new"))
    named = {day: in_force(tmp_path, datetime.fromisoformat(day)).name
             for day in ("2026-01-01", "2026-02-28T23:59:59", "2026-03-01", "2027-01-01")}  # fmt: skip
    assert list(named.values()) == ["BANT", "BANT", "new", "new"]


def test_before_the_first_version_there_is_none(tmp_path):
    write(tmp_path, d2026_01_01=DEFAULT)
    with pytest.raises(ConfigError, match=r"in force on 2025-12-31: expected .* got 2026-01-01.toml; run"):
        in_force(tmp_path, datetime(2025, 12, 31))


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"got none; run `leadready init`"):
        in_force(tmp_path, datetime(2026, 1, 1))


@pytest.mark.parametrize("name", ["draft.toml", "2026-13-01.toml", "2026-01-01 copy.toml"])
def test_a_file_whose_name_is_no_day_is_refused(tmp_path, name):
    (tmp_path / name).write_text(DEFAULT)
    with pytest.raises(ConfigError, match=r"expected a name like 2026-01-31\.toml"):
        in_force(tmp_path, datetime(2026, 6, 1))


def test_another_encoding_is_refused(tmp_path):
    (tmp_path / "2026-01-01.toml").write_bytes(DEFAULT.replace("BANT", "Bedürfnis").encode("latin-1"))
    with pytest.raises(ConfigError, match="expected a text file in UTF-8"):
        in_force(tmp_path, datetime(2026, 6, 1))


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "2026-01-01.toml").write_bytes(DEFAULT.encode("utf-8-sig"))
    assert in_force(tmp_path, datetime(2026, 6, 1)).name == "BANT"
