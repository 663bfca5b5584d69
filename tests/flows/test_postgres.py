"""The daily run with PostgreSQL at both ends: what is away is said and costs nothing else."""

import json

import pyarrow.csv
import pytest

from data.opened import open_workspace
from data.workspace import Workspace
from pipelines.jobs.start import init_workspace
from pipelines.runs import read_runs
from tests.flows import work

pytestmark = pytest.mark.slow

SETTINGS = """[schedule.sources.canonical]
path = "$CRM_URL"
watermark = {touches = "known_at"}
[monitor]
blocks = false
[publish.postgres]
url = "$LEADREADY_PUBLISH_URL"
"""


def test_what_is_away_costs_nothing_else_and_is_made_up_for(prefect_url, postgres, tmp_path, monkeypatch):
    from pipelines import flows

    source, space = work.write_company(tmp_path / "files", 150), Workspace(tmp_path / "var")
    init_workspace(space)
    space.settings.write_text(SETTINGS)
    with postgres.session() as session, session.connection.cursor() as cursor:
        for file in source.glob("*.csv"):
            cursor.adbc_ingest(file.stem, pyarrow.csv.read_csv(file), mode="create")
        session.run("ALTER TABLE touches ALTER known_at TYPE timestamptz USING known_at::timestamptz")
        session.commit()
    monkeypatch.setenv("CRM_URL", postgres.url)
    with monkeypatch.context() as away:
        away.setenv("LEADREADY_PUBLISH_URL", "postgresql://127.0.0.1:9/crm")
        with pytest.raises(Exception, match=r"publishing to postgresql://127\.0\.0\.1:9/crm"):
            flows.daily(space.root)
    monkeypatch.setenv("LEADREADY_PUBLISH_URL", postgres.url)
    assert len([*space.reports.glob("*/report.html")]) == 1
    assert flows.daily(space.root).startswith("1 sources, ")
    with open_workspace(space.root).warehouse() as warehouse:
        [(as_of, leads)] = warehouse.rows("SELECT as_of, count(*) FROM scores GROUP BY 1 ORDER BY 1 DESC LIMIT 1")
        assert warehouse.scalar("SELECT count(*) FROM watermarks") == 1
    published = "SELECT timezone('UTC', as_of), leads FROM leadready.publications"
    assert postgres.rows(published) == [(as_of, leads)]
    outcomes = [(run["run"], run["outcome"]) for run in map(json.loads, space.runs.read_text().splitlines())]
    first = [("ingest", "done"), ("score", "failed"), ("report", "done"), ("monitor", "done"), ("daily", "failed")]
    assert outcomes[:5] == first
    assert {outcome for _, outcome in outcomes[5:]} == {"done"}
    assert read_runs(space)
