"""How is a saved model read without running anything of it? Files that are as training left them, and types of ours."""

from __future__ import annotations

import hashlib
from pathlib import Path

from data.errors import ModelError
from models.fitting.deployed import ReadyModel, trusted_types

FILES = ("MLmodel", "model.skops")
"""What MLflow keeps of a model that we read: its columns, and the model itself."""


def fingerprint(folder: Path) -> str:
    """SHA-256 of both files of a saved model; OSError where one is missing."""
    return hashlib.sha256(b"".join(hashlib.sha256((folder / name).read_bytes()).digest() for name in FILES)).hexdigest()


def read_model(folder: Path, version: int, kept: str | None, chosen: str) -> ReadyModel:
    """The model saved in `folder`, as the registry keeps it: its fingerprint, and the candidate that was chosen.

    Nothing that the files say widens the types that are loaded, and no other format than skops is read. Raises
    ModelError where the files are not those that were logged, or hold types that the candidate's spec does not declare.
    """
    import skops.io

    train = "train again, and promote the new version yourself if training does not"
    if kept is None:
        raise _unfit(version, "one of an older form, whose files cannot be told from changed ones", train)
    if fingerprint(folder) != kept:
        do = "restore them from a backup, run `leadready rollback`, or train again"
        raise _unfit(version, "files that were changed since training logged them", do)
    file, trusted = folder / "model.skops", trusted_types(chosen)
    try:
        strange = sorted(set(skops.io.get_untrusted_types(file=file)) - trusted)
        found = None if strange else skops.io.load(file, trusted=sorted(trusted))
    except Exception as error:  # whatever a damaged file makes of zip, JSON, NumPy or scikit-learn
        raise _unfit(version, f"a file that cannot be read ({type(error).__name__})", train) from None
    if not isinstance(found, ReadyModel):
        holds = strange[0] if strange else type(found).__name__
        raise _unfit(version, f"one of an older form, with the type {holds}", train)
    return found


def _unfit(version: int, got: str, do: str) -> ModelError:
    expected = "a model as this version of leadready logs it"
    return ModelError(f"loading model version {version}", expected=expected, got=got, do=do)
