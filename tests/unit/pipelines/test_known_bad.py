"""Whatever is broken, one plain line says it, with the exit code of its kind."""

import random
import shutil
import sqlite3
import subprocess
import sys

import duckdb
import pytest

from data.agreement.file import default_text
from data.opened import open_workspace
from models.judging.promotion import Decision
from models.registry.client import Registry
from tests.unit.pipelines.test_cli import CONFIG, DATA, MODEL, USAGE, assert_plain

pytestmark = pytest.mark.slow

CHAMPION = Decision(True, "champion", True, ("for this test",))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, filled, result):
    """A workspace with data and a model in use, and a copy of it."""
    root = shutil.copytree(filled, tmp_path_factory.mktemp("bad") / "var", symlinks=True)
    registry = Registry(open_workspace(root).workspace)
    registry.apply(registry.log_training(result, {"observed": "2025-12-01"}, CHAMPION), CHAMPION)
    return root, shutil.copytree(root, root.parent / "copy", symlinks=True)


@pytest.fixture
def bad(whole):
    """The workspace, to spoil: MLflow keeps absolute paths."""
    root, copy = whole
    yield root
    shutil.rmtree(root)
    shutil.copytree(copy, root, symlinks=True)


def put(name, content):
    def spoil(root):
        [path] = root.rglob(name)
        path.write_bytes(content)

    return spoil


def flip(name, times, seed):
    """Other bytes at random places."""

    def spoil(root):
        [path] = root.rglob(name)
        content, rng = bytearray(path.read_bytes()), random.Random(seed)
        for _ in range(times):
            content[rng.randrange(len(content))] ^= 1 + rng.randrange(255)
        path.write_bytes(content)

    return spoil


def cut(name, share):
    def spoil(root):
        [path] = root.rglob(name)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return spoil


def gone(name):
    return lambda root: [p.unlink() for p in root.rglob(name)]


def in_warehouse(sql):
    def spoil(root):
        with duckdb.connect(root / "warehouse.duckdb") as connection:
            connection.execute(sql)

    return spoil


def in_store(sql):
    def spoil(root):
        with sqlite3.connect(root / "mlflow.db") as connection:
            connection.executescript(sql)

    return spoil


def setting(text):
    return lambda root: (root / "settings.toml").write_text(text)


def agreement(text):
    return lambda root: (root / "agreements" / "2000-01-01.toml").write_text(text)


def many_criteria(n):
    return default_text("BANT") + "".join(f'[criteria.c{i}]\nmeaning = "m"\nyes = 1\n' for i in range(n))


SCORE = "score --as-of 2025-12-01"
BAD = [
    ("a model cut short", cut("model.skops", 0.5), SCORE, MODEL),
    ("a model of other bytes", flip("model.skops", 5, 1), SCORE, MODEL),
    ("an empty model", put("model.skops", b""), SCORE, MODEL),
    ("no model file", gone("model.skops"), SCORE, MODEL),
    ("an MLmodel that is no YAML", put("MLmodel", b"\x00{{["), SCORE, MODEL),
    ("no MLmodel", gone("MLmodel"), "report --as-of 2025-12-02", MODEL),
    ("a store that is no database", put("mlflow.db", b"no database" * 999), "runs", CONFIG),
    ("a store that is no database, scoring", put("mlflow.db", b"no database" * 999), SCORE, CONFIG),
    ("an empty store", put("mlflow.db", b""), "runs", CONFIG),
    ("a store cut short", cut("mlflow.db", 0.3), "runs", CONFIG),
    (
        "a store with an empty header",
        in_store("PRAGMA user_version = 7; DROP TABLE alembic_version"),
        "rollback",
        CONFIG,
    ),
    ("a warehouse cut short", cut("warehouse.duckdb", 0.5), "agreement explain L0000003 --as-of 2025-12-01", CONFIG),
    ("a warehouse cut to its header", cut("warehouse.duckdb", 0.01), "quarantine list", CONFIG),
    ("a foreign table", in_warehouse("DROP TABLE batches; CREATE TABLE batches (x INT)"), "features list", CONFIG),
    ("a table of another version", in_warehouse("ALTER TABLE leads DROP title"), "features list", CONFIG),
    ("a table of another type", in_warehouse("ALTER TABLE touches ALTER kind TYPE BLOB"), "features list", CONFIG),
    (
        "a view in a table's place",
        in_warehouse("DROP TABLE calls; CREATE VIEW calls AS SELECT 1 AS x"),
        "features list",
        CONFIG,
    ),
    ("no threads", setting("[compute]\nthreads = 0"), "features list", CONFIG),
    ("too many threads", setting("[compute]\nthreads = 99999999999"), "features list", CONFIG),
    ("no memory", setting('[compute]\nmemory = "0GB"'), "features list", CONFIG),
    ("hardly any memory", setting('[compute]\nmemory = "1KB"'), "features list", CONFIG),
    ("memory beyond all", setting(f'[compute]\nmemory = "{"9" * 400}TB"'), "features list", CONFIG),
    ("a seed beyond NumPy's", setting(f"[training]\nseed = {2**40}"), "train --dry-run", CONFIG),
    ("a seed beyond all", setting(f"[training]\nseed = {'9' * 5000}"), "train", CONFIG),
    ("limits beyond all", setting("[freshness]\ntouches_days = 1e300"), "features list", CONFIG),
    ("a delay beyond all", setting("[cohort]\ndelay_hours = 1e300"), "train", CONFIG),
    ("deep TOML", setting("a = " + "[" * 5000 + "]" * 5000), "features list", CONFIG),
    ("deep keys", setting(".".join(["a"] * 5000) + " = 1"), "features list", CONFIG),
    ("a deep agreement", agreement("a = " + "[" * 5000 + "]" * 5000), "features list", CONFIG),
    (
        "a deep table",
        agreement(default_text("BANT") + "[" + ".".join(["a"] * 5000) + "]\nx = 1"),
        "features list",
        CONFIG,
    ),
    ("1,500 criteria", agreement(many_criteria(1500)), "features list", CONFIG),
    ("1,500 criteria, checked", agreement(many_criteria(1500)), "agreement check", CONFIG),
    ("a marker that is deep", put("workspace.toml", b"a = " + b"[" * 5000), "features list", CONFIG),
    (
        "settings that are a folder",
        lambda r: (r / "settings.toml").unlink() or (r / "settings.toml").mkdir(),
        "features list",
        CONFIG,
    ),
    ("an agreement not in UTF-8", put("2000-01-01.toml", b"name = '\xff'"), "features list", CONFIG),
    ("leads below none", None, "features check --leads -5", USAGE),
    ("no leads", None, "features check --leads 0", USAGE),
    ("no rows of the quarantine", None, "quarantine list --most 0", USAGE),
    ("no runs", None, "runs --most 0", USAGE),
    ("runs beyond MLflow's", None, "runs --most 99999999999", USAGE),
    ("no scores to print", None, f"{SCORE} --most 0", USAGE),
    ("scores below none", None, f"{SCORE} --most -3", USAGE),
    ("a version below none", None, "promote -- -1", USAGE),
    ("a seed of a company below none", None, "demo --seed -1", USAGE),
    ("a seed of a company beyond all", None, f"simulate --seed {2**70}", USAGE),
    ("days beyond all", None, "simulate --days 99999999", USAGE),
    ("a world that there is not", None, "simulate --world nowhere", USAGE),
    ("a port beyond all", None, "ui --port 99999", USAGE),
    ("a span beyond all", None, "backtest --from 2025-01-01 --to 2025-02-01 --every 99999999d", USAGE),
    ("a concept that there is not", None, "features list --concept nothing", USAGE),
]


@pytest.mark.parametrize(("spoil", "words", "code"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_it_ends_in_one_plain_line(leadready, monkeypatch, bad, spoil, words, code):
    monkeypatch.setenv("LEADREADY_HOME", str(bad))
    if spoil:
        spoil(bad)
    said = leadready(*words.split())
    if code == USAGE:
        assert (said.code, said.out) == (USAGE, "")
    else:
        assert_plain(said, code)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "words"), [("warehouse.duckdb", "features list"), ("mlflow.db", "runs")])
def test_flipped_bytes(leadready, bad, name, words, seed):
    """Where it works in spite of them, it works; else it is said."""
    flip(name, 40, seed)(bad)
    said = leadready(*words.split(), "-w", bad)
    assert said.code == 0 or (said.code in (CONFIG, DATA, MODEL) and said.err.count("\n") == 1), said


@pytest.mark.parametrize("sql", ["UPDATE alembic_version SET version_num = 'abc'", "DROP TABLE registered_models"])
def test_a_store_of_another_version(bad, sql):
    """In a process of its own: MLflow looks once."""
    in_store(sql)(bad)
    words = [sys.executable, "-m", "pipelines.cli", "runs", "-w", str(bad)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (CONFIG, "", False), done.stderr
    assert done.stderr.splitlines()[-1].startswith("leadready: using MLflow's store")
