"""Which worlds are there? The parameters that vary between them, and what each of the six sets."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from data.errors import UsageError
from data.simulator.words import Floats


def _set(default: Any, meaning: str, source: str = "") -> Any:
    """A parameter: its value in the default world, what it means, and who says so."""
    return field(default=default, metadata={"meaning": meaning, "source": source})


@dataclass(frozen=True)
class Change:
    """A break in the middle of things; what it leaves out stays as it was."""

    at: float = _set(2 / 3, "when, as a share of the span", "METHODS 8: drift")
    base: float = _set(-0.6, "what it adds to every hand-off's log-odds", "METHODS 4: base-rate drift")
    asked: float = _set(0.6, "share of their earlier questions that agents still ask")
    criteria: int = _set(3, "criteria of BANT that have to be met from then on, need among them")
    sources: tuple[float, ...] = _set(
        (0.18, 0.30, 0.30, 0.10, 0.06, 0.06), "shares of new leads' sources, in the order of words.SOURCES"
    )
    industries: tuple[float, ...] = _set(
        (0.10, 0.12, 0.10, 0.12, 0.10, 0.20, 0.14, 0.12),
        "shares of new accounts' industries, in the order of words.INDUSTRIES",
    )


@dataclass(frozen=True)
class World:
    """What varies between worlds; log-odds are natural, times are days. `parameters()` lists them with meanings."""

    meaning: str = _set("", "what the world is for")
    base: float = _set(-2.6, "log-odds of acceptance where all terms are 0")
    trend: float = _set(0.0, "what a year adds to the log-odds, spread evenly and 0 at half a year")
    blind_acceptance: float | None = _set(None, "if given, sales accepts this share, whatever the lead is")
    silent: float = _set(0.10, "share of hand-offs that sales never answers", "METHODS 8: silence")
    delay_median: float = _set(2.8, "median days from hand-off to acceptance", "METHODS 8: days in a fast world")
    delay_sigma: float = _set(0.9, "spread of that delay's logarithm (log-normal)", "METHODS 8")
    delay_least: float = _set(0.0, "days before which nothing is ever decided; they come on top of the delay")
    refusal_pace: float = _set(1.0, "a refusal's delay as a multiple of an acceptance's")
    explored: float = _set(
        0.03,
        "share of leads handed off below the gate when their turn comes, every 90 days",
        "METHODS 2: 5 % of leads in all",
    )
    criteria: int = _set(2, "criteria of BANT that have to be met at the gate, need among them")
    held_back: float = _set(0.0, "share of the leads that met the gate and that agents keep all the same")
    pushed: float = _set(0.0, "share of the leads that said one yes, fell short, and that agents hand off all the same")
    hidden: float = _set(0.0, "log-odds per unit of what only people sense, and no row shows")
    bought_elsewhere: float = _set(0.15, "chance that a competitor wins an in-market window by its end", "METHODS 8")
    bought_effect: float = _set(-3.0, "what that adds to the log-odds from then on")
    connect: float = _set(-2.3, "log-odds that a dial reaches a person out of the market", "METHODS 8: 5-13 % per dial")
    flipped: float = _set(0.08, "share of answers that say the opposite of the truth", "METHODS 8: 8 %")
    interactions: float = _set(0.0, "weight of strong interactions between concepts")
    humps: float = _set(0.0, "weight of effects that turn: touches, dials, seniority, colleagues")
    heavy_tails: bool = _set(False, "latent terms are t-distributed (3 degrees of freedom) and touches come in bursts")
    change: Change | None = field(
        default=None,
        metadata={"meaning": "a break: base rate, mix, asking and agreement", "source": "METHODS 8: drift"},
    )

    def accepted_within(self, days: float, probability: Floats) -> Floats:
        """The chance that sales accepts within `days` (> 0) of a hand-off, per row of the truth's `probability`."""
        in_time = norm.cdf(np.log(max(days - self.delay_least, 1e-9) / self.delay_median) / self.delay_sigma)
        return np.asarray(probability * ((1 - self.silent) * in_time))

    def shift(self, at: Floats, span: float) -> Floats:
        """What the calendar adds to the log-odds at `at` days after the start of a world of `span` days."""
        change = self.change.base * self.changed(at, span) if self.change else 0.0
        return np.asarray(self.trend * (at / 365 - 0.5) + change)

    def changed(self, at: Floats, span: float) -> npt.NDArray[np.bool_]:
        """Whether the break lies behind: False everywhere in a world without one."""
        return np.asarray(at >= (self.change.at * span if self.change else np.inf))


WORLDS: dict[str, World] = {
    "default": World("a fast and fairly regular company"),
    "slow": World(
        "decisions take weeks, refusals come sooner, and the base rate falls over the year",
        delay_median=17.0,  # with refusals at .6 of it, the median of all answers is METHODS 8's 14 days
        delay_sigma=1.95,
        refusal_pace=0.6,
        trend=-1.5,
    ),
    "drift": World("base rate, mix, asking and agreement change at two thirds of the span", change=Change()),
    "gated": World(
        "agents keep or push leads by what they sense, and write it down nowhere",
        held_back=0.35,
        pushed=0.15,
        hidden=0.9,
    ),
    "null": World("decisions depend on nothing", blind_acceptance=0.58),
    "strange": World(
        "strong interactions, heavy tails and effects that turn; nobody tunes on it",
        base=-2.5,
        hidden=0.35,
        interactions=1.0,
        humps=1.0,
        heavy_tails=True,
    ),
}


def named_world(world: World | str) -> World:
    """The world of that name, or the one given; UsageError where there is none of that name."""
    if isinstance(world, World):
        return world
    if world not in WORLDS:
        raise UsageError(
            "simulating", expected=f"one of the worlds {', '.join(WORLDS)}, articles", got=world, do="name one of them"
        )
    return WORLDS[world]


def parameters(of: type[World] | type[Change] = World) -> list[dict[str, Any]]:
    """Each parameter with its default, meaning and source, in the order of the fields."""
    return [{"name": f.name, "default": f.default, **f.metadata} for f in fields(of)]


def shown(value: Any) -> str:
    """A parameter's value as docs/simulator.md writes it."""
    if isinstance(value, tuple):
        return ", ".join(map(shown, value))
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return value if isinstance(value, str) else f"{value:.3g}"
