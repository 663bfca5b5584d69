"""Who was forgotten? A list of salted hashes that names nobody, to be applied again to data from before.

An older copy of the data holds people who were forgotten since. Whoever has the list finds them there by their ids.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from data.errors import DataError
from data.intake.quarantine import FIELDS
from data.warehouse import Warehouse

HASHED = "SELECT key, known_at FROM retractions WHERE what = 'forget' ORDER BY known_at, key"
FORMAT = 1


@dataclass(frozen=True)
class Forgotten:
    """The salt of the hashes, '' where nobody was ever forgotten, and the hash of each person's id with its moment."""

    salt: str = ""
    hashes: tuple[tuple[str, datetime], ...] = ()

    def as_json(self) -> str:
        """The list as a file."""
        people = [{"hash": key, "forgotten_at": at.isoformat()} for key, at in self.hashes]
        return json.dumps({"format": FORMAT, "salt": self.salt, "forgotten": people}, indent=1) + "\n"


def read_forgotten(file: Path) -> Forgotten:
    """The list in a file; DataError where it is none."""
    try:
        said: Any = json.loads(file.read_text(encoding="utf-8"))
        if said["format"] != FORMAT:
            raise ValueError(f"format {said['format']}")
        people = [(str(one["hash"]), datetime.fromisoformat(one["forgotten_at"])) for one in said["forgotten"]]
        return Forgotten(str(said["salt"]), tuple(people))
    except (OSError, ValueError, KeyError, TypeError) as error:
        got = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        expected, do = "a list as `leadready forgotten` writes it", "name another file"
        raise DataError(f"reading {file}", expected=expected, got=got, do=do) from None


def list_forgotten(warehouse: Warehouse) -> Forgotten:
    """Everybody whom this warehouse was told to forget; nobody where an older leadready made it, which could not."""
    there = "SELECT count(*) FROM duckdb_tables() WHERE table_name IN ('meta', 'retractions')"
    if warehouse.scalar(there) < 2:
        return Forgotten()
    return Forgotten(warehouse.scalar("SELECT salt FROM meta") or "", tuple(warehouse.rows(HASHED)))


def take_over(warehouse: Warehouse, known: Forgotten) -> int:
    """Note everybody on the list as forgotten, so that rows of them that come later are dropped; how many cannot be.

    Hashes of another salt than the warehouse's own cannot: it has one.
    """
    if not known.hashes:
        return 0
    with warehouse.transaction():
        warehouse.execute("UPDATE meta SET salt = coalesce(salt, $1)", [known.salt])
        if warehouse.scalar("SELECT salt FROM meta") != known.salt:
            return len(known.hashes)
        with warehouse.view("known_list", _frame(known)):
            warehouse.execute("""INSERT INTO retractions BY NAME SELECT 'forget' AS what, hash AS key, known_at
                FROM known_list WHERE hash NOT IN (SELECT key FROM retractions WHERE what = 'forget')""")
    return 0


def still_there(warehouse: Warehouse, known: Forgotten) -> list[str]:
    """The ids of all on the list of whom the warehouse holds rows, those in quarantine too."""
    names = warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY 1")
    ids = [f"SELECT lead_id AS id FROM {name}" for (name,) in names if "lead_id" in warehouse.columns(name)]
    ids.append(f"SELECT unnest(regexp_split_to_array(raw, '{FIELDS}')) FROM quarantine")
    ids += [f"SELECT {column} FROM retractions WHERE what <> 'forget'" for column in ("key", "merged_into")]
    with warehouse.view("known_list", _frame(known)):
        found = warehouse.rows(
            f"""SELECT DISTINCT id FROM ({" UNION ".join(ids)})
            WHERE sha256($1 || id) IN (SELECT hash FROM known_list) ORDER BY id""",
            [known.salt],
        )
    return [one for (one,) in found]


def _frame(known: Forgotten) -> pd.DataFrame:
    frame = pd.DataFrame(known.hashes, columns=["hash", "known_at"])
    return frame.astype({"hash": "str", "known_at": "datetime64[us]"})
