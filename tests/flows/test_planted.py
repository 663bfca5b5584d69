"""Planted strings: personal values and secrets go through every command, and no log, store or page has them."""

import base64
import io
import re
import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.warehouse import Warehouse
from data.workspace import Workspace
from pipelines.jobs.start import init_workspace
from tests.flows import work

pytestmark = pytest.mark.slow  # a Prefect server and a training: minutes
AS_OF = str(work.AS_OF.date())
LANGUAGES = ("Vorname", "Nachname", "Courriel", "Correo_electrónico", "Telefoonnummer", "Bemerkungen", "contact_person")
PERSONAL = 200
# names, addresses and notes have a word of their own; phone numbers have digits of their own
WORD = re.compile(rb"zq\d{3}vx|49\D?30\D?8842\D?\d{3}5566", re.IGNORECASE)
WIDE = re.compile(b"z\0q\0\\d\0\\d\0\\d\0v\0x\0", re.IGNORECASE)


@dataclass
class Planting:
    """Personal strings, each of them new."""

    used: int = 0

    def word(self, form):
        self.used += 1
        return form.format(f"Zq{self.used:03d}vx")

    def phone(self):
        self.used += 1
        return f"+49 30 8842 {self.used:03d}5566"


def secret(number):
    return f"s3cr3t-{number:02d}-hunter/2 pass"


SECRETS = [secret(n) for n in range(20)]


def in_url(number):
    return quote(secret(number), safe="")


def forms(text):
    """The bytes in which a secret may be written, base64 at each of its three places among them."""
    found = {text.encode(), text.encode("utf-16-le"), quote(text).encode(), quote(text, safe="").encode()}
    found.add(text.replace(" ", "+").encode())
    for at in range(3):
        coded = base64.b64encode(bytes(at) + text.encode()).rstrip(b"=")
        found.add(coded[(at * 8 + 5) // 6 : -1])
    return found


def contents(path):
    """What a file holds: its bytes, and what is packed in archives, Parquet files and databases."""
    raw = path.read_bytes()
    yield raw
    if path.suffix == ".parquet":
        yield pq.ParquetFile(path).read().to_pandas().to_csv().encode()
    elif zipfile.is_zipfile(io.BytesIO(raw)):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif raw.startswith(b"SQLite format 3"):
        yield "\n".join(sqlite3.connect(f"file:{path}?mode=ro", uri=True).iterdump()).encode()
    elif path.suffix == ".duckdb":
        with Warehouse.open(path) as warehouse:
            tables = warehouse.rows("SELECT table_name FROM duckdb_tables() WHERE NOT temporary")
            yield from (warehouse.frame(f"FROM {name}").to_csv().encode() for (name,) in tables)


def found_in(chunks):
    """The personal strings and the secrets in some contents."""
    personal, secrets = set(), set()
    for chunk in chunks:
        personal |= {m.lower() for m in WORD.findall(chunk)} | {
            m.replace(b"\0", b"").lower() for m in WIDE.findall(chunk)
        }
        secrets |= {text for text in SECRETS if any(form in chunk for form in forms(text))}
    return personal, secrets


@pytest.mark.parametrize("ending", ["txt", "parquet", "zip", "db"])
def test_what_is_planted_is_found_in_every_form(tmp_path, ending):
    """The search itself, so that nothing found means something."""
    path, words = tmp_path / f"kept.{ending}", ["Zoë Zq007vx", "+49 30 8842 0085566", *SECRETS[:3]]
    if ending == "parquet":
        pd.DataFrame({"kept": words}).to_parquet(path)
    elif ending == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("kept", "\n".join(words))
    elif ending == "db":
        with sqlite3.connect(path) as database:
            pd.DataFrame({"kept": words}).to_sql("kept", database)
    else:
        wide, coded = (f"Zq007vx {SECRETS[0]}".encode("utf-16-le"), base64.b64encode(f"a:{SECRETS[1]}".encode()))
        path.write_bytes(b"\n".join([wide, coded, f"{words[1]} {in_url(2)}".encode()]))
    assert found_in(contents(path)) == ({b"zq007vx", b"49 30 8842 0085566"}, set(SECRETS[:3]))


def plant(folder):
    """The files of a company, with personal strings in columns of ours, of sources', and in rows that are rejected."""
    planted = Planting()
    work.write_company(folder, 500, seed=4)
    tables = {
        name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name in ("accounts", "leads", "touches", "calls")
    }

    def fill(table, column, rows, make):
        tables[table][column] = [make() if i in rows else None for i in range(len(tables[table]))]

    fill("leads", "name", range(40), lambda: planted.word("Zoë {}"))
    fill("leads", "email", range(40), lambda: planted.word("{}@planted.example"))
    fill("leads", "phone", range(30), planted.phone)
    for at, column in enumerate(LANGUAGES):
        fill("leads", column, range(at, at + 6), lambda: planted.word("Frau {}"))
    fill("accounts", "name", range(10), lambda: planted.word("Bäckerei {}"))
    fill("accounts", "Ansprechpartner", range(6), lambda: planted.word("Herr {}"))
    fill("touches", "notes", range(6), lambda: planted.word("wrote to {}"))
    fill("calls", "notes", range(16), lambda: planted.word("spoke to {}, who is ill"))
    for table, column in (("leads", "created_at"), ("touches", "occurred_at"), ("calls", "duration_s")):
        row = tables[table].tail(1)
        spoiled = [row.assign(**{column: planted.word("ask {} first")}) for _ in range(3)]
        tables[table] = pd.concat([tables[table], *spoiled])
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    with (folder / "calls.csv").open("a") as file:
        file.writelines(planted.word("L1,too,many,{},") * 30 + "\n" for _ in range(PERSONAL - planted.used))
    assert planted.used == PERSONAL
    return folder


ENVIRONMENT = {
    "CRM_URL": f"postgresql://ann:{in_url(1)}@127.0.0.1:9/crm",
    "CRM_ODBC": f"Driver=PostgreSQL;Server=127.0.0.1;Uid=ann;Pwd={secret(2)}",
    "PREFECT_API_KEY": secret(3),
    "PREFECT_API_AUTH_STRING": f"admin:{secret(4)}",
    "MLFLOW_TRACKING_PASSWORD": secret(5),
    "MLFLOW_TRACKING_TOKEN": secret(6),
    "AWS_SECRET_ACCESS_KEY": secret(7),
    "DATABASE_URL": f"postgresql://ann:{in_url(8)}@127.0.0.1/other",
    "PGPASSWORD": secret(9),
}
MAPPINGS = {
    "scan": f"SELECT * FROM postgres_scan('host=127.0.0.1 password={secret(0)}', 'public', 'leads')",
    "cast": "SELECT lead_id, email::INTEGER AS created_at, _file, _line FROM raw_leads",
}
TELLS = f"on_failure = \"sh -c 'cat >> {{told}} # {secret(11)}'\""
MLFLOW_DOWN = {"LEADREADY_MLFLOW": f"http://ann:{in_url(15)}@127.0.0.1:9"}
PREFECT_DOWN = {"PREFECT_API_URL": f"http://ann:{in_url(16)}@127.0.0.1:9/api"}
WORKING = f"""
    ingest canonical {{files}} --check --backfill
    ingest canonical {{files}} --backfill
    ingest canonical {{files}} --json
    ingest canonical sqlite:///file:{{crm}}?mode=ro&uri=true&token={in_url(10)}
    ingest canonical sqlite:///{{crm}}?password={in_url(14)}
    train --as-of {AS_OF}
    promote 1 --force --why tested
    score --as-of {AS_OF}
    score --as-of {AS_OF} --json
    report --as-of {AS_OF}
    explain {{lead}} --as-of {AS_OF}
    agreement explain {{lead}} --as-of {AS_OF}
    agreement check
    quarantine list
    quarantine list --json
    quarantine replay
    runs
    features list
    features check --leads 50
    daily
"""
FAILING = [
    ("ingest canonical {url}", {}),
    (f"ingest canonical mysql+nothing://ann:{in_url(12)}@127.0.0.1:9/crm", {}),
    (f"ingest canonical mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D{in_url(13)}", {}),
    ("ingest canonical {odbc}", {}),
    ("ingest scan {files}", {}),
    ("ingest cast {files}", {}),
    ("train --as-of 2025-02-01", {}),
    ("score --as-of 2020-01-01", {}),
    ("explain nobody", {}),
    ("score", MLFLOW_DOWN),
    ("score", PREFECT_DOWN),
    ("daily", PREFECT_DOWN),
]
WRONG = [
    (TELLS, '[schedule.sources.cast]\npath = "$CRM_URL"'),
    (TELLS, '[schedule.sources.cast]\npath = "$CRM_ODBC"'),
    (f'[schedule.sources.cast]\npath = "postgresql://ann:{in_url(17)}@127.0.0.1:9/crm"',),
    (f'on_failure = ["curl", "-u", "ann:{secret(18)}"]',),
    (f'[schedule.sources.cast]\npath = ["postgresql://ann:{in_url(19)}@127.0.0.1:9/crm"]',),
]
"""Lines of the settings with which the daily run fails."""


@dataclass
class Typist:
    """Types commands in a workspace, and keeps what they say and how they end."""

    folder: Path
    environment: dict[str, str]
    said: dict[str, bytes] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self):
        self.space = Workspace(self.folder / "var")
        self.words = {name: self.folder / name for name in ("files", "told", "temporary")}
        self.words |= {"crm": self.folder / "crm.db", "url": ENVIRONMENT["CRM_URL"], "odbc": ENVIRONMENT["CRM_ODBC"]}

    def set(self, *lines):
        sources = ["[schedule.sources]", f'canonical = "{self.words["files"]}"']
        text = "\n".join(["[training]", "folds = 1", "[schedule]", "catch_up_days = 0", *lines, *sources])
        self.space.settings.write_text(text.replace("{told}", str(self.words["told"])))

    def type_in(self, command, **more):
        if "{lead}" in command:
            scores = pd.read_parquet(self.space.exports / AS_OF / "scores.parquet")
            self.words["lead"] = scores["lead_id"].iloc[0]
        words = [word.format(**self.words) for word in command.split()]
        words = [sys.executable, "-m", "pipelines.cli", *words, "-w", str(self.space.root)]
        done = subprocess.run(words, env=self.environment | more, capture_output=True, check=False)
        name = f"{len(self.said):02d} {command}"
        self.said[name], self.codes[name] = done.stdout + b"\n" + done.stderr, done.returncode
        return done.returncode


@pytest.fixture
def typist(tmp_path, prefect):
    """In a workspace with a company whose files hold personal values, with secrets in the environment."""
    typist = Typist(tmp_path, prefect.environment | ENVIRONMENT | {"TMPDIR": str(tmp_path / "temporary")})
    typist.words["temporary"].mkdir()
    init_workspace(typist.space)
    plant(typist.words["files"])
    with sqlite3.connect(typist.words["crm"]) as database:
        pd.DataFrame({"lead_id": ["L1"], "created_at": ["2025-01-01"]}).to_sql("leads", database, index=False)
    for name, sql in MAPPINGS.items():
        (typist.space.mappings / name).mkdir(parents=True)
        (typist.space.mappings / name / "leads.sql").write_text(f"-- reads: leads\n{sql}")
    return typist


def test_planted_strings_are_nowhere_but_where_they_belong(typist, prefect):
    space = typist.space
    typist.set(TELLS)
    ended = [typist.type_in(command) for command in WORKING.strip().splitlines()]
    assert set(ended) <= {0, 13}, typist.codes  # 13: the model is not better, and kept all the same
    ended = [typist.type_in(command, **more) for command, more in FAILING]
    for lines in WRONG:
        typist.set(*lines)
        ended.append(typist.type_in("daily"))
    typist.set()
    for path in space.artifacts.rglob("model.skops"):
        path.write_bytes(b"no model")
    ended.append(typist.type_in(f"score --as-of {AS_OF}"))
    assert set(ended) <= {2, 10, 11, 12}, typist.codes
    places = {
        "logs/ and runs.jsonl": [*space.logs.rglob("*"), space.runs],
        "mlflow.db": [space.tracking],
        "artifacts/ (MLflow)": space.artifacts.rglob("*"),
        "Prefect's server": prefect.home.rglob("*"),
        "exports/": space.exports.rglob("*"),
        "reports/": space.reports.rglob("*"),
        "temporary files": typist.words["temporary"].rglob("*"),
        "on_failure's message": [typist.words["told"]],
        "warehouse (documented)": [space.warehouse],
    }
    found = {"terminal": found_in(typist.said.values())}
    found |= {name: found_in(c for p in paths if p.is_file() for c in contents(p)) for name, paths in places.items()}
    telling = [name for name, text in typist.said.items() if any(found_in([text]))]
    typist.type_in("quarantine list --show-values --json")
    found["quarantine list --show-values (documented)"] = found_in([[*typist.said.values()][-1]])
    rows = [{"place": name, "personal": len(p), "secrets": len(s)} for name, (p, s) in found.items()]
    print(f"\n{pd.DataFrame(rows).to_string(index=False)}\n{len(typist.said)} commands")
    assert not any(s for _, s in found.values()), (found, telling)
    assert {name for name, (p, _) in found.items() if p} == {name for name in found if "documented" in name}, telling
