"""What features are there? The catalogue, one feature with its SQL, and the proof that none reads ahead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data.errors import DataError, UsageError
from pipelines.cli.options import find_workspace
from pipelines.cli.printing import Answer, command
from pipelines.moment import NOW, now, settle
from serving.pages.sections import Report, listed

if TYPE_CHECKING:
    from features.catalogue import Feature

app = typer.Typer()
features = typer.Typer(no_args_is_help=True, help="List, show and check the features that models see.")
app.add_typer(features, name="features")


@command(features, "features list --concept calls", "list")
def features_list(
    workspace: Path, concept: Annotated[str | None, typer.Option(help="List only this concept.")] = None
) -> Report:
    """List every feature, including the extra columns of your sources."""
    catalogue = _catalogue(workspace)
    found = [f for f in catalogue if concept in (None, f.concept)]
    if not found:
        known = f"one of {', '.join(dict.fromkeys(f.concept for f in catalogue))}"
        raise UsageError("listing features", expected=known, got=str(concept), do="choose one of these")
    rows = [{"name": f.name, "concept": f.concept, "direction": f.direction, "meaning": f.meaning} for f in found]
    return listed(rows, f"{len(rows)} features")


@command(features, "features show email_click_7d", "show")
def features_show(workspace: Path, name: Annotated[str, typer.Argument(help="The name of the feature.")]) -> Report:
    """Show one feature in full. Its meaning, the meaning of a missing value and its SQL are printed."""
    import difflib

    by_name = {f.name: f for f in _catalogue(workspace)}
    if name not in by_name:
        near = ", ".join(difflib.get_close_matches(name, by_name, 3)) or "`leadready features list`"
        raise UsageError("showing a feature", expected="a name in the catalogue", got=name, do=f"try {near}")
    feature = by_name[name].facts()
    return listed((), *(f"{k:>9}: {v}" for k, v in feature.items() if v not in ("", ())), facts=feature)


@command(features, "features check --leads 1000", "check")
def features_check(
    workspace: Path, leads: Annotated[int, typer.Option(help="Check this many leads per moment.", min=1)] = 500
) -> Answer:
    """Check on your data that no feature uses later knowledge. The exit code is 12 if one does."""
    from features.catalogue import build_catalogue
    from features.invariance import find_leaks, sample_moments

    opened = find_workspace(workspace)
    agreement = opened.agreement_at(settle(opened, NOW, now()))
    with opened.warehouse() as warehouse:
        catalogue, moments = build_catalogue(agreement, warehouse), sample_moments(warehouse)
        if not moments:
            raise DataError("checking the features", expected="ingested rows", got="none", do="run `leadready ingest`")
        leaks = find_leaks(warehouse, agreement, catalogue, moments, leads)
    checked = len(catalogue)
    found = [f"{name}: {example}" for name, example in leaks.items()]
    said = f"{checked} features checked; {len(leaks)} use what was not known yet"
    return listed((), *found, said, facts={"checked": checked, "leaks": leaks}), 12 if leaks else 0


def _catalogue(workspace: Path) -> tuple[Feature, ...]:
    """Every feature under the agreement in force, the extra columns of the ingested sources among them."""
    from features.catalogue import build_catalogue

    opened = find_workspace(workspace)
    agreement = opened.agreement_at(settle(opened, NOW, now()))
    with opened.warehouse() as warehouse:
        return build_catalogue(agreement, warehouse)
