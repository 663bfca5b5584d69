"""Would a published moment be scored the same today? Computed again from the warehouse, with what it rested on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from data.agreement.model import Agreement
from data.errors import DataError, ModelError
from data.freshness import measure_freshness
from data.intake.keys import stored_ids
from data.opened import OpenWorkspace
from data.past import as_stored, loaded_later
from data.settings import Settings
from data.tables import PUBLICATIONS, SCORES
from data.warehouse import Warehouse
from pipelines.jobs.score import score_rows

if TYPE_CHECKING:  # scikit-learn takes seconds
    from models.registry.client import LoadedModel
    from serving.basis import Basis
    from serving.replay import Replay

OF_MOMENT = "SELECT * FROM scores WHERE as_of = $1 ORDER BY lead_id"
NEAR = """SELECT as_of FROM publications WHERE thinned IS NOT TRUE
    ORDER BY abs(epoch(as_of) - epoch($1::TIMESTAMP)), as_of LIMIT 3"""
DISORDER = "SELECT count(*) FROM publications WHERE as_of < $1 AND number > $2"
NOTHING_LATER = pd.DataFrame({"lead_id": [], "of_table": [], "loaded_at": [], "n": []})


def replay_scores(opened: OpenWorkspace, as_of: datetime, leads: Sequence[str] = ()) -> Replay:
    """Compute the publication of `as_of` again, and compare; of `leads` alone where any are named.

    Nothing is written. Raises DataError where that moment was not published, or a lead was not scored in it.
    """
    from serving.basis import read_basis, settings_noted, taken_back
    from serving.replay import Replay, compare, compared_columns, explain_differences, settings_since, taken_since

    with opened.warehouse() as warehouse:
        said = _published(warehouse, as_of)
        wanted = stored_ids(warehouse, list(leads))
        agreement, model, under, causes = _who_scored(opened, said, as_of)
        number, basis = read_basis(warehouse, as_of) or (0, None)
        columns = compared_columns(said, basis)
        settings, changed, later = opened.settings, "", NOTHING_LATER
        if basis:
            causes += taken_since(basis, taken_back(warehouse, as_of), len(said))
            changed = settings_since(basis, settings_noted(settings))
            later = loaded_later(warehouse, as_of, basis.loaded)
        disordered = bool(basis and warehouse.scalar(DISORDER, [as_of, number]))
        now = _compute(warehouse, agreement, model, under, as_of, settings)
        published = basis.leads if basis and not wanted else len(said)
        said, now = _only(wanted, said, now, as_of)
        differences = compare(said, now, columns)
        as_then, again = None, differences
        swapped = str(model.version if model else "none") != str(said["model_version"].iloc[0])
        if basis and len(differences) and not swapped and (changed or len(later) or disordered):
            with as_stored(warehouse, as_of, basis.loaded, number):
                then = _compute(warehouse, agreement, model, under, as_of, _settings_then(settings, basis))
            again = compare(said, then[then["lead_id"].isin([*said["lead_id"], *now["lead_id"]])], columns)
        if basis:
            as_then = set(said["lead_id"]) - set(again["lead_id"])
            as_then |= set(now["lead_id"]) - set(said["lead_id"]) - set(again["lead_id"])
            causes += _of_code(said, now, basis, swapped)
        if disordered:
            causes.append("an earlier moment was scored after this one, so the draws before it are others")
        found = explain_differences(differences, as_then, later, changed, tuple(causes))
    equal = frozenset(said["lead_id"]) - set(again["lead_id"])
    return Replay(as_of, len(said), published, equal, found, tuple(causes), basis is not None)


def _published(warehouse: Warehouse, as_of: datetime) -> pd.DataFrame:
    for table in (SCORES, PUBLICATIONS):
        warehouse.make(table)
    said = warehouse.frame(OF_MOMENT, [as_of])
    thinned = warehouse.scalar("SELECT count(*) FROM publications WHERE as_of = $1 AND thinned", [as_of])
    if said.empty or thinned:
        near = ", ".join(f"{moment.isoformat()}" for (moment,) in warehouse.rows(NEAR, [as_of]))
        raise DataError(
            f"replaying the scores of {as_of.isoformat()}",
            expected="a moment that was published",
            got="one whose scores `leadready tidy` removed" if thinned else "none of that moment",
            do=f"name one of {near}" if near else "run `leadready score` first",
        )
    return said


def _only(
    leads: list[str], said: pd.DataFrame, now: pd.DataFrame, as_of: datetime
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both scorings of these leads alone, of all where none is named."""
    unknown = sorted(set(leads) - set(said["lead_id"]) - set(now["lead_id"]))
    if unknown:
        got, do = ", ".join(unknown[:10]), "check the id; a lead that was erased has no scores any more"
        raise DataError(f"replaying {as_of.isoformat()}", expected="leads that were scored then", got=got, do=do)
    if not leads:
        return said, now
    return said[said["lead_id"].isin(leads)], now[now["lead_id"].isin(leads)]


def _who_scored(
    opened: OpenWorkspace, said: pd.DataFrame, as_of: datetime
) -> tuple[Agreement, LoadedModel | None, Agreement | None, list[str]]:
    """The agreement and the model that scored, with the agreement whose points it sees; who does now, and why."""
    from models.registry.client import Registry
    from serving.in_use import find_fault, find_model, trained_under

    registry, causes = Registry(opened.workspace), []
    named, version = (str(said[c].iloc[0]) for c in ("agreement_version", "model_version"))
    same = [a for a in opened.agreements if a.version == named]
    if not same:
        causes.append(f"the agreement {named} is gone or was edited; {opened.agreement_at(as_of).version} applies now")
    agreement = same[0] if same else opened.agreement_at(as_of)
    if version == "none":
        return agreement, None, None, causes
    try:
        model, fault = registry.load(version), find_fault(opened, registry, int(version))
    except ModelError as error:
        model, fault = None, error.parts["got"]
    if fault:
        causes.append(f"model version {version} can no longer score: {fault}")
        model = find_model(registry)
        if model is None or find_fault(opened, registry, model.version):
            return agreement, None, None, causes
    return agreement, model, trained_under(opened, model) if model else None, causes


def _compute(
    warehouse: Warehouse,
    agreement: Agreement,
    model: LoadedModel | None,
    under: Agreement | None,
    as_of: datetime,
    settings: Settings,
) -> pd.DataFrame:
    """The scores of that moment as the table holds them."""
    fresh = measure_freshness(warehouse, as_of, settings.freshness)
    scores = score_rows(warehouse, agreement, model, as_of, under, settings, fresh).scores
    with warehouse.view("computed", scores[list(SCORES.names)]):
        return warehouse.frame("FROM computed ORDER BY lead_id")


def _settings_then(settings: Settings, basis: Basis) -> Settings:
    return Settings.model_validate(settings.model_dump(by_alias=True) | basis.settings)


def _of_code(said: pd.DataFrame, now: pd.DataFrame, basis: Basis, swapped: bool) -> list[str]:
    """What is another in leadready itself; `swapped`: another model scores now, with a catalogue of its own."""
    from importlib.metadata import version

    before, after = (str(of["catalogue_version"].iloc[0]) for of in (said, now))
    causes = [f"the catalogue of features is another: {before} then, {after} now"] * (before != after and not swapped)
    release = version("leadready")
    return causes + [f"leadready {basis.release} scored then, {release} now"] * (basis.release != release)
