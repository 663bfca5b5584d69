"""The rules and a second implementation of them (tests/second_rules.py) say the same of every lead at every moment.

On a company with late rows, repeats and corrections, at moments many of which lie exactly on a border, under BANT,
APNRP, a scheme of a company's own in two versions, and random agreements. Only the agreement's text differs.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_text, parse_agreement
from data.agreement.model import ZONES, Agreement
from data.errors import ConfigError
from data.intake.ingest import ingest
from data.simulator.company import START, simulate, write
from data.tables import TOUCH_KINDS
from data.warehouse import Warehouse
from features.rules.standing import build_lines, build_rules
from tests.second_rules import Company, standing

END = START + timedelta(days=365)
LOADED = END + timedelta(days=30)
LAST = END + timedelta(days=150)
"""The latest moment looked at: until then most answers have grown stale."""

CUSTOM = """
name = "Alder Pumps"
[criteria.money]
answers = ["budget", "Funds", "äquivalent"]
fresh_days = 90
yes = 7.125
no = -3
refused = -0.5
levels = { planned = 8, approved = 20 }
amounts = { planned = 10000, approved = 50000.5 }
facts = [
  { when = "annual_revenue >= 50000000 and not industry in (education, 'public_sector')", points = 4.5 },
  { when = "revenue_band = 'under 1M' or revenue_band = '1m-10m'", points = -4.001 },
  { when = "annual_revenue is unknown", points = 0.333 },
]
[criteria.say]
answers = ["authority"]
fresh_days = 365
refused = -2.5
levels = { user = 0, influencer = 15, decision_maker = 20 }
facts = [
  { when = "seniority in (C_LEVEL, vp)", points = 6 },
  { when = "Not (seniority is known) and title contains 'manager'", points = 3 },
  { when = "seniority != specialist", points = 1 },
]
[criteria.pain]
answers = ["need"]
required = true
yes = 20
no = -15
levels = { latent = 10, active = 30 }
touches = { content_download = { points = 2, half_life_days = 7 }, webinar_attend = 4 }
[criteria.when_needed]
answers = ["timeframe"]
fresh_days = 60.5
levels = { over_12_months = 0, within_12_months = 5, within_6_months = 10, within_90_days = 25 }
amounts = { over_12_months = 730, within_12_months = 365, within_6_months = 180, within_90_days = 90 }
[criteria.next_step]
fresh_days = 30
yes = 10
refused = -1.5
levels = { demo_agreed = 15 }
[criteria.desired_outcome]
yes = 3
no = -1
[criteria.buying_team]
fresh_days = 200
levels = { alone = -2, team_known = 6 }
[criteria.fit]
required = true
facts = [
  { when = "industry in (manufacturing, logistics, software) and employees >= 50 and employees < 5000", points = 10 },
  { when = "employees_band in (10-49, 250-999) and (account_country != us or lead.Campaign contains spr)", points = 5 },
  { when = "'lead.Lead Score' > 60 or 'account.Old tier' = \\"GOLD\\"", points = 2 },
  { when = "lead.Rating >= 7.5 or lead.Rating in ('N/A', 012)", points = -1 },
  { when = "lead.Rating is unknown and 'lead.Lead Score' != 0 and 'lead.Lead Score' != none", points = -2 },
  { when = "age_days > 30 days and source contains 'SYND'", points = 0.001 },
]
[criteria.engagement.touches]
page_view = { points = 1, cap = 10 }
email_click = 2
email_open = { points = 0.125, half_life_days = 1 }
pricing_view = { points = 6, half_life_days = 14 }
form_submit = { points = 10, half_life_days = 60 }
webinar_attend = 8
chat = { points = 5.555, half_life_days = 0.5, cap = 6 }
ad_click = { points = -0.75, cap = -2 }
task_scheduled = 9
unsubscribe = { points = -20, cap = -30, half_life_days = 365 }
[[combinations]]
name = "pain, soon, and a next step"
when = "pain = yes and when_needed <= 180 days and next_step != no"
points = 5
urgent = true
[[combinations]]
name = "much money"
when = "(money > 10000 or money = Approved) and money >= 50000.5 AND NOT say = user"
points = 2.5
[[combinations]]
name = "neither pain nor money"
when = "pain in (no, refused) and money != yes"
zone = "unfit"
[[combinations]]
name = "warm and unasked"
when = "digital_points >= 12.5 and pain = not_asked and buying_team is unknown"
points = -1
zone = "nearly"
[[combinations]]
name = "decider"
when = "say in (decision_maker, influencer) and say is known and research_points > 40 and permission != none"
urgent = true
zone = "qualified"
[[combinations]]
name = "slow"
when = "when_needed > 180 or when_needed < 90"
points = -7.75
[zones]
digital = [4.5, 12]
research = [15, 40.25]
matrix = [["unfit", "not_yet", "nearly"], ["not_yet", "nearly", "qualified"], ["nearly", "qualified", "qualified"]]
[capacity.teams]
rhine = { when = "country in (DE, NL) and not pain = no", hand_offs_per_day = 6 }
key_accounts = { when = "employees >= 1000 or research_points >= 50", hand_offs_per_day = 2 }
world = { when = "digital_points > 0 or country is unknown", hand_offs_per_day = 10 }
[values]
segments = [
  { name = "large", when = "employees >= 1000", acceptance = 4000 },
  { name = "public", when = "industry = PUBLIC_SECTOR or industry is unknown", review = 100 },
  { name = "fresh", when = "age_days <= 14.5", waiting = 100 },
]
[permission]
unknown = "no_mail"
rules = [
  { when = "country = DE and permission = unknown", allow = "no_call" },
  { when = "country in (FR, IN) and permission is known", allow = "no_mail" },
  { when = "source = event and not permission != all", allow = "none" },
]
[stages]
decision = "pain = yes and (when_needed <= 90 days or money = approved)"
consideration = "pain = yes or digital_points >= 10"
outcome = "desired_outcome = yes or next_step = demo_agreed"
awareness = "digital_points != 0"
[personas.plant]
when = "job_function = operations or title contains plant"
[personas.buyer]
when = "job_function in (procurement, finance) or seniority = entry"
[personas.boss]
when = "say = decision_maker and seniority != manager"
"""
CHANGED = (
    CUSTOM.replace("fresh_days = 90\n", "fresh_days = 45\n")
    .replace("levels = { planned = 8, approved = 20 }", "levels = { approved = 22.5 }")
    .replace("amounts = { planned = 10000, approved = 50000.5 }", "amounts = { approved = 50000.5 }")
    .replace("half_life_days = 14 }", "half_life_days = 3.5, cap = 40 }")
    .replace('unknown = "no_mail"', 'unknown = "none"')
    .replace("digital = [4.5, 12]", "digital = [3.062, 9]")
)
BANT = parse_agreement(default_text("BANT"), date(2000, 1, 1), "BANT")
APNRP = parse_agreement(default_text("APNRP"), date(2000, 1, 1), "APNRP")
OWN = [
    BANT,
    parse_agreement(CUSTOM, date(2025, 7, 1), "custom"),
    parse_agreement(CHANGED, date(2025, 11, 1), "custom, changed"),
]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Company]]:
    with ingested(tmp_path_factory.mktemp("large"), leads=10_000, seed=11) as warehouse:
        yield warehouse, Company.read(warehouse)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Warehouse, Company]]:
    with ingested(tmp_path_factory.mktemp("small"), leads=300, seed=12) as warehouse:
        yield warehouse, Company.read(warehouse)


@pytest.mark.slow
def test_the_data_are_what_the_comparison_needs(large: tuple[Warehouse, Company]) -> None:
    """Versions, late rows, repeats, bots, ties and unknowns are all there."""
    warehouse, company = large
    assert len(company.leads) == 10_000
    for table in ("leads", "accounts", "answers"):
        assert warehouse.scalar(f"SELECT count(*) FROM {table} WHERE superseded_at IS NOT NULL") > 300
    assert warehouse.scalar("SELECT sum(stored) FROM batches") < warehouse.scalar("SELECT sum(rows_in) FROM batches")
    assert warehouse.scalar("SELECT count(*) FROM quarantine") == 0
    for table, when in (("touches", "occurred_at"), ("answers", "answered_at"), ("leads", "created_at")):
        assert warehouse.scalar(f"SELECT count(*) FROM {table} WHERE known_at > {when} + INTERVAL 1 DAY") > 300
    assert warehouse.scalar("SELECT count(*) FROM touches WHERE kind = 'unsubscribe' AND is_bot") > 30
    assert warehouse.scalar("SELECT count(*) FROM touches WHERE kind = 'unsubscribe' AND direction = 'outbound'") > 30
    ties = "SELECT 1 FROM answers WHERE criterion <> 'need' GROUP BY lead_id, answered_at, level HAVING count(*) > 1"
    assert warehouse.scalar(f"SELECT count(*) FROM ({ties})") > 100
    assert {"lead.Lead Score": "DOUBLE", "lead.Rating": "VARCHAR"}.items() <= warehouse.columns("leads").items()


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [2_000, 10_500])
def test_a_scheme_of_its_own(large: tuple[Warehouse, Company], pairs: int) -> None:
    """BANT at first, then seven criteria under other names, changed in November; a few pairs are before the lead."""
    found = compare(*large, OWN, pairs, seed=1)
    assert pairs > len(found) > 0.95 * pairs
    told = Counter((row["agreement_version"], row["zone"]) for row in found)
    assert all(told[(a.version, zone)] > pairs / 500 for a in OWN[1:] for zone in ZONES)
    assert all(told[(BANT.version, zone)] > pairs / 500 for zone in ("not_yet", "nearly", "qualified"))
    own = [row for row in found if row["agreement_version"] != BANT.version]
    assert {row["team"] for row in own} == {"rhine", "key_accounts", "world", None}
    assert {row["persona"] for row in own} == {"plant", "buyer", "boss", None}
    assert {row["buying_stage"] for row in own} == {"decision", "consideration", "outcome", "awareness", None}
    assert {row["segment"] for row in own} == {0, 1, 2, 3}
    assert {row["missing"] for row in own} == {"", "pain", "fit", "pain, fit"}
    assert {name for row in own for name in row["combinations"].split(", ")} >= {"much money", "decider", "slow"}
    assert {(row["may_call"], row["may_mail"]) for row in own} == {(a, b) for a in (True, False) for b in (True, False)}
    assert pairs / 100 < sum(row["urgent"] for row in own) < len(own) / 2


@pytest.mark.slow
@pytest.mark.parametrize("agreement", [BANT, APNRP], ids=["BANT", "APNRP"])
def test_a_built_in_scheme(large: tuple[Warehouse, Company], agreement: Agreement) -> None:
    found = compare(*large, [agreement], pairs=2_000, seed=2)
    assert {row["zone"] for row in found} >= {"not_yet", "nearly", "qualified"}
    assert {row["urgent"] for row in found} == {True, False}


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 25))])
def test_random_agreements(small: tuple[Warehouse, Company], seed: int) -> None:
    agreement = random_agreement(random.Random(seed))
    found = compare(*small, [agreement], pairs=150, seed=seed)
    assert len({row["rule_points"] for row in found}) > 3


# The comparison


def compare(
    warehouse: Warehouse, company: Company, agreements: list[Agreement], pairs: int, seed: int
) -> list[dict[str, Any]]:
    """Both implementations on random pairs: every column and every line the same. Returns what the second one said."""
    index = draw_pairs(company, agreements, pairs, random.Random(seed))
    rules, lines = build_rules(warehouse, index, agreements), build_lines(warehouse, index, agreements)
    rows = {(r.pop("lead_id"), r.pop("as_of")): r for r in _records(rules)}
    points: dict[tuple[str, datetime], list[tuple[str, datetime | None, int]]] = {}
    named: dict[tuple[str, datetime], Counter[tuple[str, str]]] = {}
    for line in _records(lines):
        key, milli = (line["lead_id"], line["as_of"]), round(line["points"] * 1000)
        assert line["points"] == milli / 1000
        if milli:
            points.setdefault(key, []).append((line["axis"], line["occurred_at"], milli))
            named.setdefault(key, Counter())[(line["axis"], line["criterion"])] += milli
    expected = []
    for lead_id, as_of in index.itertuples(index=False):
        agreement = [a for a in agreements if a.effective_from <= as_of.date()][-1]
        both = standing(company, lead_id, as_of.to_pydatetime(), agreement)
        key, what = (lead_id, as_of.to_pydatetime()), f"{lead_id} at {as_of!r} under {agreement.name}"
        if both is None:
            assert key not in rows, f"{what} is not known yet"
            continue
        second, second_lines = both
        assert rows[key] == second, (
            f"{what}:\nleadready {_unlike(rows[key], second)}\nsecond    {_unlike(second, rows[key])}"
        )
        assert _sorted(points.get(key, [])) == _sorted((x.axis, x.occurred_at, x.milli) for x in second_lines), what
        own: Counter[tuple[str, str]] = Counter()
        for x in second_lines:
            own[(x.axis, x.criterion)] += x.milli
        for name in agreement.criteria:
            for axis in ("digital", "research"):
                assert named.get(key, Counter())[(axis, name)] == own[(axis, name)], f"{what}: {axis} {name}"
        for axis in ("digital", "research"):
            total = sum(milli for its, _, milli in points.get(key, []) if its == axis)
            assert rows[key][f"{axis}_points"] == total / 1000, what
        expected.append(second)
    assert len(rules) == len(expected)
    return expected


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of plain Python values: what is missing as None, times as datetime."""
    columns = []
    for column in (frame[name] for name in frame):
        values = column.dt.to_pydatetime() if column.dtype.kind == "M" else column.to_numpy(dtype=object)
        columns.append([None if missing else v for v, missing in zip(values, column.isna().to_numpy(), strict=True)])
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _sorted(lines: Any) -> list[tuple[str, datetime | None, int]]:
    return sorted(lines, key=lambda line: (line[0], line[1] or datetime.min, line[2]))


def _unlike(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in one.items() if v != other.get(k)}


def draw_pairs(company: Company, agreements: list[Agreement], n: int, rng: random.Random) -> pd.DataFrame:
    """(lead_id, as_of), all different: any moment, and moments on a border or a microsecond beside it."""
    fresh = sorted({c.fresh_days for a in agreements for c in a.criteria.values()})
    halves = sorted({t.half_life_days for a in agreements for c in a.criteria.values() for t in c.touches.values()})
    leads, drawn = sorted(company.leads), dict[tuple[str, datetime], None]()
    while len(drawn) < n:
        lead_id = rng.choice(leads)
        begin = START if rng.random() < 0.03 else min(row["known_at"] for row in company.leads[lead_id])
        as_of = begin + timedelta(microseconds=int(rng.random() * ((LAST - begin) / timedelta(microseconds=1))))
        if rng.random() < 0.4:
            as_of = rng.choice(_borders(company, lead_id, begin, fresh, halves, agreements, rng))
            as_of += timedelta(microseconds=rng.choice((0, 0, 0, -1, 1)))
        drawn[(lead_id, as_of)] = None
    frame = pd.DataFrame(list(drawn), columns=["lead_id", "as_of"])
    return frame.assign(as_of=pd.to_datetime(frame["as_of"]).dt.as_unit("us"))


def _borders(
    company: Company,
    lead_id: str,
    begin: datetime,
    fresh: list[float],
    halves: list[float],
    agreements: list[Agreement],
    rng: random.Random,
) -> list[datetime]:
    """Moments at which something of the lead changes, from `begin` on."""
    leads = company.leads[lead_id]
    accounts = [row for lead in leads for row in company.accounts.get(lead["account_id"], ())]
    answers, touches = company.answers.get(lead_id, []), company.touches.get(lead_id, [])
    borders = [row["known_at"] for row in [*leads, *accounts, *answers, *touches]]
    borders += [row["superseded_at"] for row in [*leads, *accounts, *answers] if row["superseded_at"] is not None]
    borders += [a["answered_at"] + timedelta(days=rng.choice(fresh)) for a in answers]
    borders += [t["occurred_at"] + rng.randint(0, 4) * timedelta(days=rng.choice(halves)) for t in touches if halves]
    borders += [lead["created_at"] + timedelta(days=days) for lead in leads for days in (14.5, 30)]
    borders += [datetime.combine(a.effective_from, datetime.min.time()) for a in agreements[1:]]
    return [b for b in borders if begin <= b <= LAST]


# The data


@contextmanager
def ingested(folder: Path, leads: int, seed: int) -> Iterator[Warehouse]:
    """A simulated company, ingested in three batches: most rows, then late ones and corrections, then some again."""
    rng = np.random.default_rng(seed)
    tables = {
        k: v for k, v in simulate(leads=leads, seed=seed).items() if k in ("accounts", "leads", "touches", "answers")
    }
    tables = _made_odd(tables, rng)
    corrections = {name: _corrected(name, tables[name], rng) for name in ("accounts", "leads", "answers")}
    again = {
        name: pd.concat([tables[name], corrections[name]]).sample(frac=0.1, random_state=seed) for name in corrections
    }
    with Warehouse.open(None) as warehouse:
        for number, batch in enumerate((tables, corrections, again)):
            write(batch, folder / str(number))
            ingest(warehouse, "canonical", folder / str(number), loaded_at=LOADED + timedelta(days=number))
        yield warehouse


def _made_odd(tables: dict[str, pd.DataFrame], rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Extra columns, late rows, answers under two names at one moment, outbound and bot touches, missing values."""
    leads, accounts, touches, answers = (tables[k] for k in ("leads", "accounts", "touches", "answers"))
    n = len(leads)
    leads = leads.assign(
        **{
            "Lead Score": np.where(rng.random(n) < 0.3, np.nan, rng.integers(0, 100, n)),
            "Rating": rng.choice(
                np.array(["A", "7.5", "7.4", "12", "012", "12.0", "nan", "n/a", "-3", None], dtype=object), n
            ),
            "Campaign": rng.choice(
                np.array(["Spring fair", "MAILING", "offspring", "Überblick", None], dtype=object), n
            ),
            "country": leads["country"].where(rng.random(n) > 0.05),
            "permission": leads["permission"].where(rng.random(n) > 0.05),
            "job_function": leads["job_function"].where(rng.random(n) > 0.3, leads["job_function"].str.upper()),
        }
    )
    accounts = accounts.assign(
        **{
            "Old tier": rng.choice(np.array(["gold", "Silver", "none", None], dtype=object), len(accounts)),
            "employees": accounts["employees"].where(rng.random(len(accounts)) > 0.05),
            "annual_revenue": accounts["annual_revenue"]
            .where(rng.random(len(accounts)) > 0.05)
            .where(rng.random(len(accounts)) > 0.1, rng.choice([1e6, 1e7, 5e7, 2.5e8, 1e9])),
        }
    )
    odd = touches.sample(frac=0.03, random_state=1)
    odd = odd.assign(event_id=odd["event_id"] + "x", direction="outbound", is_bot=pd.NA)
    bots = touches.sample(frac=0.03, random_state=2)
    bots = bots.assign(event_id=bots["event_id"] + "y", is_bot=True, direction=None)
    gone = pd.concat([odd, bots]).sample(frac=0.1, random_state=3)
    gone = gone.assign(event_id=gone["event_id"] + "z", kind="unsubscribe")
    unknown = touches.sample(frac=0.05, random_state=4)
    unknown = unknown.assign(event_id=unknown["event_id"] + "u", direction=None, is_bot=pd.NA)
    twins = answers[answers["criterion"] == "budget"].sample(frac=0.5, random_state=5)
    twins = twins.assign(
        criterion=rng.choice(["Funds", "äquivalent"], len(twins)),
        state=rng.choice(["yes", "no", "refused", "not_asked"], len(twins)),
        level=rng.choice(np.array(["planned", "approved", "rough", None], dtype=object), len(twins)),
    )
    loud = answers["criterion"].isin(["authority", "timeframe"]) & (rng.random(len(answers)) < 0.05)
    answers = answers.assign(level=answers["level"].where(~loud, answers["level"].str.upper()))
    tables = {
        "accounts": accounts,
        "leads": leads,
        "touches": pd.concat([touches, odd, bots, gone, unknown]),
        "answers": pd.concat([answers, twins]),
    }
    return {name: _late(table, rng) for name, table in tables.items()}


def _late(table: pd.DataFrame, rng: np.random.Generator, share: float = 0.06) -> pd.DataFrame:
    """Some rows known days later than they are."""
    days = np.where(rng.random(len(table)) < share, rng.exponential(15, len(table)), 0)
    return table.assign(known_at=_later(table["known_at"], days))


def _later(times: pd.Series, days: Any) -> pd.Series:
    return (times + pd.to_timedelta(np.floor(days * 86_400_000), unit="ms")).dt.as_unit("us").clip(upper=END)


def _corrected(name: str, table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """New versions of some rows, of a few two, known later."""
    changed = pd.concat([table.sample(frac=0.08, random_state=7), table.sample(frac=0.05, random_state=8)])
    n = len(changed)
    changed = changed.assign(known_at=_later(changed["known_at"], 0.01 + rng.exponential(25, n)))
    changed = changed[changed["known_at"] < END].drop_duplicates([*_key(name), "known_at"])
    n = len(changed)

    def mixed(column: str) -> np.ndarray[Any, Any]:
        return table[column].sample(n, random_state=9, replace=True).to_numpy()

    columns = {
        "accounts": ("industry", "employees", "annual_revenue", "country", "Old tier"),
        "leads": ("account_id", "title", "seniority", "job_function", "permission", "country", "source", "Lead Score"),
        "answers": ("state", "level"),
    }[name]
    return changed.assign(**{c: mixed(c) for c in columns})


def _key(name: str) -> list[str]:
    return {"accounts": ["account_id"], "leads": ["lead_id"], "answers": ["lead_id", "criterion", "answered_at"]}[name]


# Random agreements

LEVELS = {
    "budget": ("planned", "approved", "rough"),
    "authority": ("user", "influencer", "decision_maker"),
    "need": ("latent", "active"),
    "timeframe": ("over_12_months", "within_12_months", "within_6_months", "within_90_days"),
    "next_step": ("call_back", "demo_agreed"),
    "desired_outcome": ("vague", "specific"),
    "buying_team": ("alone", "team_known"),
    "Funds": ("planned", "approved"),
}
TEXTS = {
    "industry": ("software", "Manufacturing", "finance", "education"),
    "employees_band": ("'1-9'", "10-49", "50-249", "'5000+'"),
    "revenue_band": ("'under 1M'", "10M-50M", "'over 1B'", "1m-10m"),
    "account_country": ("US", "de", "GB"),
    "country": ("us", "DE", "FR"),
    "source": ("website", "EVENT", "'webinar'"),
    "title": ("CTO", "'IT Manager'", "student"),
    "seniority": ("manager", "c_level", "specialist"),
    "job_function": ("it", "finance", "OPERATIONS"),
    "permission": ("all", "unknown", "no_call", "none"),
    "lead.Campaign": ("'Spring fair'", "mailing", "überblick"),
    "lead.Rating": ("a", "12", "'12.0'", "012", "'N/A'"),
    "'account.Old tier'": ("gold", "SILVER"),
}
PARTS = ("a", "ing", "manager", "'r f'", "O", "1")
NUMBERS = {
    "employees": (10, 49.5, 250, 1000),
    "annual_revenue": (1000000, 50000000.5),
    "age_days": (-1, 30, 90.25),
    "'lead.Lead Score'": (0, 50, 80.5),
    "lead.Rating": (7.5, -3, 12),
}


def random_agreement(rng: random.Random) -> Agreement:
    """An agreement that holds together; one in several tries."""
    for _ in range(200):
        text = _toml(_random_agreement(rng))
        try:
            return parse_agreement(text, date(2000, 1, 1), "a random agreement")
        except ConfigError as error:
            if "can reach" not in str(error) and "that can give points" not in str(error):
                raise
    raise AssertionError("no agreement of 200 holds together")


def _random_agreement(rng: random.Random) -> dict[str, Any]:
    asked = rng.sample(sorted(LEVELS), rng.randint(1, 5))
    criteria = {f"c_{i}": _asked(rng, name) for i, name in enumerate(asked)}
    if rng.random() < 0.5 and len(asked) > 1:  # one criterion reads two names
        (_, other), (_, one) = criteria.popitem(), list(criteria.items())[-1]
        one["answers"] += other["answers"]
    about = {name: (c["levels"], c["amounts"]) for name, c in criteria.items()}
    for i in range(rng.randint(1, 3)):
        criteria[f"extra_{i}"] = {}
    for c in criteria.values():
        if rng.random() < 0.6 or "answers" not in c:
            c["touches"] = {kind: _touch(rng) for kind in rng.sample(TOUCH_KINDS, rng.randint(1, 6))}
        if rng.random() < 0.6:
            c["facts"] = [{"when": _condition(rng, {}), "points": _points(rng)} for _ in range(rng.randint(1, 3))]
        c["required"] = rng.random() < 0.2
    combinations = [
        {
            "name": f"together {i}",
            "when": _condition(rng, about),
            "points": rng.choice((0, _points(rng))),
            "urgent": rng.random() < 0.4,
        }
        | ({"zone": rng.choice(ZONES)} if rng.random() < 0.4 else {})
        for i in range(rng.randint(0, 4))
    ]
    bands = rng.randint(0, 2), rng.randint(0, 3)
    digital, research = (sorted({rng.randint(1, 20) + rng.choice((0, 0.5)) for _ in range(n)}) for n in bands)
    worth = sorted(rng.choices(range(4), k=2))
    matrix = [
        [ZONES[min(3, worth[0] + row + column * worth[1])] for column in range(len(digital) + 1)]
        for row in range(len(research) + 1)
    ]
    matrix[-1][-1] = "qualified"
    return {
        "name": "random",
        "criteria": criteria,
        "combinations": combinations,
        "zones": {"digital": digital, "research": research, "matrix": matrix},
        "capacity": {
            "teams": {
                f"team {i}": {"hand_offs_per_day": 1, "when": _condition(rng, about)} for i in range(rng.randint(0, 3))
            }
        },
        "values": {"segments": [{"name": f"s{i}", "when": _condition(rng, {})} for i in range(rng.randint(0, 3))]},
        "permission": {
            "unknown": rng.choice(("all", "no_call", "no_mail", "none")),
            "rules": [
                {"when": _condition(rng, {}), "allow": rng.choice(("all", "no_call", "no_mail", "none"))}
                for _ in range(rng.randint(0, 3))
            ],
        },
        "stages": {f"stage {i}": _condition(rng, about) for i in range(rng.randint(0, 3))} | {"else": ""},
        "personas": {f"persona {i}": {"when": _condition(rng, about)} for i in range(rng.randint(0, 3))},
    }


def _asked(rng: random.Random, name: str) -> dict[str, Any]:
    levels = {level: _points(rng) for level in LEVELS[name] if rng.random() < 0.7}
    return {
        "answers": [name],
        "fresh_days": rng.choice((7, 30, 90.5, 180, 365)),
        "yes": _points(rng),
        "no": rng.choice((0, _points(rng))),
        "refused": rng.choice((0, _points(rng))),
        "levels": levels,
        "amounts": {level: rng.choice((1, 90, 180.5)) for level in levels if rng.random() < 0.6},
    }


def _touch(rng: random.Random) -> Any:
    points = _points(rng)
    if rng.random() < 0.3:
        return points
    touch = {"points": points, "half_life_days": rng.choice((0.25, 1, 7, 30, 45.5, 365))}
    return touch | ({"cap": round(points * rng.choice((1, 1.5, 4)), 3)} if rng.random() < 0.7 else {})


def _points(rng: random.Random) -> float:
    points = rng.choice((rng.randint(1, 30), rng.randint(1, 200) / 8, rng.randint(1, 9999) / 1000))
    return points if rng.random() < 0.75 else -points


def _condition(rng: random.Random, about: dict[str, tuple[dict[str, float], dict[str, float]]], depth: int = 0) -> str:
    roll = rng.random() if depth < 3 else 1.0
    if roll < 0.15:
        inner = _condition(rng, about, 3)
        return rng.choice((f"not {inner}", f"NOT ({inner})", f"not not {inner}"))
    if roll < 0.55:
        parts = [_condition(rng, about, depth + 1) for _ in range(rng.randint(2, 3))]
        joined = "".join(part + rng.choice((" and ", " or ", " AND ", "  Or ")) for part in parts[:-1]) + parts[-1]
        return rng.choice((joined, f"({joined})"))
    return _comparison(rng, about)


def _comparison(rng: random.Random, about: dict[str, tuple[dict[str, float], dict[str, float]]]) -> str:
    roll = rng.random()
    if about and roll < 0.45:
        name = rng.choice(sorted(about))
        levels, amounts = about[name]
        if amounts and rng.random() < 0.4:
            return f"{name} {rng.choice(('<', '<=', '>', '>='))} {rng.choice((1, 90, 180.5, '100 days'))}"
        words = ["yes", "no", "refused", "not_asked", "YES", *levels, *(level.upper() for level in levels)]
        return _among(rng, name, words)
    if about and roll < 0.6:
        axis = rng.choice(("digital_points", "research_points"))
        return f"{axis} {rng.choice(('<', '<=', '>', '>=', '=', '!='))} {rng.choice((0, 5, 12.5, -1, 20.001))}"
    if roll < 0.8:
        name = rng.choice(sorted(NUMBERS))
        if rng.random() < 0.3:
            return _among(rng, name, [str(v) for v in NUMBERS[name]])
        days = rng.choice(("", " days", " day")) if name == "age_days" else ""
        return f"{name} {rng.choice(('<', '<=', '>', '>='))} {rng.choice(NUMBERS[name])}{days}"
    name = rng.choice(sorted(TEXTS))
    if name != "permission" and rng.random() < 0.25:
        return f"{name} contains {rng.choice([p for p in PARTS if p != '1'])}"
    return _among(rng, name, list(TEXTS[name]))


def _among(rng: random.Random, name: str, words: list[str]) -> str:
    kind = rng.choice(("=", "!=", "in", "is"))
    if kind == "is":
        return f"{name} {rng.choice(('is', 'IS'))} {rng.choice(('known', 'unknown'))}"
    if kind == "in":
        return f"{name} in ({', '.join(rng.sample(words, rng.randint(1, min(3, len(words)))))})"
    return f"{name}{rng.choice((f' {kind} ', kind))}{rng.choice(words)}"


def _toml(agreement: dict[str, Any]) -> str:
    return "".join(f"{key} = {_inline(value)}\n" for key, value in agreement.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
