"""Do the predictions hold where the truth is known? The gates on simulated companies, over many seeds.

Prints a table of gate, what is asked, mean over seeds with its 95 % interval (Student's t), the worst seed and the
verdict, writes it as CSV, and ends with 1 where a gate fails. Naive arms stand beside the gates and have to miss them.
Every seed is a company of its own; two processes share the work.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.promotion_power import looks, power
from benchmarks.truth_company import Company, company
from benchmarks.truth_day import SIZES, on_a_scoring_day
from benchmarks.truth_delay import cut_history
from benchmarks.truth_gates import GATES, as_text, judge
from benchmarks.truth_learning import (
    MOMENTS,
    Lesson,
    after_a_shift,
    below_the_gate,
    lesson,
    on_later_handoffs,
    same_twice,
    with_few_labels,
)
from benchmarks.truth_reasons import reasons, sums
from benchmarks.truth_value import claims_in_a_null_world, worth

LEADS = {
    "default": 30_000,
    "strange": 26_000,
    "articles": 36_000,
}  # so many give 5,000 labels, and over 1,000 later ones
FOLDS = {"default": 4, "strange": 2, "articles": 4}  # nothing is asked of the choice where nothing is judged
WHOLE = 20  # seeds
EXPLAINED = {True: 10_000, False: 200}  # leads, in the whole form and in a short one
TRIALS = {True: 100, False: 20}
Figures = dict[str, float]
Part = Callable[[Company, Lesson], Figures]
REPORT: dict[str, Part] = {
    "calibration": on_later_handoffs,
    "below": below_the_gate,
    "fidelity": reasons,
    "value": worth,
}
ON_DEFAULT: dict[str, Part] = REPORT | {"shift": after_a_shift, "small": with_few_labels}
ALONE: dict[str, Callable[[int], Figures]] = {"null": claims_in_a_null_world, "delay": cut_history}
LONGEST = ("power", "default", "articles", "day", "strange", "delay", "null")
GROUPS = (*ON_DEFAULT, "day", "sums", "hash", "strange", "articles", *ALONE, "power")
KEPT = ["job", "seed", "figure", "value", "seconds"]
FOOTER = """\
(1) Over the concepts that are about the lead (in the default world fit, engagement and qualification). The rest of the
    truth is the rep, who is drawn after the hand-off: nobody can know it when scoring.
(2) At the rules' volume; a lead that is held counts what holding it is worth.
(3) Stricter: of what the oracle gains over holding everyone.
(4) The better of base rate and rules on the same labels, seed by seed.
Questions, actions and drafts of agreements have benchmarks of their own: questions, actions, trials."""


@dataclass(frozen=True)
class Job:
    """A piece of work on one seed."""

    name: str
    seed: int
    run: Callable[[], Figures]
    of: str = ""
    """Which of several jobs of that name on this seed."""

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from all others."""
        return f"{self.name} {self.of}".strip(), self.seed

    def __call__(self) -> tuple[Figures, float]:
        """Its figures, and the CPU seconds they took."""
        began = time.process_time()
        with threadpool_limits(limits=1):
            return self.run(), time.process_time() - began


def main() -> None:
    """Run what is asked for, print the table and say by the exit code whether it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=WHOLE)
    parser.add_argument("--first", type=int, default=1, help="the first seed; develop on 1001 and up")
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=GROUPS, metavar="GATE", help=", ".join(GROUPS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--csv", type=Path, default=Path("var/truth.csv"))
    parser.add_argument("--resume", action="store_true", help="keep the figures of a run of this commit that was ended")
    arguments = parser.parse_args()
    began, seeds = time.monotonic(), range(arguments.first, arguments.first + arguments.seeds)
    arguments.csv.parent.mkdir(parents=True, exist_ok=True)
    kept = arguments.csv.with_suffix(".seeds.csv")
    if not arguments.resume:
        kept.unlink(missing_ok=True)
    figures, cost, failed = run(jobs(seeds, arguments.only), arguments.processes, kept)
    table = judge(GATES, figures)
    table.to_csv(arguments.csv, index=False)
    print(f"{as_text(table)}\n{FOOTER}\n{spent(cost)}")
    unseen = [gate.name for gate in GATES if gate.kind == "gate" and gate.name not in set(table["gate"])]
    print(f"not judged in this run: {', '.join(unseen) or 'no gate'}")
    print(f"{len(seeds)} seeds in {(time.monotonic() - began) / 60:.0f} minutes; {arguments.csv}")
    print("".join(f"{name}, seed {seed}, failed: {error}\n" for (name, seed), error in failed.items()), end="")
    raise SystemExit(int(bool(failed) or table["verdict"].str.startswith("FAIL").any()))


def jobs(seeds: range, groups: Sequence[str]) -> list[Job]:
    """The pieces of work, the longest first, so that no core waits; what needs no seed goes with the first."""
    whole, first = len(seeds) >= WHOLE, seeds[0]
    once: dict[str, Part] = {"sums": partial(sums, leads=EXPLAINED[whole]), "hash": same_twice}
    found = [Job("power", first, partial(promotions, TRIALS[whole]))] if "power" in groups else []
    for seed in seeds:
        parts = ON_DEFAULT | (once if seed == first else {})
        asked = tuple(part for name, part in parts.items() if name in groups)
        found += [Job("default", seed, partial(on_company, "default", seed, asked))] if asked else []
        found += [Job(name, seed, partial(alone, seed)) for name, alone in ALONE.items() if name in groups]
        if "day" in groups:
            worlds = ("default", "articles") if whole else ("default",)
            days = [(w, size) for w in worlds for size in SIZES]
            found += [Job("day", seed, partial(on_a_scoring_day, *day, seed), " ".join(map(str, day))) for day in days]
        if "articles" in groups:
            found.append(Job("articles", seed, partial(on_company, "articles", seed, tuple(REPORT.values()))))
        if "strange" in groups:
            found.append(Job("strange", seed, partial(on_company, "strange", seed, tuple(REPORT.values()))))
    return sorted(found, key=lambda job: LONGEST.index(job.name))


def run(
    work: Sequence[Job], processes: int, kept: Path
) -> tuple[pd.DataFrame, pd.DataFrame, dict[tuple[str, int], str]]:
    """All figures (seed, figure, value), what each job cost (job, seed, CPU seconds), and why jobs failed, by key.

    What a job found is added to the file `kept` when it ends; jobs whose figures are there are not run again.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # a thread to each process, in libraries that threadpoolctl does not know too
    failed, known = {}, _kept(kept)
    done_before = set(zip(known["job"], known["seed"], strict=True))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(job): job for job in work if job.key not in done_before}
        for done in as_completed(waiting):
            job = waiting[done]
            if error := done.exception():
                failed[job.key] = f"{type(error).__name__}: {error}"
                continue
            found, seconds = done.result()
            rows = pd.DataFrame([(*job.key, name, value, seconds) for name, value in found.items()], columns=KEPT)
            rows.to_csv(kept, mode="a", header=not kept.exists(), index=False)
    # jobs end in any order; sums over seeds in another order would differ in the last bit
    every = _kept(kept).sort_values(["figure", "seed"], ignore_index=True)
    cost = every.assign(job=every["job"].str.partition(" ")[0]).drop_duplicates(["job", "seed", "seconds"])
    return every[["seed", "figure", "value"]], cost[["job", "seed", "seconds"]], failed


def _kept(path: Path) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame({name: pd.Series(dtype=object) for name in KEPT})
    return pd.read_csv(path)


def spent(cost: pd.DataFrame) -> str:
    """The mean CPU seconds of each kind of job."""
    mean = cost.groupby("job")["seconds"].mean().sort_values(ascending=False)
    return "CPU seconds: " + ", ".join(f"{name} {seconds:.0f}" for name, seconds in mean.items())


def on_company(world: str, seed: int, parts: Sequence[Part]) -> Figures:
    """The figures of one large company; those of other worlds than the default have the world's name before them."""
    prefix = "" if world == "default" else f"{world}: "
    with company(world, LEADS[world], seed, MOMENTS) as simulated:
        taught = lesson(simulated, folds=FOLDS[world])
        found = [part(simulated, taught) for part in parts]
    return {f"{prefix}{figure}": float(value) for each in found for figure, value in each.items()}


def promotions(trials: int) -> Figures:
    """How often an equal challenger and one better by .03 AUC take the champion's place, the less honest of two ways.

    Their errors are those of models that have nothing in common, and of models that err alike.
    """
    found = [power(trials, 5000, 0.03, alike, draws=1000)[["equal", "better"]].mean() for alike in (0.0, 0.8)]
    once = {"equal promoted": max(f["equal"] for f in found), "better promoted": min(f["better"] for f in found)}
    return once | {"equal promoted in 20 looks": looks(trials, draws=500)}


if __name__ == "__main__":
    main()
