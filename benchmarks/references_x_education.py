"""How far does an untuned model get on X Education's leads, with and without the columns that know the outcome?

It reads the raw file with pandas and shares no code with leadready. `Lead Number` rises with creation: the last 30 %
are the test. `python benchmarks/references_x_education.py --data DIR` prints it beside the published figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from benchmarks.references_bpic2012 import SMALL

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TEST_SHARE = 0.3
ID, ORDER, LABEL = "Prospect ID", "Lead Number", "Converted"
WEB_AND_SOURCE = (
    "Lead Origin",
    "Lead Source",
    "TotalVisits",
    "Total Time Spent on Website",
    "Page Views Per Visit",
)
LEAKY = (  # filled in by or after the sales contact
    "Tags",
    "Lead Quality",
    "Lead Profile",
    "Asymmetrique Activity Index",
    "Asymmetrique Profile Index",
    "Asymmetrique Activity Score",
    "Asymmetrique Profile Score",
    "Last Notable Activity",
)
PUBLISHED = {  # data/README.md: ROC AUC of LR and of HGB
    "web_and_source": (None, 0.829),
    "without_leaky": (0.887, 0.895),
    "without_last_activity": (0.886, 0.887),
    "all": (0.98, 0.98),
}


def reference(columns: str, leads_path: Path) -> pd.DataFrame:
    """One row per test lead, in order of creation: lead_id (`Prospect ID`), y, p_lr, p_hgb, p_small (settings of
    references_bpic2012) and p_base.

    `columns` is a key of PUBLISHED; p_base is the training base rate.
    """
    leads = read_leads(leads_path)
    at = int(len(leads) * (1 - TEST_SHARE))
    X, y = leads[chosen(columns, leads)], leads[LABEL]
    out = pd.DataFrame({"lead_id": leads[ID].iloc[at:], "y": y.iloc[at:]}).reset_index(drop=True)
    with threadpool_limits(1):
        for name, model in {"p_lr": linear(X), "p_hgb": boosted(X), "p_small": boosted(X, **SMALL)}.items():
            out[name] = model.fit(X.iloc[:at], y.iloc[:at]).predict_proba(X.iloc[at:])[:, 1]
    return out.assign(p_base=y.iloc[:at].mean())


def read_leads(path: Path) -> pd.DataFrame:
    """The raw leads in order of creation, `Select` and gaps of text as not answered."""
    leads = pd.read_csv(path, na_values=["Select"]).sort_values(ORDER, kind="stable").reset_index(drop=True)
    texts = leads.select_dtypes(exclude="number").columns
    return leads.assign(**leads[texts].fillna("not answered"))


def chosen(columns: str, leads: pd.DataFrame) -> list[str]:
    """The features of a set, in the file's order."""
    every = [c for c in leads if c not in (ID, ORDER, LABEL)]
    kept = {
        "web_and_source": WEB_AND_SOURCE,
        "without_leaky": [c for c in every if c not in LEAKY],
        "without_last_activity": [c for c in every if c not in (*LEAKY, "Last Activity")],
        "all": every,
    }[columns]
    return [c for c in every if c in kept]


def linear(X: pd.DataFrame) -> Pipeline:
    """Logistic regression with scikit-learn's defaults on scaled numbers and one-hot texts."""
    numbers, texts = kinds(X)
    encode = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10), texts),
    )
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
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds x_education/")
    path = parser.parse_args().data / "x_education" / "leads.csv"
    print(f"{'columns':<22} {'rows':>5} {'base':>5}  {'LR AUC / Brier / log loss':<25} {'HGB':<22} data/README.md: AUC")
    for columns, published in PUBLISHED.items():
        test = reference(columns, path)
        lr, hgb = (scores(test["y"], test[p]) for p in ("p_lr", "p_hgb"))
        known = " / ".join("-" if figure is None else f"{figure:.3f}" for figure in published)
        print(f"{columns:<22} {len(test):>5} {test['y'].mean():>5.3f}  {lr:<25} {hgb:<22} {known}")


if __name__ == "__main__":
    main()
