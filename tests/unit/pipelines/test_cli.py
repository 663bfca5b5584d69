"""What the command says and how it ends: one plain line and an exit code of its kind, never a traceback.

Prefect is left out here (tests/flows has it); the jobs, the files and the messages are the real ones.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

from data.agreement.file import default_text
from data.agreement.model import ZONE_WORDS
from data.intake.mapping import STARTERS
from data.simulator.company import simulate, write
from pipelines import cli

USAGE, CONFIG, DATA, MODEL, BUSY = 2, 10, 11, 12, 14
PLAIN = re.compile(r"leadready: .+: expected .+, got .+; .+\n", re.DOTALL)


def as_typed(lines):
    """A command a line, as a tuple of its words."""
    return [tuple(line.split()) for line in lines.strip().splitlines()]


def assert_plain(said, code, *words):
    assert said.code == code, said.err
    assert said.out == ""
    assert PLAIN.fullmatch(said.err), said.err
    assert [w for w in words if w not in said.err] == [], said.err


NEEDS_A_WORKSPACE = as_typed("""
    ingest canonical .
    quarantine list
    quarantine replay
    quarantine discard 0
    features list
    features show rule_points
    features check
    train
    score
    daily
    weekly
    serve
    deploy
    runs
    ui
    report
    agreement check
    agreement show
    agreement explain L0000001
    tidy
    backup b
    forgotten f
""")


@pytest.mark.parametrize("command", NEEDS_A_WORKSPACE, ids=" ".join)
class TestEveryCommandNeedsAWorkspace:
    def test_none(self, leadready, tmp_path, command):
        said = leadready(*command, "-w", tmp_path / "none")
        assert_plain(said, CONFIG, "expected a folder made by `leadready init`", "got no workspace.toml in it")

    def test_of_another_version(self, leadready, tmp_path, command):
        (tmp_path / "workspace.toml").write_text("format = 99")
        assert_plain(leadready(*command, "-w", tmp_path), CONFIG, "expected format 1, got 99")


class TestSlipsOfThePen:
    def test_a_path_that_is_not_there(self, leadready, filled, tmp_path):
        said = leadready("ingest", "canonical", tmp_path / "nowhere", "-w", filled)
        assert_plain(said, USAGE, "expected a file or folder", "nowhere; check the path")

    def test_a_source_that_is_not_known(self, leadready, filled, source):
        said = leadready("ingest", "canonicle", source, "-w", filled)
        assert_plain(said, USAGE, "expected one of the sources canonical, got 'canonicle'")

    def test_a_zone_that_is_not_known(self, leadready, filled, source):
        said = leadready("ingest", "canonical", source, "--timezone", "Mars/Olympus", "-w", filled)
        assert_plain(said, USAGE, "expected a time zone such as Europe/Berlin, got 'Mars/Olympus'")

    @pytest.mark.parametrize("command", ["score", "train"])
    @pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "01.03.2026", "", "0001-01-01T00:00+05:00"])
    def test_a_date_that_is_none(self, leadready, filled, command, text):
        said = leadready(command, "--as-of", text, "-w", filled)
        assert_plain(said, USAGE, "reading --as-of: expected a date or time like 2026-03-01", f"got {text!r}")

    def test_a_model_that_is_not_there(self, leadready, var):
        said = leadready("score", "--as-of", "2025-12-01", "--model", "winner", "-w", var)
        assert_plain(said, MODEL, "loading the model winner", "run `leadready train` first")

    def test_a_feature_that_is_not_there_brings_the_nearest(self, leadready, filled):
        said = leadready("features", "show", "rule_point", "-w", filled)
        assert_plain(said, USAGE, "expected a name in the catalogue, got rule_point; try rule_points")

    def test_a_lead_that_is_not_there_has_nothing_to_explain(self, leadready, filled):
        said = leadready("agreement", "explain", "L0000001", "nobody", "-w", filled)
        assert_plain(
            said, DATA, "expected leads known by then, got unknown nobody; check the id, or use a later --as-of"
        )

    def test_an_agreement_to_compare_that_is_not_there(self, leadready, filled):
        assert_plain(
            leadready("agreement", "diff", "2000-01-01", "2001-01-01", "-w", filled), CONFIG, "2001-01-01.toml"
        )

    def test_a_scheme_that_is_not_known_leaves_nothing_behind(self, leadready, tmp_path):
        said = leadready("init", "-w", tmp_path / "new", "--scheme", "bant")
        assert_plain(said, CONFIG, "key scheme: expected BANT, APNRP or digital", "try BANT")
        assert not (tmp_path / "new").exists()

    @pytest.mark.parametrize("words", [("scor",), ("score", "--as_of", "2026-01-01"), ("score", "--most", "many")])
    def test_a_word_that_no_command_knows(self, leadready, words):
        said = leadready(*words)
        assert said.code == USAGE
        assert said.out == ""


class TestFilesOfTheWorkspace:
    @pytest.mark.parametrize("command", [("train",), ("score",), ("features", "list")], ids=" ".join)
    def test_an_unknown_setting_brings_the_nearest(self, leadready, var, command):
        (var / "settings.toml").write_text("[training]\nfold = 3\n")
        assert_plain(leadready(*command, "-w", var), CONFIG, "key training.fold", "got an unknown key; try folds")

    @pytest.mark.parametrize("command", [("train",), ("score",), ("quarantine", "list")], ids=" ".join)
    def test_settings_that_are_no_toml(self, leadready, var, command):
        (var / "settings.toml").write_text("[training")
        assert_plain(leadready(*command, "-w", var), CONFIG, "settings.toml: expected TOML", "fix that line")

    @pytest.mark.parametrize("command", [("train",), ("score",), ("features", "list")], ids=" ".join)
    def test_an_agreement_that_is_no_toml(self, leadready, var, command):
        (var / "agreements" / "2000-01-01.toml").write_text(default_text("BANT").replace("[values]", "[values"))
        assert_plain(leadready(*command, "-w", var), CONFIG, "2000-01-01.toml: expected TOML", "(at line ")

    @pytest.mark.parametrize("command", [("train",), ("score",), ("features", "list")], ids=" ".join)
    def test_no_agreement(self, leadready, var, command):
        (var / "agreements" / "2000-01-01.toml").unlink()
        assert_plain(leadready(*command, "-w", var), CONFIG, "finding the agreement in force", "run `leadready init`")

    def test_no_agreement_yet_on_that_day(self, leadready, var):
        (var / "agreements" / "2000-01-01.toml").rename(var / "agreements" / "2026-01-01.toml")
        said = leadready("score", "--as-of", "2025-12-01", "-w", var)
        assert_plain(
            said, CONFIG, "in force on 2025-12-01", "got 2026-01-01.toml", "add the agreement that was in force then"
        )

    def test_a_warehouse_that_is_none(self, leadready, var):
        (var / "warehouse.duckdb").write_text("not a database " * 1000)
        assert_plain(leadready("score", "-w", var), CONFIG, "expected a DuckDB file")

    def test_exports_that_cannot_be_written(self, leadready, var):
        shutil.rmtree(var / "exports")
        (var / "exports").write_text("in the way")
        assert_plain(leadready("score", "--as-of", "2025-12-01", "-w", var), CONFIG, "writing scores below")


class TestDataThatDoNotAllowIt:
    @pytest.mark.parametrize("command", ["score", "train"])
    def test_nothing_ingested(self, leadready, empty, command):
        assert_plain(leadready(command, "-w", empty), DATA, "ingest")

    def test_nothing_to_check_features_on(self, leadready, empty):
        assert_plain(leadready("features", "check", "-w", empty), DATA, "run `leadready ingest`")

    def test_scoring_before_the_data(self, leadready, filled):
        said = leadready("score", "--as-of", "2020-01-01", "-w", filled)
        assert_plain(said, DATA, "expected open leads, got none (leads known from 2025-01-", "within the data")

    def test_training_before_the_data(self, leadready, filled):
        said = leadready("train", "--as-of", "2020-01-01", "-w", filled)
        assert_plain(said, DATA, "expected leads that reached it, got none", "use a later --as-of")

    def test_no_handoff_at_all(self, leadready, empty, tmp_path):
        tables = simulate(leads=100, seed=1)
        write({n: tables[n] for n in ("accounts", "leads", "touches", "calls", "answers", "truth")}, tmp_path / "s")
        assert leadready("ingest", "canonical", tmp_path / "s", "-w", empty).code == 0
        assert_plain(leadready("train", "-w", empty), DATA, "ingest hand-offs")
        assert leadready("score", "--as-of", "2025-12-01", "-w", empty).code == 0

    def test_hand_offs_that_nobody_answered(self, leadready, empty, tmp_path):
        tables = simulate(leads=100, seed=1)
        write({n: t for n, t in tables.items() if n not in ("decisions", "opportunities")}, tmp_path / "s")
        assert leadready("ingest", "canonical", tmp_path / "s", "-w", empty).code == 0
        assert_plain(leadready("train", "-w", empty), DATA, "got expired", "ingest decisions")

    def test_fewer_than_40_labels_of_each_outcome(self, leadready, filled):
        said = leadready("train", "-w", filled)
        assert_plain(said, MODEL, "expected at least 40 accepted and 40 rejected leads", "let the rules alone route")

    def test_one_outcome_only(self, leadready, empty, tmp_path):
        tables = simulate(leads=600, seed=1)
        accepted = tables["decisions"][tables["decisions"]["decision"] == "accepted"]
        write({**tables, "decisions": accepted}, tmp_path / "s")
        assert leadready("ingest", "canonical", tmp_path / "s", "-w", empty).code == 0
        assert_plain(leadready("train", "-w", empty), MODEL, "accepted and 0 rejected of")

    def test_a_file_without_a_required_column(self, leadready, empty, tmp_path):
        (tmp_path / "leads.csv").write_text("name,created\nx,2026-01-01\n")
        assert_plain(leadready("ingest", "canonical", tmp_path / "leads.csv", "-w", empty), DATA, "lead_id")


HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("command", [("score",), ("ingest", "canonical", "."), ("quarantine", "list")], ids=" ".join)
def test_a_warehouse_that_another_holds(leadready, var, command):
    settings = (var / "settings.toml").read_text()
    (var / "settings.toml").write_text(settings.replace("wait_s = 60", "wait_s = 0"))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(var / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    try:
        assert_plain(
            leadready(*command, "-w", var),
            BUSY,
            "another leadready command that is running",
            "run the same command again",
        )
    finally:
        holder.communicate()
    assert leadready("quarantine", "list", "-w", var).code == 0


def test_the_sum_of_a_lead_is_told_line_by_line(leadready, filled):
    """What is printed adds up, and what is shown as an agreement is one."""
    lead = "L0000003"
    told = json.loads(leadready("agreement", "explain", lead, "-w", filled, "--as-of", "2025-12-01", "--json").out)[0]
    assert sum(round(line["points"] * 1000) for line in told["lines"]) == round(told["rule_points"] * 1000)
    said = leadready("agreement", "explain", lead, "-w", filled, "--as-of", "2025-12-01").out
    assert f"The rules rate it {ZONE_WORDS[told['zone']]} with {told['rule_points']:.0f} points." in said
    shown = leadready("agreement", "show", "-w", filled)
    (filled.parent / "2026-01-01.toml").write_text(shown.out)
    assert "no contradictions found" in leadready("agreement", "check", filled.parent / "2026-01-01.toml").out


JSON = as_typed("""
    init
    ingest canonical SOURCE
    quarantine list
    quarantine replay
    features list
    features show rule_points
    features check --leads 5
    score --as-of 2025-12-01
    publish
    calls --as-of 2025-12-01
    override L0000001 --route nurture --why later --until 2100-01-01
    movers --as-of 2025-12-01
    replay --as-of 2025-12-01
    runs
    report --as-of 2025-12-01
    agreement check
    agreement show
    agreement diff 2000-01-01 2000-01-01.toml
    agreement explain L0000001 L0000002
    agreement try 2000-01-01 --as-of 2025-12-01
    simulate --leads 100
    explain L0000001 --as-of 2025-12-01
    doctor
    tidy
    backup PLACE
    forgotten PLACE
""")


@pytest.mark.parametrize("command", JSON, ids=" ".join)
def test_json_is_one_object_for_machines(leadready, var, source, tmp_path, command):
    places = {"SOURCE": source, "PLACE": tmp_path / "place"}
    words = [str(places.get(word, word)) for word in command]
    said = leadready(*words, "-w", var, "--json")
    assert said.code == 0, said.err
    json.loads(said.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_every_command_with_json_is_tried():
    tried = {" ".join(w for w in words[:2] if w.isalpha()) for words in JSON}
    tried |= {"quarantine discard", "train", "demo", "backtest", "ablate", "promote", "rollback"}
    tried |= {"daily", "weekly", "monitor", "deploy", "retract", "merge", "forget", "drop-column", "restore"}
    with_json = {n for n, c in commands().items() if any("--json" in p.opts for p in c.params)}
    assert with_json == {name if name in with_json else name.split()[0] for name in tried}


def commands():
    """Every command by its words."""
    import typer

    found = {}
    for name, command in typer.main.get_command(cli.app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {n}": c for n, c in inner.items()} if inner else {name: command}
    return found


def test_the_version_is_that_of_the_package(leadready):
    said = leadready("--version")
    assert (said.code, said.out, said.err) == (0, f"leadready {version('leadready')}\n", "")


@pytest.mark.parametrize("name", [(), ("quarantine",), ("features",), ("agreement",)], ids=" ".join)
def test_the_list_of_commands_shows_whole_sentences(leadready, name):
    said = leadready(*name, "--help").out.partition("Commands:\n")[2].splitlines()
    assert said
    assert [line for line in said if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.parametrize("name", commands())
def test_help_is_made_of_sentences(name):
    command = commands()[name]
    said = {p.name: p.help for p in command.params if p.name != "help"} | {"": command.help}
    assert {
        where: text for where, text in said.items() if not (text and text[0].isupper() and text.endswith("."))
    } == {}


def test_what_changed_fits_a_terminal_and_is_whole_for_machines(leadready, filled, tmp_path):
    """A line for a short change, a block for a long one, of which no word is lost."""
    long = "who " + "really " * 30 + "decides"
    text = default_text("BANT") + f'[criteria.authority]\nmeaning = "{long}"\nyes = 16\n'
    (tmp_path / "2026-01-01.toml").write_text(text)
    words = ("agreement", "diff", "2000-01-01", tmp_path / "2026-01-01.toml", "-w", filled)
    out = leadready(*words).out.splitlines()
    rows = {row["key"]: row for row in json.loads(leadready(*words, "--json").out)}
    assert rows["criteria.authority.yes"] == {"key": "criteria.authority.yes", "old": "15", "new": "16"}
    assert "criteria.authority.yes: 15 -> 16" in out
    assert max(map(len, out)) <= 80
    block = out[out.index("criteria.authority.meaning") :]
    assert block[1].startswith('  old: "')
    assert block[2].startswith('  new: "who really')
    assert " ".join(" ".join(block[2:6]).split()).startswith(f'new: "{long}"')


@pytest.mark.parametrize("name", commands())
def test_help_shows_an_example_that_names_the_command(leadready, name):
    said = leadready(*name.split(), "--help")
    assert said.code == 0
    assert f"Example: leadready {name}" in said.out


def test_a_batchs_rows_can_be_dropped_from_the_quarantine_once(leadready, var):
    held = json.loads(leadready("quarantine", "list", "-w", var, "--json").out)
    batch = held[0]["batch_id"]
    dropped = json.loads(leadready("quarantine", "discard", batch, "-w", var, "--json").out)
    assert dropped == {"dropped": len(held)}
    assert_plain(leadready("quarantine", "discard", batch, "-w", var), USAGE, f"got {batch}", "quarantine list")


def test_repeating_a_score_says_the_same(leadready, var):
    once = leadready("score", "--as-of", "2025-12-01", "-w", var)
    assert once == leadready("score", "--as-of", "2025-12-01", "-w", var)
    assert "open leads scored as of 2025-12-01 00:00:00 UTC; written to" in once.out


def test_init_names_what_it_made_and_keeps_what_is_there(leadready, tmp_path):
    assert "2000-01-01.toml: read it and adapt it" in leadready("init", "-w", tmp_path / "var").out
    (tmp_path / "var" / "settings.toml").write_text("[training]\nseed = 8\n")
    assert "\ncreated" not in leadready("init", "-w", tmp_path / "var").out
    assert "seed = 8" in (tmp_path / "var" / "settings.toml").read_text()


class TestACrmsExports:
    EXPORTS = STARTERS / "hubspot" / "sample"

    def test_init_copies_the_mappings_and_shows_a_first_look(self, leadready, tmp_path):
        said = leadready("init", "--from", "hubspot", self.EXPORTS, "-w", tmp_path / "var")
        assert said.code == 0
        assert (tmp_path / "var/mappings/hubspot/leads.sql").read_text().startswith("-- reads: hubspot-crm-exports-all")
        assert "timeframe: some_day (rejected) 1" in said.out
        assert "ingest hubspot" in said.out.splitlines()[-2]
        assert "leads               30      30" in said.out

    def test_what_was_adapted_stays(self, leadready, tmp_path):
        leadready("init", "--from", "hubspot", self.EXPORTS, "-w", tmp_path / "var")
        own = tmp_path / "var/mappings/hubspot/calls.sql"
        own.write_text(own.read_text().replace('ELSE "Call outcome"', "WHEN 'ringing bell' THEN 'no_answer' ELSE ''"))
        again = leadready("init", "--from", "hubspot", self.EXPORTS, "-w", tmp_path / "var")
        assert "created" not in again.out
        assert "calls               21      21" in again.out

    def test_mappings_without_their_files_are_not_copied(self, leadready, tmp_path):
        (contacts,) = self.EXPORTS.glob("*contacts*")
        shutil.copy(contacts, tmp_path / "hubspot-crm-exports-all-contacts-2026-02-01 (1).csv")
        said = leadready("init", "--from", "hubspot", tmp_path, "-w", tmp_path / "var")
        assert "not copied: calls.sql, for want of hubspot_crm_exports_all_calls" in said.out
        assert not (tmp_path / "var/mappings/hubspot/calls.sql").exists()

    def test_a_check_starts_no_prefect_and_stores_nothing(self, leadready, tmp_path, monkeypatch):
        leadready("init", "--from", "hubspot", self.EXPORTS, "-w", tmp_path / "var")
        monkeypatch.setattr("pipelines.cli.running.find_flows", lambda root: pytest.fail("Prefect was started"))
        said = leadready("ingest", "hubspot", self.EXPORTS, "-w", tmp_path / "var", "--check")
        assert "nothing was stored" in said.out
        assert "columns that no mapping reads: First Name, Email, Lifecycle Stage, Number of Pageviews" in said.out
        facts = json.loads(
            leadready("ingest", "hubspot", self.EXPORTS, "-w", tmp_path / "var", "--check", "--json").out
        )
        assert facts["tables"][1] == {"table": "leads", "rows_in": 30, "stored": 30, "quarantined": 0, "repeats": 0}

    def test_what_a_check_shows_of_rejected_rows_is_not_personal(self, leadready, empty, tmp_path):
        (tmp_path / "leads.csv").write_text("lead_id,created_at,permission\nL1,Kim Jones,all\nL2,2026-01-01,perhaps\n")
        said = leadready("ingest", "canonical", tmp_path / "leads.csv", "-w", empty, "--check")
        assert "Kim" not in said.out + said.err
        assert "got 'perhaps'" in said.out

    @pytest.mark.parametrize(
        ("words", "code", "parts"),
        [
            (("--from", "hubspot"), USAGE, ("expected --from with the exports", "init --from hubspot EXPORTS")),
            (("exports",), USAGE, ("expected --from with the exports",)),
            (("--from", "sugar", "exports"), USAGE, ("dynamics, hubspot, hubspot-warehouse, salesforce",)),
            (("--from", "hubspot", "nowhere"), DATA, ("got no such file or folder",)),
            (("--from", "salesforce", str(EXPORTS)), DATA, ("expected lead for the leads", "README.md")),
        ],
    )
    def test_wrong_words_leave_no_workspace(self, leadready, tmp_path, words, code, parts):
        assert_plain(leadready("init", *words, "-w", tmp_path / "var"), code, *parts)
        assert not (tmp_path / "var").exists()

    def test_a_source_with_a_starter_says_how_to_get_it(self, leadready, empty):
        said = leadready("ingest", "hubspot", self.EXPORTS, "-w", empty)
        assert_plain(said, USAGE, "leadready init --from hubspot EXPORTS")


READING = as_typed("""
    ingest canonical SOURCE
    quarantine list
    quarantine replay
    features list
    features check --leads 5
    train
    train --dry-run
    score --as-of 2025-12-01
    report --as-of 2025-12-01
    explain L0000001 --as-of 2025-12-01
    agreement check
    agreement show
    agreement explain L0000001
""")


@pytest.mark.slow
@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_settings_and_agreements_are_read_at_most_once_a_command(leadready, var, source, command, monkeypatch):
    shutil.copy(var / "agreements" / "2000-01-01.toml", var / "agreements" / "2025-06-01.toml")
    read, really = Counter(), Path.read_text

    def counted(path, *arguments, **options):
        read[str(path.relative_to(var)) if path.is_relative_to(var) else "elsewhere"] += 1
        return really(path, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", counted)
    leadready(*(str(source) if word == "SOURCE" else word for word in command), "-w", var)
    of_interest = {name: times for name, times in read.items() if name.startswith(("settings", "agreements"))}
    assert of_interest
    assert set(of_interest.values()) == {1}


def in_fresh_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_help_loads_nothing_that_takes_seconds():
    code = """
import sys
from pipelines import cli
sys.argv = ["leadready", "--help"]
try:
    cli.main()
except SystemExit:
    print("LOADED", [m for m in ("pandas", "numpy", "sklearn", "mlflow", "prefect", "duckdb") if m in sys.modules])
"""
    assert in_fresh_python(code).endswith("LOADED []\n")


def test_what_is_shown_of_progress_stays_apart_from_results():
    code = """
import logging
from pipelines.cli import running
running.show_progress()
logging.getLogger("data.intake.ingest").info("to stderr")
"""
    assert in_fresh_python(code) == ""


WITHOUT_A_START = as_typed("""
    features list
    agreement check
    agreement explain L0000001 --as-of 2025-12-01
    quarantine list
    score --as-of yesterday
    report --as-of yesterday
    ablate --as-of yesterday
    train --as-of yesterday
    ingest nowhere .
    ingest ../x .
    ingest canonical . --timezone Mars/Olympus
    score --model nobody
    explain nobody
    runs
    promote 1
    rollback
""")
STARTED = """
import sys
from pipelines import cli
for line in sys.stdin.read().splitlines():
    sys.argv = ["leadready", *line.split(), "-w", sys.argv[-1]]
    try:
        cli.main()
    except SystemExit:
        print("prefect" in sys.modules, line, file=sys.stderr)
"""


@pytest.mark.slow
def test_what_needs_no_prefect_does_not_start_it(var):
    """Commands that look, and words and files that are wrong."""
    lines = "\n".join(" ".join(words) for words in WITHOUT_A_START)
    code = [sys.executable, "-c", STARTED, str(var)]
    done = subprocess.run(code, input=lines, capture_output=True, text=True, check=True)
    assert [line for line in done.stderr.splitlines() if line.startswith("True")] == []
    assert sum(line.startswith("False ") for line in done.stderr.splitlines()) == len(WITHOUT_A_START), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [("train",), ("score",), ("report",), ("ingest", "canonical", ".")], ids=" ".join)
@pytest.mark.parametrize(("file", "text"), [("settings.toml", "[trainin]"), ("agreements/2000-01-01.toml", "x = 1")])
def test_wrong_files_are_found_before_prefect_starts(var, command, file, text):
    (var / file).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *command, "-w", str(var)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "starting Prefect" in done.stderr) == (CONFIG, False), done.stderr


def test_a_fault_of_our_own_ends_in_one_line_and_a_file(leadready, var, monkeypatch, tmp_path):
    """The value that it stumbled over stays out of the terminal."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("data.opened.read_settings", lambda path: {}["ann@x.example"])
    said = leadready("features", "list", "-w", var)
    assert_plain(said, 70, "expected no fault of leadready's own, got KeyError")
    assert "ann@" not in said.err
    [file] = tmp_path.glob("leadready-*.txt")
    assert "KeyError: 'ann@x.example'" in file.read_text()
