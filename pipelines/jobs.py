"""What does each job do? Plain functions over a workspace; the flows and the command line only call them."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from data.agreement.file import all_versions, default_text, in_force
from data.agreement.model import Agreement
from data.errors import DataError, LeadreadyError, ModelError
from data.intake.ingest import IngestReport, ingest, quarantined, replay
from data.intake.quarantine import discard
from data.settings import DEFAULT as DEFAULT_SETTINGS
from data.settings import Settings, read_settings
from data.warehouse import Warehouse
from data.workspace import Workspace

if TYPE_CHECKING:  # scikit-learn and MLflow are imported by the jobs that need them: they take seconds
    from features.catalogue import Feature
    from models.judging.ablation import Ablation
    from models.judging.backtest import Backtest, Policies
    from models.judging.plan import TrainingPlan
    from models.judging.promotion import Champion, Decision
    from models.judging.training import TrainingResult
    from models.registry.client import LoadedModel, ModelVersion, Registry
    from models.registry.history import Move
    from models.rows.training_set import TrainingSet

log = logging.getLogger(__name__)

FIRST_AGREEMENT = "2000-01-01.toml"


@dataclass(frozen=True)
class Training:
    """What a training came to: figures, the decision with its reasons, the version kept, the count of each outcome."""

    result: TrainingResult
    decision: Decision
    version: ModelVersion
    outcomes: dict[str, int]

    @property
    def alias(self) -> str:
        """In words: in use as champion, kept as challenger, or not promoted."""
        words = {"champion": "in use as champion", "challenger": "kept as challenger", None: "not promoted"}
        return words[self.decision.alias] + (" (provisional)" if self.decision.provisional else "")


@dataclass(frozen=True)
class Planning:
    """What a training would be: its plan, the count of each outcome, and the settings and agreement it rests on."""

    plan: TrainingPlan
    outcomes: dict[str, int]
    settings: Settings
    agreement: Agreement


@dataclass(frozen=True)
class Backtesting:
    """What a backtest came to; policies: None where no hand-off could be valued."""

    result: Backtest
    policies: Policies | None
    outcomes: dict[str, int]
    run_id: str


@dataclass(frozen=True)
class Ablating:
    """What an ablation came to, and the run that keeps it."""

    result: Ablation
    run_id: str


def init_workspace(workspace: Workspace, scheme: str = "BANT") -> list[Path]:
    """Make the workspace with an agreement of that scheme and settings; what is there stays. Returns the files made."""
    texts = {workspace.agreements / FIRST_AGREEMENT: default_text(scheme), workspace.settings: DEFAULT_SETTINGS}
    workspace.create()
    workspace.check()
    if any(workspace.agreements.glob("*.toml")):
        del texts[workspace.agreements / FIRST_AGREEMENT]
    made = [path for path, text in texts.items() if workspace.add(path, text)]
    with open_warehouse(workspace):
        pass
    return made


@contextlib.contextmanager
def open_warehouse(workspace: Workspace) -> Iterator[Warehouse]:
    """The workspace's warehouse under its compute settings."""
    workspace.check()
    compute = read_settings(workspace.settings).compute
    with Warehouse.open(workspace.warehouse, threads=compute.threads, memory=compute.memory) as warehouse:
        yield warehouse


def ingest_batch(
    workspace: Workspace,
    source: str,
    path: str,
    loaded_at: datetime,
    *,
    backfill: bool = False,
    timezone: str = "UTC",
    mappings: Path | None = None,
) -> IngestReport:
    """Load one batch of a source; see data.ingest.ingest."""
    with open_warehouse(workspace) as warehouse:
        return ingest(
            warehouse, source, path, loaded_at=loaded_at, backfill=backfill, timezone=timezone, mappings=mappings,
            agreements=all_versions(workspace.agreements),
        )  # fmt: skip


def list_quarantine(workspace: Workspace) -> pd.DataFrame:
    """The rows that no table took, with the reasons."""
    with open_warehouse(workspace) as warehouse:
        return quarantined(warehouse)


def replay_quarantine(workspace: Workspace, loaded_at: datetime) -> IngestReport:
    """Try the quarantined rows again."""
    with open_warehouse(workspace) as warehouse:
        return replay(warehouse, loaded_at=loaded_at, agreements=all_versions(workspace.agreements))


def discard_quarantine(workspace: Workspace, batch_id: str) -> int:
    """Drop the quarantined rows of one batch; how many there were."""
    with open_warehouse(workspace) as warehouse:
        return discard(warehouse, batch_id)


def read_context(workspace: Workspace, as_of: datetime) -> tuple[Settings, Agreement]:
    """The settings, and the agreement in force at `as_of`."""
    return read_settings(workspace.settings), in_force(workspace.agreements, as_of)


def train_models(workspace: Workspace, observed: datetime) -> Training:
    """Fit and compare all candidates on what was known at `observed`, log them, and put the best to use if it may be.

    Raises ModelError or DataError where the labels do not suffice. A model that may not be used is no error here: the
    decision says so and why.
    """
    from features.catalogue import catalogue_version
    from models.judging.promotion import decide, hand_off_gain, zones_of
    from models.judging.training import train
    from models.metrics.sample_size import effective_parameters
    from models.registry.client import Registry
    from models.rows.dataset import build_training_set
    from models.rows.training_set import check
    from serving.pages.training import write_pages

    settings, agreement = read_context(workspace, observed)
    options, registry = settings.training, Registry(workspace)
    with open_warehouse(workspace) as warehouse:
        data, outcomes = build_training_set(warehouse, settings, agreement, observed)
        check(data)  # before MLflow's store is made: a refused training keeps nothing
        zones = zones_of(warehouse, data, agreement)
        champion = _champion(workspace, warehouse, registry, data)
        sources = [source for (source,) in warehouse.rows("SELECT DISTINCT source FROM batches ORDER BY source")]
    result = train(
        data, seed=options.seed, test_share=options.test_share, folds=options.folds,
        allowed_columns=options.allowed_columns,
    )  # fmt: skip
    gain = hand_off_gain(agreement, zones, result, champion) if champion else None
    decision = decide(result, champion, effective_parameters(result.estimator, data.X), gain)
    context = _report_tags(settings, agreement, observed) | {
        "source": ", ".join(sources),
        "points_version": agreement.points_version,
        "catalogue_version": catalogue_version(data.features),
        "left_out": ", ".join(settings.features.exclude),
        "explored_labels": str(data.explored.sum()),
        **{f"outcome_{name}": str(count) for name, count in outcomes.items()},
    }
    version = registry.log_training(result, context, decision, write_pages)
    log.info("kept in MLflow as version %d of the model", version.version)
    return Training(result, registry.apply(version, decision), version, outcomes)


def _champion(workspace: Workspace, warehouse: Warehouse, registry: Registry, data: TrainingSet) -> Champion | None:
    """The model in use and what it says of the snapshots later than all it learned from; None where there is none."""
    from models.judging.promotion import Champion
    from serving.scoring import score_snapshots

    version = registry.aliases().get("champion")
    if version is None:
        return None
    try:
        model = registry.load(version)
        index = pd.DataFrame({"lead_id": data.lead_id, "as_of": data.as_of})[data.as_of > model.trained_until]
        p = score_snapshots(warehouse, model, _trained_under(workspace, model), index)
    except ModelError as error:
        log.warning("the model in use can no longer score: %s", error)
        return Champion(version, fault=error.parts["got"])
    return Champion(version, p, model.trained_until)


def plan_training(workspace: Workspace, observed: datetime) -> Planning:
    """What `train_models` would do on what was known at `observed`, found without fitting anything.

    Raises DataError where there is nothing to learn from. Too few labels are no error here: the plan says so.
    """
    from models.judging.plan import plan_training as plan
    from models.rows.dataset import build_training_set

    settings, agreement = read_context(workspace, observed)
    with open_warehouse(workspace) as warehouse:
        data, outcomes = build_training_set(warehouse, settings, agreement, observed)
    options = settings.training
    return Planning(plan(data, test_share=options.test_share, folds=options.folds), outcomes, settings, agreement)


def promote_model(workspace: Workspace, version: int, when: datetime, by: str, why: str, force: bool) -> Move | None:
    """Put a version to use by hand at `when` (UTC); None where it is in use already. See `Registry.promote`."""
    from models.registry.client import Registry

    registry = Registry(workspace)
    return registry.promote(version, when, by, why, force, _fault(workspace, registry, version))


def roll_back(workspace: Workspace, when: datetime, by: str, why: str) -> Move:
    """Put the version to use that was in use before, and warn if it can no longer score; see `Registry.roll_back`."""
    from models.registry.client import Registry

    registry = Registry(workspace)
    move = registry.roll_back(when, by, why)
    try:
        if fault := _fault(workspace, registry, move.to):
            log.warning("version %d can no longer score: %s", move.to, fault)
    except (LeadreadyError, OSError) as error:  # it is in use already: an error would have the command typed again
        log.warning("version %d is in use; whether it can score could not be looked at: %s", move.to, error)
    return move


def _fault(workspace: Workspace, registry: Registry, version: int) -> str:
    """Why a version cannot score with the agreements and the catalogue of today; nothing: ''."""
    from serving.scoring import score_snapshots

    try:
        model = registry.load(version)
        with open_warehouse(workspace) as warehouse:
            score_snapshots(warehouse, model, _trained_under(workspace, model), pd.DataFrame())
    except ModelError as error:
        return error.parts["got"]
    return ""


@dataclass(frozen=True)
class Scoring:
    """A day's scores, what there was capacity for, and the folder of the export (None: not published)."""

    scores: pd.DataFrame
    capacity: pd.DataFrame
    folder: Path | None


def score_open_leads(workspace: Workspace, as_of: datetime, alias: str = "champion") -> Scoring:
    """Score every open lead at `as_of` and publish.

    Only the champion's scores are published: those of another model are to look at. Raises ModelError where the
    agreement that the model was trained under is gone.
    """
    from models.registry.client import Registry
    from serving.scoring import score_leads
    from serving.sinks import publish

    settings, agreement = read_context(workspace, as_of)
    registry = Registry(workspace)
    model = registry.champion() if alias == "champion" else registry.load(alias)
    if model is None:
        log.warning("no champion: the rules alone route")
    trained_under = _trained_under(workspace, model) if model else None
    with open_warehouse(workspace) as warehouse:
        scores, capacity = score_leads(warehouse, agreement, model, as_of, trained_under)
        log.info("scored %d open leads as of %s", len(scores), as_of)
        if model and (changed := _label_changes(model, settings)):
            log.warning("%s changed after the model was trained: train again, it predicts the old label", changed)
            scores["model_status"] = "retrain: the label changed"
        folder = publish(workspace, warehouse, scores) if alias == "champion" else None
    return Scoring(scores, capacity, folder)


def _trained_under(workspace: Workspace, model: LoadedModel) -> Agreement:
    version, versions = model.tags.get("agreement_version", ""), all_versions(workspace.agreements)
    alike = (a for a in versions if a.points_version == model.tags.get("points_version"))
    found = next((a for a in versions if a.version == version), None) or next(alike, None)
    if found is None:
        raise ModelError(
            f"scoring with model version {model.version}", expected=f"the agreement {version} it was trained under",
            got=f"no agreement {version} any more: it was edited or removed",
            do=f"put it back into {workspace.agreements} and write changes into a new file with the day they begin, or "
            "train again",
        )  # fmt: skip
    return found


def _label_changes(model: LoadedModel, settings: Settings) -> str:
    """What the settings say otherwise than when the model was trained of what is predicted; nothing: ''."""
    now = {
        "horizon_days": f"{settings.label.horizon_days:g}",
        "expired": settings.label.expired,
        "never_handed_off": settings.label.never_handed_off,
    }
    return ", ".join(k for k, v in now.items() if model.tags.get(k, v) != v)


def backtest_models(
    workspace: Workspace, first: datetime, last: datetime, every: timedelta, observed: datetime
) -> Backtesting:
    """What training and scoring at `first` and every so often until `last` would have done, judged by `observed`.

    The matrix is built once, under the agreement in force at `observed`; the rules that the policies are held against
    are those in force at each hand-off. Raises DataError where no day can be judged.
    """
    from features.rules.standing import build_rules
    from models.judging.backtest import backtest, value_policies
    from models.registry.client import Registry
    from models.rows.dataset import build_training_set
    from serving.pages.training_plots import draw_backtest
    from serving.scoring import VOUCHED_FROM

    settings, agreement = read_context(workspace, observed)
    agreements, options = all_versions(workspace.agreements), settings.training
    with open_warehouse(workspace) as warehouse:
        data, outcomes = build_training_set(warehouse, settings, agreement, observed)
    result = backtest(data, pd.Timestamp(first), pd.Timestamp(last), every, seed=options.seed, folds=options.folds)
    snapshots = result.judged[["lead_id", "as_of"]].drop_duplicates()
    with open_warehouse(workspace) as warehouse:
        standing = build_rules(warehouse, snapshots, _from_the_start(agreements))
    policies = value_policies(result.judged, standing, agreements, VOUCHED_FROM, options.seed)
    tables = {"predicted": result.predicted, "days": result.days, "metrics": result.metrics.reset_index(),
              "periods": result.periods}  # fmt: skip
    tables |= {"policies": policies.table, "policy_gain": policies.curve} if policies else {}
    step = f"{every / timedelta(days=1):g}d"
    tags = _report_tags(settings, agreement, observed) | {"from": str(first), "to": str(last), "every": step}
    name = f"backtest from {first:%Y-%m-%d} to {last:%Y-%m-%d} every {step}"
    plots = draw_backtest(result, policies)
    run_id = Registry(workspace).log_report("backtest", name, tags, result.figures, tables, plots)
    return Backtesting(result, policies, outcomes, run_id)


def ablate_models(workspace: Workspace, observed: datetime) -> Ablating:
    """What each kind of knowledge adds on later time, by what was known at `observed`.

    Raises ModelError or DataError where the labels do not suffice.
    """
    from models.judging.ablation import ablate
    from models.registry.client import Registry
    from models.rows.dataset import build_training_set
    from serving.pages.training_plots import draw_ablation

    settings, agreement = read_context(workspace, observed)
    options = settings.training
    with open_warehouse(workspace) as warehouse:
        data, _ = build_training_set(warehouse, settings, agreement, observed)
    result = ablate(data, seed=options.seed, test_share=options.test_share, folds=options.folds)
    tables = {"arms": result.arms.reset_index(), "gains": result.gains_table, "tested": result.tested}
    tags = _report_tags(settings, agreement, observed) | {"sentence": result.sentence}
    name, plots = f"ablation as of {observed:%Y-%m-%d}", {"ablation": draw_ablation(result)}
    run_id = Registry(workspace).log_report("ablation", name, tags, result.figures, tables, plots)
    return Ablating(result, run_id)


def _from_the_start(agreements: list[Agreement]) -> list[Agreement]:
    """The agreements, the first of them in force from ever on: hand-offs may be older than it."""
    return [a.model_copy(update={"effective_from": datetime.min.date()} if not i else {})
            for i, a in enumerate(agreements)]  # fmt: skip


def _report_tags(settings: Settings, agreement: Agreement, observed: datetime) -> dict[str, str]:
    label = settings.label
    return {
        "cohort": settings.cohort.name,
        "horizon_days": f"{label.horizon_days:g}",
        "expired": label.expired,
        "never_handed_off": label.never_handed_off,
        "observed": observed.isoformat(),
        "agreement_version": agreement.version,
        "seed": str(settings.training.seed),
    }


def report_on(workspace: Workspace, as_of: datetime) -> Path:
    """Write the report of what was known at `as_of`; returns its folder."""
    from models.registry.client import Registry
    from serving.pages.report.report import write_report
    from serving.scoring import vouches

    registry = Registry(workspace)
    model = registry.champion()
    if model and datetime.fromisoformat(model.tags["observed"]) > as_of:
        log.warning("the model in use learned from what came later: it is left out of this report")
        model = None
    tested = registry.holdout(model) if model else pd.DataFrame()
    with open_warehouse(workspace) as warehouse:
        return write_report(workspace, warehouse, all_versions(workspace.agreements), as_of, tested, vouches(model))


def find_unseen_words(workspace: Workspace, agreements: list[Agreement]) -> list[str]:
    """What the last of the agreements speaks of and the workspace's data do not have; nothing where there are none."""
    from features.rules.standing import find_unseen

    if not agreements or not workspace.warehouse.exists():
        return []
    with open_warehouse(workspace) as warehouse:
        return find_unseen(warehouse, agreements[-1])


def explain_points(workspace: Workspace, leads: list[str], as_of: datetime) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The standing of each lead under the rules in force at `as_of`, and the lines that add up to its points."""
    from features.rules.standing import build_lines, build_rules

    agreements = all_versions(workspace.agreements)
    index = pd.DataFrame({"lead_id": leads, "as_of": pd.Timestamp(as_of)})
    with open_warehouse(workspace) as warehouse:
        standing = build_rules(warehouse, index, agreements)
        unknown = sorted(set(leads) - set(standing["lead_id"]))
        if unknown:
            raise DataError(
                f"explaining as of {as_of:%Y-%m-%d}", expected="leads known by then",
                got=f"no {', '.join(unknown[:10])}", do="check the id, or take a later --as-of",
            )  # fmt: skip
        return standing, build_lines(warehouse, index, agreements)


def explain_score(workspace: Workspace, lead: str, as_of: datetime) -> dict[str, object] | None:
    """What the champion makes of a lead at `as_of` (see `serving.scoring.explain_one`); None where there is none."""
    from models.registry.client import Registry
    from serving.scoring import explain_one

    model = Registry(workspace).champion()
    if model is None:
        return None
    with open_warehouse(workspace) as warehouse:
        found = explain_one(warehouse, model, _trained_under(workspace, model), lead, as_of)
    return {"version": model.version, "trained_until": model.trained_until, "provisional": model.provisional, **found}


def simulate_source(workspace: Workspace, leads: int, seed: int) -> Path:
    """Write the simulated company's files into the workspace; returns their folder."""
    from data.simulator.company import simulate, write

    folder = workspace.root / "simulated"
    write(simulate(leads=leads, seed=seed), folder)
    return folder


def read_catalogue(workspace: Workspace, now: datetime) -> tuple[Feature, ...]:
    """Every feature under the agreement in force, the extra columns of the ingested sources among them."""
    from features.catalogue import build_catalogue

    _, agreement = read_context(workspace, now)
    with open_warehouse(workspace) as warehouse:
        return build_catalogue(agreement, warehouse)


def check_features(workspace: Workspace, leads: int, now: datetime) -> tuple[int, dict[str, str]]:
    """Run the invariance check on the workspace's data: how many features, and those that read ahead."""
    from features.catalogue import build_catalogue
    from features.invariance import find_leaks, sample_moments

    _, agreement = read_context(workspace, now)
    with open_warehouse(workspace) as warehouse:
        catalogue = build_catalogue(agreement, warehouse)
        moments = sample_moments(warehouse)
        if not moments:
            raise DataError("checking the features", expected="ingested rows", got="none", do="run `leadready ingest`")
        return len(catalogue), find_leaks(warehouse, agreement, catalogue, moments, leads)
