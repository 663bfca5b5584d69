"""Which relation does a file belong to? One rule for names as they are exported and as mappings declare them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

ENDINGS = (".csv", ".csv.gz", ".parquet", ".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def relation_of(path: Path, root: Path) -> str:
    """The relation a file belongs to: its folder's name below `root`, else its stem without a trailing date or number.

    >>> relation_of(Path("in/touches-2026-01.csv"), Path("in")), relation_of(Path("in/calls/7.parquet"), Path("in"))
    ('raw_touches', 'raw_calls')
    >>> relation_of(Path("All Leads 1-14-2026 9-30-15 AM.csv"), Path()), relation_of(Path("Lead (1).csv"), Path())
    ('raw_all_leads', 'raw_lead')
    """
    if path.parent != root and path.parent.parent == root:
        return named_relation(path.parent.name)
    stem = path.name.lower().removesuffix(ending(path))
    return named_relation(re.sub(r"[-_. ]+\d[-_. \dtz]*([ap]m)?$", "", re.sub(r" ?\(\d+\)$", "", stem)))


def declared_relation(name: str) -> str:
    """The relation that `-- reads:` means: a file's name as it is exported, or the name without date and ending.

    >>> declared_relation("All Leads"), declared_relation("all-contacts-2026-01-05.csv")
    ('raw_all_leads', 'raw_all_contacts')
    """
    return relation_of(Path(name), Path()) if ending(Path(name)) else named_relation(name)


def named_relation(name: str) -> str:
    """The relation of a folder or table of this name."""
    return "raw_" + re.sub(r"\W+", "_", name.lower())


def column_name(text: str, place: int) -> str:
    """A column's name as its header means it; `column_<place>` where nothing in the header can be seen.

    Unicode is composed (NFC), invisible characters go, every Unicode space is a space, and none stands at the ends.

    >>> column_name("\ufefflead_id\u00a0", 1), column_name("Job\u00a0Ti\u00adtle", 2), column_name(" \u200b", 3)
    ('lead_id', 'Job Title', 'column_3')
    """
    kept = (" " if unicodedata.category(c) == "Zs" else c for c in text if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", "".join(kept)).strip() or f"column_{place}"


def ending(path: Path) -> str:
    """The ending of a file that is read, '' of another."""
    return next((e for e in ENDINGS if path.name.lower().endswith(e)), "")
