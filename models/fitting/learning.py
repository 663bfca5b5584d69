"""Which candidate predicts best on later rows, and how is it made ready? Compare forward in time, choose, calibrate."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from models.fitting.calibration import CALIBRATORS, CLEAR, choose_calibrator, recent_shift
from models.fitting.candidates import BLENDS, CANDIDATES, Candidate, Estimator, pool
from models.fitting.deployed import ReadyModel, make_ready
from models.fitting.support import Support
from models.metrics.claims import draw_accounts, standard_error
from models.metrics.evaluation import Vector, evaluate, log_losses, logit
from models.rows.splits import Split
from models.rows.training_set import TrainingSet

logger = logging.getLogger(__name__)
BACKGROUND = 1000  # training rows kept with the model: what reasons are told against, and who is like others


@dataclass(frozen=True)
class OutOfTime:
    """Predictions of rows that were later than all their model had learned from.

    `p`: a row per tested snapshot (index: its place in the training set) and a column per candidate, uncalibrated;
    fold: the n folds' numbers. In time order.
    """

    p: pd.DataFrame
    fold: pd.Series

    def metrics(self, y: Vector, weight: Vector) -> pd.DataFrame:
        """One row per candidate and fold; y and weight: outcomes and weights of the whole training set.

        Figures of the rows as they are; beside them `weight`, the rows' sum, and `weighted_loss`, their log loss by it.
        """
        found = {}
        for at, p in self.p.groupby(self.fold):
            rows = {"weight": float(weight[p.index].sum())}
            for name, each in p.items():
                lost = float(np.average(log_losses(y[p.index], each.to_numpy()), weights=weight[p.index]))
                found[name, int(at)] = evaluate(y[p.index], each.to_numpy()) | rows | {"weighted_loss": lost}
        return pd.DataFrame(found).T.rename_axis(["candidate", "fold"]).sort_index()

    def losses(self, y: Vector) -> pd.DataFrame:
        """Log loss of each row by each candidate; y: the outcomes of the whole training set."""
        y = y[self.p.index]
        return pd.DataFrame({name: log_losses(y, p.to_numpy()) for name, p in self.p.items()}, index=self.p.index)

    @property
    def late(self) -> OutOfTime:
        """The later half of the folds: their models have learned from nearly as much as the one to use will."""
        kept = later_half(self.fold)
        return OutOfTime(self.p[kept], self.fold[kept])

    def also(self, p: pd.DataFrame) -> OutOfTime:
        """With the rows of one more, later fold."""
        number = int(self.fold.max()) + 1
        return OutOfTime(pd.concat([self.p, p]), pd.concat([self.fold, pd.Series(number, p.index)]))


def later_half(fold: pd.Series) -> pd.Series:
    """Which of n fold numbers, from 1 on, are of the later half."""
    return fold > int(fold.max()) // 2


def choosing_losses(folds: pd.DataFrame) -> pd.Series:
    """Per candidate the weighted log loss over the folds that choose; `folds` as OutOfTime.metrics gives it."""
    late = folds[later_half(folds.index.get_level_values("fold").to_series(index=folds.index))]
    rows = late["weight"].groupby("candidate").sum()
    return (late["weighted_loss"] * late["weight"]).groupby("candidate").sum() / rows


def cut_folds(data: TrainingSet, rows: Vector, folds: int) -> list[Split]:
    """The forward folds inside `rows`, by places in the whole training set; raises ModelError where there is none."""
    part = data.only(rows)
    cuts = part.folds(folds).cuts(part.y, part.group)
    return [replace(cut, train=rows[cut.train], test=rows[cut.test]) for cut in cuts]


def compare(
    data: TrainingSet, rows: Vector, folds: int, seed: int, candidates: Sequence[Candidate] = CANDIDATES
) -> OutOfTime:
    """Fit every candidate on all that was known before each fold of `rows`, and predict the fold."""
    cuts = cut_folds(data, rows, folds)
    p = pd.concat([predict_all(data, cut.train, cut.test, cut.cut, seed, candidates) for cut in cuts])
    fold = np.repeat(np.arange(1, len(cuts) + 1), [len(cut.test) for cut in cuts])
    order = np.argsort(data.as_of.iloc[p.index].to_numpy(), kind="stable")
    return OutOfTime(p.iloc[order], pd.Series(fold, p.index).iloc[order])


def choose(losses: pd.DataFrame, group: Vector, weight: Vector) -> tuple[str, str]:
    """Name and reason of the model to use, from out-of-time log losses: rows (index: place in `group`) x candidates.

    Rows count by their weights, as many as the leads they stand for. The best blend of a regression and shallow trees
    stays, unless another candidate is ahead of it by more than CLEAR account-clustered standard errors (as Breiman et
    al. 1984, who take one: with several candidates, one is crossed by chance too often).
    """
    losses = losses[[c.name for c in CANDIDATES if c.deployed and c.name in losses]]
    weight = weight[losses.index] / weight[losses.index].mean()
    means = losses.mul(weight, axis=0).mean()
    best = stays = str(means.idxmin())
    found = f"{best} has the lowest mean out-of-time log loss ({means[best]:.4f} on {len(losses)} rows)"
    if blends := [name for name in BLENDS.values() if name in losses]:
        stays = str(means[blends].idxmin())
    if best == stays:
        return best, found
    ahead = ((losses[stays] - losses[best]) * weight).to_numpy()
    error = standard_error(ahead, pd.Series(group[losses.index]))
    gain = f"{ahead.mean():.4f} against a standard error of {error:.4f}"
    if ahead.mean() > CLEAR * error:
        return best, f"{found}, ahead of {stays} by more than {CLEAR:g} standard errors ({gain})"
    rule = f"the mean of a regression and shallow trees ({stays}) stays the default"
    return stays, f"{rule}: {best} is ahead of it by no more than {CLEAR:g} standard errors ({gain})"


def make_model(
    data: TrainingSet, name: str, rows: Vector, cut: pd.Timestamp, past: OutOfTime, seed: int, bags: int = 0
) -> tuple[ReadyModel, str]:
    """The candidate fitted on `rows` as known at `cut`, calibrated on its out-of-time predictions; and how, in words.

    For reasons it carries a sample of the rows, and `bags` refits on accounts drawn with replacement.
    """
    z, y = logit(past.p[name].to_numpy()), data.y[past.p.index]
    calibrator, why = choose_calibrator(z, y, past.fold.to_numpy())
    fitted, calibrated = fit(name, data, rows, cut, seed), CALIBRATORS[calibrator]().fit(z, y)
    refits = [fit(name, data, _drawn(data, rows, seed + turn), cut, seed) for turn in range(1, bags + 1)]
    kept = np.sort(np.random.default_rng(seed).permutation(rows[data.labelled[rows]])[:BACKGROUND])
    background = {"background": data.X.iloc[kept], "accepted": data.y[kept]}
    ready = make_ready(fitted, calibrated, z, y, **background, bags=refits, support=_support(data, rows, cut, seed))
    # the model has seen the latest labels already: what the fit has corrected is not corrected twice
    late = rows[np.argsort(data.as_of.iloc[rows].to_numpy(), kind="stable")]
    recent = recent_shift(ready.log_odds(data.X.iloc[late]), *data.known(late, cut))
    said = f"{calibrator}: {why}; {recent.sentence}"
    logger.info("calibration by %s", said)
    return ready.shifted(recent.shift, recent.variance), said


def _support(data: TrainingSet, rows: Vector, cut: pd.Timestamp, seed: int) -> Support | None:
    """Who is like the `rows`; None where there is no feature to tell it by."""
    if not data.features:
        return None
    return Support(fit("logistic", data, rows, cut, seed)).fit(
        data.X.iloc[rows], sample_weight=data.known(rows, cut)[1]
    )


def _drawn(data: TrainingSet, rows: Vector, seed: int) -> Vector:
    """The rows of as many accounts, drawn with replacement."""
    codes, names = pd.factorize(data.group.iloc[rows])
    [times] = next(draw_accounts(len(names), len(rows), 1, seed))
    return np.repeat(rows, times[codes])


def fit(name: str, data: TrainingSet, rows: Vector, cut: pd.Timestamp, seed: int) -> Estimator:
    """The candidate fitted on `rows` with the labels and weights of `cut`."""
    build = {c.name: c.build for c in CANDIDATES}[name]
    y, weight = data.known(rows, cut)
    return build(data.features, seed).fit(data.X.iloc[rows], y, sample_weight=weight)


def predict_all(
    data: TrainingSet, rows: Vector, test: Vector, cut: pd.Timestamp, seed: int, of: Sequence[Candidate] = CANDIDATES
) -> pd.DataFrame:
    """Probabilities of the rows `test` by every candidate fitted on `rows`; pooled ones come last and fit nothing."""
    X, alone, pooled = data.X.iloc[test], [c for c in of if not c.members], [c for c in of if c.members]
    p = {c.name: fit(c.name, data, rows, cut, seed).predict_proba(X)[:, 1] for c in alone}
    p |= {c.name: pool([p[name] for name in c.members]) for c in pooled}
    return pd.DataFrame(p, index=test)
