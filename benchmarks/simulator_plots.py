"""What do the simulator's worlds look like? Draws the plots of docs/simulator.md and prints its tables of figures.

Seven plots go to --out; the printed tables, one row a world, are means over --seeds companies from seed 1001 on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from data.simulator.activity import answers, calls, touches
from data.simulator.company import START, funnel, simulate
from data.simulator.people import People, people
from data.simulator.words import BANT
from data.simulator.worlds import WORLDS, Change, World, parameters, shown
from data.tables import CONNECTED

DAYS = 365
FIRST_SEED = 1001
LEADS = 12000
COLOURS = dict(zip(WORLDS, ("#1b6ca8", "#d1495b", "#e8a33d", "#3b8c5a", "#8a8a8a", "#7b4fa3"), strict=True))
STATES = {"not_asked": "#c9ced6", "refused": "#e8a33d", "no": "#d1495b", "yes": "#3b8c5a"}


def main() -> None:
    """Draw, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/simulator"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--leads", type=int, default=3000)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, (draw, height) in PLOTS.items():
        _save(draw, height, arguments.out / f"{name}.png")
    print("\n".join([*_parameters(World), "", *_parameters(Change), "", *_figures(arguments.seeds, arguments.leads)]))


@cache
def company(world: str, leads: int = LEADS) -> dict[str, pd.DataFrame]:
    return simulate(leads, FIRST_SEED, world=world)


def touches_by_market(axes: Axes) -> None:
    """Touches a lead and week, by the weeks since its account's window opened: while it is open, and otherwise."""
    rng = np.random.default_rng(FIRST_SEED)
    who = people(rng, LEADS, pd.Timestamp(START), DAYS, WORLDS["default"])
    seen = touches(rng, who, WORLDS["default"]).drop_duplicates(["lead", "at", "kind"])
    seen = seen[~seen["bot"]]
    opens, ends = who.opens[:, 0], np.minimum(who.closes[:, 0], who.bought)
    for label, is_open, weeks in (("in the market", True, range(13)), ("out of it", False, range(-8, 21))):
        rates = [_touches_in_week(seen, who, opens + 7 * week, (opens, ends), is_open) for week in weeks]
        axes.plot(list(weeks), rates, "o-", markersize=4, color=COLOURS["default" if is_open else "null"], label=label)
    axes.set(xlabel="weeks since the window opened (windows last 4 to 14)", ylabel="touches a lead and week")
    axes.set(ylim=(0, None), title="Touches rise while the account is in the market")
    axes.legend(frameon=False)


def _touches_in_week(
    seen: pd.DataFrame, who: People, begin: np.ndarray, window: tuple[np.ndarray, np.ndarray], is_open: bool
) -> float:
    """Mean touches in the week from `begin` of leads that had come in and whose window is open, or is not; else NaN."""
    opens, ends = window
    inside = (begin >= opens) & (begin + 7 <= ends)
    watched = (
        (begin > who.created + 7) & (begin + 7 < who.days) & (inside if is_open else (begin < opens) | (begin > ends))
    )
    age = seen["at"].to_numpy() - begin[seen["lead"]]
    touched = ((age >= 0) & (age < 7) & watched[seen["lead"]]).sum()
    return float(touched / watched.sum()) if watched.any() else float("nan")


def connect_rate(axes: Axes) -> None:
    """Share of dials that reach a person, by the number of the dial and by agent."""
    dials = company("default")["calls"].sort_values(["lead_id", "called_at"])
    reached = dials["disposition"].isin(CONNECTED)
    by_agent = reached.groupby(dials["agent_id"]).mean().sort_index()
    axes.axhspan(5, 13, color="#e6f0e9", zorder=0, label="aim: 5-13 %")
    axes.axhline(100 * reached.mean(), color="#444444", linewidth=1, label=f"all dials: {100 * reached.mean():.1f} %")
    axes.plot(100 * by_agent.to_numpy(), "o", color=COLOURS["default"])
    axes.set_xticks(range(len(by_agent)), [name.replace("agent_", "") for name in by_agent.index])
    axes.set(xlabel="agent, by skill", ylabel="% of dials", ylim=(0, 18), title="Dials that reach a person")
    axes.legend(frameon=False, loc="upper left", ncols=2)


def answers_by_state(axes: Axes) -> None:
    """What came of asking, by criterion and by what the truth was then."""
    rng, world = np.random.default_rng(FIRST_SEED), WORLDS["default"]
    who = people(rng, LEADS, pd.Timestamp(START), DAYS, world)
    seen = touches(rng, who, world)
    said = answers(rng, who, calls(rng, who, world), seen, world)
    said = said[(said["source"] == "call") & said["criterion"].isin(BANT)]
    truth = who.true_levels(said["lead"].to_numpy(), said["at"].to_numpy())
    level = np.select([said["criterion"] == c for c in BANT], [truth[c] for c in BANT])
    bars = [(c, holds) for c in BANT for holds in (False, True)]
    labels = [f"{c}: {'there' if holds else 'not there'}" for c, holds in bars]
    left = np.zeros(len(bars))
    for state, colour in STATES.items():
        share = [
            _percent(said["state"][(said["criterion"] == c) & ((level > 0) == holds)] == state) for c, holds in bars
        ]
        axes.barh(labels, share, left=left, color=colour, label=state.replace("_", " "))
        left += share
    axes.invert_yaxis()
    axes.set(xlabel="% of rows in calls", title="Answers by what is true", xlim=(0, 100))
    axes.legend(frameon=False, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.16))


def outcomes(axes: Axes) -> None:
    """What sales said within 14 days, of the hand-offs whose 14 days have passed."""
    left, colours = np.zeros(len(WORLDS)), ("#3b8c5a", "#d1495b", "#c9ced6")
    found = [funnel(company(world), START + timedelta(days=DAYS)) for world in WORLDS]
    for outcome, colour in zip(("accepted", "rejected", "unanswered"), colours, strict=True):
        share = np.array([100 * (row[outcome] or 0) for row in found])
        axes.barh(list(WORLDS), share, left=left, color=colour, label=f"{outcome} within 14 days")
        for place, (start, width) in enumerate(zip(left, share, strict=True)):
            axes.text(start + width / 2, place, f"{width:.0f}", ha="center", va="center", fontsize=8)
        left += share
    axes.invert_yaxis()
    axes.set(xlabel="% of hand-offs", title="What sales says", xlim=(0, 100))
    axes.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.18))


def delays(axes: Axes) -> None:
    """Days from hand-off to the decision, in the fast worlds and the slow one, acceptances and refusals apart."""
    for world in ("default", "slow"):
        tables = company(world)
        rows = tables["decisions"][tables["decisions"]["handed_off_at"] < START + timedelta(days=180)]
        days = (rows["decided_at"] - rows["handed_off_at"]) / pd.Timedelta(days=1)
        for decision, line in (("accepted", "-"), ("rejected", "--")):
            some = np.sort(days[rows["decision"] == decision])
            share = 100 * np.arange(1, len(some) + 1) / len(some)
            axes.plot(some, share, line, color=COLOURS[world], label=f"{world}: {decision}")
    axes.axvline(14, color="#444444", linewidth=1)
    axes.annotate("label horizon", (14, 3), xytext=(4, 0), textcoords="offset points", fontsize=8)
    axes.set_xscale("log")
    axes.set_xticks([0.1, 1, 3, 14, 60, 180], ["0.1", "1", "3", "14", "60", "180"])
    axes.set(xlabel="days from hand-off (of the first half of the year)", ylabel="% of decisions", xlim=(0.1, 365))
    axes.set_title("How long sales takes")
    axes.legend(frameon=False, loc="upper left")


def true_probability(axes: Axes) -> None:
    """How the true chance of acceptance is spread over the hand-offs of each world."""
    for world in WORLDS:
        p = company(world)["truth"]["probability"]
        if p.std() > 1e-9:
            share = np.histogram(p, np.linspace(0, 1, 21))[0] / len(p)
            axes.plot(np.linspace(0.025, 0.975, 20), 100 * share, color=COLOURS[world], label=world)
        else:
            axes.axvline(p.iloc[0], color=COLOURS[world], linestyle=":", label=f"{world} (all alike)")
    axes.set(xlabel="true chance that sales accepts", ylabel="% of hand-offs per .05", ylim=(0, None), xlim=(0, 1))
    axes.set_title("The truth is spread from sure to hopeless")
    axes.legend(frameon=False, ncols=2, loc="upper left")


def over_time(axes: Axes) -> None:
    """The true chance of acceptance by month of the hand-off."""
    for world in ("default", "slow", "drift"):
        truth = company(world)["truth"]
        month = truth["handed_off_at"].dt.month
        mean = truth["probability"].groupby(month).mean().loc[1:12]
        axes.plot(mean.index, mean, "o-", color=COLOURS[world], label=world, markersize=4)
    axes.axvline(1 + 12 * 2 / 3, color="#444444", linewidth=1)
    axes.annotate("drift: the break", (9, 0.73), xytext=(4, 0), textcoords="offset points", fontsize=8)
    axes.set(xlabel="month of the hand-off", ylabel="true chance of acceptance, mean", ylim=(0.3, 0.8))
    axes.set_xticks(range(1, 13))
    axes.set_title("What changes with the calendar")
    axes.legend(frameon=False, loc="lower left")


PLOTS: dict[str, tuple[Callable[[Axes], None], float]] = {
    "touches": (touches_by_market, 3.2),
    "connect": (connect_rate, 3.2),
    "answers": (answers_by_state, 3.8),
    "outcomes": (outcomes, 3.4),
    "delays": (delays, 3.4),
    "probability": (true_probability, 3.4),
    "drift": (over_time, 3.4),
}


def _save(draw: Callable[[Axes], None], height: float, path: Path) -> None:
    figure = Figure(figsize=(7, height), layout="constrained")
    axes = figure.subplots()
    draw(axes)
    axes.spines[["top", "right"]].set_visible(False)
    axes.title.set_fontsize(11)
    figure.savefig(path, dpi=100)


def _percent(flags: pd.Series) -> float:
    return 100 * float(flags.mean())


def _parameters(of: type[World] | type[Change]) -> list[str]:
    rows = [f"| `{p['name']}` | {shown(p['default'])} | {p['meaning']} | {p['source']} |" for p in parameters(of)]
    return ["| parameter | default | what it means | source |", "|---|---|---|---|", *rows]


def _figures(seeds: int, leads: int) -> list[str]:
    """One row a world: per 1,000 leads and shares, means over seeds."""
    head = (
        "| world | hand-offs | explored | answered by the end | accepted | rejected | unanswered | reached per dial |"
    )
    return [head, "|---|---|---|---|---|---|---|---|", *(_row(world, seeds, leads) for world in (*WORLDS, "articles"))]


def _row(world: str, seeds: int, leads: int) -> str:
    found = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        tables = simulate(leads, seed, world=world)
        by_rules, end = tables["handoffs"]["route"] == "rules", START + timedelta(days=DAYS)
        qualified = funnel({**tables, "handoffs": tables["handoffs"][by_rules]}, end)
        found.append({**qualified, "handoffs": len(by_rules), "explored": (~by_rules).sum()})
    mean = pd.DataFrame(found).mean()
    counts = [f"{mean[c] * 1000 / leads:.0f}" for c in ("handoffs", "explored", "decisions")]
    shares = [f"{100 * mean[c]:.1f} %" for c in ("accepted", "rejected", "unanswered", "connected_per_dial")]
    return f"| `{world}` | {' | '.join([*counts, *shares])} |"


if __name__ == "__main__":
    main()
