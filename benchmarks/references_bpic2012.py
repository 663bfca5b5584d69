"""How far does an untuned hand-made model get on the BPIC 2012 log? The reference that leadready is paired against.

It reads the raw file with pandas and shares no code with leadready. See `reference` for the rows and
`python benchmarks/references_bpic2012.py --data DIR` for the table beside the published figures.

Logistic regression has scikit-learn's defaults. Gradient boosting has the small size of leadready's
`boosting` (docs/models.md), taken as it is: the defaults come out clearly below the published figures on these 700 to
2,800 training rows (submitted + 1 h: AUC .709, log loss .659), and a weak reference would flatter whoever is compared
with it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
HORIZON = pd.Timedelta(days=14)
TEST_SHARE = 0.3
SMALL = {
    "learning_rate": 0.05,
    "max_iter": 150,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 30,
    "l2_regularization": 5,
    "max_features": 0.5,
    "random_state": 0,
}
DECISIONS = ("A_ACCEPTED", "A_DECLINED", "A_CANCELLED")
COHORTS = {  # anchor, delay in hours
    "submitted+1h": ("A_SUBMITTED", 1),
    "preaccepted+0h": ("A_PREACCEPTED", 0),
    "preaccepted+4h": ("A_PREACCEPTED", 4),
    "preaccepted+24h": ("A_PREACCEPTED", 24),
}
PUBLISHED = {  # data/README.md: test rows, base rate, then AUC / Brier / log loss of LR and of HGB
    "submitted+1h": (1322, 0.530, (0.719, 0.2123, 0.617), (0.728, 0.2111, 0.612)),
    "preaccepted+0h": (1462, 0.692, (0.607, 0.2071, 0.624), (0.653, 0.2014, 0.591)),
    "preaccepted+4h": (796, 0.606, (0.606, 0.2339, 0.667), (0.614, 0.2316, 0.657)),
    "preaccepted+24h": (378, 0.447, (0.611, 0.2464, 0.700), (0.590, 0.2442, 0.682)),
}
ABSENT = -1.0  # hours since what never happened; the count's zero says the same to a linear model
COUNTED = (  # steps of the funnel before a decision; a step is an activity with its transition
    "A_PREACCEPTED COMPLETE",
    "W_Afhandelen leads SCHEDULE",
    "W_Afhandelen leads START",
    "W_Afhandelen leads COMPLETE",
    "W_Completeren aanvraag SCHEDULE",
    "W_Completeren aanvraag START",
    "W_Completeren aanvraag COMPLETE",
)


def reference(cohort: str, events_path: Path) -> pd.DataFrame:
    """One row per test case of `cohort` (a key of COHORTS), in order of cutoff.

    Columns: lead_id (the case, as text), as_of, y (accepted inside 14 days), p_lr, p_hgb and p_base (the training base
    rate). Trained on earlier cases whose horizon had closed before the first test cutoff.
    """
    return fitted(cases(cohort, read_events(events_path)))


def read_events(path: Path) -> pd.DataFrame:
    """The raw log in order of case and event, with `step`: activity and transition."""
    events = pd.read_csv(path, dtype={"case_id": str}, parse_dates=["timestamp"])
    events["step"] = events["activity"] + " " + events["transition"]
    return events.sort_values(["case_id", "event_idx"], kind="stable")


def cases(cohort: str, events: pd.DataFrame) -> pd.DataFrame:
    """One row per case undecided at its cutoff: as_of, y and the features, by case, in order of as_of."""
    anchor, hours = COHORTS[cohort]
    as_of = first(events, anchor) + pd.Timedelta(hours=hours)
    decided = first(events, *DECISIONS).reindex(as_of.index)
    as_of = as_of[~(decided <= as_of)].rename("as_of").sort_values(kind="stable")
    wait = first(events, "A_ACCEPTED").reindex(as_of.index) - as_of
    y = ((wait > pd.Timedelta(0)) & (wait < HORIZON)).astype(int).rename("y")
    return pd.concat([as_of, y, features(events, as_of)], axis=1)


def first(events: pd.DataFrame, *activities: str) -> pd.Series:
    """When each case first had one of the activities."""
    return events[events["activity"].isin(activities)].groupby("case_id")["timestamp"].min()


def features(events: pd.DataFrame, as_of: pd.Series) -> pd.DataFrame:
    """Counts, recencies and session times of the events at or before each case's `as_of`."""
    seen = events.merge(as_of, left_on="case_id", right_index=True)
    seen = seen[seen["timestamp"] <= seen["as_of"]].assign(hours=lambda e: hours_between(e["timestamp"], e["as_of"]))
    X = pd.DataFrame(index=as_of.index)
    X["log_amount"] = np.log1p(seen.groupby("case_id")["amount_req"].first())
    X["hour"], X["weekday"] = as_of.dt.hour + as_of.dt.minute / 60, as_of.dt.day_of_week
    X["working_hours"] = (X["hour"].between(7, 19) & (X["weekday"] < 5)).astype(int)
    X["events"], X["age_hours"] = seen.groupby("case_id").size(), seen.groupby("case_id")["hours"].max()
    X["hours_since_event"] = seen.groupby("case_id")["hours"].min()
    X["agents"] = seen.groupby("case_id")["resource"].nunique()
    return pd.concat([X, step_features(seen, as_of.index), session_features(seen, as_of.index)], axis=1)


def step_features(seen: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Per funnel step: how often so far, and log hours since the last one."""
    grouped = seen[seen["step"].isin(COUNTED)].groupby(["case_id", "step"])["hours"]
    count = grouped.size().unstack().reindex(index=index, columns=list(COUNTED)).fillna(0).add_suffix(" n")
    since = np.log1p(grouped.min().unstack().reindex(index=index, columns=list(COUNTED))).add_suffix(" since")
    return pd.concat([count, since], axis=1)


def session_features(seen: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Call sessions: seconds worked so far, the longest, and whether one is open."""
    work = seen[
        seen["activity"].isin(["W_Completeren aanvraag", "W_Afhandelen leads"]) & (seen["transition"] != "SCHEDULE")
    ]
    begun = work.groupby(["case_id", "activity"])
    seconds = (work["timestamp"] - begun["timestamp"].shift()).dt.total_seconds()
    seconds = seconds[(work["transition"] == "COMPLETE") & (begun["transition"].shift() == "START")]
    by_case = seconds.groupby(work["case_id"])
    last = work.groupby("case_id")["transition"].last().reindex(index)
    return pd.DataFrame(
        {
            "log_worked_s": np.log1p(by_case.sum().reindex(index).fillna(0)),
            "log_longest_s": np.log1p(by_case.max().reindex(index).fillna(0)),
            "session_open": (last == "START").astype(int),
        }
    )


def hours_between(earlier: pd.Series, later: pd.Series) -> pd.Series:
    return (later - earlier).dt.total_seconds() / 3600


def split(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training rows whose horizon closed before the first test cutoff, and the last 30 % in time as the test."""
    at = int(len(rows) * (1 - TEST_SHARE))
    train, test = rows.iloc[:at], rows.iloc[at:]
    return train[train["as_of"] + HORIZON <= test["as_of"].min()], test


def fitted(rows: pd.DataFrame) -> pd.DataFrame:
    """Both models fitted on the training rows, predicting the test rows."""
    train, test = split(rows)
    X, y, T = train.drop(columns=["as_of", "y"]), train["y"], test.drop(columns=["as_of", "y"])
    X, T = X.fillna(ABSENT), T.fillna(ABSENT)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with threadpool_limits(1):  # the same bytes on any machine, and no fight over cores
        p_lr = linear.fit(X, y).predict_proba(T)[:, 1]
        p_hgb = HistGradientBoostingClassifier(**SMALL).fit(X, y).predict_proba(T)[:, 1]
    known = test[["as_of", "y"]].reset_index(names="lead_id")
    return known.assign(p_lr=p_lr, p_hgb=p_hgb, p_base=y.mean())


def scores(y: pd.Series, p: pd.Series) -> tuple[float, float, float]:
    """AUC, Brier score, log loss."""
    return roc_auc_score(y, p), brier_score_loss(y, p), log_loss(y, p)


def show(figures: tuple[float, float, float]) -> str:
    return "{:.3f} / {:.4f} / {:.3f}".format(*figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds bpic2012/")
    events = read_events(parser.parse_args().data / "bpic2012" / "events.csv.gz")
    print(f"{'cohort':<16} {'rows':>5} {'base':>5}  {'LR AUC / Brier / log loss':<24} {'HGB':<24} constant")
    for cohort, (rows, base, lr, hgb) in PUBLISHED.items():
        test = fitted(cases(cohort, events))
        found = [show(scores(test["y"], test[p])) for p in ("p_lr", "p_hgb", "p_base")]
        print(f"{cohort:<16} {len(test):>5} {test['y'].mean():>5.3f}  {found[0]:<24} {found[1]:<24} {found[2]}")
        print(f"{'  data/README.md':<16} {rows:>5} {base:>5.3f}  {show(lr):<24} {show(hgb):<24}")


if __name__ == "__main__":
    main()
