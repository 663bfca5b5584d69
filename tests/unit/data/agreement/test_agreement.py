"""The agreement: one file a version, laid over a scheme, checked strictly, in force from the day in its name."""

import tomllib
from datetime import date, datetime

import pytest

from data.agreement.checks import most_points
from data.agreement.file import (
    all_versions,
    as_toml,
    default_agreement,
    default_text,
    differences,
    parse_agreement,
    pick,
    read_agreement,
)
from data.errors import ConfigError

DAY = date(2026, 1, 1)
TEXT = default_text("BANT")
BANT = 'name = "x"\nscheme = "BANT"\n'
OWN = """\
name = "small"

[criteria.budget]
fresh_days = 180
levels = { planned = 10, approved = 25 }

[criteria.need]
yes = 30
amounts = {}

[criteria.engagement.touches]
page_view = 1
pricing_view = { points = 5, cap = 20 }

[zones]
digital = [10]
research = [25, 45]
matrix = [["not_yet", "nearly"], ["nearly", "qualified"], ["qualified", "qualified"]]

[values]
acceptance = 1000
waiting = 200
recyclable = 0.9

[stages]
decision = "need = yes"
"""


def parse(text):
    return parse_agreement(text, DAY, "agreement.toml")


def refused(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "criteria"),
    [
        ("BANT", ["budget", "authority", "need", "timeframe", "engagement"]),
        ("APNRP", ["account_fit", "person_fit", "need", "interest", "contact_permission"]),
        ("digital", ["engagement"]),
    ],
)
def test_each_built_in_scheme_holds_together_and_can_qualify(scheme, criteria):
    agreement = parse(default_text(scheme))
    assert list(agreement.criteria) == criteria
    assert agreement.name == agreement.scheme == scheme


def test_switching_the_scheme_is_one_line():
    text = 'name = "ours"\nscheme = "BANT"\n'
    assert list(parse(text.replace("BANT", "digital")).criteria) == ["engagement"]


def test_a_file_is_laid_over_its_scheme_key_by_key():
    text = 'name = "ours"\nscheme = "BANT"\ndrop = ["budget"]\n[criteria.need]\nyes = 40\n[criteria.pain]\nyes = 5\n'
    ours, bant = parse(text), default_agreement()
    assert list(ours.criteria) == ["authority", "need", "timeframe", "engagement", "pain"]
    assert (ours.criteria["need"].yes, ours.criteria["need"].no) == (40, bant.criteria["need"].no)
    assert [c.name for c in ours.combinations] == ["wants it soon"]  # what spoke of the budget went with it
    assert "decision" not in ours.stages


def test_new_levels_take_the_amounts_of_the_scheme_with_them():
    """And the scheme's conditions that speak of a level or an amount that is gone, as with `drop`."""
    ours = parse(BANT + "[criteria.timeframe]\nlevels = {soon = 25, later = 5}")
    assert ours.criteria["timeframe"].amounts == {}
    assert [c.name for c in ours.combinations] == ["neither need nor money"]
    assert list(ours.stages) == ["consideration", "awareness"]
    kept = parse(BANT + "[criteria.timeframe]\nlevels = {soon = 25}\namounts = {soon = 90}")
    assert [c.name for c in kept.combinations] == ["wants it soon", "neither need nor money"]


def test_a_criterion_that_only_a_condition_speaks_of_needs_no_points():
    text = BANT + "[criteria.next_step]\n[[combinations]]\nname = 'c'\nwhen = 'next_step = yes'\nurgent = true"
    assert parse(text).answer_names()["next_step"] == "next_step"


def test_the_short_form_of_zones_looks_at_phone_and_research_alone():
    zones = parse('name = "old"\ncriteria.need.yes = 50\nzones = {qualified = 45, nearly = 25}').zones
    assert zones.research == (25, 45)
    assert zones.matrix == (("not_yet",), ("nearly",), ("qualified",))


def test_the_threshold_is_where_a_hand_off_pays():
    """A rejection: 0.5 * 100 - 10 = 40. Waiting is worth 100, a review costs 50: (100 + 50 - 40) / (1000 - 40)."""
    text = """
        name = "small"
        criteria.need = {yes = 50}
        values = {acceptance = 1000, review = 50, waiting = 100, recyclable = 0.5, trust = 10}
    """
    assert parse(text).values.threshold == pytest.approx(110 / 960)


def test_a_segment_has_its_own_costs_and_inherits_the_rest():
    text = OWN + '[[values.segments]]\nname = "big"\nwhen = "employees >= 1000"\nacceptance = 5000\n'
    big, others = parse(text).values.costs()
    assert (big.acceptance, big.waiting, others.acceptance) == (5000, 200, 1000)


def test_the_most_points_of_each_axis():
    assert most_points(parse(OWN)) == (3 * 1 + 20, 25 + 30)


def test_thresholds_are_held_against_whole_thousandths():
    """0.7 + 0.1 is not 0.8 in floats."""
    zones = '{research = [0.8], matrix = [["nearly"], ["qualified"]]}'
    parse(f'name = "x"\ncriteria.a.yes = 0.7\ncriteria.b.yes = 0.1\nzones = {zones}')


def test_the_version_is_the_day_and_what_it_says():
    one, remark, other = parse(TEXT), parse(TEXT + "# a remark\n"), parse(TEXT.replace("= 60 ", "= 70 "))
    assert one.version == remark.version != other.version
    assert one.version.startswith("2026-01-01-")


ODD = (
    OWN
    + """
[criteria.need.levels]
'it is "so" = \U0001f600 \u2028' = 1.5
[capacity.teams]
"o'neil = 5\\u007f" = {hand_offs_per_day = 3}
"""
)


WORK = (
    OWN
    + """
[promises.qualified]
hours = 8
[capacity]
per_account = 2
[working_time]
days = ["mon", "sat"]
from = "08:30"
to = "24:00"
time_zone = "Europe/Berlin"
holidays = [2026-12-25, 2027-01-01]
"""
)


@pytest.mark.parametrize("text", [TEXT, OWN, default_text("APNRP"), default_text("digital"), ODD, WORK])
def test_what_is_shown_reads_back_the_same(text):
    agreement = parse(text)
    assert parse(as_toml(agreement)).version == agreement.version
    assert differences(agreement, parse(as_toml(agreement))) == {}


def test_working_time_is_shown_with_its_days():
    assert "working_time.holidays = [2026-12-25, 2027-01-01]\n" in as_toml(parse(WORK))
    changed = differences(parse(WORK), parse(WORK.replace("2026-12-25", "2026-12-24").replace("08:30", "09:00")))
    assert changed == {
        "working_time.from": ('"08:30"', '"09:00"'),
        "working_time.holidays": ("[2026-12-25, 2027-01-01]", "[2026-12-24, 2027-01-01]"),
    }
    assert differences(parse(OWN), parse(WORK))["working_time.to"] == ("-", '"24:00"')


def test_keys_that_only_some_agreements_have_leave_the_versions_of_the_others_alone():
    """The hash of the first agreement, as it was before anybody could write `working_time` or `per_account`."""
    assert default_agreement().version == "1970-01-01-e4ba8b66"


def test_differences_name_each_key():
    assert differences(parse(OWN), parse(OWN.replace("yes = 30", "yes = 31"))) == {"criteria.need.yes": ("30", "31")}


@pytest.mark.parametrize(
    ("changed", "to", "said"),
    [
        (
            "name =",
            "nane =",
            "line 1, key nane: expected a known key, got an unknown key; try name",
        ),
        ('"small"', '" "', "line 1, key name: expected a name, got ' '"),
        ("fresh_days = 180", "fresh_day = 180", "line 4, key criteria.budget.fresh_day"),
        (
            "fresh_days = 180",
            "fresh_days = 0",
            "line 4, key criteria.budget.fresh_days: expected greater than 0, got 0",
        ),
        ("fresh_days = 180", 'fresh_days = "10"', "criteria.budget.fresh_days: expected a valid number, got '10'"),
        ("yes = 30", 'yes = "many"', "line 8, key criteria.need.yes: expected a valid number, got 'many'"),
        ("yes = 30", "yes = true", "line 8, key criteria.need.yes: expected a valid number, got true"),
        ("yes = 30", 'yes = 30\nrequired = "yes"', "criteria.need.required: expected true or false, got 'yes'"),
        ("yes = 30", "no = -3\nrequired = true", "no lead would ever qualify"),
        ("yes = 30", "yes = 30\nanswers = []", "line 9, key criteria.need.answers"),
        ("yes = 30", 'yes = 30\nanswers = "money"', "criteria.need.answers: expected a list, got 'money'"),
        ("yes = 30", 'yes = 30\nanswers = ["budget"]', "'budget', which budget reads too"),
        (
            "fresh_days = 180",
            'answers = ["need"]',
            "line 4, key criteria.budget.answers: expected an answer that counts once, got 'need', which need reads",
        ),
        (
            "planned = 10",
            "planned = 10, Planned = 5",
            "key criteria.budget.levels.Planned: expected a level that differs",
        ),
        ("planned = 10", "Refused = 10", "criteria.budget.levels.Refused: expected a level that differs from states"),
        ("amounts = {}", "amounts = {soon = 3}", "key criteria.need.amounts.soon: expected levels: none, got 'soon'"),
        ("page_view = 1", "page_view = 0", "line 12, key criteria.engagement.touches.page_view: expected points other"),
        ("page_view = 1", "page_view = true", "touches.page_view.points: expected a valid number, got true"),
        (
            "page_view = 1",
            "page_vew = 1",
            "line 12, key criteria.engagement.touches.page_vew: expected a kind of touch: page_view, pricing_view, ",
        ),
        ("page_view = 1", "page_vew = 1", ", ..., got 'page_vew'; try page_view"),
        ("cap = 20", "cap = 4", "line 13, key criteria.engagement.touches.pricing_view.cap: expected at least the 5"),
        ("cap = 20", "cap = -20", "expected at least the 5 points of one touch, with the same sign, got -20"),
        ("cap = 20", "half_life_days = 1e-310", "half_life_days: expected greater than or equal to 0.01, got 1e-310"),
        (
            "points = 5",
            "points = 5.0001",
            "criteria.engagement.touches.pricing_view.points: expected a multiple of 0.001",
        ),
        ("[25, 45]", "[45, 25]", "line 17, key zones.research: expected points that rise from band to band"),
        ("[25, 45]", "[25, 56]", "line 17, key zones.research: expected at most the 55 points that a lead can reach"),
        ("[10]", "[24]", "line 16, key zones.digital: expected at most the 23 points that a lead can reach, got 24"),
        ("[10]", "[10, 20]", "line 18, key zones.matrix: expected 3 rows (bands of research) of 3 zones"),
        ('"not_yet", "nearly"]', '"nearly", "not_yet"]', "expected more points never to mean a lower zone"),
        (
            '"not_yet", "nearly"]',
            '"not_yet", "qualifed"]',
            "key zones.matrix.0.1: expected unfit, not_yet, nearly or qualified, got 'qualifed'; try qualified",
        ),
        ('["qualified", "qualified"]]', '\n["qualified", "qualified"]\n]\ndigtal = [3]', "line 21, key zones.digtal"),
        ("recyclable = 0.9", "recyclable = 1.1", "line 23, key values.recyclable"),
        ("recyclable = 0.9", "trust = -1", "line 23, key values.trust: expected greater than or equal to 0, got -1"),
        ("waiting = 200", "waiting = -200", "line 22, key values.waiting: expected greater than or equal to 0"),
        ("waiting = 200", "review = -2", "line 22, key values.review: expected greater than or equal to 0"),
        ("waiting = 200", "waiting = 1000", "line 20, key values: expected costs that make a threshold p*"),
        ("acceptance = 1000", "acceptance = 200", "key values: expected costs that make a threshold p*"),
        ("acceptance = 1000", "acceptance = 140", "key values: expected acceptance above the 140 of a rejected lead"),
        ("acceptance = 1000", "acceptance = nan", "line 21, key values.acceptance: expected a finite number, got NaN"),
        ('"need = yes"', '"need = Maybe"', "line 26, key stages.decision: expected a state or level of need"),
        ('"need = yes"', '"need = Maybe"', "got Maybe; use one of these"),
        ('"need = yes"', '"ned = yes"', "expected a fact or criterion: need, "),
        ('"need = yes"', '"ned = yes"', "got ned; try need"),
        ('"need = yes"', '"NEED = yes"', "got NEED; try need"),
        (
            '"need = yes"',
            '"need = yes and"',
            "line 26, key stages.decision: expected a condition, got 'need = yes and': after 'and' comes the end,",
        ),
        ('"need = yes"', "5", "key stages.decision: expected a text, got 5"),
        ('"need = yes"', '"need <= 3"', "expected criteria.need.amounts and a number"),
        ('"need = yes"', '"need contains y"', "expected a text such as title before contains, got need"),
        ('"need = yes"', '"permission contains no"', "expected a text such as title before contains, got permission"),
        ('"need = yes"', '"employees contains 5"', "expected a text such as title before contains, got employees"),
        ('"need = yes"', '"engagement = yes"', "expected a criterion that has answers, engagement has none"),
        ('"need = yes"', '"employees = many"', "expected a number to compare employees with, got many"),
        ('"need = yes"', '"employees in (1, x)"', "expected a number to compare employees with, got x"),
        ('"need = yes"', '"lead.score > x"', "expected a number to compare lead.score with, got x"),
        ('"need = yes"', '"industry > 3"', "expected = or in after industry, which is a text"),
        ('"need = yes"', '"permission = yes"', "expected a permission"),
        ("[criteria.need]", '[criteria."Need!"]', "criteria.Need!: expected a name of lower-case letters"),
        ("[criteria.need]", "[criteria.industry]", "expected a name that does not have another meaning"),
        ("[criteria.need]", "[criteria.milli]", "expected a name that does not have another meaning"),
        *(
            (
                "[criteria.need]",
                f"[criteria.{word}]",
                f"line 7, key criteria.{word}: expected a name that does not have another meaning",
            )
            for word in ("and", "or", "not", "in", "is", "contains", "known", "unknown", "day", "days")
        ),
        ("[zones]", "[zones", "expected TOML"),
    ],
)
def test_a_slip_is_named_with_line_and_key(changed, to, said):
    assert changed in OWN
    message = refused(OWN.replace(changed, to, 1))
    assert message.startswith("reading agreement.toml")
    assert said in message


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("[capacity.teams.a]\nhand_offs_per_day = 0", "line 28, key capacity.teams.a.hand_offs_per_day"),
        ("[capacity]\ncalls_per_day = 0", "line 28, key capacity.calls_per_day"),
        (
            "[capacity]\nper_account = 0",
            "line 28, key capacity.per_account: expected greater than or equal to 1, got 0",
        ),
        (
            "[working_time]\ndays = []",
            "line 28, key working_time.days: expected at least 1 item, got []; change it",
        ),
        (
            '[working_time]\ndays = ["monday"]',
            "line 28, key working_time.days.0: expected mon, tue, wed, thu, fri, sat or sun, got 'monday'; try mon",
        ),
        (
            '[working_time]\ntime_zone = "Berlin"',
            "line 28, key working_time.time_zone: expected an IANA time zone such as Europe/Berlin, got 'Berlin'",
        ),
        (
            '[working_time]\nfrom = "9:00"',
            "line 28, key working_time.from: expected a time such as 09:00, at most 24:00, got '9:00'; change it",
        ),
        ("[working_time]\nto = 17:00:00", "line 28, key working_time.to: expected a text, got"),
        (
            '[working_time]\nfrom = "17:00"\nto = "09:00"',
            "line 29, key working_time.to: expected a time after `from`, 17:00, got 09:00; correct one of them",
        ),
        ('[working_time]\nfrom = "17:00"', "line 27, key working_time.to: expected a time after `from`, 17:00"),
        (
            '[working_time]\nholidays = ["2026-12-25"]',
            "line 28, key working_time.holidays.0: expected a day without quotes, such as 2026-12-25, got '2026-12-25'",
        ),
        ("[working_time]\nholidays = [2026-12-25T09:00:00]", "expected a day without quotes, such as 2026-12-25, got"),
        ("[working_time]\nhours = 8", "line 28, key working_time.hours: expected a known key"),
        (
            "[working_time]\n[promises.urgent]\nhours = 30000",
            "key promises.urgent.hours: expected at most 20857 hours, which take ten years of [working_time], got 3",
        ),
        ("[exploration]\nshare = 1.0", "line 28, key exploration.share"),
        (
            "[exploration]\nbands = [30, 7]",
            "key exploration.bands: expected ages that rise from band to band, got 30, 7",
        ),
        ("[exploration]\nbands = []", "line 28, key exploration.bands"),
        ("[exploration]\nbands = [0, 7]", "line 28, key exploration.bands.0"),
        (
            "[exploration]\nshares = [0.05, 0.1]",
            "key exploration.shares: expected 4 shares, one more than `bands`, got 2; add or remove shares",
        ),
        (
            "[exploration]\nshare = 0.1\nbands = [7]\nshares = [0.05, 0.1]",
            "key exploration.shares: expected `share` or `shares`, got both; remove `share`",
        ),
        (
            "[promises.qualifed]\nhours = 3",
            "line 27, key promises.qualifed: expected unfit, not_yet, nearly, qualified or urgent, got 'qualifed'; try",
        ),
        ("[promises.urgent]\nhours = true", "line 28, key promises.urgent.hours: expected a valid number, got true"),
        (
            "[capacity.teams.a]\nhand_offs_per_day = true",
            "line 28, key capacity.teams.a.hand_offs_per_day: expected a valid integer, got true",
        ),
        (
            '[personas.cto]\nwhen = "title contains cto"\n[personas.cto.stages.buy]\nmessage = "x"',
            "expected a stage of",
        ),
        (
            '[[values.segments]]\nname = "s"\nwhen = ""\nwaiting = 5000',
            "key values.segments.0: expected acceptance above",
        ),
        ('[[combinations]]\nname = "c"\nwhen = "need = yes"\nzone = "hot"', "line 30, key combinations.0.zone"),
        (
            '[[combinations]]\nname = ""\nwhen = "need = yes"',
            "line 28, key combinations.0.name: expected a name, got ''",
        ),
        (
            '[[combinations]]\nname = "c"\nwhen = ""\n[[combinations]]\nname = "c"\nwhen = "need = yes"',
            "line 31, key combinations.1.name: expected a name of its own, got 'c' again",
        ),
        ('[[permission.rules]]\nwhen = "country = DE"\nallow = "perhaps"', "key permission.rules.0.allow"),
        (
            "[capacity.teams]\na = {hand_offs_per_day = 1}\nb = {hand_offs_per_day = 1}",
            "line 29, key capacity.teams.b.when: expected nothing after capacity.teams.a, which always holds, got b,",
        ),
        ('last = ""\nnever = "need = no"', "line 28, key stages.never: expected nothing after stages.last"),
        (
            '[personas]\na = {when = " "}\nb = {when = ""}',
            "line 29, key personas.b.when: expected nothing after personas.a",
        ),
        (
            '[[values.segments]]\nname = "a"\nwhen = ""\n[[values.segments]]\nname = "b"\nwhen = ""',
            "key values.segments.1.when: expected nothing after values.segments.0",
        ),
        (
            '[criteria.x]\nfacts = [{when = "", points = 1}, {when = "", points = 2}]',
            "line 28, key criteria.x.facts.1.when: expected nothing after criteria.x.facts.0",
        ),
        ('long = "need = ' + "a" * 1000 + '"', "...: longer than 1,000 characters"),
    ],
)
def test_what_is_added_is_checked_too(added, said):
    message = refused(OWN + added)
    assert said in message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (
            'drop = ["money"]',
            "line 3, key drop: expected criteria of BANT: budget, authority, need, timeframe, engagement",
        ),
        ('drop = ["Budget"]', "got 'Budget'; try budget"),
        ('drop = [["a"]]', 'line 3, key drop.0: expected a text, got ["a"]'),
        ("drop = [{a = 1}]", 'line 3, key drop.0: expected a text, got {"a" = 1}'),
        (
            "effective_from = 2026-01-01",
            "line 3, key effective_from: expected no such key, because the file's name says the day",
        ),
        (
            'version = "2"',
            "line 3, key version: expected no such key, because the file's name says the day, got '2'; remove it",
        ),
        ("[zones]\nqualified = 20", "line 3, key zones: expected both `nearly` and `qualified`, or `digital`,"),
        ("[zones]\nqualified = 20\nnearly = true", "line 5, key zones.nearly: expected a valid number, got true"),
        ("[zones]\nqualified = 20\nnearly = 30", "line 4, key zones.qualified: expected points that rise"),
        ("[zones]\nqualified = 500\nnearly = 30", "line 4, key zones.qualified: expected at most the 105 points"),
        ("[criteria.x]", "line 3, key criteria.x: expected points for some answer, fact or touch, or a condition"),
        (
            "[criteria.x]\nlevels = {a = 0}",
            "line 3, key criteria.x: expected points for some answer, fact or touch, or a",
        ),
    ],
)
def test_what_is_laid_over_a_scheme_is_checked_too(added, said):
    assert said in refused(BANT + added)


@pytest.mark.parametrize(("scheme", "advice"), [("bant", "try BANT"), ("", "use one of these"), ("APNR", "try APNRP")])
def test_an_unknown_scheme_is_named_with_its_line(scheme, advice):
    said = f"line 2, key scheme: expected BANT, APNRP or digital, got '{scheme}'; {advice}"
    assert said in refused(BANT.replace("BANT", scheme))


def test_there_is_no_first_agreement_of_an_unknown_scheme():
    with pytest.raises(ConfigError, match=r"key scheme: expected BANT, APNRP or digital, got 'bant'; try BANT"):
        default_text("bant")


def test_drop_without_a_scheme_is_refused():
    said = refused(OWN.replace("\n", '\ndrop = ["budget"]\n', 1))
    assert "line 2, key drop: expected a `scheme` to drop from, got none" in said


def test_an_agreement_without_criteria_is_refused():
    assert "key criteria" in refused('name = "none"')
    assert "key criteria" in refused('name = "none"\ncriteria = {}')


def test_the_schema_names_every_key_of_the_schemes():
    from data.agreement.model import SCHEMES, Agreement

    known = set(Agreement.model_json_schema()["properties"])
    for path in SCHEMES.glob("*.toml"):
        assert set(tomllib.loads(path.read_text())) <= known


def test_two_versions_of_one_day_are_refused(tmp_path):
    write(tmp_path, d2026_01_01=TEXT)
    (tmp_path / "20260101.toml").write_text(TEXT)
    with pytest.raises(ConfigError, match=r"expected one agreement per day, got .* both from 2026-01-01"):
        all_versions(tmp_path)


def in_force(folder, moment):
    return pick(all_versions(folder), moment, folder)


def write(folder, **texts):
    for day, text in texts.items():
        (folder / f"{day[1:].replace('_', '-')}.toml").write_text(text, encoding="utf-8")


def test_the_last_version_effective_by_then_is_in_force(tmp_path):
    write(tmp_path, d2026_01_01=TEXT, d2026_03_01=TEXT.replace('name = "BANT"', 'name = "new"'))
    days = ("2026-01-01", "2026-02-28T23:59:59", "2026-03-01", "2027-01-01")
    names = [in_force(tmp_path, datetime.fromisoformat(day)).name for day in days]
    assert names == ["BANT", "BANT", "new", "new"]


def test_before_the_first_version_there_is_none(tmp_path):
    write(tmp_path, d2026_01_01=TEXT)
    with pytest.raises(ConfigError, match=r"in force on 2025-12-31: expected .* got 2026-01-01.toml; run"):
        in_force(tmp_path, datetime(2025, 12, 31))


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"got none; run `leadready init`"):
        in_force(tmp_path, datetime(2026, 1, 1))


@pytest.mark.parametrize("name", ["draft.toml", "2026-13-01.toml", "2026-01-01 copy.toml"])
def test_a_file_whose_name_is_no_day_is_refused(tmp_path, name):
    (tmp_path / name).write_text(TEXT)
    with pytest.raises(ConfigError, match=r"expected a name like 2026-01-31\.toml"):
        in_force(tmp_path, datetime(2026, 6, 1))


def test_another_encoding_is_refused(tmp_path):
    (tmp_path / "2026-01-01.toml").write_bytes(TEXT.replace("BANT", "Bedürfnis").encode("latin-1"))
    with pytest.raises(ConfigError, match="expected a text file in UTF-8"):
        in_force(tmp_path, datetime(2026, 6, 1))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"2026-01-01\.toml: expected a file, got No such file"):
        read_agreement(tmp_path / "2026-01-01.toml", DAY)


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / "2026-01-01.toml").write_bytes(TEXT.encode("utf-8-sig"))
    assert in_force(tmp_path, datetime(2026, 6, 1)).name == "BANT"


def test_exploration_has_a_share_for_each_age_band():
    """One for all of them, or one for each."""
    from data.agreement.model import Exploration

    assert Exploration(share=0.05).by_band == (0.05,) * 4
    assert Exploration(shares=(0, 0.1), bands=(30,)).by_band == (0, 0.1)


@pytest.mark.parametrize(
    "key",
    ["capacity.per_account", "capacity.calls_per_day", "capacity.teams.sales.hand_offs_per_day", "exploration.per_day"],
)
@pytest.mark.parametrize("number", [0, 10**9 + 1, 10**20])
def test_what_is_counted_a_day_has_limits(key, number):
    table, _, name = key.rpartition(".")
    with pytest.raises(ConfigError, match=f"key {key}"):
        parse_agreement(f'name = "ours"\nscheme = "BANT"\n[{table}]\n{name} = {number}\n', date(2026, 1, 1), "ours")
