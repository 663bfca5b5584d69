"""How good is leadready on data nobody here made? Against references refitted in the same run, forward in time.

    python -m benchmarks.real_data bpic2012 | x_education | bank_marketing [--data DIR] [--only NAME] [--automl ENV]

Each data set goes the way a user's would: `ingest` by its mapping, the cohort and label of data/README.md, the whole
catalogue as of each moment, and `train`, which chooses on forward folds inside the earlier part. The references
(references_*.py) share no code with leadready. Gains are paired by lead, with 95 % intervals of a bootstrap by
account; positive: leadready is better. Nothing is chosen on the tested rows. With `--automl`, FLAML searches on the
rows and features that leadready trained on (references_flaml.py says how to install it); the same search is not done
twice.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Memory
from threadpoolctl import threadpool_limits

from benchmarks import references_bank_marketing as bank
from benchmarks import references_bpic2012 as bpic
from benchmarks import references_flaml as flaml
from benchmarks import references_x_education as education
from benchmarks.references_odoo import Frequencies
from data.agreement.file import default_agreement
from data.intake.ingest import ingest
from data.settings import Settings
from data.warehouse import Warehouse
from features.catalogue import build_catalogue
from models.fitting import learning
from models.fitting.candidates import CANDIDATES
from models.fitting.learning import make_model, predict_all
from models.judging.leak_guard import find_leaks
from models.judging.promotion import decide
from models.judging.training import TrainingResult, TrainingSet, learn, train
from models.metrics.claims import paired_bootstrap
from models.metrics.evaluation import calibration, evaluate, sigmoid
from models.rows.dataset import build_training_set

NOW = datetime(2026, 1, 1)
SEED = 7
MAPPINGS = Path(__file__).parent / "mappings"
METRICS = ("auc", "brier", "log_loss")
BPIC = {
    "submitted+1h": {"anchor": "created", "delay_hours": 1},
    "preaccepted+0h": {"anchor": "handoff", "delay_hours": 0},
    "preaccepted+4h": {"anchor": "handoff", "delay_hours": 4},
    "preaccepted+24h": {"anchor": "handoff", "delay_hours": 24},
}
ALL_COUNT = {"horizon_days": 14, "expired": "not_accepted", "never_handed_off": "not_accepted"}
DECIDED = {"horizon_days": 1}
WEB = ("lead.TotalVisits", "lead.Total Time Spent on Website", "lead.Page Views Per Visit")
WEB_AND_SOURCE = ("source", "lead.Lead Origin", *WEB)
EDUCATION = {
    "web_and_source": {"include": WEB_AND_SOURCE},
    "whole_catalogue": {"include": (*(f.name for f in build_catalogue(default_agreement())), *WEB_AND_SOURCE)},
    "all": {"include": ("*",)},
}
ECONOMIC = ("lead.emp_var_rate", "lead.cons_price_idx", "lead.cons_conf_idx", "lead.euribor3m", "lead.nr_employed")
BANK = {
    "all": {"include": ("*",)},
    "without_economic": {"include": ("*",), "exclude": ECONOMIC},
    "attributes_without_economic": {"include": ("lead.*",), "exclude": ECONOMIC},
}
BANK_FIRST, BANK_STEP = 20_000, 1_500
REFERENCES = ("p_lr", "p_hgb", "p_small", "p_base")
"""Logistic regression, boosting, the same with small trees (in bpic2012 `p_hgb` is that already), the base rate."""
MEMBERS = {c.name: c.members for c in CANDIDATES}
Peer = Callable[..., np.ndarray] | None


def main() -> None:
    """Run one data set and print its table."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", choices=("bpic2012", "x_education", "bank_marketing"))
    parser.add_argument("--data", type=Path, default=bpic.DATA)
    parser.add_argument("--only", help="one cohort or set of columns, by its name")
    parser.add_argument("--automl", type=Path, metavar="ENV", help="an environment with FLAML, to compare with it")
    parser.add_argument("--budget", type=float, default=flaml.BUDGET_S, help="seconds of FLAML's search")
    parser.add_argument(
        "--searches",
        type=Path,
        default=Path("var/flaml"),
        help="where what FLAML found is kept; empty it for another version of FLAML",
    )
    given = parser.parse_args()
    runs = {
        "bpic2012": (run_bpic2012, BPIC),
        "x_education": (run_x_education, EDUCATION),
        "bank_marketing": (run_bank_marketing, BANK),
    }
    run, parts = runs[given.source]
    peer = None
    if given.automl:
        kept = Memory(given.searches, verbose=0).cache(flaml.automl)
        peer = partial(kept, given.automl, budget_s=given.budget, seed=SEED)
    chosen = {name: part for name, part in parts.items() if given.only in (None, name)}
    with ingested(given.source, given.data) as warehouse:
        run(warehouse, given.data / given.source, chosen, peer)


@contextmanager
def ingested(source: str, data: Path) -> Iterator[Warehouse]:
    """A warehouse in memory with the source's rows."""
    with Warehouse.open(None, threads=2) as warehouse:
        report = ingest(warehouse, source, data / source, loaded_at=NOW, mappings=MAPPINGS)
        for name, count in report.tables.items():
            parts = f"{count.stored:,} stored + {count.quarantined} quarantined + {count.repeats} repeats"
            print(f"{name}: {count.rows_in:,} in = {parts}")
        yield warehouse


def training_set(warehouse: Warehouse, **settings: dict[str, object]) -> TrainingSet:
    """The labelled snapshots of a cohort, as `leadready train` builds them."""
    return build_training_set(warehouse, Settings.model_validate(settings), default_agreement(), NOW)[0]


def run_bpic2012(warehouse: Warehouse, folder: Path, cohorts: dict[str, dict[str, object]], peer: Peer) -> None:
    """The four cohorts: champion against both references and the base rate."""
    means = {}
    for name, cohort in cohorts.items():
        data = training_set(warehouse, cohort=cohort, label=ALL_COUNT)
        result = train(data, seed=SEED, bags=0)
        rows, base, *published = bpic.PUBLISHED[name]
        said = f"{len(result.holdout):,} test rows, base rate {result.holdout.y.mean():.3f} (README: {rows:,}, {base})"
        print(f"\n{name}: {said}; {how(result)}")
        print(f"  README's LR and HGB, AUC / Brier / log loss: {published[0]} and {published[1]}")
        reference = bpic.reference(name, folder / "events.csv.gz").set_index("lead_id")
        means[name] = judge(data, result, reference, peer)
    asked = [means[name] for name in list(BPIC)[:3] if name in means]
    if asked:
        print(f"\nmean gain over {len(asked)} of the three cohorts asked for:")
        print(pd.concat(asked).groupby(level=0).mean().round(4).to_string())


def how(result: TrainingResult) -> str:
    """What was chosen and how it was calibrated."""
    return f"chosen: {result.chosen} ({result.reason}); calibration: {result.calibration}"


def judge(data: TrainingSet, result: TrainingResult, reference: pd.DataFrame, peer: Peer) -> pd.DataFrame:
    """Compare the tested rows with the references, CRMs' frequencies and, where there is one, the peer."""
    ours = pd.Series(result.holdout[result.chosen].to_numpy(), index=lead_ids(result))
    reference = reference.loc[ours.index]
    assert (reference["y"].to_numpy() == result.holdout["y"].to_numpy()).all()
    X = data.X.iloc[result.holdout.index]
    stays = result.tested.shifted(-result.tested.shift)
    more = {
        "p_frequencies": peer_on_holdout(data, result, frequencies),
        "p_uncalibrated": sigmoid(result.tested.raw_log_odds(X)),
        "p_intercept_stays": stays.predict_proba(X)[:, 1],
    }
    if peer:
        more["p_flaml"] = peer_on_holdout(data, result, peer)
    return compare(reference.assign(**more), ours, (*[c for c in REFERENCES if c in reference], *more))


def peer_on_holdout(data: TrainingSet, result: TrainingResult, peer: Callable[..., np.ndarray]) -> np.ndarray:
    """The peer's probabilities of the tested rows, from the rows, labels and weights that leadready learned from."""
    split = data.holdout()
    assert (split.test == result.holdout.index).all()
    y, weight = data.known(split.train, split.cut)
    rows, block = np.concatenate([split.train, split.test]), np.repeat([0, 1], [len(split.train), len(split.test)])
    y, weight = np.concatenate([y, data.y[split.test]]), np.concatenate([weight, np.ones(len(split.test))])
    order = np.lexsort([data.as_of.iloc[rows], block])
    order = order[(weight > 0)[order]]
    p = np.full(len(rows), np.nan)
    p[order] = peer(data.X.iloc[rows[order]], y[order], block[order], weight[order])
    return p[block == 1]


def frequencies(X: pd.DataFrame, y: np.ndarray, block: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Odoo's score of the rows of block 1, counted on those of block 0; 0 for the others."""
    texts = tuple(name for name in X if X[name].dtype == "str")
    fitted = Frequencies(texts).fit(X[block == 0], y[block == 0], sample_weight=weight[block == 0])
    return np.append(np.zeros((block == 0).sum()), fitted.predict_proba(X[block == 1])[:, 1])


def lead_ids(result: TrainingResult) -> list[str]:
    """Lead ids of the test rows (these sources have no accounts, so a lead is its own group)."""
    return list(result.holdout["group"].str.removeprefix("lead "))


def compare(reference: pd.DataFrame, ours: pd.Series, columns: tuple[str, ...]) -> pd.DataFrame:
    """Print the figures of leadready and each reference and the paired gains; returns the mean gains."""
    y, group = reference["y"].to_numpy(), pd.Series(reference.index)
    low, high = slopes(y, ours.to_numpy())
    print(f"  calibration slope of leadready, 95 % of 1,000 draws: {low:.2f} to {high:.2f} ({len(y):,} rows)")
    figures = {"leadready": evaluate(y, ours.to_numpy())} | {c: evaluate(y, reference[c].to_numpy()) for c in columns}
    print("  " + pd.DataFrame(figures).T[[*METRICS, "calibration_slope"]].round(4).to_string().replace("\n", "\n  "))
    gains = {}
    for column in columns:
        for metric in METRICS:
            gain = paired_bootstrap(y, ours.to_numpy(), reference[column].to_numpy(), group, metric, seed=SEED)
            verdict = "ahead" if gain.low > 0 else "WORSE" if gain.high < 0 else "even"
            print(f"  against {column:7} {verdict:5} {gain}")
            gains[column, metric] = gain.mean
    return pd.Series(gains).unstack()


def slopes(y: np.ndarray, p: np.ndarray, draws: int = 1000) -> tuple[float, float]:
    """95 % interval of the slope of calibration, rows drawn with replacement."""
    random, rows = np.random.default_rng(SEED), len(y)
    found = [calibration(y[at], p[at])[0] for at in (random.integers(0, rows, rows) for _ in range(draws))]
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def run_x_education(warehouse: Warehouse, folder: Path, sets: dict[str, dict[str, object]], peer: Peer) -> None:
    """Web and source fields: the honest headline. All columns: what the leak guard says."""
    for name, features in sets.items():
        data = training_set(warehouse, features=features, label=DECIDED)
        result = train(data, seed=SEED, bags=0)
        print(f"\n{name}: {data.X.shape[1]} columns, {len(result.holdout):,} test rows; {how(result)}")
        columns = "all" if name == "all" else "web_and_source"
        reference = education.reference(columns, folder / "leads.csv").set_index("lead_id")
        judge(data, result, reference, peer)
        if name == "whole_catalogue":
            of_varying(data, result)
        decision = decide(result, None)
        print(f"  decision: promote {decision.promote}, alias {decision.alias}")
        print("  " + "\n  ".join(decision.reasons))
        print("  most telling: " + ", ".join(f"{c} {r.auc:.3f}" for c, r in result.leakage.most_telling.iterrows()))


def of_varying(data: TrainingSet, result: TrainingResult) -> None:
    """Print what the columns that say nothing cost: the same training with only those that vary."""
    varying = [f for f in data.features if data.X[f.name].nunique(dropna=False) > 1]
    alone = train(replace(data, X=data.X[[f.name for f in varying]], features=tuple(varying)), seed=SEED, bags=0)
    losses = [evaluate(r.holdout["y"].to_numpy(), r.holdout[r.chosen].to_numpy())["log_loss"] for r in (result, alone)]
    print(f"  {len(data.features)} columns: log loss {losses[0]:.4f}; the {len(varying)} that vary: {losses[1]:.4f}")


def run_bank_marketing(warehouse: Warehouse, folder: Path, sets: dict[str, dict[str, object]], peer: Peer) -> None:
    """Refitted as time goes on: first on rows 0-19,999, then every 1,500 rows on all before."""
    for name, features in sets.items():
        data = training_set(warehouse, features=features, label=DECIDED)
        with threadpool_limits(limits=1):
            chosen, p = as_time_goes_on(data)
        columns = "all" if name == "all" else "without_economic"
        reference = bank.reference(columns, folder / "calls.csv")
        print(f"\n{name}: {data.X.shape[1]} columns, {len(p):,} test rows; chosen on the first rows: {chosen}")
        more = {name: p[name].to_numpy() for name in ("p_uncalibrated", "p_intercept_stays", "p_without_clocks")}
        if peer:
            block = np.maximum(0, (np.arange(len(data.y)) - BANK_FIRST) // BANK_STEP + 1)
            more["p_flaml"] = peer(data.X, data.y, block)[BANK_FIRST:]
        compare(reference.assign(**more), p["ready"], (*[c for c in REFERENCES if c in reference], *more))
        leakage = find_leaks(data, float("nan"), seed=SEED)
        print("  what train says: " + "\n  ".join(leakage.notes))


def as_time_goes_on(data: TrainingSet) -> tuple[str, pd.DataFrame]:
    """Choose on the first rows as `train` does, then refit the choice before each block and predict the block.

    Returns the name and, per tested row, `ready`: calibrated on all earlier out-of-time predictions, the intercept
    moved by the latest labels; and by what it does so: `p_intercept_stays`, `p_uncalibrated` with neither, and
    `p_without_clocks`, the uncalibrated regression without what moves with the calendar.
    """
    rows, cut = np.arange(BANK_FIRST), data.as_of.iloc[BANK_FIRST]
    found = learn(data, rows, cut, learning.compare(data.as_known(cut), rows, 4, SEED), SEED)
    fitted = (found.chosen, *MEMBERS[found.chosen])
    free = [f.name for f in data.features if not f.clock]
    steady = replace(data, X=data.X[free], features=tuple(f for f in data.features if not f.clock))
    only = tuple(c for c in CANDIDATES if c.name in fitted)
    past, blocks = found.past, []
    for at in range(BANK_FIRST, len(data.y), BANK_STEP):
        rows, test, cut = np.arange(at), np.arange(at, min(at + BANK_STEP, len(data.y))), data.as_of.iloc[at]
        ready, said = make_model(data, found.chosen, rows, cut, past, SEED)
        print(f"  row {at:,}: {said}")
        raw, X = predict_all(data, rows, test, cut, SEED, only), data.X.iloc[test]
        without = learning.fit("logistic", steady, rows, cut, SEED)
        p = {"ready": ready, "p_intercept_stays": ready.shifted(-ready.shift)}
        also = {"p_uncalibrated": raw[found.chosen], "p_without_clocks": without.predict_proba(X[free])[:, 1]}
        blocks.append(pd.DataFrame({name: m.predict_proba(X)[:, 1] for name, m in p.items()} | also, index=test))
        past = past.also(raw)
    return found.chosen, pd.concat(blocks).reset_index(drop=True)


if __name__ == "__main__":
    main()
