"""What do backtest and ablation keep to look at? The pages under the names that the jobs still call."""

from __future__ import annotations

from models.judging.backtest import Backtest, Policies
from serving.pages.ablation import ablation_page as draw_ablation
from serving.pages.backtest import backtest_page

__all__ = ["draw_ablation", "draw_backtest"]


def draw_backtest(result: Backtest, policies: Policies | None) -> dict[str, str]:
    """The page of a backtest by its name."""
    return {"backtest": backtest_page(result, policies)}
