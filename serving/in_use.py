"""Which model is in use, trained under which agreement, can it score, and does it still predict today's label?"""

from __future__ import annotations

import logging
from datetime import datetime

import pandas as pd

from data.agreement.model import Agreement
from data.errors import ModelError
from data.opened import OpenWorkspace
from data.settings import Settings
from data.warehouse import Warehouse
from models.judging.promotion import Champion
from models.registry.client import LoadedModel, Registry
from models.rows.training_set import TrainingSet
from serving.scoring import score_snapshots

log = logging.getLogger(__name__)

IN_USE = "champion"
"""The alias of the model whose scores are published."""


def find_model(registry: Registry, alias: str = IN_USE) -> LoadedModel | None:
    """The model of an alias or a version; None where the champion is asked for and the rules alone route."""
    return registry.champion() if alias == IN_USE else registry.load(alias)


def find_model_known_by(registry: Registry, as_of: datetime) -> LoadedModel | None:
    """The model in use, unless it learned from what became known after `as_of`."""
    model = registry.champion()
    if model and datetime.fromisoformat(model.tags["observed"]) > as_of:
        log.warning("the model in use learned from data later than %s, so it is left out here", as_of)
        return None
    return model


def trained_under(opened: OpenWorkspace, model: LoadedModel) -> Agreement:
    """The agreement whose points the model sees: its own version, or one that gives the same points.

    Raises ModelError where that is gone.
    """
    version, points = model.tags.get("agreement_version", ""), model.tags.get("points_version")
    same = [a for a in opened.agreements if a.version == version]
    same = same or [a for a in opened.agreements if a.points_version == points]
    if same:
        return same[0]
    raise ModelError(
        f"scoring with model version {model.version}",
        expected=f"the agreement {version} it was trained under",
        got=f"no agreement {version} any more: it was edited or removed",
        do=f"move it back to {opened.workspace.agreements} and put changes into a new file named by the day they take "
        "effect, or train again",
    )


def find_fault(opened: OpenWorkspace, registry: Registry, version: int) -> str:
    """Why a version cannot score with the agreements and the catalogue of today; nothing: ''."""
    with opened.warehouse() as warehouse:
        return fault_of(opened, warehouse, registry, version)


def fault_of(opened: OpenWorkspace, warehouse: Warehouse, registry: Registry, wanted: str | int) -> str:
    """The same of a version or an alias, by a warehouse that is open."""
    try:
        model = registry.load(wanted)
        score_snapshots(warehouse, model, trained_under(opened, model), pd.DataFrame())
    except ModelError as error:
        return error.parts["got"]
    return ""


def ask_champion(opened: OpenWorkspace, warehouse: Warehouse, registry: Registry, data: TrainingSet) -> Champion | None:
    """The model in use and what it says of the snapshots later than all it learned from; None where there is none."""
    version = registry.aliases().get(IN_USE)
    if version is None:
        return None
    try:
        model = registry.load(version)
        later = data.snapshots[data.as_of > model.trained_until]
        p = score_snapshots(warehouse, model, trained_under(opened, model), later)
    except ModelError as error:
        log.warning("the model in use can no longer score: %s", error)
        return Champion(version, fault=error.parts["got"])
    return Champion(version, p, model.trained_until)


def label_tags(settings: Settings) -> dict[str, str]:
    """What a model trained under these settings predicts, as its tags say it."""
    label = settings.label
    return {
        "horizon_days": f"{label.horizon_days:g}",
        "expired": label.expired,
        "never_handed_off": label.never_handed_off,
    }


def model_status(model: LoadedModel | None, settings: Settings) -> str:
    """How far a score may be relied on, in a few words beside each: README, `model_status`."""
    if model is None:
        return "rules only"
    changed = [name for name, value in label_tags(settings).items() if model.tags.get(name, value) != value]
    if changed:
        names = ", ".join(changed)
        log.warning("%s changed after the model was trained: it still predicts the old label; train again", names)
        return "retrain: the label changed"
    return "provisional" if model.provisional else "in use"
