"""Planted strings: personal values and secrets go through every command, and no log, store or page has them."""

import base64
import io
import re
import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from urllib.parse import quote

import pandas as pd
import pyarrow.parquet as pq
import pytest

from data.warehouse import Warehouse
from data.workspace import Workspace
from pipelines.jobs.start import init_workspace
from serving.sinks.files import LISTS
from tests.flows import work

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


@pytest.fixture(scope="module")
def company(tmp_path_factory, prefect):
    folder = tmp_path_factory.mktemp("planted")
    space = Workspace(folder / "var")
    init_workspace(space)
    files = plant(folder / "files")
    with sqlite3.connect(folder / "crm.db") as database:
        pd.DataFrame({"lead_id": ["L1"], "created_at": ["2025-01-01"]}).to_sql("leads", database, index=False)
    (space.mappings / "scan").mkdir(parents=True)
    (space.mappings / "scan" / "leads.sql").write_text(
        f"-- reads: leads\nSELECT * FROM postgres_scan('host=127.0.0.1 password={secret(0)}', 'public', 'leads')"
    )
    (space.mappings / "cast").mkdir()
    (space.mappings / "cast" / "leads.sql").write_text(
        "-- reads: leads\nSELECT lead_id, email::INTEGER AS created_at, _file, _line FROM raw_leads"
    )
    return folder, space, files


def settings(files, *lines):
    return "\n".join(
        [
            "[training]",
            "folds = 1",
            "[monitor]",
            "blocks = false",
            "[schedule]",
            "catch_up_days = 0",
            *lines,
            "[schedule.sources]",
            f'canonical = "{files}"',
        ]
    )


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


@pytest.mark.soak  # a Prefect server, a training and forty commands
def test_planted_strings_are_nowhere_but_where_they_belong(company, prefect):
    folder, space, files = company
    temporary = folder / "temporary"
    temporary.mkdir()
    said, codes, own = {}, {}, {**prefect.environment, **ENVIRONMENT, "TMPDIR": str(temporary)}

    def type_in(*words, **more):
        words = [str(word) for word in words]
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", *words, "-w", str(space.root)],
            env=own | more,
            capture_output=True,
            check=False,
        )
        name = f"{len(said):02d} {' '.join(words)[:60]}"
        said[name], codes[name] = done.stdout + b"\n" + done.stderr, done.returncode
        return done.returncode

    def daily(*lines, **more):
        space.settings.write_text(settings(files, *lines))
        return type_in("daily", **more)

    space.settings.write_text(settings(files))
    assert type_in("ingest", "canonical", files, "--check", "--backfill") == 0
    assert type_in("ingest", "canonical", files, "--backfill") == 0
    assert type_in("ingest", "canonical", files, "--json") == 0
    assert type_in("ingest", "canonical", f"sqlite:///file:{folder}/crm.db?mode=ro&uri=true&token={in_url(10)}") == 0
    assert type_in("train", "--as-of", AS_OF) in (0, 13)  # kept, whatever was decided
    assert type_in("promote", "1", "--force", "--why", "for this test") == 0
    assert type_in("score", "--as-of", AS_OF) == 0
    assert type_in("score", "--as-of", AS_OF, "--json") == 0
    assert type_in("report", "--as-of", AS_OF) == 0
    open_leads = pd.read_parquet(space.exports / AS_OF / "scores.parquet")["lead_id"]
    for lead in open_leads.head(2):
        assert type_in("explain", lead, "--as-of", AS_OF) == 0
        assert type_in("agreement", "explain", lead, "--as-of", AS_OF) == 0
    for words in ("agreement check", "quarantine list", "quarantine list --json", "quarantine replay", "runs"):
        assert type_in(*words.split()) == 0
    assert type_in("features", "list") == type_in("features", "check", "--leads", "50") == 0
    told = folder / "told"
    tells = f"on_failure = \"sh -c 'cat >> {told} # {secret(11)}'\""
    assert daily(tells) == 0
    assert type_in("ingest", "canonical", f"sqlite:///{folder}/crm.db?password={in_url(14)}") == 0
    # what fails, of each kind
    failing = [
        type_in("ingest", "canonical", ENVIRONMENT["CRM_URL"]),
        type_in("ingest", "canonical", f"mysql+nothing://ann:{in_url(12)}@127.0.0.1:9/crm"),
        type_in("ingest", "canonical", f"mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3D{in_url(13)}"),
        type_in("ingest", "canonical", ENVIRONMENT["CRM_ODBC"]),
        type_in("ingest", "scan", files),
        type_in("ingest", "cast", files),
        type_in("train", "--as-of", "2025-02-01"),
        type_in("score", "--as-of", "2020-01-01"),
        type_in("explain", "nobody"),
        type_in("score", LEADREADY_MLFLOW=f"http://ann:{in_url(15)}@127.0.0.1:9"),
        type_in("score", PREFECT_API_URL=f"http://ann:{in_url(16)}@127.0.0.1:9/api"),
        type_in("daily", PREFECT_API_URL=f"http://ann:{in_url(16)}@127.0.0.1:9/api"),
        daily(tells, '[schedule.sources.crm]\npath = "$CRM_URL"'),
        daily(tells, '[schedule.sources.crm]\npath = "$CRM_ODBC"'),
        daily(f'[schedule.sources.crm]\npath = "postgresql://ann:{in_url(17)}@127.0.0.1:9/crm"'),
        daily(f'on_failure = ["curl", "-u", "ann:{secret(18)}"]'),
        daily(f'[schedule.sources.crm]\npath = ["postgresql://ann:{in_url(19)}@127.0.0.1:9/crm"]'),
    ]
    assert 0 not in failing, codes
    [artifact] = sorted(space.artifacts.rglob("model.skops"))[-1:]
    artifact.write_bytes(b"no model")
    space.settings.write_text(settings(files))
    assert type_in("score", "--as-of", AS_OF) == 12
    told_of = told.read_bytes()

    places = {
        "terminal": said.values(),
        "on_failure's message": [told_of],
        **{
            name: (chunk for path in paths if path.is_file() for chunk in contents(path))
            for name, paths in {
                "logs/ and runs.jsonl": [*space.logs.rglob("*"), space.runs],
                "mlflow.db": [space.tracking],
                "artifacts/ (MLflow)": space.artifacts.rglob("*"),
                "Prefect's server": prefect.home.rglob("*"),
                "exports/": [path for path in space.exports.rglob("*") if path.name not in LISTS],
                "exports/ hand_offs and calls (documented)": [p for p in space.exports.rglob("*") if p.name in LISTS],
                "reports/": space.reports.rglob("*"),
                "temporary files": temporary.rglob("*"),
                "warehouse (documented)": [space.warehouse],
            }.items()
        },
    }
    found = {name: found_in(chunks) for name, chunks in places.items()}
    found["quarantine list --show-values (documented)"] = found_in([leadready_shows(space, own)])
    rows = [{"place": n, "personal": len(p), "secrets": len(s)} for n, (p, s) in found.items()]
    print(f"\n{pd.DataFrame(rows).to_string(index=False)}")
    assert {name: both for name, text in said.items() if any(both := found_in([text]))} == {}
    assert {n: (p, s) for n, (p, s) in found.items() if "documented" not in n and (p or s)} == {}
    assert not any(found[n][1] for n in found if n.startswith(("warehouse", "exports")))
    assert all(p for n, (p, _) in found.items() if "documented" in n), "nothing was planted"


def leadready_shows(space, environment):
    words = [sys.executable, "-m", "pipelines.cli", "quarantine", "list", "--show-values", "--json"]
    return subprocess.run([*words, "-w", str(space.root)], env=environment, capture_output=True, check=True).stdout
