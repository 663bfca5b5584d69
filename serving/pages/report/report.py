"""How does the report get out? A folder per day: the page, a CSV and its query per figure, and the base tables."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from data.agreement.file import pick
from data.agreement.model import Agreement
from data.settings import Settings
from data.spreadsheet import write_csv
from data.sql import in_force
from data.warehouse import Warehouse
from data.whole import whole, writing
from data.workspace import Workspace, day_name
from features.rules.standing import build_rules, first_reached
from serving.pages.page import as_page
from serving.pages.report.base_tables import DEFAULT, save_tables
from serving.pages.report.figures import FIGURES, START, read_sections
from serving.pages.report.judgement import save_judgement
from serving.pages.sections import Report
from serving.pages.waiting import waiting_words

PAGE = "report.html"
HANDED = f"""SELECT lead_id, handed_off_at, handed_off_at + INTERVAL 1 MICROSECOND AS as_of FROM handoffs e
    WHERE {in_force("$as_of::TIMESTAMP")} AND handed_off_at >= $first::TIMESTAMP ORDER BY ALL"""
LEADS = f"""SELECT lead_id, $as_of::TIMESTAMP AS as_of FROM leads e
    WHERE {in_force("$as_of::TIMESTAMP")} ORDER BY lead_id"""


def write_report(
    workspace: Workspace,
    warehouse: Warehouse,
    agreements: Sequence[Agreement],
    as_of: datetime,
    tested: pd.DataFrame | None = None,
    vouched: bool = False,
    settings: Settings = DEFAULT,
    waiting: int | None = None,
) -> Path:
    """Write `<workspace>/reports/<day>/`, whole or not at all; the same inputs give the same bytes. Returns the folder.

    `agreements`: every version, the earliest first. `tested` and `vouched`: the champion's later rows and whether it
    may speak of leads below the gate (`save_judgement`). `settings`: the day is that of `as_of` in their time zone.
    `waiting`: the version that waits to be promoted. Raises ConfigError where no agreement was in force at `as_of`, or
    the folder cannot be written.
    """
    now = pick(list(agreements), as_of)
    agreements = [a for a in agreements if a.effective_from <= as_of.date()]
    folder = workspace.reports / day_name(as_of, settings.time_zone)
    saying = writing(f"writing the report {folder}", "fix this and write the report again")
    with saying, whole(folder, alone=True) as making:
        making.mkdir()
        save_tables(warehouse, making, as_of, agreements, *what_rules_say(warehouse, list(agreements), as_of), settings)
        rows = pd.DataFrame() if tested is None else tested
        save_judgement(warehouse, making, as_of, agreements, rows, vouched)
        sections = read_sections(making)
        about = f"What was known before {as_of:%Y-%m-%d %H:%M} UTC. Agreement in force then: {now.name}, {now.version}."
        about = " ".join([about, *waiting_words(waiting)])
        report = Report(sections, title=f"leadready report of {folder.name}", about=about)
        (making / PAGE).write_text(as_page(report), encoding="utf-8")
        for section in sections:
            write_csv(pd.DataFrame(section.frame), making / f"{section.name}.csv")
        for query in (START, *FIGURES):
            shutil.copyfile(query, making / query.name)
    return folder


def what_rules_say(
    warehouse: Warehouse, agreements: list[Agreement], as_of: datetime
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The frames `reached`, `zones` and `personas` of `save_tables`: a hand-off under its own day's agreement."""
    first = datetime.combine(agreements[0].effective_from, datetime.min.time())
    handed = warehouse.frame(HANDED, {"as_of": as_of, "first": first})
    rules = build_rules(warehouse, handed, agreements)
    zones = handed.merge(rules, on=["lead_id", "as_of"])
    leads = warehouse.frame(LEADS, {"as_of": as_of})
    return first_reached(warehouse, agreements, as_of), zones, build_rules(warehouse, leads, agreements)
