"""How far does an untuned model get on telemarketing calls whose base rate drifts, refitted as time goes on?

It reads the raw file with pandas and shares no code with leadready. First fitted on rows 0-19,999, then again every
1,500 rows on all before. `python benchmarks/references_bank_marketing.py --data DIR` prints it beside the published
figures and a constant: the rate of `y` so far. Nobody beats that by much, and saying so is part of the task.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.references_bpic2012 import SMALL

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FIRST, STEP = 20_000, 1_500
ECONOMIC = ("emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m", "nr.employed")  # they act as a clock
PRE_CALL = (
    "age",
    "job",
    "marital",
    "education",
    "default",
    "housing",
    "loan",
    "contact",
    "campaign",
    "pdays",
    "previous",
    "poutcome",
)
PUBLISHED = {  # data/README.md: AUC / Brier / log loss of LR and of HGB
    "all": ("0.491 / 0.0923 / 0.412", "0.537 / 0.0915 / 0.333"),
    "without_economic": ("0.624 / 0.0814 / 0.300", "0.516 / 0.0889 / 0.331"),
    "pre_call": ("0.558 / 0.0834 / 0.311", "-"),
}


def reference(columns: str, calls_path: Path) -> pd.DataFrame:
    """One row per test call, in order: row (its 0-based number in the file), y, p_lr, p_hgb, p_small (settings of
    references_bpic2012) and p_base.

    `columns` is a key of PUBLISHED: every column but `duration`, the same without the economic ones, or the twelve
    known before the call. p_base is the rate among all rows before the refit.
    """
    calls = read_calls(calls_path)
    X, y = calls[chosen(columns, calls)], calls["y"]
    starts = range(FIRST, len(calls), STEP)
    with threadpool_limits(1):
        return pd.concat([_block(X, y, at) for at in starts], ignore_index=True)


def read_calls(path: Path) -> pd.DataFrame:
    """The raw calls; `campaign` without the current one, y as 0 or 1, no `duration`."""
    calls = pd.read_csv(path, sep=";").drop(columns="duration")
    return calls.assign(campaign=calls["campaign"] - 1, y=(calls["y"] == "yes").astype(int))


def chosen(columns: str, calls: pd.DataFrame) -> list[str]:
    """The features of a set, in the file's order."""
    every = [c for c in calls if c != "y"]
    return {
        "all": every,
        "without_economic": [c for c in every if c not in ECONOMIC],
        "pre_call": list(PRE_CALL),
    }[columns]


def _block(X: pd.DataFrame, y: pd.Series, at: int) -> pd.DataFrame:
    """Fitted on the rows before `at`, predicting the next STEP."""
    after = slice(at, at + STEP)
    out = pd.DataFrame({"row": np.arange(at, min(at + STEP, len(X))), "y": y.iloc[after].to_numpy()})
    for name, model in {"p_lr": linear(X), "p_hgb": boosted(X), "p_small": boosted(X, **SMALL)}.items():
        out[name] = model.fit(X.iloc[:at], y.iloc[:at]).predict_proba(X.iloc[after])[:, 1]
    return out.assign(p_base=y.iloc[:at].mean())


def linear(X: pd.DataFrame) -> Pipeline:
    """Logistic regression with scikit-learn's defaults on scaled numbers and one-hot texts."""
    numbers, texts = kinds(X)
    encode = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), texts))
    return make_pipeline(encode, LogisticRegression(max_iter=2000))


def boosted(X: pd.DataFrame, **settings: float) -> Pipeline:
    """Gradient boosting, texts as its own categories; with scikit-learn's defaults where no settings are given."""
    numbers, texts = kinds(X)
    encode = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts), ("passthrough", numbers)
    )
    model = HistGradientBoostingClassifier(
        categorical_features=list(range(len(texts))), **({"random_state": 0} | settings)
    )
    return make_pipeline(encode, model)


def kinds(X: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The names of the numbers and of the texts."""
    numbers = list(X.select_dtypes("number"))
    return numbers, [c for c in X if c not in numbers]


def scores(y: pd.Series, p: pd.Series) -> str:
    """AUC, Brier score and log loss, as text."""
    return f"{roc_auc_score(y, p):.3f} / {brier_score_loss(y, p):.4f} / {log_loss(y, p):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds bank_marketing/")
    path = parser.parse_args().data / "bank_marketing" / "calls.csv"
    print(f"{'columns':<18} {'rows':>6} {'base':>5}  {'LR AUC / Brier / log loss':<25} {'HGB':<22} running rate")
    for columns, (lr, hgb) in PUBLISHED.items():
        test = reference(columns, path)
        found = [scores(test["y"], test[p]) for p in ("p_lr", "p_hgb", "p_base")]
        print(f"{columns:<18} {len(test):>6} {test['y'].mean():>5.3f}  {found[0]:<25} {found[1]:<22} {found[2]}")
        print(f"{'  data/README.md':<18} {12949:>6} {0.092:>5.3f}  {lr:<25} {hgb:<22}")


if __name__ == "__main__":
    main()
