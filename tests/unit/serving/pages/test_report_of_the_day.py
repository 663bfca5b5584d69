"""What does the report say of the day's lists, of who moved, and of overrides? Each figure worked out by hand."""

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement, parse_agreement
from data.erasure import erase_rows
from data.settings import ListSettings, Settings
from data.tables import OVERRIDES, PUBLICATIONS, RETRACTIONS, SCORES
from data.warehouse import Warehouse
from serving.changes import LEAST
from serving.pages.page import as_page
from serving.pages.report.day import look_at_day
from serving.pages.report.figures import read_sections
from serving.pages.sections import Report
from serving.routing import choose_routes
from tests.tables import put, table
from tests.unit.serving.pages.test_report import AS_OF, DEFAULT, figure, row, save
from tests.unit.serving.test_routing import agree, leads, teams

AGREED = parse_agreement(
    """scheme = "BANT"
[capacity]
calls_per_day = 3
[capacity.teams.north]
hand_offs_per_day = 2
when = "country = DE"
[capacity.teams.south]
hand_offs_per_day = 1
[exploration]
share = 0.1
per_day = 4
""",
    date(2020, 1, 1),
    "an agreement with teams",
)
AGENTS = Settings(lists=ListSettings(agents=("ann", "bob")))
NO_TIME = "the rules rate it nearly qualified; it is number 9 in line for a call, and there is time for 3 a day"


def published(scores):
    """The rows of `scores` and their publications, as `save` takes them."""
    scores = scores.assign(**{c: v for c, v in USUAL.items() if c not in scores})
    moments = pd.DataFrame({"as_of": scores["as_of"].unique(), "folder": "f"})
    return [(SCORES, scores), (PUBLICATIONS, moments.assign(day=moments["as_of"].str[:10]))]


USUAL = {
    "threshold": 0.2,
    "urgent": False,
    "early": False,
    "explored": False,
    "model_version": "1",
    "agreement_version": AGREED.version,
    "route_reason": "as it is",
}
DAY = table("""
    lead  as_of             route         contact  team   probability  gain_call  next_question  look_again  urgent
    L1    2026-04-01 00:00  hand_off      phone    north  0.5          -          -              -           true
    L2    2026-04-01 00:00  hand_off      phone    north  0.3          -          -              -           false
    L3    2026-04-01 00:00  hand_off      e-mail   south  0.25         -          -              -           false
    L4    2026-04-01 00:00  tele_qualify  phone    north  0.2          9          need           -           false
    L5    2026-04-01 00:00  tele_qualify  phone    north  0.2          5          need           -           false
    L6    2026-04-01 00:00  reheat        phone    south  0.2          7          budget         -           false
    L7    2026-04-01 00:00  nurture       e-mail   south  0.1          -7         need           2026-04-02  false
    L8    2026-04-01 00:00  nurture       e-mail   south  0.1          -8         need           2026-04-20  false
    L9    2026-04-01 00:00  nurture       e-mail   south  0.1          -          -              2026-04-09  false
    LA    2026-04-01 00:00  nurture       e-mail   south  0.1          -          -              2026-04-03  false
    LB    2026-04-01 00:00  hold          none     north  0.4          -          -              -           false
    LC    2026-04-01 00:00  hold          none     north  0.4          3          need           -           false
    LD    2026-04-01 00:00  hold          none     -      0.4          3          need           -           false
    LE    2026-04-01 00:00  reheat        e-mail   north  0.1          9          need           -           false
    LF    2026-04-01 00:00  hand_off      phone    north  0.05         -          -              -           false
""")
"""L7 and LC are in line for a call that is worth more than its cost of 8 lost; LA is told so; LD has no team that could
hold it; LE may not be called; LF was picked at random."""
DAY = DAY.assign(route_reason=np.where(DAY["lead_id"] == "LA", NO_TIME, "as it is"), explored=DAY["lead_id"] == "LF")


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    return save(folder, agreements=(AGREED,), settings=AGENTS, ours=published(DAY), leads=people(DAY))


def people(*rows):
    ids = sorted({lead for frame in rows for lead in frame["lead_id"]})
    return pd.DataFrame({"lead_id": ids, "created_at": "2026-01-01"})


def words(folder, stem):
    return figure(folder, stem)["answer"].item()


# The lists


def test_the_day_in_words(day):
    """L1, L2, L3 and LF are worth 0.5 + 0.3 + 0.25 + 0.05; L7, LA and LC wait for a call, LB and LD for a place."""
    assert words(day, "01_day_in_words") == (
        "The scoring of 2026-04-01 00:00 UTC has 15 open leads. 4 hand-offs for 7 places; sales is expected to accept "
        "some 1.1 of them (an estimate). 3 calls for 3 places; 3 more leads wait for a call, and 2 for a place in "
        "sales. 2 leads are left to be looked at again later, the first on 2026-04-09."
    )


def test_hand_offs_by_team_and_calls_by_agent(day):
    """Ann gets the best call and the worst, bob the second; exploration has places of its own."""
    found = figure(day, "02_hand_offs_and_calls")
    assert found[["list", "who"]].apply(" ".join, axis=1).tolist() == [
        "hand-offs north",
        "hand-offs south",
        "hand-offs exploration",
        "calls tele-qualification",
        "calls agent bob",
        "calls agent ann",
    ]
    columns = ["leads", "places", "expected_acceptances", "urgent"]
    assert row(found, who="north")[columns].tolist() == [2, 2, pytest.approx(0.8), 1]
    assert row(found, who="exploration")[columns[:2]].tolist() == [1, 4]
    assert row(found, who="tele-qualification")[columns[:2]].tolist() == [3, 3]
    assert found.loc[found["list"] == "calls", "expected_acceptances"].isna().all()
    assert row(found, who="agent ann")["leads"] + row(found, who="agent bob")["leads"] == 3
    questions = figure(day, "03_next_questions")
    assert questions.to_dict("list") == {
        "next_question": ["need", "budget"],
        "calls": [2, 1],
        "share": pytest.approx([2 / 3, 1 / 3]),
    }


def test_a_team_without_leads_keeps_its_places_and_one_without_limit_has_none(tmp_path):
    scores = DAY[DAY["lead_id"].isin(["L1", "L2"])]
    found = figure(
        save(tmp_path, agreements=(AGREED,), ours=published(scores), leads=people(DAY)), "02_hand_offs_and_calls"
    )
    assert row(found, who="south")[["leads", "places"]].tolist() == [0, 1]
    free = agree().model_copy(update={"version": AGREED.version})
    (tmp_path / "free").mkdir()
    folder = save(tmp_path / "free", agreements=(free,), ours=published(scores), leads=people(DAY))
    assert "2 hand-offs (no team has a limit); sales" in words(folder, "01_day_in_words")


def test_without_model_or_agreement_the_page_says_what_it_cannot(tmp_path):
    rules = DAY.assign(probability=None, gain_call=None, model_version="none")
    folder = save(tmp_path, agreements=(DEFAULT,), ours=published(rules), leads=people(DAY))
    said = words(folder, "01_day_in_words")
    assert "4 hand-offs; without a model nothing says how many will be accepted. 3 calls; 1 more lead waits" in said
    assert "waits for a call that the rules want called, and 3 for a place" in said
    assert said.endswith(f"the agreement of this scoring ({AGREED.version}) is no longer there as it was.")


def test_old_lists_say_how_old_they_are_and_later_ones_do_not_count(tmp_path):
    """On 31 March at 12:00 the scoring of 28 March is the last one."""
    old = DAY[:2].assign(as_of="2026-03-28 00:00")
    at = datetime(2026, 3, 31, 12)
    folder = save(tmp_path, agreements=(AGREED,), as_of=at, ours=published(pd.concat([DAY, old])), leads=people(DAY))
    said = words(folder, "01_day_in_words")
    assert said.startswith("The scoring of 2026-03-28 00:00 UTC has 2 open leads. It is 3 days old, and so are these")


def test_scores_that_were_never_published_do_not_count(tmp_path):
    folder = save(tmp_path, agreements=(AGREED,), ours=published(DAY)[:1], leads=people(DAY))
    assert figure(folder, "01_day_in_words").empty


@pytest.mark.parametrize("seed", range(8))
def test_who_waits_for_a_call_is_who_routing_left_out(seed):
    """The published columns tell of every lead that is in line, as routing counted them."""
    random, n = np.random.default_rng(seed), 60
    rules = agree(capacity=teams(3, calls_per_day=5), routing={"combine": ["quadrant", "and", "model_only"][seed % 3]})
    rules = rules.model_copy(update={"version": "v"})
    some = leads(
        probability=list(random.uniform(0, 0.6, n)),
        zone=list(random.choice(["qualified", "nearly", "not_yet", "unfit"], n)),
        team=list(random.choice(["north", "south", None], n)),
        may_call=list(random.random(n) < 0.8),
        reheat=list(random.random(n) < 0.2),
        with_sales=list(random.random(n) < 0.1),
        cooling=list(random.random(n) < 0.1),
    )
    weighed = some["may_call"] & ~some["with_sales"] & ~some["cooling"] & (random.random(n) < 0.8)
    some["call_value"] = np.where(weighed, np.maximum(random.normal(3, 6, n), 0), np.nan)
    kept = pd.DataFrame({"lead_id": ["L1", "L2"], "route": ["nurture", "hand_off"], "words": "asked"})
    routed = choose_routes(some, rules, vouched=True, wanted=kept)
    scores = routed.leads.assign(lead_id=some["lead_id"], team=some["team"], probability=some["probability"])
    scores = scores.drop(columns="case").assign(as_of=AS_OF, agreement_version="v", urgent=False)
    with Warehouse.open(None) as warehouse:
        put(warehouse, SCORES, scores)
        put(warehouse, PUBLICATIONS, pd.DataFrame({"as_of": [AS_OF], "folder": "f", "day": "2026-04-01"}))
        asked = kept.drop(columns="words").assign(decided_at=AS_OF, holds_until=AS_OF + timedelta(days=1))
        put(warehouse, OVERRIDES, asked.assign(why="so", decided_by="ann"))
        _, who, _ = look_at_day(warehouse, AS_OF, [rules], Settings())
    counts = routed.capacity.set_index("team")
    assert who["waits"].eq(True).sum() == counts.loc["tele_qualification", "held"] > 0
    assert who["on_list"].eq("calls").sum() == counts.loc["tele_qualification", "taken"]
    assert who["lead_id"].is_unique


# Who moved

BEFORE = table("""
    lead  as_of             route         probability  threshold
    L1    2026-03-31 00:00  nurture       0.1          0.2
    L2    2026-03-31 00:00  hand_off      0.4          0.2
    L3    2026-03-31 00:00  nurture       0.30         0.35
    L4    2026-03-31 00:00  tele_qualify  0.2          0.2
    L5    2026-03-31 00:00  nurture       -            0.2
    LX    2026-03-31 00:00  nurture       0.2          0.2
    L1    2026-03-31 18:00  reheat        0.15         0.2
    L4    2026-04-01 00:00  nurture       0.9          0.2
""")
NOW = table("""
    lead  as_of             route         contact  probability  threshold  changed
    L1    2026-04-01 12:00  hand_off      phone    0.5          0.2        up from 15 % to 50 %, mainly because of FORM
    L2    2026-04-01 12:00  nurture       e-mail   0.1          0.2        -
    L3    2026-04-01 12:00  nurture       e-mail   0.30         0.25       -
    L4    2026-04-01 12:00  tele_qualify  phone    0.21         0.2        -
    L5    2026-04-01 12:00  nurture       e-mail   0.2          0.2        -
    LN    2026-04-01 12:00  nurture       e-mail   0.2          0.2        -
""")
NOW["changed"] = NOW["changed"].str.replace("FORM", "a form on 2026-03-31")
LATER = datetime(2026, 4, 1, 13)


def moved(folder, before=BEFORE, now=NOW, as_of=LATER, **settings):
    rows = published(pd.concat([before, now]))
    settings = Settings(**settings)
    return save(folder, agreements=(AGREED,), as_of=as_of, ours=rows, settings=settings, leads=people(before, now))


def test_moves_are_counted_since_the_last_scoring_of_the_day_before(tmp_path):
    """Only L1 is in the evening's scoring of the day before; its probability rose from 0.15 to 0.5."""
    assert words(moved(tmp_path), "04_moves_in_words") == (
        "From 2026-03-31 18:00 to 2026-04-01 12:00 UTC, 1 of 1 lead rose above p* and 0 fell below it; 1 moved up and "
        "0 moved down. 1 of 1 changed their route. New in the list: 5; no longer in it: 0."
    )


NOON = BEFORE[BEFORE["as_of"] == "2026-03-31 00:00"]


def test_crossings_routes_and_movers_by_hand(tmp_path):
    """L3 crosses because its threshold fell; L4 moved by ln(.21/.79) - ln(.2/.8) = 0.06; L5 had no probability."""
    folder = moved(tmp_path, NOON)
    assert words(folder, "04_moves_in_words") == (
        "From 2026-03-31 00:00 to 2026-04-01 12:00 UTC, 2 of 4 leads rose above p* and 1 fell below it; 1 moved up and "
        "1 moved down. 2 of 5 changed their route. New in the list: 1; no longer in it: 1."
    )
    assert figure(folder, "05_routes_changed").to_dict("records") == [
        {"route_before": "hand_off", "route": "nurture", "leads": 1},
        {"route_before": "nurture", "route": "hand_off", "leads": 1},
    ]
    movers = figure(folder, "06_movers")
    assert movers[["way", "lead_id", "main_cause"]].to_numpy().tolist() == [
        ["up", "L1", "a form on 2026-03-31"],
        ["down", "L2", "not known: on no list"],
    ]
    assert movers["change_in_log_odds"].tolist() == pytest.approx([np.log(9), np.log(1 / 9) - np.log(4 / 6)])


def test_the_day_is_that_of_the_time_zone(tmp_path):
    """In Honolulu noon and midnight UTC are one day, and 18:00 the day before is too: only the noon scoring is left."""
    said = words(moved(tmp_path, time_zone="Pacific/Honolulu"), "04_moves_in_words")
    assert said.startswith("From 2026-04-01 00:00 to 2026-04-01 12:00 UTC")


def test_a_lead_moved_as_the_command_movers_counts(tmp_path):
    """One just above LEAST, one just below."""
    log_odds = {"L1": LEAST * 1.001, "L2": -LEAST * 1.001, "L3": LEAST * 0.999}
    before = pd.DataFrame({"lead_id": list(log_odds), "as_of": "2026-03-31 00:00", "route": "hold", "probability": 0.5})
    now = before.assign(as_of="2026-04-01 00:00", probability=[1 / (1 + np.exp(-x)) for x in log_odds.values()])
    folder = moved(tmp_path, before, now.assign(contact="none"))
    assert figure(folder, "06_movers")["lead_id"].tolist() == ["L1", "L2"]
    assert "1 moved up and 1 moved down" in words(folder, "04_moves_in_words")


def test_ten_up_and_ten_down_and_a_new_model_is_named(tmp_path):
    ids = [f"L{i:02}" for i in range(30)]
    before = pd.DataFrame({"lead_id": ids, "as_of": "2026-03-31 00:00", "route": "hold", "probability": 0.5})
    now = before.assign(as_of="2026-04-01 00:00", probability=[0.6 + i / 100 for i in range(15)] + [0.2] * 15)
    now = now.assign(contact="none", model_version="2", agreement_version="another")
    folder = moved(tmp_path, before.assign(model_version="1", agreement_version=AGREED.version), now)
    movers = figure(folder, "06_movers")
    assert movers["way"].tolist() == ["up"] * 10 + ["down"] * 10
    assert movers["lead_id"].tolist() == [*ids[14:4:-1], *ids[15:25]]
    said = words(folder, "04_moves_in_words")
    assert said.endswith("The model is another one (2 instead of 1). A new agreement is in force (another).")


def test_without_a_model_only_routes_are_compared(tmp_path):
    rules = {"probability": None, "model_version": "none"}
    folder = moved(tmp_path, NOON.assign(**rules), NOW.assign(**rules))
    said = words(folder, "04_moves_in_words")
    assert "no lead has a probability in both, so only routes can be compared: 2 of 5 changed" in said
    assert figure(folder, "06_movers").empty


# Overrides

ASKED = table("""
    lead  route         why  decided_by  decided_at        holds_until
    L1    hand_off      met  ann         2026-03-01 08:00  2026-03-20
    L2    hand_off      met  bob         2026-03-01 08:00  2026-05-01
    L3    nurture       no   ann         2026-03-01 08:00  2026-03-03
    L4    nurture       no   ann         2026-03-01 08:00  2026-05-01
    L4    tele_qualify  no   ann         2026-03-05 08:00  2026-05-01
    L5    hand_off      met  bob         2026-03-31 08:00  2026-05-01
    L6    hand_off      met  bob         2026-04-01 08:00  2026-05-01
    L7    nurture       no   bob         2026-03-01 08:00  2026-05-01
""")
FOLLOWED = table("""
    lead  as_of             route         contact  probability  threshold
    L1    2026-03-02 00:00  hand_off      phone    0.3          0.2
    L2    2026-03-02 00:00  with_sales    none     0.6          0.2
    L3    2026-03-02 00:00  nurture       e-mail   0.25         0.2
    L4    2026-03-02 00:00  nurture       e-mail   0.1          0.2
    L4    2026-03-06 00:00  tele_qualify  phone    0.15         0.2
    L8    2026-03-02 00:00  hand_off      phone    0.8          0.2
    L5    2026-04-01 06:00  hand_off      phone    0.7          0.2
""")
HANDED = table("""
    lead  handed_off_at
    L1    2026-03-02 09:00
    L2    2026-03-01 10:00
    L3    2026-03-20 10:00
    L4    2026-03-21 10:00
    L8    2026-03-02 09:00
""")
DECIDED = table("""
    lead  handed_off_at     decision  decided_at        known_at
    L1    2026-03-02 09:00  accepted  2026-03-04        2026-03-04
    L3    2026-03-20 10:00  accepted  2026-03-22        2026-03-22
    L4    2026-03-21 10:00  rejected  2026-03-22        2026-04-02
    L7    -                 rejected  2026-03-10        2026-03-10
    L8    2026-03-02 09:00  rejected  2026-03-03        2026-03-03
""")


@pytest.fixture(scope="module")
def overridden(tmp_path_factory):
    """L2 was handed off before the scoring that would have said so; L5 is scored, and L6 overridden, too late."""
    ours = [*published(FOLLOWED), (OVERRIDES, ASKED)]
    known = {"leads": people(ASKED, FOLLOWED), "handoffs": HANDED, "decisions": DECIDED}
    return save(tmp_path_factory.mktemp("overridden"), agreements=(AGREED,), ours=ours, **known)


def test_each_override_with_what_became_of_it(overridden):
    """L4's nurture was replaced; what sales said of L4 was known a day too late; L7 was refused before any hand-off."""
    found = pd.read_parquet(overridden / "overrides.parquet")
    assert found[["lead_id", "status", "followed", "probability", "outcome"]].fillna(0).to_numpy().tolist() == [
        ["L1", "expired", "followed", 0.3, "accepted"],
        ["L2", "in force", "not followed", 0.6, "not decided"],
        ["L3", "expired", "followed", 0.25, "accepted"],
        ["L4", "replaced", "followed", 0.1, "not decided"],
        ["L4", "in force", "followed", 0.15, "not decided"],
        ["L5", "in force", "not scored yet", 0, "not handed off"],
        ["L7", "in force", "not followed", 0, "rejected"],
    ]
    assert "why" not in found, "what people write may name a person"


def test_which_hand_offs_followed_an_override(overridden):
    """L2's was in force at the hand-off, where no score had said so; L3 was handed off by another way."""
    found = pd.read_parquet(overridden / "handoffs.parquet").set_index("lead_id")
    assert found["overridden"].to_dict() == {"L1": True, "L2": True, "L3": False, "L4": False, "L8": False}
    assert found["scored_probability"].fillna(0).to_dict() == {"L1": 0.3, "L2": 0, "L3": 0, "L4": 0, "L8": 0.8}


def test_overrides_in_words_and_by_person(overridden):
    assert words(overridden, "80_overrides_in_words") == (
        "7 overrides by 2 people: 4 in force, 2 expired, 1 replaced by a later one. Scorings followed 4 of them and "
        "did not follow 2; 1 has not been scored yet. Of 2 hand-offs that followed one, sales has decided on 1 and "
        "accepted 1: fewer than 20 are too few to judge."
    )
    found = figure(overridden, "81_overrides_by_person")
    assert found.drop(columns=["not_scored_yet"]).to_numpy().tolist() == [
        ["ann", 4, 1, 3, 1, 2, 1, 4, 0],
        ["bob", 3, 2, 1, 3, 0, 0, 0, 2],
    ]
    assert figure(overridden, "82_overridden_hand_offs").empty
    back = figure(overridden, "83_held_back").set_index("asked_for")
    assert back.loc["nurture"].to_dict() == {
        "leads": 2,
        "above p*": 1,
        "accepted": 1,
        "rejected": 1,
        "not_decided": 0,
        "not_handed_off": 0,
    }
    assert back.loc["tele_qualify", ["leads", "not_decided"]].tolist() == [1, 1]


def test_a_merged_lead_takes_its_override_along(tmp_path):
    """L3's hand-off stands under L9 since the merge; one merged only after the report does not."""
    merges = table("""
        what   key  merged_into  known_at
        merge  L3   L9           2026-03-10
        merge  L4   L8           2026-04-02
    """)
    handed = HANDED.assign(lead_id=HANDED["lead_id"].replace({"L3": "L9"}))
    decided = DECIDED.assign(lead_id=DECIDED["lead_id"].replace({"L3": "L9"}))
    ours = [*published(FOLLOWED), (OVERRIDES, ASKED), (RETRACTIONS, merges)]
    folder = save(
        tmp_path, agreements=(AGREED,), ours=ours, leads=people(ASKED, handed), handoffs=handed, decisions=decided
    )
    found = pd.read_parquet(folder / "overrides.parquet").drop_duplicates("lead_id", keep="last")
    outcome = found.set_index("lead_id")["outcome"]
    assert outcome[["L3", "L4"]].tolist() == ["accepted", "not decided"]


def many(folder, accepted, said, n=20):
    """n hand-offs by override in March, `accepted` of them accepted, the model had said `said`; and four others."""
    ids = [f"L{i:02}" for i in range(n + 4)]
    handed = pd.DataFrame({"lead_id": ids, "handed_off_at": "2026-03-02 09:00"})
    others = ["accepted", "accepted", "accepted", "rejected"]
    decisions = handed.assign(
        decision=["accepted"] * accepted + ["rejected"] * (n - accepted) + others, decided_at="2026-03-03"
    )
    scores = handed.assign(as_of="2026-03-02 00:00", route="hand_off", contact="phone", probability=said)
    asked = pd.DataFrame({"lead_id": ids[:n], "route": "hand_off", "decided_by": "ann", "decided_at": "2026-03-01"})
    ours = [*published(scores.drop(columns="handed_off_at")), (OVERRIDES, asked.assign(holds_until="2026-03-09"))]
    late = pd.DataFrame({"lead_id": ["L99"], "handed_off_at": ["2026-03-20"]})
    handed, decided = pd.concat([handed, late]), late.assign(decision="accepted", decided_at="2026-03-21")
    known = {"handoffs": handed, "decisions": pd.concat([decisions, decided])}
    return save(folder, agreements=(AGREED,), ours=ours, **known)


@pytest.mark.parametrize(
    ("accepted", "said", "verdict"),
    [(10, 0.5, "the difference may be chance."), (18, 0.3, "more were accepted than that."), (2, 0.6, "fewer were")],
)
def test_from_twenty_decided_on_they_are_compared_with_the_model_and_with_others(tmp_path, accepted, said, verdict):
    folder = many(tmp_path, accepted, said)
    answer = words(folder, "80_overrides_in_words")
    assert f"Of the 20 hand-offs that followed one and were decided on, {accepted * 5} % were accepted (" in answer
    assert f"The model had said {said * 100:.0f} % on average: {verdict}" in answer
    found = figure(folder, "82_overridden_hand_offs").set_index("handed_off")
    own, others = found.loc["after an override"], found.loc["others of the same time"]
    assert own[["decided", "accepted", "rate"]].tolist() == [20, accepted, accepted / 20]
    assert others[["decided", "accepted", "rate"]].tolist() == [4, 3, 0.75], "the one of 20 March is of another time"
    assert own["model_said_rate"] == pytest.approx(said)
    if accepted == 10:  # Wilson's interval of 10 of 20
        assert own[["rate_low", "rate_high"]].tolist() == pytest.approx([0.2993, 0.7007], abs=1e-4)


def test_nineteen_are_too_few(tmp_path):
    folder = many(tmp_path, 18, 0.3, n=19)
    assert words(folder, "80_overrides_in_words").endswith(
        "Of 19 hand-offs that followed one, sales has decided on 19 and accepted 18: fewer than 20 are too few to "
        "judge."
    )
    assert figure(folder, "82_overridden_hand_offs").empty


# What is not there, and pages

SENTENCES = {
    "lists": "Nothing has been scored yet, so there are no lists.",
    "moves": "There are no scorings of two days yet, so nothing can be compared.",
    "overrides": "Nobody has overridden a route yet.",
}


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ([], {"lists", "moves", "overrides"}),
        (published(DAY), {"moves", "overrides"}),
        (published(pd.concat([NOON, NOW.assign(probability=None)])), {"overrides"}),
        ([(OVERRIDES, ASKED)], {"lists", "moves"}),
    ],
    ids=["nothing", "one scoring", "two scorings", "only overrides"],
)
def test_what_is_not_there_is_said_in_one_sentence_without_an_empty_table(tmp_path, ours, said):
    sections = read_sections(save(tmp_path, agreements=(AGREED,), as_of=LATER, ours=ours, leads=people(DAY, ASKED)))
    page = as_page(Report(sections, title="A report"))
    assert {name for name, sentence in SENTENCES.items() if f'class="empty">{sentence}' in page} == said
    day = [s for s in sections if s.name[:2] in {"01", "02", "03", "04", "05", "06", "80", "81", "82", "83"}]
    shown = {s.name for s in day if f'<article id="{s.name}">' in page}
    assert shown == {s.name for s in day if len(s.frame) or s.empty}


def test_a_forgotten_lead_leaves_the_page_too(tmp_path):
    """Its row goes, others and the page around them stay to the byte."""
    odd = "L<2> & 'co'"
    before, now = (f.assign(lead_id=f["lead_id"].replace({"L2": odd})) for f in (NOON, NOW))
    page = tmp_path / "report.html"
    page.write_text(as_page(Report(read_sections(moved(tmp_path, before, now)), title="A report")))
    whole = page.read_text()
    assert "L&lt;2&gt; &amp; &#39;co&#39;</td>" in whole
    assert erase_rows(page, [odd, "L77"]) == 1
    left = page.read_text()
    assert "L&lt;2&gt;" not in left
    assert ">L1</td>" in left
    gone = [line for line in whole.splitlines() if "L&lt;2&gt;" in line]
    assert left == whole.replace(gone[0] + "\n", "")
    assert erase_rows(page, [odd]) == 0


def test_numbers_of_a_page_are_no_leads(tmp_path):
    """Whose id is a number takes only its own row along."""
    before, now = (f.assign(lead_id=f["lead_id"].replace({"L2": "2"})) for f in (NOON, NOW))
    page = tmp_path / "report.html"
    page.write_text(as_page(Report(read_sections(moved(tmp_path, before, now)), title="A report")))
    assert page.read_text().count(">2</td>") > 1
    assert erase_rows(page, ["2"]) == 1


def test_the_default_agreement_has_places_for_its_team_and_its_calls():
    """As `leadready init` writes it."""
    rows = {"lead_id": ["L1"], "as_of": AS_OF, "route": "nurture", "agreement_version": default_agreement().version}
    with Warehouse.open(None) as warehouse:
        put(warehouse, SCORES, pd.DataFrame(rows))
        put(warehouse, PUBLICATIONS, pd.DataFrame({"as_of": [AS_OF], "folder": "f", "day": "2026-04-01"}))
        *_, places = look_at_day(warehouse, AS_OF, [default_agreement()], Settings())
    assert places.to_numpy().tolist() == [["hand_offs", "sales", 20], ["calls", "tele-qualification", 50]]
