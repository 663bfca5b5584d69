"""What does the report show? One section per .sql file: its result is the CSV, the table and the plot."""

from __future__ import annotations

import glob
import re
from itertools import takewhile
from pathlib import Path
from typing import Any

from data.sql import literal
from data.warehouse import Warehouse
from serving.pages.sections import Section

HERE = Path(__file__).parent
START = HERE / "start.sql"
FIGURES = tuple(sorted(HERE.glob("[0-9]*.sql")))


def read_sections(folder: Path) -> list[Section]:
    """Every figure, by its query over the Parquet files of `folder`."""
    sections: list[Section] = []
    with Warehouse.open(None, threads=1) as warehouse:  # sums of numbers in one order, to the last bit
        warehouse.execute(start_sql(folder))
        for path in FIGURES:
            query = path.read_text(encoding="utf-8")
            header: dict[str, Any] = read_header(query)
            made = {"frame": warehouse.frame(query), "query": query, "name": path.stem, "notes": [header.pop("text")]}
            before = sections[-1].chapter if sections else ""
            sections.append(Section(**{"chapter": before, **header, **made}))
    return sections


def start_sql(folder: Path) -> str:
    """The statements of start.sql for the tables of `folder`, wherever the process runs."""
    text = START.read_text(encoding="utf-8")
    return re.sub(r"'(\w+\.parquet)'", lambda file: literal(glob.escape(str(folder / file[1]))), text)


def read_header(query: str) -> dict[str, str]:
    """The keys in a figure's first comment lines: title, text, kind and perhaps chapter and empty."""
    lines = [line.removeprefix("--").strip() for line in takewhile(lambda line: line[:2] == "--", query.splitlines())]
    parts = re.split(r"(?:^| )(chapter|title|text|kind|empty): ", " ".join(lines))
    return dict(zip(parts[1::2], parts[2::2], strict=True))
