"""Which features are there? The catalogue for an agreement and for whatever columns a source brought."""

from __future__ import annotations

import hashlib
import re

from data.agreement.model import Agreement
from data.warehouse import Warehouse
from features.concepts import account, calls, engagement, extras, fit, journey, qualification
from features.definition import CONCEPTS, Concept, Feature

__all__ = ["CONCEPTS", "Concept", "Feature", "build_catalogue", "catalogue_version", "needed", "select"]


def build_catalogue(
    agreement: Agreement, warehouse: Warehouse | None = None, *, identifiers: bool = False
) -> tuple[Feature, ...]:
    """Every feature, in a fixed order: the six concepts, then the extra columns of leads and accounts.

    Extra text that only names the row is left out, unless `identifiers` (to score with a model that has it).
    """
    first = (*fit.features(), *engagement.features(), *calls.features(), *qualification.features(agreement))
    own = (*first, *account.features(), *journey.features())
    return (*own, *extras.features(warehouse, identifiers)) if warehouse else own


def catalogue_version(features: tuple[Feature, ...]) -> str:
    """A short hash of all definitions: it changes when any of them does."""
    return hashlib.sha256(repr(features).encode()).hexdigest()[:12]


def needed(features: tuple[Feature, ...], names: set[str]) -> tuple[Feature, ...]:
    """The features called `names` and those their SQL builds on, in catalogue order."""
    by_name = {f.name: f for f in features}
    todo, found = names, set[str]()
    while todo:
        found |= todo
        built_on = (by_name[name].sql for name in todo if by_name[name].over in ("made", "peers"))
        todo = {word for sql in built_on for word in re.findall(r"\w+", sql)} & by_name.keys() - found
    return tuple(f for f in features if f.name in found)


def select(features: tuple[Feature, ...], include: tuple[str, ...], exclude: tuple[str, ...]) -> tuple[Feature, ...]:
    """The features whose names match a pattern of `include` and none of `exclude` (`*` stands for anything)."""

    def matches(name: str, patterns: tuple[str, ...]) -> bool:
        return any(re.fullmatch(".*".join(map(re.escape, p.split("*"))), name) for p in patterns)

    return tuple(f for f in features if matches(f.name, include) and not matches(f.name, exclude))
