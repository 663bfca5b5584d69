"""What did an ablation find? Each arm's figures, what everything together adds to it, and the page its run keeps."""

from __future__ import annotations

import pandas as pd

from models.judging.ablation import Ablation
from serving.pages.backtest import arm_rows
from serving.pages.page import as_page
from serving.pages.sections import Report, Section


def ablation_report(result: Ablation, run_id: str) -> Report:
    """Each arm's figures on the later rows, and what these data support, in words."""
    notes = [
        f"trained on {result.labels:,} earlier labels, tested once on {len(result.tested):,} later snapshots",
        *(f"{name} is left out: the data have none of its columns" for name in result.left_out),
        *(verdict.sentence for verdict in result.verdicts),
        result.sentence,
        f"kept in MLflow as run {run_id}",
    ]
    arms = arm_rows(result.arms, result.gains, "everything's gain", ("columns", "chosen"))
    facts = {"run_id": run_id, "arms": arms, "sentence": result.sentence, "notes": notes}
    return Report(
        [Section("What is each arm worth?", rows=arms), Section("What can be concluded?", points=notes)], facts
    )


def ablation_page(result: Ablation) -> str:
    """The page with both figures, as HTML."""
    title = f"What does each kind of knowledge add? {len(result.tested):,} later leads"
    return as_page(Report(ablation_figures(result), title=title, about=result.sentence))


def ablation_figures(result: Ablation) -> list[Section]:
    """Log loss of each arm, and the paired gain of everything over it, both with 95 % intervals."""
    arms = result.arms.reset_index(names="arm")[["arm", "log_loss", "low", "high", "columns", "chosen"]]
    gains = pd.DataFrame([{"arm": n, "gain": g.mean, "low": g.low, "high": g.high} for n, g in result.gains.items()])
    ahead = "Gain of everything over the arm in log loss; it is certain where the whole line lies above 0."
    return [
        Section(
            "How well does each arm predict?", ("Lower is better.",), frame=arms, kind="dots - arm log_loss low high"
        ),
        Section(
            "What does everything add?", (ahead,), frame=gains.assign(zero=0.0), kind="dots - arm gain low high zero"
        ),
    ]
