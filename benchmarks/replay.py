"""Do changes add up, and can past scores be computed again? Weeks of one company, with all that goes wrong in them.

`python -m benchmarks.replay [days] [leads]` loads a company's rows morning after morning and publishes its scores.
Touches come late; others come late and say that they were known before. Touches turn out to be bots', calls are
corrected, leads merged, persons erased, loads taken back, one of them from the start; the agreement changes, the
catalogue of features is upgraded and other models put into use. Every other day the change of each lead since the day
before is split; at last random scores are computed again. It prints by how much the steps miss the change, how many
scores come out equal, and why the others do not.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np
import pandas as pd

from data.agreement.file import default_text
from data.intake.retraction import merge, retract_batch
from data.opened import OpenWorkspace, open_workspace
from data.simulator.company import simulate, write
from data.tables import TABLES
from data.workspace import Workspace
from features.concepts import engagement
from features.definition import Feature
from models.registry.client import Registry
from pipelines.jobs.forget import forget_lead
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.movers import find_movers
from pipelines.jobs.promote import promote_model
from pipelines.jobs.replay import replay_scores
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from pipelines.jobs.train import train_models
from serving.changes import STEPS

BEGIN = datetime(2025, 11, 6)
DAY, LOADED, SCORED = timedelta(days=1), timedelta(hours=4), timedelta(hours=5)
LATE, DATED, BOTS, CORRECTED = 0.03, 0.02, 5, 3
"""Shares of touches that come late and that say otherwise; touches and calls that are corrected each day."""
LATER_DAYS = 9
SAMPLE = 1000
SHARE = 0.3
"""Of those whose turn it is, handed off at random."""
STRICTER = """
[criteria.need]
levels = { latent = 10, active = 20 }
[criteria.next_step]
meaning = "a next meeting is agreed"
yes = 20
"""
Frames = dict[str, pd.DataFrame]


@dataclass
class Found:
    """What the changes miss at most, how many there were and by which cause; replayed scores by why they differ."""

    lead_days: int = 0
    miss: float = 0.0
    causes: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    scores: int = 0
    equal: int = 0
    as_then: int = 0
    named: Counter[str] = field(default_factory=Counter)
    unnamed: int = 0
    erased: int = 0

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"{self.lead_days:,} lead-days split; the steps miss the change by {self.miss:.1e} at most",
            f"main causes: {dict(self.causes.most_common())}",
            f"steps of at least .01: {dict(self.steps.most_common())}",
            f"{self.scores:,} past scores computed again: {self.equal:,} equal today, {self.as_then:,} equal from what "
            f"was stored then, {sum(self.named.values()):,} differ and are named, {self.unnamed:,} unnamed; "
            f"{self.erased:,} published rows went with erased persons",
            *(f"  {n:>6,}  {why}" for why, n in self.named.most_common()),
        ]


def upgraded(features: Callable[[], Iterator[Feature]]) -> Callable[[], Iterator[Feature]]:
    """The catalogue's features of engagement, half of the decay sums redefined."""

    def found() -> Iterator[Feature]:
        for place, feature in enumerate(features()):
            other = place % 2 and feature.over == "touches"
            yield replace(feature, meaning=f"{feature.meaning}, as upgraded") if other else feature

    return found


@dataclass
class Company:
    """A simulated company whose rows come in morning after morning."""

    opened: OpenWorkspace
    tables: Frames
    folder: Path
    rng: np.random.Generator
    days: int
    settled: set[str] = field(default_factory=set)
    """Merged or forgotten: nothing more is done to them."""

    def load(self, day: int, batch: Frames, known_by: datetime) -> str:
        """Ingest these rows on the morning of a day; the batch's id."""
        folder = self.folder / f"{day}-{len(list(self.folder.iterdir()))}"
        write({name: rows for name, rows in batch.items() if len(rows) or name == "leads"}, folder)
        return ingest_batch(self.opened, "canonical", str(folder), known_by).batch_id

    def morning(self, day: int) -> None:
        """A day's rows, what came late, what was corrected, and what people took back."""
        at = BEGIN + day * DAY + LOADED
        due = {name: rows[rows["due"] == day].drop(columns="due") for name, rows in self.tables.items()}
        corrected = self._corrections(at) if day else {}
        batch = self.load(day, due | {name: pd.concat([due[name], rows]) for name, rows in corrected.items()}, at)
        with self.opened.warehouse() as warehouse:
            clock = at + timedelta(minutes=10)
            if day % 7 == 3:
                one, other = self._anybody(2, day)
                merge(warehouse, one, other, clock)
                self.settled |= {one, other}
            if day == self.days // 4:
                retract_batch(warehouse, batch, clock)
            if day == self.days * 3 // 4:
                retract_batch(warehouse, batch, clock, from_start=True)
        if day % 10 == 5:
            [lead] = self._anybody(1, day)
            forget_lead(self.opened, lead, at + timedelta(minutes=15))
            self.settled.add(lead)

    def _corrections(self, at: datetime) -> Frames:
        """Touches that turn out to be bots', and calls that ended otherwise, known from just before `at`."""
        known = pd.Timestamp(at - timedelta(minutes=1)).as_unit("us")
        touches, calls = (self._before(name, at).tail(400) for name in ("touches", "calls"))
        bots = touches.sample(min(BOTS, len(touches)), random_state=self.rng).assign(is_bot=True, known_at=known)
        ended = calls.sample(min(CORRECTED, len(calls)), random_state=self.rng)
        return {"touches": bots, "calls": ended.assign(disposition="connected", known_at=known)}

    def _before(self, name: str, at: datetime) -> pd.DataFrame:
        rows = self.tables[name]
        happened = rows[str(TABLES[name].occurred_at)]
        return rows[(rows["due"] < (at - BEGIN) // DAY) & (happened < at - DAY)].drop(columns="due")

    def _anybody(self, n: int, day: int) -> list[str]:
        leads = self.tables["leads"]
        there = leads.loc[(leads["due"] < day) & ~leads["lead_id"].isin(self.settled), "lead_id"].to_numpy()
        return [str(lead) for lead in self.rng.choice(there, n, replace=False)]


def due_days(tables: Frames, rng: np.random.Generator) -> Frames:
    """Each table with the morning (`due`) on which each row comes in: the first after it was known, or a later one.

    Some touches come late, known from the night before they come; others come as late and keep their `known_at`.
    """
    found = {}
    for name in TABLES:
        rows = tables[name]
        due = np.maximum(np.floor((rows["known_at"] - pd.Timestamp(BEGIN)) / DAY).astype(int) + 1, 0)
        if name == "touches":
            chance, wait = rng.random(len(rows)), rng.integers(1, LATER_DAYS, len(rows))
            held = (chance < LATE + DATED) & (due > 0)
            due = due + np.where(held, wait, 0)
            late = held & (chance < LATE)
            night = pd.Series(pd.Timestamp(BEGIN) + due * DAY + pd.Timedelta(hours=3), rows.index).astype(
                "datetime64[us]"
            )
            rows = rows.assign(known_at=rows["known_at"].mask(late, night))
        found[name] = rows.assign(due=due)
    return found


def live(root: Path, days: int, leads: int, seed: int) -> Found:
    """A company's weeks in a new workspace, and what came of splitting and replaying them."""
    rng, space = np.random.default_rng(seed), Workspace(root / "var")
    init_workspace(space)
    write_agreement(space, "2000-01-01", "")
    space.settings.write_text("[training]\nfolds = 2\n")
    (root / "files").mkdir()
    company = Company(open_workspace(space.root), due_days(simulate(leads, seed), rng), root / "files", rng, days)
    company.morning(0)
    train_models(company.opened, BEGIN + LOADED + timedelta(hours=0.5))
    promote(company.opened, 1, BEGIN)
    found, original = Found(), engagement.features
    with patch.object(engagement, "features", original):
        for day in range(days):
            if day:
                company.morning(day)
            if day == days // 4:
                write_agreement(space, f"{(BEGIN + day * DAY).date()}", STRICTER)
                company.opened = open_workspace(space.root)
            if day == days * 2 // 3:
                engagement.features = upgraded(original)
            if day in (days // 3, days * 2 // 3):
                train_models(company.opened, BEGIN + day * DAY + LOADED + timedelta(minutes=30))
                promote(company.opened, 2 + (day > days // 3), BEGIN + day * DAY)
            as_of = BEGIN + day * DAY + SCORED
            score_open_leads(company.opened, as_of)
            if day % 2 == 0 and day:
                split(company.opened, as_of, found)
                print(f"day {day}: {found.lines()[0]}", file=sys.stderr)
        replay_all(company.opened, rng, found)
    return found


def write_agreement(space: Workspace, day: str, own: str) -> None:
    """An agreement in force from a day on, which explores."""
    text = default_text("BANT").replace("\nshare = 0\n", f"\nshare = {SHARE}\n")
    (space.agreements / f"{day}.toml").write_text(text + own)


def promote(opened: OpenWorkspace, version: int, when: datetime) -> None:
    """Put a version into use whatever its merits."""
    if Registry(opened.workspace).aliases().get("champion") != version:
        promote_model(opened, version, when, "", "whatever its merits", force=True)


def split(opened: OpenWorkspace, as_of: datetime, found: Found) -> None:
    """Every change since the day before, into `found`."""
    changes = find_movers(opened, as_of, None, 0.0).changes
    missed = (changes[list(STEPS)].sum(axis=1) - changes["change"]).abs().max()
    found.lead_days += len(changes)
    found.miss = max(found.miss, float(missed))
    found.causes.update(changes["cause"])
    found.steps.update({step: int((changes[step].abs() >= 0.01).sum()) for step in STEPS})


def replay_all(
    opened: OpenWorkspace, rng: np.random.Generator, found: Found, sample: int = SAMPLE, days: int | None = None
) -> None:
    """`sample` random scores of all days, or of so many random ones, computed again, into `found`."""
    with opened.warehouse() as warehouse:
        rows = warehouse.frame("SELECT as_of, lead_id FROM scores ORDER BY ALL")
    if days is not None:
        moments = rows["as_of"].unique()
        rows = rows[rows["as_of"].isin(rng.choice(moments, min(days, len(moments)), replace=False))]
    chosen = rows.iloc[np.sort(rng.choice(len(rows), min(sample, len(rows)), replace=False))]
    by_day = list(chosen.groupby("as_of"))
    for place in rng.permutation(len(by_day)):
        as_of, of_day = by_day[place]
        done = replay_scores(opened, pd.Timestamp(str(as_of)).to_pydatetime())
        why = done.differences.groupby("lead_id")["because"].first().reindex(of_day["lead_id"])
        found.scores += len(of_day)
        found.equal += int(why.isna().sum())
        found.as_then += int(of_day["lead_id"].isin(done.same_then).sum())
        found.named.update(kind_of(text) for text in why.dropna() if not text.startswith("unknown"))
        found.unnamed += int(why.dropna().str.startswith("unknown").sum())
        found.erased += done.leads - done.rows
        print(f"{as_of}: {found.lines()[3]}", file=sys.stderr)


def kind_of(because: str) -> str:
    """A cause without its numbers."""
    return "; ".join(sorted({part.partition(":")[0].partition("(")[0].strip() for part in because.split("; ")}))


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    with TemporaryDirectory() as scratch:
        print("\n".join(live(Path(scratch), *(given or [60]), *([740] if len(given) < 2 else []), seed=3).lines()))
