"""When is what due, which days were missed, whom does a failure reach, and what is kept of every run?"""

import json
import logging
import os
import subprocess
import sys
from datetime import datetime

import pytest

from data.errors import ConfigError, DataError
from data.opened import open_workspace
from data.settings import Settings
from pipelines.jobs import schedule
from pipelines.jobs.schedule import check_schedule, find_missed, firings, missed_days, source_of, tell
from pipelines.runs import read_runs, recorded
from tests.tables import table

DUE = table("""
    cron          zone           after             first             second
    0 5 * * *     UTC            2026-03-01 04:59  2026-03-01 05:00  2026-03-02 05:00
    0 5 * * *     UTC            2026-03-01 05:00  2026-03-02 05:00  2026-03-03 05:00
    0 5 * * *     Europe/Berlin  2026-03-28 12:00  2026-03-29 03:00  2026-03-30 03:00
    30 2 * * *    Europe/Berlin  2026-03-28 12:00  2026-03-29 01:30  2026-03-30 00:30
    30 2 * * *    Europe/Berlin  2026-10-24 12:00  2026-10-25 00:30  2026-10-26 01:30
    0 3 * * 0     Asia/Tokyo     2026-03-05 00:00  2026-03-07 18:00  2026-03-14 18:00
    0 5 * * 1-5   UTC            2026-03-06 06:00  2026-03-09 05:00  2026-03-10 05:00
""")


def moment(text):
    return datetime.fromisoformat(str(text))


@pytest.mark.parametrize("row", DUE.to_dict("records"), ids=lambda row: f"{row['cron']} {row['zone']}")
def test_cron_goes_by_the_clock_on_the_wall(row):
    due = firings(row["cron"], row["zone"], moment(row["after"]))
    assert [next(due), next(due)] == [moment(row["first"]), moment(row["second"])]


MISSED = table("""
    scored                 daily      days  clock             missed                                    beyond
    -                      0 5 * * *  7     2026-03-10 05:00  -                                         0
    2026-03-09             0 5 * * *  7     2026-03-10 05:00  -                                         0
    2026-03-06             0 5 * * *  7     2026-03-10 05:00  2026-03-07, 2026-03-08, 2026-03-09        0
    2026-03-06             0 5 * * *  2     2026-03-10 05:00  2026-03-08, 2026-03-09                    1
    2026-02-20             0 5 * * *  2     2026-03-10 05:00  2026-03-08, 2026-03-09                    15
    2026-03-06             0 5 * * *  0     2026-03-10 05:00  -                                         3
    2026-03-06 2026-03-08  0 5 * * *  7     2026-03-10 05:00  2026-03-07, 2026-03-09                    0
    2026-03-06 2026-03-10  0 5 * * *  7     2026-03-10 05:00  2026-03-07, 2026-03-08, 2026-03-09        0
    2026-03-05             0 5 * * 1-5  7   2026-03-10 05:00  2026-03-06, 2026-03-09                    0
    2027-01-01             0 5 * * *  7     2026-03-10 05:00  -                                         0
""")


@pytest.mark.parametrize("row", MISSED.to_dict("records"), ids=lambda row: f"{row['scored']} {row['daily']}")
def test_missed_days_are_made_up_for_oldest_first_within_the_limit(row):
    settings = Settings.model_validate({"schedule": {"daily": row["daily"], "catch_up_days": int(row["days"])}})
    scored = [] if row["scored"] != row["scored"] or row["scored"] is None else str(row["scored"]).split()
    missed, beyond = missed_days(settings, scored, moment(row["clock"]))
    expected = [] if not isinstance(row["missed"], str) else row["missed"].split(", ")
    assert missed == [moment(f"{day} 05:00") for day in expected]
    assert beyond == int(row["beyond"])


def test_a_day_is_one_of_the_companys_calendar():
    """05:00 in Auckland is the afternoon before in UTC."""
    settings = Settings(time_zone="Pacific/Auckland")
    missed, _ = missed_days(settings, ["2026-03-07"], moment("2026-03-09 16:00"))
    assert missed == [moment("2026-03-07 16:00"), moment("2026-03-08 16:00")]


@pytest.mark.parametrize("cron", ["0 25 * * *", "0 0 30 2 *", "0 0 * * 9", "x x x x x"])
def test_a_line_of_cron_that_means_nothing_is_named(cron):
    settings = Settings.model_validate({"schedule": {"weekly": cron}})
    with pytest.raises(ConfigError, match=r"expected five fields of cron, such as 0 5 \* \* \*, got"):
        check_schedule(settings, moment("2026-03-01"))


def with_settings(root, text):
    (root / "settings.toml").write_text(text)
    return open_workspace(root)


def test_a_source_is_a_path_or_what_a_variable_holds_and_no_password_is_shown(empty, monkeypatch):
    monkeypatch.setenv("CRM_URL", "postgresql://ann:s3cret@db/crm")
    text = 'files = "exports"\ncrm = {path = "$CRM_URL", mappings = "maps", timezone = "Europe/Berlin"}\nlost = "$GONE"'
    opened = with_settings(empty, f"[schedule.sources]\n{text}")
    assert source_of(opened, "files").path == str(empty / "exports")
    crm = source_of(opened, "crm")
    assert (crm.path, crm.shown) == ("postgresql://ann:s3cret@db/crm", "postgresql://db/crm")
    assert (crm.mappings, crm.timezone) == (empty / "maps", "Europe/Berlin")
    with pytest.raises(ConfigError, match="expected the variable GONE, got none of that name"):
        source_of(opened, "lost")


@pytest.mark.parametrize("written", ["Server=db;Uid=ann;Pwd=s3cret", "ann/s3cret@db", "postgresql:ann:s3cret@db"])
def test_what_a_variable_holds_is_not_repeated(empty, monkeypatch, written):
    monkeypatch.setenv("CRM_URL", written)
    opened = with_settings(empty, '[schedule.sources]\ncrm = "$CRM_URL"')
    with pytest.raises(ConfigError, match=r"expected a database's address, .*, got neither") as refused:
        source_of(opened, "crm")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        '[schedule]\non_failure = ["curl", "-u", "ann:s3cret"]',
        '[schedule.sources]\ncrm = ["postgresql://ann:s3cret@db"]',
        '[schedule.sources.crm]\npath = ["postgresql://ann:s3cret@db"]',
        '[schedule.sources.crm]\npath = { url = "postgresql://ann:s3cret@db" }',
        '[schedule.sources.crm]\npasword = "s3cret"\npath = "x"',
    ],
)
def test_what_may_be_secret_in_wrong_settings_is_not_repeated(empty, text):
    with pytest.raises(ConfigError, match=r"key schedule\.") as refused:
        with_settings(empty, text).settings  # noqa: B018 - read when asked for
    assert "s3cret" not in str(refused.value)


def test_days_without_a_scoring_are_found_in_the_warehouse_and_said(filled, caplog):
    """The workspace was scored as of 2025-12-01 alone."""
    opened = open_workspace(filled)
    with caplog.at_level(logging.WARNING):
        assert find_missed(opened, moment("2025-12-04 05:00")) == [
            moment("2025-12-02 05:00"),
            moment("2025-12-03 05:00"),
        ]
        assert len(find_missed(opened, moment("2025-12-20 05:00"))) == 7
    assert "made up for: 2025-12-02, 2025-12-03" in caplog.text
    assert "11 more days since 2025-12-01 have no scoring and get none: [schedule] catch_up_days is 7" in caplog.text


class TestWhoIsTold:
    def test_the_command_gets_the_message(self, tmp_path):
        tell(f"{sys.executable} -c \"import sys; open(r'{tmp_path}/told', 'w').write(sys.stdin.read())\"", "it failed")
        assert (tmp_path / "told").read_text() == "it failed"

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("/nowhere/mailer", "could not be told: FileNotFoundError"),
            ("'unclosed", "could not be told: ValueError"),
            (f"{sys.executable} -c 'raise SystemExit(3)'", "ended with exit code 3"),
            (f"{sys.executable} -c 'import time; time.sleep(60)'", "could not be told: TimeoutExpired"),
        ],
    )
    def test_its_own_failure_is_only_said(self, command, said, caplog, monkeypatch):
        monkeypatch.setattr(schedule, "TIMEOUT_S", 1.0)
        tell(command, "it failed")
        assert said in caplog.text


class TestWhatIsKept:
    """`runs.jsonl` and `logs/` of jobs that end in every way."""

    @pytest.fixture
    def run(self, empty):
        def do(end, workspace=empty):
            @recorded("{source}: {done:,} rows")
            def ingest(workspace, source):
                logging.getLogger("data.intake").info("reading the file")
                return end()

            @recorded("all of it")
            def daily(workspace):
                logging.getLogger("pipelines").info("begun")
                return ingest(workspace, source="crm")

            return daily(workspace)

        return do

    def test_a_run_and_its_parts_share_a_log(self, run, empty):
        assert run(lambda: 1234) == 1234
        part, whole = sorted(read_runs(open_workspace(empty).workspace), key=lambda r: r["run"], reverse=True)
        assert (part["run"], part["outcome"], part["what"]) == ("ingest", "done", "crm: 1,234 rows")
        assert (whole["run"], whole["what"], whole["log"]) == ("daily", "all of it", part["log"])
        said = (empty / whole["log"]).read_text()
        assert [line.split(" ", 3)[-1] for line in said.splitlines()] == ["begun", "reading the file"]
        assert oct((empty / whole["log"]).stat().st_mode)[-3:] == "600"
        assert oct((empty / "runs.jsonl").stat().st_mode)[-3:] == "600"
        assert not logging.getLogger("data").handlers

    def test_a_plain_error_is_kept_as_it_reads(self, run, empty):
        def fail():
            raise DataError("ingesting", expected="rows", got="none", do="look")

        with pytest.raises(DataError):
            run(fail)
        for line in read_runs(open_workspace(empty).workspace):
            assert (line["outcome"], line["what"]) == ("failed", "ingesting: expected rows, got none; look")

    def test_words_of_other_libraries_are_not_kept(self, run, empty):
        def fail():
            raise RuntimeError(f"{'@'.join(('ann', 'example.com'))} is no number")

        with pytest.raises(RuntimeError):
            run(fail)
        (line, _) = read_runs(open_workspace(empty).workspace)
        kept = (empty / line["log"]).read_text() + (empty / "runs.jsonl").read_text()
        assert line["what"] == "ended by RuntimeError"
        assert "in ingest" in kept
        assert "ann@example.com" not in kept

    def test_what_is_stopped_and_what_was_killed(self, run, empty):
        def stop():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(stop)
        (empty / "logs" / "2026-03-01T050000.000001-daily.log").write_text("begun\n")
        (empty / "logs" / "notes.log").write_text("not ours\n")
        found = read_runs(open_workspace(empty).workspace)
        assert [r["outcome"] for r in found] == ["stopped", "stopped", "running or killed"]
        assert (found[2]["started"], found[2]["run"]) == ("2026-03-01 05:00:00", "daily")

    def test_a_line_that_was_cut_is_left_out_and_said(self, run, empty, caplog):
        run(lambda: 1)
        with (empty / "runs.jsonl").open("a") as file:
            file.write('{"started": "2026-\n[1]\n{}\n')
        assert len(read_runs(open_workspace(empty).workspace)) == 2
        assert "3 lines that cannot be read are left out" in caplog.text

    def test_no_log_and_no_line_stop_no_run(self, run, empty, caplog):
        (empty / "logs").write_text("in the way")
        (empty / "runs.jsonl").mkdir()
        assert run(lambda: 1) == 1
        assert "no log is kept of this run" in caplog.text
        assert "this run is missing in" in caplog.text

    def test_outside_a_workspace_nothing_is_made(self, run, tmp_path):
        assert run(lambda: 1, tmp_path / "none") == 1
        assert not (tmp_path / "none").exists()


def test_runs_lists_what_ran_and_the_trainings(leadready, empty):
    line = {"started": "2026-03-01 05:00:00", "run": "score", "outcome": "done", "seconds": 1.0, "what": "3 open leads"}
    (empty / "runs.jsonl").write_text(json.dumps(line | {"log": "logs/x"}) + "\n")
    said = leadready("runs", "-w", empty)
    assert "2026-03-01 05:00:00  score  done       1.000  3 open leads" in said.out
    assert "no training yet" in said.out
    assert json.loads(leadready("runs", "-w", empty, "--json").out)["runs"] == [line | {"log": "logs/x"}]


def test_prefect_that_does_not_start_is_told_and_lives_in_the_workspace(empty, tmp_path):
    """It reads its settings when it is imported: nothing of the schedule may import it before."""
    command = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"w\").write(sys.stdin.read())' {tmp_path / 'told'}"
    with_settings(empty, f"[schedule]\non_failure = {json.dumps(command)}")
    code = """
import sys
from pathlib import Path
from pipelines.cli import running, schedule
def fails(root):
    from prefect.settings import PREFECT_HOME
    raise RuntimeError(f"home is {PREFECT_HOME.value()}")
running.load_flows = fails
schedule.daily(Path(sys.argv[1]))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    words = [sys.executable, "-c", code, str(empty)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert f"RuntimeError: home is {empty / 'prefect'}" in done.stderr
    assert "- ended by RuntimeError\n" in (tmp_path / "told").read_text()


def test_deploying_needs_a_server(leadready, empty, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    said = leadready("deploy", "-w", empty)
    assert said.code == 10
    assert "expected a server in PREFECT_API_URL, got none; set it, or use `leadready serve`" in said.err


def test_the_file_for_prefect_says_what_deploy_does():
    """prefect.yaml is for those who deploy by Prefect's own command."""
    import yaml

    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
    with open(os.path.join(root, "prefect.yaml"), encoding="utf-8") as file:
        found = {d["name"]: d for d in yaml.safe_load(file)["deployments"]}
    defaults = Settings().schedule
    for name in ("daily", "weekly"):
        assert found[name]["entrypoint"] == f"pipelines/flows.py:{name}"
        assert found[name]["schedules"] == [{"cron": getattr(defaults, name), "timezone": "UTC"}]
