"""PostgreSQL from the command line: read on by watermark, published to, and away."""

import json

import pyarrow.csv
import pytest

from data.opened import open_workspace
from tests.server import PASSWORD

AS_OF = ("--as-of", "2026-01-15")


@pytest.fixture
def crm(postgres, source, empty, monkeypatch):
    """The company's touches, calls and so on as tables of a schema, and a workspace whose settings name them."""
    with postgres.session() as session:
        session.run("CREATE SCHEMA crm")
        for file in source.glob("*.csv"):
            with session.connection.cursor() as cursor:
                cursor.adbc_ingest(file.stem, pyarrow.csv.read_csv(file), mode="create", db_schema_name="crm")
        of_spoiled = "CASE WHEN known_at !~ '^2025-13' THEN known_at::timestamptz END"
        session.run("ALTER TABLE crm.touches ADD updated_at timestamptz")
        session.run(f"UPDATE crm.touches SET updated_at = {of_spoiled}")
        session.commit()
    (empty / "settings.toml").write_text(
        """[schedule.sources.canonical]
        path = "$CRM_URL"
        watermark = {touches = "updated_at"}
        overlap_hours = 24
        [publish.postgres]
        url = "$LEADREADY_PUBLISH_URL"
        """
    )
    monkeypatch.setenv("CRM_URL", f"{postgres.url}&options=-csearch_path%3Dcrm")
    monkeypatch.setenv("LEADREADY_PUBLISH_URL", postgres.url)
    return empty


def touches(said):
    return next(line for line in said.out.splitlines() if "touches: read" in line)


def test_a_source_of_the_settings_is_read_on_and_in_full_when_asked(leadready, crm, postgres):
    first = leadready("ingest", "canonical", "-w", crm, "--backfill")
    assert first.code == 0, first.err
    assert "touches: read in full by updated_at (" in touches(first)
    postgres.run(
        "CREATE TABLE crm.one AS SELECT * FROM crm.touches ORDER BY updated_at DESC NULLS LAST LIMIT 1",
        "UPDATE crm.one SET event_id = 'new'",
        "INSERT INTO crm.touches SELECT * FROM crm.one",
    )
    done = json.loads(leadready("ingest", "canonical", "-w", crm, "--json").out)
    [row] = [row for row in done["tables"] if row["table"] == "touches"]
    [followed] = done["followed"]
    assert (row["rows_in"], row["stored"]) == (followed["rows"], 1)
    assert 1 < followed["rows"] < 200
    looked = leadready("ingest", "canonical", "-w", crm, "--check", "--full")
    assert "touches: read in full by updated_at (" in touches(looked)
    assert "nothing was stored" in looked.out
    assert PASSWORD not in first.out + first.err + looked.out + str(done)


def test_without_a_path_the_source_has_to_be_in_the_settings(leadready, crm):
    said = leadready("ingest", "hubspot", "-w", crm)
    assert said.code == 2
    assert "expected a path, or a source of [schedule.sources] in settings.toml (canonical), got neither" in said.err


def test_a_server_that_is_away_costs_no_scores_and_a_command_makes_up_for_it(leadready, crm, postgres, monkeypatch):
    assert leadready("ingest", "canonical", "-w", crm, "--backfill").code == 0
    with monkeypatch.context() as away:
        away.setenv("LEADREADY_PUBLISH_URL", f"postgresql://ann:{PASSWORD}@127.0.0.1:9/crm")
        said = leadready("score", "-w", crm, *AS_OF)
        assert (said.code, leadready("publish", "-w", crm).code) == (10, 10)
    assert "publishing to postgresql://127.0.0.1:9/crm: expected a PostgreSQL server that takes the scores" in said.err
    assert PASSWORD not in said.err
    assert (crm / "exports" / "2026-01-15" / "scores.csv").is_file()
    assert postgres.rows("SELECT to_regclass('leadready.scores')::text") == [(None,)]
    assert leadready("publish", "-w", crm).code == 0
    with open_workspace(crm).warehouse() as warehouse:
        stored = warehouse.rows("SELECT lead_id, route FROM scores ORDER BY 1")
    assert postgres.rows("SELECT lead_id, route FROM leadready.latest_scores ORDER BY 1") == stored
    failures = dict(postgres.rows("SELECT kind, sum(rows)::bigint FROM leadready.failures GROUP BY 1"))
    assert failures["not scored"] > 0
