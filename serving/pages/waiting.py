"""Does a model wait for a person? Said wherever people look: beside scores, in the report, in the list of runs."""

from __future__ import annotations


def waiting_words(version: int | None) -> list[str]:
    """What to do about the version that waits; nothing where none does."""
    if version is None:
        return []
    look = f"look at its card (`leadready ui`), then run `leadready promote {version}`"
    return [f"version {version} is better than what is in use, by its training, and waits for you: {look}"]
