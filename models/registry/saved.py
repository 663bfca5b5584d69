"""How is a saved model read without running anything of it? Files that are as training left them, and types of ours."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from sklearn.pipeline import Pipeline

from data.errors import ModelError
from models.fitting.deployed import ReadyModel, trusted_types
from models.fitting.encoders import ColumnGuard

FILES = ("MLmodel", "model.skops")
"""What MLflow keeps of a model that we read: its columns, and the model itself."""

_LAST: dict[tuple[str, str], ReadyModel] = {}
"""The model read last, by its fingerprint and candidate: reading one takes seconds, and its bytes say what it is."""


def fingerprint(folder: Path) -> str:
    """SHA-256 of both files of a saved model; OSError where one is missing."""
    return hashlib.sha256(b"".join(hashlib.sha256((folder / name).read_bytes()).digest() for name in FILES)).hexdigest()


def read_model(folder: Path, version: int, kept: str | None, chosen: str) -> ReadyModel:
    """The model saved in `folder`, as the registry keeps it: its fingerprint, and the candidate that was chosen.

    Nothing that the files say widens the types that are loaded, and no other format than skops is read. Raises
    ModelError where the files are not those that were logged, or hold types that the candidate's spec does not declare.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    train = "train again, and promote the new version yourself if training does not"
    if kept is None:
        raise _unfit(version, "one of an older form, whose files cannot be told from changed ones", train)
    if fingerprint(folder) != kept:
        do = "restore them from a backup, run `leadready rollback`, or train again"
        raise _unfit(version, "files that were changed since training logged them", do)
    if before := _LAST.get((kept, chosen)):
        return before
    try:
        found = skops.io.load(folder / "model.skops", trusted=sorted(trusted_types(chosen)))
    except UntrustedTypesFoundException as error:  # before anything of it is made
        strange = re.findall("'(.+?)'", str(error))[0]
        raise _unfit(version, f"one of an older form, with the type {strange}", train) from None
    except Exception as error:  # whatever a damaged file makes of zip, JSON, NumPy or scikit-learn
        raise _unfit(version, f"a file that cannot be read ({type(error).__name__})", train) from None
    if not isinstance(found, ReadyModel):
        raise _unfit(version, f"one of an older form, with the type {type(found).__name__}", train)
    _LAST.clear()
    _LAST[kept, chosen] = found
    return found


def columns_of(model: ReadyModel) -> tuple[str, ...]:
    """The columns that a model takes, in order, by its own guard; none where it has no guard of ours."""
    part = model.estimator
    while members := getattr(part, "estimators_", None):
        part = members[0]
    guard = part[0] if isinstance(part, Pipeline) else None
    return tuple(guard.kinds_) if isinstance(guard, ColumnGuard) else ()


def _unfit(version: int, got: str, do: str) -> ModelError:
    expected = "a model as this version of leadready logs it"
    return ModelError(f"loading model version {version}", expected=expected, got=got, do=do)
