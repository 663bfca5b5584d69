"""How far does an AutoML search get on exactly the rows and features that leadready trains on? FLAML as a peer.

FLAML (Wang et al. 2021, MLSys) searches boosted trees, forests and linear models for `--budget` seconds, 5 minutes by
default, by log loss on a split in time. It lives in an environment of its own, never in leadready's:

    python3 -m venv ENV
    ENV/bin/pip install "flaml[automl]==2.7.0" scikit-learn==1.9.1 pandas==3.1.1 pyarrow

`real_data.py --automl ENV` then calls `automl`, which hands the rows over as Parquet and runs this file with ENV's
Python. A search bounded by time finds different models on a faster or busier machine: give figures with both.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

BUDGET_S = 300
GIVEN, FOUND = "rows.parquet", "found.parquet"
Y, BLOCK, WEIGHT = "_y", "_block", "_weight"


def automl(
    env: Path,
    X: pd.DataFrame,
    y: np.ndarray,
    block: np.ndarray,
    weight: np.ndarray | None = None,
    budget_s: float = BUDGET_S,
    seed: int = 7,
) -> np.ndarray:
    """Probabilities of the n rows of X by FLAML in the environment `env`; NaN for those of block 0.

    The rows are in order of time. `block` is 0 where a row only trains; FLAML searches on these alone. Block b is
    predicted by what was found, fitted again on all earlier blocks. `y` of the last block is not handed over. `weight`
    is 1 throughout unless given. Raises CalledProcessError where the search fails.
    """
    known = np.where(block == block.max(), np.nan, y)
    told = {Y: known, BLOCK: block, WEIGHT: np.ones(len(X)) if weight is None else weight}
    rows = pd.concat([X, pd.DataFrame(told, index=X.index)], axis=1)
    with tempfile.TemporaryDirectory() as folder:
        rows.to_parquet(Path(folder) / GIVEN, index=False)
        command = [env / "bin" / "python", Path(__file__), folder, "--budget", str(budget_s), "--seed", str(seed)]
        subprocess.run([str(part) for part in command], check=True)
        return pd.read_parquet(Path(folder) / FOUND)["p"].to_numpy()


def main() -> None:
    """In FLAML's environment: read GIVEN, search, predict block by block, write FOUND."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help=f"holds {GIVEN}; {FOUND} is written beside it")
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds for the search")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rows = pd.read_parquet(arguments.folder / GIVEN)
    p = predict_blocks(rows, arguments.budget, arguments.seed)
    pd.DataFrame({"p": p}).to_parquet(arguments.folder / FOUND)


def predict_blocks(rows: pd.DataFrame, budget_s: float, seed: int) -> np.ndarray:
    """Search on block 0, then predict each later block, refitting the best configuration from the second on."""
    block, X = rows[BLOCK].to_numpy(), prepared(rows)
    p = np.full(len(rows), np.nan)
    model = search(X, rows, block == 0, seed, time_budget=budget_s)
    best, config = model.best_estimator, model.best_config
    print(f"  FLAML chose {best} in {budget_s:.0f} s, validation log loss {model.best_loss:.4f}: {config}", flush=True)
    for number in range(1, block.max() + 1):
        if number > 1:
            kept = {"estimator_list": [best], "starting_points": {best: config}, "max_iter": 1, "time_budget": -1}
            model = search(X, rows, block < number, seed, **kept)
        p[block == number] = model.predict_proba(X[block == number])[:, 1]
    return p


def search(X: pd.DataFrame, rows: pd.DataFrame, train: np.ndarray, seed: int, **how: Any) -> Any:
    """A fitted `flaml.AutoML`: chosen by log loss forward in time within the rows `train`, then fitted on them all."""
    from flaml import AutoML  # only in its own environment

    model = AutoML()
    model.fit(
        X_train=X[train],
        y_train=rows.loc[train, Y].astype(int),
        sample_weight=rows.loc[train, WEIGHT],
        task="classification",
        metric="log_loss",
        split_type="time",
        retrain_full=True,
        seed=seed,
        n_jobs=1,
        verbose=0,
        **how,
    )
    return model


def prepared(rows: pd.DataFrame) -> pd.DataFrame:
    """The features under names that every learner takes, texts as categories of the rows that train."""
    X = rows.drop(columns=[Y, BLOCK, WEIGHT])
    first = rows[BLOCK] == 0
    for name in X.select_dtypes(exclude="number").columns:
        levels = sorted(X.loc[first, name].unique())
        X[name] = pd.Categorical(X[name].where(X[name].isin(levels)), categories=levels)
    return X.set_axis([f"f{i}" for i in range(X.shape[1])], axis=1)


if __name__ == "__main__":
    main()
