"""What did a backtest find? Each arm's figures, periods and policies, what may be said, and the page its run keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from models.judging.backtest import ARMS, OURS, Backtest, Policies
from models.judging.policy import AGREED, EQUAL, LEAST_EFFECTIVE, POLICIES
from models.metrics.claims import Gain
from serving.pages.page import as_page
from serving.pages.reliability import label, reliability
from serving.pages.sections import Report, Rows, Section, counted, records, rounded

JUDGED_BY = ("n", "log_loss", "brier", "auc", "calibration_slope", "calibration_intercept")


def backtest_report(result: Backtest, policies: Policies | None, outcomes: Mapping[str, int], run_id: str) -> Report:
    """Figures on the hand-offs that every arm predicted, by period, what policies were worth, and what may be said."""
    days = [{"period": f"{row.pop('period'):%Y-%m-%d}", **rounded(row)} for row in records(result.periods)]
    valued = records(policies.table.drop(columns="policy")) if policies else []
    worth = [{"policy": row.pop("words"), **rounded(row)} for row in valued]
    notes = [*_notes(result, policies, outcomes), f"kept in MLflow as run {run_id}"]
    gains = {arm: found["log_loss"] for arm, found in result.gains.items()}
    sections = [
        Section("Who predicts best?", rows=arm_rows(result.metrics, gains, "leadready's gain")),
        Section("How did it go over time?", rows=days),
        Section("What is each way of deciding worth?", rows=worth),
        Section("What can be concluded?", points=notes),
    ]
    arms, periods, values = (section.rows for section in sections[:3])
    return Report(sections, {"run_id": run_id, "arms": arms, "policies": values, "periods": periods, "notes": notes})


def arm_rows(table: pd.DataFrame, gains: Mapping[str, Gain], ahead: str, about: Sequence[str] = ()) -> Rows:
    """One row an arm: `about` it, its figures, and the gain over it under the name `ahead`, with its interval."""
    rows = []
    for arm in records(table.rename_axis("arm").reset_index()):
        gain = gains.get(arm["arm"])
        ours = {ahead: gain.mean, "low": gain.low, "high": gain.high} if gain else dict.fromkeys((ahead, "low", "high"))
        rows.append({**rounded(arm, ("arm", *about, *JUDGED_BY)), **rounded(ours)})
    return rows


def _notes(result: Backtest, policies: Policies | None, outcomes: Mapping[str, int]) -> list[str]:
    """How many hand-offs of how many days, what was left out, and what may be said, in words."""
    predicted, judged, days = len(result.predicted), len(result.judged), result.days
    steady = "predicted and accepted shares never differ by more than 3 standard errors"
    off = [f"{row['period']:%Y-%m-%d} ({row['z']:+.1f})" for row in records(result.periods) if abs(row["z"]) > 3]
    learned = days[days["skipped"] == ""]
    return [
        f"outcomes in the cohort (those with a label are predicted): {counted(outcomes)}",
        f"{predicted:,} hand-offs predicted on {len(learned):,} days by models trained on "
        f"{learned['labels'].min():,} to {learned['labels'].max():,} labels; {judged:,} judged, "
        f"{predicted - judged:,} still open",
        *(f"{row['day']:%Y-%m-%d} skipped: {row['skipped']}" for row in records(result.skipped)),
        *(verdict.sentence for verdict in result.verdicts),
        f"predicted and accepted shares differ by more than 3 standard errors from {', '.join(off)}" if off else steady,
        f"leads that this holds for: {result.reach.sentence}",
        *_policy_notes(policies),
    ]


def _policy_notes(policies: Policies | None) -> list[str]:
    if not policies:
        return ["no policy could be valued: no hand-off has a propensity above 0"]
    few = f"no claim is made for policies that treat fewer than {LEAST_EFFECTIVE:.0f} effective accounts differently"
    return [
        f"{POLICIES[EQUAL]}: {policies.claim.sentence}",
        *([policies.alike] if policies.alike else []),
        few,
    ]


def backtest_page(result: Backtest, policies: Policies | None) -> str:
    """The page with every figure, as HTML."""
    first, last = result.predicted["as_of"].min(), result.predicted["as_of"].max()
    title = f"Backtest: hand-offs from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    about = f"{len(result.judged):,} hand-offs, each predicted before its answer."
    return as_page(Report(backtest_figures(result, policies), title=title, about=about))


def backtest_figures(result: Backtest, policies: Policies | None) -> list[Section]:
    """Every figure of a backtest; that of the policies only where they could be valued."""
    judged = result.judged
    figures = [
        losses(result.periods),
        came_true(result.periods),
        reliability(judged["y"].to_numpy(), judged[OURS].to_numpy(), OURS),
    ]
    return [*figures, policy_gain(policies)] if policies else figures


def losses(periods: pd.DataFrame) -> Section:
    """Log loss of each arm in each period; one row of `periods` per period, as `backtest.over_time` gives it."""
    frame = pd.concat(
        pd.DataFrame({"arm": label(arm), "period": periods["period"], "log_loss": periods[f"log_loss_{arm}"]})
        for arm in ARMS
    )
    notes = ("Log loss of the hand-offs of each period. Lower is better.",)
    return Section("Who predicts best over time?", notes, frame=frame, kind="curves arm period log_loss")


def came_true(periods: pd.DataFrame) -> Section:
    """Mean probability and accepted share per period, with the band in which 95 % of right predictions fall."""
    shares = {name: f"{name}_share" for name in ("predicted", "accepted", "low", "high")}
    frame = periods[["period", *shares, "rows"]].rename(columns={**shares, "rows": "hand_offs"})
    frame = frame.assign(period=frame["period"].dt.strftime("%Y-%m-%d"))
    about = "Dot: the share accepted. Dashed: the share predicted. Line: where 95 % of correct predictions fall."
    kind = "dots - period accepted_share low_share high_share predicted_share = accepted_share hand_offs"
    return Section("Did the predicted share of acceptances come true?", (about,), frame=frame, kind=kind)


def policy_gain(policies: Policies) -> Section:
    """Money gained over the rules of each time, added up hand-off by hand-off."""
    curve = policies.curve[["as_of", AGREED, EQUAL]].rename(columns=POLICIES)
    frame = curve.melt("as_of", var_name="policy", value_name="gain_so_far")
    about = " (gated population only)" if policies.claim.gated_only else ""
    note = "In the agreement's currency. An explored hand-off stands for up to 20 leads at the gate."
    title = f"What would other policies have gained over the rules?{about}"
    return Section(title, (note,), frame=frame, kind="curves policy as_of gain_so_far")
