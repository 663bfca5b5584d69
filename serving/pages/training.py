"""What do people look at of a training? Its plots, what moves the scores, and the model card, as files of its run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from models.explaining.explanation import Explainer, importance, spread
from models.judging.promotion import Decision
from models.judging.training import TrainingResult
from serving.pages.card import write_card
from serving.pages.explanation import draw_explanation
from serving.pages.training_plots import draw_training


def write_pages(result: TrainingResult, decision: Decision, tags: Mapping[str, str], folder: Path) -> None:
    """Write the plots into `folder`/report, which is there, and the model card into `folder`/card."""
    report = folder / "report"
    for name, figure in draw_training(result).items():
        figure.savefig(report / f"{name}.png", dpi=100)
    _write_explanation(result, report)
    write_card(result, decision, tags, folder / "card")


def _write_explanation(result: TrainingResult, report: Path) -> None:
    """What moves the scores of the training rows that the model keeps, by concept and feature."""
    rows = pd.DataFrame(result.estimator.background)
    explainer = Explainer(result.estimator, spread(rows, 100), result.features)
    importance(explainer, rows).to_csv(report / "importance.csv", index=False)
    for name, figure in draw_explanation(explainer, rows).items():
        figure.savefig(report / f"explained_{name}.png", dpi=100)
