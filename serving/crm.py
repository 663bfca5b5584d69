"""How does a file look that a CRM imports? The same columns for each, under its names and by its rules."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.settings import Settings, read_settings
from data.spreadsheet import harmless_cell
from data.warehouse import Warehouse
from data.whole import whole, writing
from data.workspace import Workspace
from serving.outgoing import OUTGOING

log = logging.getLogger(__name__)

FOLDER = "SELECT folder, day FROM publications WHERE as_of = $1"
NEWEST = "SELECT as_of FROM publications ORDER BY as_of DESC LIMIT 1"


@dataclass(frozen=True)
class Layout:
    """What one system's importer wants.

    fields: our column -> the name of its field; longest: our column -> characters that its field holds; empty: what
    empties a field; moment: how as_of is written, by strftime; line_end: of each row; most_mb: of one file.
    """

    system: str
    fields: Mapping[str, str]
    most_mb: int
    longest: Mapping[str, int] = field(default_factory=dict)
    empty: str = ""
    moment: str = "%Y-%m-%d"
    line_end: str = "\n"

    @property
    def file(self) -> str:
        """Its name in a day's export."""
        return f"{self.system}.csv"


def write_file(workspace: Workspace, warehouse: Warehouse, as_of: Any, settings: Settings, layout: Layout) -> None:
    """Write the scores of one moment for a system that the settings name, beside the files of its day."""
    if layout.system not in settings.publish.crm:
        return
    [(folder, _)] = warehouse.rows(FOLDER, [as_of])
    place = _place(workspace, folder, layout)
    own: dict[str, str] = {**settings.publish.fields.get(layout.system, {})}  # type: ignore[dict-item]
    names = {column: name for column, default in layout.fields.items() if (name := own.get(column, default))}
    with _writing(place), whole(place, alone=True) as making:
        cut = _write(making, names, _rows(warehouse, as_of, [*names]), layout)
        size_mb = making.stat().st_size / 1e6
    for column, count in cut.items():
        log.warning("%s: %d of %s were cut to %d characters", layout.file, count, names[column], layout.longest[column])
    if size_mb > layout.most_mb:
        said = "%s has %.0f MB, and %s takes %d MB at a time: split it"
        log.warning(said, layout.file, size_mb, layout.system, layout.most_mb)


def make_up(workspace: Workspace, warehouse: Warehouse, layout: Layout) -> None:
    """Write the file of the newest scoring where it is not there, as after the settings first named the system."""
    settings = read_settings(workspace.settings)
    newest = warehouse.scalar(NEWEST) if layout.system in settings.publish.crm else None
    if newest:
        [(folder, _)] = warehouse.rows(FOLDER, [newest])
        place = _place(workspace, folder, layout)
        if place.parent.is_dir() and not place.is_file():
            write_file(workspace, warehouse, newest, settings, layout)


def _place(workspace: Workspace, folder: str, layout: Layout) -> Path:
    from serving.sinks.files import HIDDEN

    return workspace.exports / HIDDEN / folder / layout.file


def _writing(place: Path) -> Any:
    return writing(f"writing {place}", "fix this and score again; nothing is lost")


def _rows(warehouse: Warehouse, as_of: Any, columns: list[str]) -> Iterator[dict[str, Any]]:
    """The scores as they leave, in the order of ids, some at a time."""
    selected = ", ".join(f"{OUTGOING[name]} AS {name}" for name in columns)
    sql = f"SELECT {selected} FROM scores WHERE as_of = $1 ORDER BY scores.lead_id"
    with warehouse.batches(sql, [as_of]) as batches:
        for batch in batches:
            yield from batch.to_pylist()


def _write(path: Path, names: Mapping[str, str], rows: Iterator[dict[str, Any]], layout: Layout) -> dict[str, int]:
    """Write the rows; how many texts of each column were cut."""
    cut: dict[str, int] = {}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=layout.line_end)
        writer.writerow(map(harmless_cell, names.values()))
        for row in rows:
            for column, most in layout.longest.items():
                if len(row.get(column) or "") > most:
                    row[column] = row[column][: most - 3] + "..."
                    cut[column] = cut.get(column, 0) + 1
            writer.writerow([_cell(value, layout) for value in row.values()])
    return cut


def _cell(value: Any, layout: Layout) -> Any:
    if value is None:
        return layout.empty
    return value.strftime(layout.moment) if hasattr(value, "strftime") else harmless_cell(value)
