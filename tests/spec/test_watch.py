"""What monitoring finds: each alarm with the cause that raises it, and the quiet case beside it."""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from data.agreement.file import default_agreement
from data.agreement.model import Agreement
from data.intake.retraction import merge
from data.settings import Settings
from data.tables import DISTRIBUTIONS, PUBLICATIONS, SCORES, WATCHED
from models.metrics.drift import count_bins, shift
from serving.watch.drift import LEAST_DAYS, watch_drift
from serving.watch.finding import Finding, chance, worst
from serving.watch.outcomes import handed_off_and_judged, watch_acceptance, watch_work
from serving.watch.sources import watch_sources
from tests.tables import put, table, warehouse_of

DAY = timedelta(days=1)
NOW = datetime(2026, 3, 2, 6)
LEADS = table("""
    lead  created_at
    L1    2025-10-01
""")


def touches(per_week, kind="page_view", lead="L1"):
    """So many touches in each week before NOW, the latest week first."""
    at = [NOW - 7 * DAY * week - timedelta(minutes=i + 1) for week, n in enumerate(per_week) for i in range(n)]
    return pd.DataFrame({"lead_id": lead, "occurred_at": at, "kind": kind})


def found(warehouse, kind, about, settings=None):
    [one] = [f for f in watch_sources(warehouse, NOW, settings or Settings()) if (f.kind, f.about) == (kind, about)]
    return one


@pytest.mark.parametrize(
    ("days", "tier"), [(2.9, "fine"), (3.1, "act"), (8.9, "act"), (9.1, "block")], ids=lambda v: str(v)
)
def test_old_touches_are_an_alarm_and_very_old_ones_broken_data(days, tier):
    rows = pd.DataFrame({"lead_id": ["L1"], "occurred_at": [NOW - days * DAY], "kind": ["page_view"]})
    with warehouse_of(leads=LEADS, touches=rows) as warehouse:
        assert found(warehouse, "freshness", "touches").tier == tier


@pytest.mark.parametrize(
    ("now", "before", "tier"),
    [(100, 100, "fine"), (45, 100, "fine"), (20, 100, "act"), (300, 100, "act"), (200, 100, "fine"), (0, 3, "fine")],
)
def test_a_week_far_outside_the_eight_before_is_an_alarm(now, before, tier):
    with warehouse_of(leads=LEADS, touches=touches([now] + [before] * 8)) as warehouse:
        for about in ("touches", "touches, page_view")[: 1 + (now > 0)]:
            assert found(warehouse, "volume", about).tier == tier


def test_a_kind_that_vanished_is_an_alarm_though_the_table_is_as_full_as_ever():
    rows = pd.concat([touches([130] + [100] * 8), touches([0] + [30] * 8, kind="email_click")])
    with warehouse_of(leads=LEADS, touches=rows) as warehouse:
        assert found(warehouse, "volume", "touches, email_click").tier == "act"
        assert found(warehouse, "volume", "touches").tier == "fine"


BATCHES = "INSERT INTO batches SELECT 'b' || n, 'crm', 'touches', $1::TIMESTAMP - to_days(n), 100, 90, $2, 0"
BATCHES += " FROM range({}) r(n)"


@pytest.mark.parametrize(("held", "tier"), [(5, "fine"), (6, "act"), (51, "block")])
def test_rows_held_back(held, tier):
    with warehouse_of(leads=LEADS) as warehouse:
        warehouse.execute(BATCHES.format(1), [NOW - DAY / 2, held])
        row = "INSERT INTO quarantine (batch_id, table_name, loaded_at) SELECT 'b0', 'touches', $1 FROM range($2)"
        warehouse.execute(row, [NOW - DAY / 2, held])
        assert found(warehouse, "held back", "touches").tier == tier
        warehouse.execute("DELETE FROM quarantine")  # replayed or discarded
        assert found(warehouse, "held back", "touches").tier == "fine"


@pytest.mark.parametrize(("ago", "tier"), [(1, "fine"), (3, "fine"), (5, "act")])
def test_a_source_that_came_daily_and_does_not_come(ago, tier):
    with warehouse_of(leads=LEADS) as warehouse:
        warehouse.execute(BATCHES.format(10), [NOW - ago * DAY, 0])
        assert found(warehouse, "loads", "crm").tier == tier


@pytest.mark.parametrize(("strangers", "tier"), [(5, "fine"), (6, "act"), (60, "block")])
def test_events_of_leads_that_nobody_knows(strangers, tier):
    rows = pd.concat([touches([100 - strangers]), touches([strangers], lead="nobody")])
    with warehouse_of(leads=LEADS, touches=rows) as warehouse:
        assert found(warehouse, "unmatched", "touches").tier == tier


def test_a_handful_of_bad_rows_is_no_broken_source():
    with warehouse_of(leads=LEADS, touches=touches([1], lead="nobody")) as warehouse:
        assert found(warehouse, "unmatched", "touches").tier == "note"


def test_a_source_that_was_given_up_is_no_longer_waited_for():
    with warehouse_of(leads=LEADS) as warehouse:
        warehouse.execute(BATCHES.format(10).replace("'crm'", "'replay'"), [NOW - 50 * DAY, 0])
        warehouse.execute(BATCHES.format(10), [NOW - 200 * DAY, 0])
        assert [f.about for f in watch_sources(warehouse, NOW, Settings()) if f.kind == "loads"] == ["crm"]
        assert found(warehouse, "loads", "crm").tier == "fine"


@pytest.mark.parametrize("weeks", [0, 1, 2])
def test_a_kind_that_stopped_stays_an_alarm_for_some_weeks(weeks):
    with warehouse_of(leads=LEADS, touches=touches([0] * (1 + weeks) + [100] * (8 - weeks))) as warehouse:
        assert found(warehouse, "volume", "touches").tier == "act"


def test_bins_are_the_same_whatever_else_is_there():
    assert count_bins(pd.Series([0, 0.05, 0.95, 1, 2, 3, 4, -1, np.nan])) == {
        "-1": 1, "0": 2, "0.9": 1, "1": 1, "3": 1, "4": 1, "5": 1, "missing": 1,
    }  # fmt: skip
    assert count_bins(pd.Series(["a", "a", None, "b"])) == {"=a": 2, "=b": 1, "missing": 1}


def test_the_index_of_a_shift_and_its_limit():
    rng = np.random.default_rng(1)
    beyond = 0
    for _ in range(400):
        one, other = (count_bins(pd.Series(rng.poisson(3, 400))) for _ in range(2))
        index, limit = shift(one, other, 0.05)
        assert index >= 0
        beyond += index > limit
    assert beyond / 400 <= 0.05
    index, limit = shift(one, count_bins(pd.Series(rng.poisson(6, 400))), 1e-6)
    assert index > limit
    assert np.isnan(shift({}, {"=a": 1}, 0.05)).all()


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"=a": 0.8, "=b": 0.1, "=c": 0.01, "=d": 0.09}, {"=a": 0.8, "=b": 0.01, "=c": 0.1, "=d": 0.09}),
        ({"1": 0.5, "2": 0.5}, {"1": 0.455, "2": 0.455, "missing": 0.09}),
        ({"=a": 1}, {"=A": 1}),
    ],
    ids=["a word became another", "some went missing", "written otherwise"],
)
def test_usual_faults_of_a_source_are_shifts(before, now):
    counts = [{name: round(100_000 * share) for name, share in of.items()} for of in (before, now)]
    index, limit = shift(*counts, 1e-6)
    assert index > limit


def drift_of(today, usual=0.05, days=LEAST_DAYS):
    """What is found where a feature was `today` now, 50 to 50 four weeks ago, and moved by `usual` at most before."""
    with warehouse_of(leads=LEADS) as warehouse:
        for at, share in ((NOW, today), (NOW - 28 * DAY, 0.5)):
            put(warehouse, PUBLICATIONS, pd.DataFrame({"as_of": [at], "folder": ["f"], "day": [f"{at:%Y-%m-%d}"]}))
            put(warehouse, SCORES, pd.DataFrame({"lead_id": ["L1"], "as_of": [at], "route": ["hold"]}))
            rows = {"as_of": at, "leads": "all", "feature": "f", "bin": ["0", "1"]}
            counted = [round(1000 * (1 - share)), round(1000 * share)]
            put(warehouse, DISTRIBUTIONS, pd.DataFrame(rows | {"counted": counted}))
        past = [NOW - (20 + i) * DAY for i in range(days)]
        put(
            warehouse,
            WATCHED,
            pd.DataFrame(
                {"as_of": past, "kind": "drift", "about": "f, all leads", "tier": "fine", "value": usual, "says": ""}
            ),
        )
        [one] = [f for f in watch_drift(warehouse, NOW, "UTC", 1.0) if f.kind == "drift"]
        return one


def test_drift_is_beyond_sampling_and_beyond_what_was_usual():
    assert drift_of(0.5).tier == "fine"
    assert drift_of(0.8).tier == "note"
    assert drift_of(0.9).says.startswith("moved by 0.88 in four weeks, alarm beyond 0.10; ")
    assert drift_of(0.8, usual=0.4).tier == "fine", "it moves so far again and again"
    assert drift_of(0.8, days=LEAST_DAYS - 1).tier == "fine", "nobody knows yet what is usual"


def judged(n, p, accepted, days=14):
    at = pd.date_range(NOW - days * DAY, NOW, periods=n)
    y = (np.arange(n) * accepted % n < accepted).astype(float)  # evenly over the time
    return pd.DataFrame(
        {"as_of": at, "y": y, "p": p, "zone": "qualified", "age": "0 to 7 days quiet", "month": "2026-02"}
    )


@pytest.mark.parametrize(
    ("accepted", "tier"),
    [(25, "fine"), (35, "fine"), (44, "act"), (6, "act")],
    ids=["as said", "luck", "more", "fewer"],
)
def test_acceptance_far_from_what_was_expected(accepted, tier):
    every = watch_acceptance(judged(50, 0.5, accepted), 1.0)
    assert {f.about for f in every} == {"all hand-offs", "zone qualified", "0 to 7 days quiet"}
    assert {f.tier for f in every} == {tier}


def test_a_recent_change_is_seen_though_the_quarter_is_as_expected():
    rows = pd.concat([judged(300, 0.5, 150, days=85).assign(as_of=lambda f: f["as_of"] - 15 * DAY), judged(30, 0.5, 2)])
    first = watch_acceptance(rows, 1.0)[0]
    assert (first.tier, "within 14 days" in first.says) == ("act", True)


@pytest.mark.slow
def test_false_alarms_of_acceptance_keep_to_what_is_stated():
    """Six years of weekly looks at hand-offs that are accepted as was said: hardly any alarm, where one is stated."""
    rng, alarms = np.random.default_rng(1), 0
    for _ in range(6):
        n = 365 * 3
        p = rng.uniform(0.2, 0.8, n)
        rows = pd.DataFrame(
            {"as_of": pd.date_range("2025-01-01", periods=n, freq="8h"), "y": rng.random(n) < p, "p": p}
        )
        rows = rows.assign(
            zone=rng.choice(["qualified", "nearly"], n), age=rng.choice(["a", "b", "c", "d"], n), month=""
        )
        told = set()
        for day in range(90, 365, 7):
            seen = rows[rows["as_of"] < datetime(2025, 1, 1) + day * DAY]
            told |= {
                (f.about, day // 30) for f in watch_acceptance(seen.assign(y=seen["y"].astype(float)), 1.0) if f.alarm
            }
        alarms += len(told)
    assert alarms <= 3


def test_promises_that_are_broken_and_one_that_ended_today():
    agreement = Agreement.model_validate(
        default_agreement().model_dump()
        | {
            "promises": {
                "not_yet": {"hours": 24},
                "unfit": {"hours": 24},
                "nearly": {"hours": 24},
                "qualified": {"hours": 24},
            }
        }
    )
    at = [NOW - (2 + i % 20) * DAY - timedelta(hours=1) for i in range(30)]
    leads = pd.DataFrame({"lead_id": [f"L{i}" for i in range(30)], "created_at": datetime(2026, 1, 1)})
    handed = pd.DataFrame({"lead_id": leads["lead_id"], "handed_off_at": at})
    late = handed.assign(
        decision="accepted", decided_at=lambda f: f["handed_off_at"] + 2 * DAY - timedelta(hours=2)
    ).iloc[:29]
    with warehouse_of(leads=leads, handoffs=handed, decisions=late) as warehouse:
        by = {f.kind: f for f in watch_work(warehouse, NOW, [agreement], agreement, 1.0)}
        assert (by["promises"].tier, by["promises"].value) == ("act", 0.0)
        assert by["overdue"].tier == "fine"
    today = handed.assign(handed_off_at=NOW - timedelta(hours=30)).iloc[:1]
    with warehouse_of(leads=leads, handoffs=today) as warehouse:
        by = {f.kind: f for f in watch_work(warehouse, NOW, [agreement], agreement, 1.0)}
        assert (by["overdue"].tier, by["overdue"].value) == ("act", 1)


def test_the_worst_of_all_and_the_chance_of_each():
    assert worst([]) == "fine"
    assert (
        worst([Finding("a", "b", "note", ""), Finding("a", "c", "block", ""), Finding("a", "d", "act", "")]) == "block"
    )
    assert chance(1.0, 10) == pytest.approx(1 / 3650)
    assert chance(365, 1) == 0.05


def asked_of(now, before, answers):
    """What is found of `need`, with so many calls that reached somebody and answers to it in 4 weeks and 8 before."""
    leads = pd.DataFrame({"lead_id": [f"L{i}" for i in range(now + before)], "created_at": datetime(2025, 1, 1)})
    at = [NOW - (3 if i < now else 40) * DAY for i in range(now + before)]
    calls = pd.DataFrame({"lead_id": leads["lead_id"], "called_at": at, "disposition": "connected"})
    told = [i < answers[0] or now <= i < now + answers[1] for i in range(now + before)]
    rows = pd.DataFrame({"lead_id": leads["lead_id"], "answered_at": at, "criterion": "need", "state": "yes"}).loc[told]
    agreement = default_agreement()
    with warehouse_of(leads=leads, calls=calls, answers=rows) as warehouse:
        every = [f for f in watch_work(warehouse, NOW, [agreement], agreement, 1.0) if f.kind == "asked"]
    assert {f.about for f in every} == {n for n, c in agreement.criteria.items() if c.asked}, "none is left out"
    return next(f for f in every if f.about == "need")


@pytest.mark.parametrize(
    ("now", "before", "answers", "tier"),
    [
        (60, 120, (30, 60), "fine"),
        (60, 120, (2, 60), "note"),
        (60, 120, (0, 60), "note"),
        (60, 120, (0, 0), "note"),
        (10, 120, (0, 60), "fine"),
        (0, 0, (0, 0), "fine"),
    ],
    ids=["as ever", "rarely now", "no longer", "never", "too few calls", "no calls"],
)
def test_a_question_that_is_no_longer_asked(now, before, answers, tier):
    assert asked_of(now, before, answers).tier == tier


def test_hand_offs_are_judged_by_the_score_they_had_and_those_without_one_are_counted():
    """A lead that was merged since was scored under its own id."""
    ids = ["GONE", "PLAIN", "NEVER"]
    leads = pd.DataFrame({"lead_id": [*ids, "KEPT"], "created_at": datetime(2025, 10, 1)})
    at = NOW - 30 * DAY
    handed = pd.DataFrame({"lead_id": ids, "handed_off_at": at})
    decided = handed.assign(decision="accepted", decided_at=at + DAY)
    agreement = default_agreement()
    with warehouse_of(leads=leads, handoffs=handed, decisions=decided) as warehouse:
        scores = pd.DataFrame({"lead_id": ["GONE", "PLAIN"], "as_of": at - DAY, "route": "hand_off"})
        put(warehouse, SCORES, scores.assign(probability=[0.3, 0.4]))
        merge(warehouse, "GONE", "KEPT", NOW - DAY)
        rows, unscored = handed_off_and_judged(warehouse, NOW, [agreement], agreement, Settings())
    assert sorted(rows["p"]) == [0.3, 0.4]
    assert unscored == 1
    assert "1 of the last 90 days are left out" in watch_acceptance(rows, 1.0, unscored)[0].says
