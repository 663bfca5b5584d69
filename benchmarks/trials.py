"""Does `agreement try` tell the truth? Drafts laid over simulated companies, its intervals against what is true.

For each of --seeds companies of --leads leads and each draft of DRAFTS: the leads that it and the agreement in force
would have qualified in the company's year, what sales would have accepted of them by the truth, and the two estimates
that `serving.trial` and `models.judging.trial` make of it from the log. Printed: each of them, how often the intervals
of both agreements and of the change hold the truth, and how often nothing was claimed. With `--explored 0` nobody below
the gate is handed off: then a draft that qualifies others has to be met by "cannot tell". `python -m benchmarks.trials
--seeds 8`; develop on seeds from 1001.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.truth_company import END
from data.agreement.file import parse_agreement
from data.agreement.model import Agreement
from data.intake.ingest import ingest
from data.settings import Settings
from data.simulator.company import simulate
from data.simulator.worlds import World, named_world
from data.tables import TABLES
from data.warehouse import Warehouse
from models.fitting.candidates import BLENDS
from models.judging.trial import NEW, OLD, Estimate, count_answers
from models.rows.dataset import build_training_set
from serving.trial import Told, answered_handoffs, estimates, months_before, reached_moments

IN_FORCE = """
name = "as the gate of the simulator"
[criteria]
budget = {{ yes = 10, fresh_days = 36500 }}
authority = {{ yes = 10, fresh_days = 36500 }}
need = {{ yes = 10, required = {required}, fresh_days = 36500{levels} }}
timeframe = {{ yes = 10, fresh_days = 36500 }}
engagement = {{ touches = {{ pricing_view = 6, webinar_attend = 8, form_submit = 10, email_click = 2 }} }}
[zones]
digital = {digital}
research = [5, {qualified}]
matrix = {matrix}
"""
PHONE, AND_WEB = (
    '[["not_yet"], ["nearly"], ["qualified"]]',
    ('[["not_yet", "not_yet"], ["nearly", "qualified"], ["qualified", "qualified"]]'),
)
AS_IT_IS: dict[str, object] = {"required": "true", "levels": "", "qualified": 20, "digital": [], "matrix": PHONE}
DRAFTS: dict[str, dict[str, object]] = {
    "three of four": {"qualified": 30},
    "active need": {"levels": ", levels = { latent = 0, active = 10 }"},
    "need alone": {"qualified": 10},
    "any one of four": {"required": "false", "qualified": 10},
    "active need alone, or two others": {"required": "false", "levels": ", levels = { latent = 0, active = 20 }"},
    "need and much on the web": {"digital": [25], "matrix": AND_WEB},
}
"""What each draft changes in the agreement by which the company hands off: need and one more of BANT."""
CANDIDATE = next(iter(BLENDS.values()))
MONTHS = 12
SPANS = ("old", "new", "change")


def main() -> None:
    """Try every draft on every company, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--leads", type=int, default=30_000)
    parser.add_argument("--explored", type=float, help="chance of a lead below the gate on its turn; the world's own")
    arguments = parser.parse_args()
    world, found = named_world("default"), []
    if arguments.explored is not None:
        world = replace(world, explored=arguments.explored)
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        found += tried(world, arguments.leads, seed)
        print(pd.DataFrame(found).query("seed == @seed").round(1).to_string(index=False), flush=True)
    print(summary(pd.DataFrame(found)).to_string(index=False))


def agreement(**changes: object) -> Agreement:
    """The agreement by which the simulated company hands off, with what a draft changes."""
    return parse_agreement(IN_FORCE.format(**{**AS_IT_IS, **changes}), date(2025, 1, 1), "a draft")


def tried(world: World, leads: int, seed: int) -> list[dict[str, object]]:
    """A row per draft and estimate: what it says, and what is true."""
    since, tables = months_before(END, MONTHS), simulate(leads, seed, world=world)
    with tempfile.TemporaryDirectory() as folder, Warehouse.open(None, threads=1) as warehouse:
        warehouse.connection.execute("SET enable_progress_bar = false")
        for name in TABLES.keys() & tables.keys():
            tables[name].to_parquet(Path(folder) / f"{name}.parquet")
        ingest(warehouse, "canonical", folder, loaded_at=END)
        in_force = agreement()
        data, _ = build_training_set(warehouse, Settings(), in_force, END)
        found, moments = {}, []
        for name, change in DRAFTS.items():
            both = {OLD: in_force, NEW: agreement(**change)}
            reached, _ = reached_moments(warehouse, both, since, END)
            answers = answered_handoffs(warehouse, both, data, since)
            counted = count_answers(reached, answers)
            told: tuple[Estimate, ...] = ()
            if not counted.blind:
                told = estimates(warehouse, in_force, data, reached, answers, counted.few, CANDIDATE)
            found[name] = Told(counted, *told)
            moments.append(reached.assign(draft=name))
    every = pd.concat(moments, ignore_index=True)
    sent = every[["lead_id", "seen_at"]].rename(columns={"seen_at": "as_of"})
    truth = simulate(leads, seed, world=world, moments=sent)["truth_at"]
    every = every.assign(true=truth["probability"].to_numpy())
    sums = every.groupby(["draft", "agreement"])["true"].sum().unstack()
    return [row for name, told in found.items() for row in _rows(seed, name, told, sums.loc[name])]


def _rows(seed: int, name: str, told: Told, sums: pd.Series) -> list[dict[str, object]]:
    true = {"old": sums[OLD], "new": sums[NEW], "change": sums[NEW] - sums[OLD]}
    rows = []
    for kind in ("weighted", "corrected"):
        estimates = getattr(told, kind)
        row: dict[str, object] = {
            "seed": seed,
            "draft": name,
            "estimate": kind,
            "few": ", ".join(told.answers.few),
            "told": estimates is not None,
        }
        row |= {f"{k} accounts": v for k, v in told.answers.effective.items()}
        for span in SPANS if estimates else ():
            of = getattr(estimates, span)
            row |= {f"{span} true": true[span], span: of.mean, f"{span} held": of.low <= true[span] <= of.high}
            row |= {f"{span} width": of.high - of.low}
        rows.append(row)
    return rows


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """By estimate: how many trials told something, and of these the share of intervals that hold the truth."""
    rows = []
    for estimate, of in found.groupby("estimate", sort=False):
        told = of[of["told"]]
        held = {f"{span} held": told[f"{span} held"].astype(float).mean() if len(told) else None for span in SPANS}
        off = {f"{span} off": (told[span] - told[f"{span} true"]).mean() if len(told) else None for span in SPANS}
        rows.append({"estimate": estimate, "trials": len(of), "told": len(told), **held, **off})
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
