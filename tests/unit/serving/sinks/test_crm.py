"""Files for CRMs: each in the layout of its importer, beside the others of its day, and only where it is asked for."""

import csv
import logging
import re
from datetime import datetime

import pytest

from data.errors import ConfigError
from data.opened import OpenWorkspace
from data.settings import read_settings
from data.warehouse import Warehouse
from data.workspace import Workspace
from pipelines.jobs.forget import forget_lead
from serving.sinks import dynamics, finish, hubspot, publish, salesforce, sinks
from tests.unit.serving.sinks.test_sinks import scores_of

AS_OF = datetime(2026, 3, 2, 5)
ALL = '[publish]\ncrm = ["hubspot", "salesforce", "dynamics"]\n'


@pytest.fixture
def space(tmp_path):
    space = Workspace(tmp_path / "var")
    space.create()
    space.settings.write_text(ALL)
    return space


@pytest.fixture
def warehouse():
    with Warehouse.open(None) as opened:
        yield opened


def put_out(space, warehouse, rows):
    return publish(space, warehouse, rows, settings=read_settings(space.settings))


def a_day():
    """A lead that is likely, and one that has no probability, no reasons and nothing to ask."""
    texts = {"zone": "qualified", "route": "hand_off", "next_question": ["who decides?", None]}
    rows = scores_of(AS_OF, L1=0.567, L2=None).assign(threshold=0.14, **texts)
    of = {"reason_1": ["for: seniority", None], "reason_2": ["against: no answer, yet", None]}
    return rows.assign(**of, reason_3=None, reason_4=None)


LAYOUTS = {
    "hubspot": """\
Record ID,leadready_score,leadready_band,leadready_zone,leadready_route,leadready_reasons,leadready_next_question,leadready_as_of
L1,57,above,qualified,hand_off,"for: seniority; against: no answer, yet",who decides?,2026-03-02
L2,,,qualified,hand_off,,,2026-03-02
""",  # noqa: E501
    "salesforce": """\
Id,LeadReady_Score__c,LeadReady_Band__c,LeadReady_Zone__c,LeadReady_Route__c,LeadReady_Reasons__c,LeadReady_Next_Question__c,LeadReady_As_Of__c
L1,57,above,qualified,hand_off,"for: seniority; against: no answer, yet",who decides?,2026-03-02T05:00:00.000Z
L2,#N/A,#N/A,qualified,hand_off,#N/A,#N/A,2026-03-02T05:00:00.000Z
""",
    "dynamics": """\
(Do Not Modify) Lead,LeadReady Score,LeadReady Band,LeadReady Zone,LeadReady Route,LeadReady Reasons,LeadReady Next Question,LeadReady As Of\r
L1,57,above,qualified,hand_off,"for: seniority; against: no answer, yet",who decides?,2026-03-02\r
L2,,,qualified,hand_off,,,2026-03-02\r
""",  # noqa: E501
}


@pytest.mark.parametrize("system", LAYOUTS)
def test_a_file_is_laid_out_as_its_importer_wants_it(space, warehouse, system):
    folder = put_out(space, warehouse, a_day())
    assert (folder / f"{system}.csv").read_bytes().decode() == LAYOUTS[system]


def test_only_what_the_settings_name_is_written(space, warehouse):
    space.settings.write_text('[publish]\ncrm = ["salesforce"]\n')
    folder = put_out(space, warehouse, a_day())
    assert [p.name for p in folder.iterdir() if p.stem in LAYOUTS] == ["salesforce.csv"]


def test_the_settings_name_fields_of_your_own_and_leave_some_out(space, warehouse):
    own = '{lead_id = "LeadReady_Id__c", reasons = "", next_question = "", zone = ""}'
    space.settings.write_text(f"{ALL}[publish.fields]\nsalesforce = {own}\n")
    folder = put_out(space, warehouse, a_day())
    head = "LeadReady_Id__c,LeadReady_Score__c,LeadReady_Band__c,LeadReady_Route__c,LeadReady_As_Of__c"
    assert (folder / "salesforce.csv").read_text().splitlines()[0] == head


@pytest.mark.parametrize(
    "text", ['crm = ["pipedrive"]', 'crm = ["hubspot", "hubspot"]', 'fields = {hubspot = {email = "x"}}']
)
def test_what_is_not_known_is_refused(space, text):
    space.settings.write_text(f"[publish]\n{text}\n")
    with pytest.raises(ConfigError, match=r"key publish\."):
        read_settings(space.settings)


def test_no_cell_is_a_formula_and_every_text_comes_back(space, warehouse):
    odd = ["=cmd|' /C calc'!A0", '+1, "quoted"\nand a line ä😀']
    folder = put_out(space, warehouse, a_day().assign(next_question=odd))
    for layout in (hubspot.LAYOUT, salesforce.LAYOUT, dynamics.LAYOUT):
        with (folder / layout.file).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row[layout.fields["next_question"]] for row in rows] == [f"'{text}" for text in odd]


def test_what_is_too_long_for_a_field_is_cut_and_said(space, warehouse, caplog):
    with caplog.at_level(logging.WARNING):
        folder = put_out(space, warehouse, a_day().assign(next_question=["q" * 101, "q" * 100]))
    with (folder / "dynamics.csv").open(newline="") as file:
        asked = [row["LeadReady Next Question"] for row in csv.DictReader(file)]
    assert asked == ["q" * 97 + "...", "q" * 100]
    assert caplog.messages == ["dynamics.csv: 1 of LeadReady Next Question were cut to 100 characters"]


def test_a_system_that_is_named_later_gets_the_newest_scoring(space, warehouse):
    space.settings.write_text("")
    folder = put_out(space, warehouse, a_day())
    assert not (folder / "hubspot.csv").exists()
    space.settings.write_text(ALL)
    finish(space, warehouse)
    assert (folder / "hubspot.csv").read_text() == LAYOUTS["hubspot"]


def test_files_are_there_before_a_reader_sees_the_day(space, warehouse, monkeypatch):
    """The link of the day moves when all of its folder is written."""
    from serving.sinks import files

    def look(link, target):
        seen.append(sorted(p.name for p in (link.parent / target).iterdir() if p.stem in LAYOUTS))
        return pointed(link, target)

    seen, pointed = [], files.point
    monkeypatch.setattr(files, "point", look)
    put_out(space, warehouse, a_day())
    assert seen == [["dynamics.csv", "hubspot.csv", "salesforce.csv"]]
    names = [re.sub(r".*\.", "", sink.__name__) for sink in sinks()]
    assert names == ["partition", "files", "distributions", "dynamics", "hubspot", "page", "salesforce", "postgres"]


def test_a_person_who_is_forgotten_leaves_the_files_of_all_days(space, tmp_path):
    from data.intake.ingest import ingest

    (tmp_path / "leads.csv").write_text("lead_id,created_at\nL1,2026-01-01\nL2,2026-01-01\n")
    with Warehouse.open(space.warehouse) as warehouse:
        ingest(warehouse, "canonical", tmp_path / "leads.csv", loaded_at=AS_OF)
        for day in (2, 3):
            put_out(space, warehouse, a_day().assign(as_of=datetime(2026, 3, day)))
    forget_lead(OpenWorkspace(space), "L1", datetime(2026, 3, 4))
    kept = [path.read_text() for path in space.exports.glob("*/*.csv") if path.stem in LAYOUTS]
    assert len(kept) == 6
    assert not any("L1" in text for text in kept)
