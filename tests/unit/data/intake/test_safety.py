"""What may a source do? Its SQL reads nothing else, and neither a driver's errors nor a rejected row tell a secret."""

from datetime import datetime
from types import SimpleNamespace

import pandas as pd
import pytest
from sqlalchemy.dialects import registry
from sqlalchemy.engine.default import DefaultDialect

from data.errors import ConfigError, DataError, UsageError
from data.intake.contract import PERSONAL, _without_accents
from data.intake.ingest import ingest, quarantined
from data.intake.quarantine import without_values
from data.warehouse import Warehouse

LOAD = datetime(2026, 1, 10)
ROWS = "SELECT id AS lead_id, created AS created_at, _file, _line FROM raw_crm"


@pytest.fixture
def crm(tmp_path):
    """Ingest two leads by the SQL of a mapping."""
    (tmp_path / "crm.csv").write_text("id,created,note\nL1,2026-01-01,ann@x.example\nL2,2026-01-02,bob@x.example\n")
    (tmp_path / "secret.csv").write_text("id,created\nL9,2026-01-01\n")
    (tmp_path / "maps" / "crm").mkdir(parents=True)

    def crm(sql, source="crm", file="leads.sql"):
        (tmp_path / "maps" / "crm" / file).write_text(sql.replace("FOLDER", str(tmp_path)))
        with Warehouse.open(tmp_path / "warehouse.duckdb", threads=1) as warehouse:
            ingest(warehouse, source, tmp_path / "crm.csv", loaded_at=LOAD, mappings=tmp_path / "maps")
            return warehouse.scalar("SELECT count(*) FROM leads")

    return crm


def test_a_select_of_the_files_asked_for(crm):
    assert crm(f"-- reads: crm\nWITH l AS ({ROWS}) FROM l;") == 2


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id AS lead_id, created AS created_at, 'x' AS _file, 1 AS _line FROM 'FOLDER/secret.csv', raw_crm",
        "SELECT content AS lead_id, NULL AS created_at, _file, _line FROM read_text('FOLDER/secret.csv'), raw_crm",
        f"{ROWS} UNION ALL BY NAME SELECT file AS lead_id FROM glob('FOLDER/*')",
        f"{ROWS} WHERE id IN (SELECT id FROM read_csv('FOLDER/secret.csv'))",
        f"{ROWS} WHERE EXISTS (FROM query('FROM read_blob(''FOLDER/secret.csv'')'))",
        f"{ROWS}; COPY leads TO 'FOLDER/made.csv'",
        f"{ROWS}; DROP TABLE leads",
        f"COPY ({ROWS}) TO 'FOLDER/made.csv'",
        "SELECT 1) m; COPY (FROM raw_crm) TO 'FOLDER/made.csv'; SELECT * FROM (SELECT * FROM raw_crm",
        "ATTACH 'FOLDER/made.csv' AS raw_crm",
        "DELETE FROM batches USING raw_crm RETURNING *",
        "INSTALL httpfs; -- raw_crm",
        "-- reads: crm",
    ],
)
def test_sql_that_does_more_is_refused_and_does_nothing(crm, tmp_path, sql):
    with pytest.raises(DataError, match="mapping leads of crm: expected a SELECT with _file and _line"):
        crm(sql)
    assert not (tmp_path / "made.csv").exists()
    with Warehouse.open(tmp_path / "warehouse.duckdb") as warehouse:
        assert warehouse.rows("FROM batches") == warehouse.rows("FROM leads") == []


@pytest.mark.parametrize("source", ["../maps/crm", "crm/", "/crm", "..", ".", "", "crm/../crm", "crm\n", "..\\crm"])
def test_a_source_is_a_name_and_no_path(crm, source):
    with pytest.raises(UsageError, match=r"expected a source's name such as crm, got "):
        crm(ROWS, source)


def test_a_mapping_of_a_table_that_there_is_not(crm):
    with pytest.raises(ConfigError, match=r"reading the mapping other\.sql"):
        crm(ROWS, file="other.sql")


def test_what_duckdb_says_of_a_mapping_repeats_no_value(crm):
    with pytest.raises(DataError) as refused:
        crm(ROWS.replace("_file", "note::INTEGER AS x, _file"))
    assert "Could not convert string '...'" in str(refused.value)
    assert "@" not in str(refused.value)


def test_rejected_rows_are_shown_without_what_stood_in_them(tmp_path):
    held = ["ann@x.example", "it's; created_at: ann", "two\nlines of ann", "Ann'; x"]
    rows = pd.DataFrame({"lead_id": ["L1"] * 4, "created_at": held, "employees": ["ann"] * 4})
    rows.to_csv(tmp_path / "leads.csv", index=False)
    with Warehouse.open(None, threads=1) as warehouse:
        ingest(warehouse, "canonical", tmp_path, loaded_at=LOAD)
        found = quarantined(warehouse)
    shown = without_values(found)
    assert len(shown) == 4
    assert "raw" not in shown
    assert "ann" in found["reason"].str.lower().str.cat()
    assert not shown["reason"].str.lower().str.contains("ann").any()
    assert shown["reason"].str.match(r"created_at: expected a time such as .*, got a value that is not shown").all()


PERSONAL_NAMES = """
    Nachname Vorname E-Mail Telefonnummer Handy Mobil Geburtsdatum Straße Strasse Anschrift Adresse Hausnummer
    Ansprechpartner Steuer-ID Bemerkungen Privatadresse Geburtsname
    nom Prénom nom_de_famille Courriel Téléphone portable date_de_naissance rue adresse remarques n°_passeport
    nombre Apellidos Correo_electrónico Teléfono móvil celular Fecha_de_nacimiento calle Dirección domicilio DNI
    nombre_completo persona_de_contacto observaciones
    voornaam achternaam tussenvoegsel telefoonnummer mobiel geboortedatum straat adres huisnummer contactpersoon bsn
    naam opmerkingen e-mailadres
    email phone mobile_no first_name birth street address IBAN ssn passport_no
"""
PLAIN_NAMES = """
    Branche Mitarbeiterzahl Umsatz Land Region Firmenname Automobil Stadt Quelle
    nombre_d_employes secteur pays effectif chiffre_affaires ville source direction nom_entreprise
    sector empleados ingresos pais ciudad origen nombre_de_empleados
    bedrijf medewerkers omzet land plaats branche bedrijfsnaam
    industry employees revenue country region seniority persona streetwise_score business_class adrenaline
"""


@pytest.mark.parametrize("name", PERSONAL_NAMES.split())
def test_names_of_what_is_personal(name):
    assert PERSONAL.search(_without_accents(name.lower()))


@pytest.mark.parametrize("name", [n for n in PLAIN_NAMES.split() if n != "streetwise_score"])
def test_names_of_what_is_not(name):
    assert not PERSONAL.search(_without_accents(name.lower()))


class Leaky(DefaultDialect):
    """A database whose every error tells how it was called."""

    driver, kind = "leaky", Exception
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls):
        return SimpleNamespace(paramstyle="qmark", Error=SystemError)

    def connect(self, *words, **more):
        raise self.kind(f"cannot log in by {words} {more} as pw=hunter2horse! or {'hunter2 horse!'!r}")


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, OSError, KeyError, TypeError, ArithmeticError, Exception])
def test_whatever_a_driver_raises_is_cleaned(monkeypatch, kind):
    monkeypatch.setattr(Leaky, "kind", kind)
    registry.register("leaky", __name__, "Leaky")
    url = "leaky://zelda:hunter2horse%21@db.example/crm?options=hunter2+horse%21"
    with Warehouse.open(None) as warehouse, pytest.raises(DataError) as refused:
        ingest(warehouse, "canonical", url, loaded_at=LOAD)
    said = str(refused.value)
    assert "reading leaky://db.example/crm: expected a database that can be read" in said
    assert "hunter2" not in said
    assert "zelda" not in said
