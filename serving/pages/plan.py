"""What would a training start from? Cohort, label, rows and folds, in words and along a line of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data.agreement.model import Agreement
from data.settings import Settings
from models.judging.plan import Part, TrainingPlan, time_line
from serving.pages.sections import Report, Section, counted

MARKS = "=x#~"
LEGEND = "= trained on   x purged: an account that is tested, or no answer yet   # tested   ~ too young to test"
BETWEEN_DATES = 24


def plan_report(
    plan: TrainingPlan, outcomes: Mapping[str, int], settings: Settings, agreement: Agreement, width: int = 72
) -> Report:
    """What would be learned and tested, a row per fit, and why it would be refused, if it would."""
    parts = [part_row(part) for part in plan.parts]
    accepted, rejected = plan.labels
    facts = {
        "cohort": settings.cohort.name,
        "observed": plan.data.now.isoformat(),
        "agreement_version": agreement.version,
        "label": settings.label.model_dump(),
        "training": settings.training.model_dump(),
        "outcomes": outcomes,
        "rows": len(plan.data.y),
        "accepted": accepted,
        "rejected": rejected,
        "young": plan.parts[-1].young,
        "explored": plan.explored,
        "features": plan.features,
        "parts": parts,
        "refused": list(plan.refusals),
    }
    refused = [f"a training would be refused: {reason}" for reason in plan.refusals]
    sections = [
        Section("What would it learn from?", points=_points(plan, outcomes, settings, agreement)),
        Section("When?", time_lines(plan, width)),
        Section(
            "What would each fit train on and test?",
            rows=parts,
            points=refused or ["dry run: nothing was fitted or kept"],
        ),
    ]
    return Report(sections, facts)


def _points(plan: TrainingPlan, outcomes: Mapping[str, int], settings: Settings, agreement: Agreement) -> list[str]:
    (accepted, rejected), young, label = plan.labels, plan.parts[-1].young, settings.label
    concepts = ", ".join(f"{count} {concept}" for concept, count in plan.features.items())
    asked, made = settings.training.folds, len(plan.folds)
    fewer = f" (out of {asked}: the others have too little time or too few outcomes)" * (0 < made < asked)
    return [
        f"cohort: {settings.cohort.name}, known at {plan.data.now:%Y-%m-%d %H:%M}",
        f"agreement: {agreement.name} ({agreement.version})",
        f"label: accepted within {label.horizon_days:g} days; expired: {label.expired}, "
        f"never handed off: {label.never_handed_off}",
        f"outcomes in the cohort: {counted(outcomes)}",
        f"labels: {accepted:,} accepted, {rejected:,} rejected",
        f"young: {young:,} of {len(plan.data.y):,} rows have an open horizon: trained on by weight, not tested on",
        f"explored: {plan.explored:,} labels of leads picked at random below the rules' gate",
        f"features: {len(plan.data.features)} ({concepts})",
        f"forward folds: {made}{fewer}",
        *([plan.splits] if plan.splits else []),
    ]


def part_row(part: Part) -> dict[str, Any]:
    """A fit: when it is cut, how many rows it trains on and tests, and how many of them are accepted."""
    tests = bool(len(part.test))
    return {
        "part": part.name,
        "cut": f"{part.cut:%Y-%m-%d %H:%M}",
        "train": len(part.train),
        "train accepted": part.accepted,
        "train young": part.young,
        "purged": len(part.purged),
        "test": len(part.test) if tests else None,
        "test accepted": part.test_accepted if tests else None,
    }


def time_lines(plan: TrainingPlan, width: int) -> list[str]:
    """A line per fold and one for the held-out test, along an axis of dates; a mark shows what most rows are there."""
    lines = _axis(plan, width)
    for part in plan.parts[:-1]:
        counts = time_line(plan, part, width)
        marks = [MARKS[int(row.argmax())] if row.any() else " " for row in counts]
        lines.append(f"{part.name:10}{''.join(marks).rstrip()}")
    return [*lines, LEGEND]


def _axis(plan: TrainingPlan, width: int) -> list[str]:
    """Dates above their ticks: evenly spaced ones, and the last moment at the right end."""
    first, last = plan.data.as_of.min(), plan.data.as_of.max()
    count = max(width // BETWEEN_DATES, 1)
    step = width // count
    dates = "".join(f"{first + (last - first) * k / count:%Y-%m-%d}".ljust(step) for k in range(count))
    end = f"{last:%Y-%m-%d}"
    ticks = ("|".ljust(step) * count).ljust(width)[: width - 1] + "|"
    return [" " * 10 + dates.ljust(width)[: width - len(end)] + end, " " * 10 + ticks]
