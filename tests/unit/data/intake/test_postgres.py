"""PostgreSQL as a source: typed, as it was at one moment, and only what is new where a watermark is followed."""

import os
import re
import threading
from datetime import datetime, timedelta

import pytest

from data.errors import ConfigError, DataError
from data.intake import ingest as intake
from data.intake.files import raw_relations, relations_in
from data.intake.ingest import ingest
from data.intake.retraction import retract_batch
from data.intake.watermarks import Extract
from data.warehouse import Warehouse
from tests.server import PASSWORD, find_binaries
from tests.tables import table

pytestmark = pytest.mark.slow  # some minutes; CI runs it, `make test` does not

LOAD = datetime(2030, 1, 1)
LEADS = """CREATE TABLE leads AS SELECT 'L' || i AS lead_id, timestamptz '2026-01-01 09:00+01' AS created_at
    FROM generate_series(1, 9) i"""
TOUCHES = """CREATE TABLE touches (event_id text, lead_id text, occurred_at timestamptz, kind text,
    updated_at timestamptz)"""


@pytest.fixture
def warehouse():
    with Warehouse.open(None, threads=2) as opened:
        yield opened


def touch(event, updated_at, lead="L1", at="2026-01-02 10:00+00"):
    updated_at = f"'{updated_at}'" if updated_at else "NULL"
    return f"INSERT INTO touches VALUES ('{event}', '{lead}', '{at}', 'page_view', {updated_at})"


def values(warehouse, url, select, **more):
    """What a SELECT on the relation `raw_odd` gives."""
    with raw_relations(warehouse, url, {"raw_odd"}, **more):
        return warehouse.rows(select)


TYPES = """
    of             value                                 type         read
    int2           7                                     SMALLINT     7
    bigint         9007199254740993                      BIGINT       9007199254740993
    float4         0.1                                   DOUBLE       0.1
    float8         1e300                                 DOUBLE       1e+300
    float8         NaN                                   DOUBLE       nan
    numeric        12.50                                 DOUBLE       12.5
    numeric(12,2)  12.00                                 DOUBLE       12.0
    numeric        12345678901234567890                  VARCHAR      12345678901234567890
    numeric(18,0)  -123456789012345678                   BIGINT       -123456789012345678
    numeric        NaN                                   DOUBLE       nan
    money          1234.5                                VARCHAR      $1,234.50
    boolean        true                                  BOOLEAN      True
    text           O'Brien; "x"                          VARCHAR      O'Brien; "x"
    varchar(9)     Ærø                                   VARCHAR      Ærø
    json           {"a":[1,2]}                           VARCHAR      {"a":[1,2]}
    jsonb          {"a":[1,2]}                           VARCHAR      {"a": [1, 2]}
    text[]         {a,NULL,"b c"}                        VARCHAR      ["a",null,"b c"]
    int[]          {{1,2},{3,4}}                         VARCHAR      [[1,2],[3,4]]
    uuid           0190b3ae-7f3c-7cc1-8f3e-2b9a0d6a1c11  VARCHAR      0190b3ae-7f3c-7cc1-8f3e-2b9a0d6a1c11
    mood           happy                                 VARCHAR      happy
    positive       5                                     INTEGER      5
    bytea          caf                                   BLOB         b'caf'
    inet           10.0.0.1                              VARCHAR      10.0.0.1/32
    interval       1 day 02:00                           VARCHAR      P1DT2H
    int4range      [1,5)                                 VARCHAR      [1,5)
    time           09:30                                 VARCHAR      09:30:00
    timestamptz    2026-01-02 10:00+02                   TIMESTAMPTZ  2026-01-02 08:00:00+00
    timestamptz    infinity                              TIMESTAMPTZ  infinity
    timestamptz    0044-03-15 BC                         TIMESTAMPTZ  -infinity
    timestamp      2026-01-02 10:00:00.123456            TIMESTAMP    2026-01-02 10:00:00.123456
    timestamp      -infinity                             TIMESTAMP    -infinity
    timestamp      9999-12-31 23:59:59.999999            TIMESTAMP    9999-12-31 23:59:59.999999
    date           2026-01-02                            DATE         2026-01-02
    date           infinity                              DATE         infinity
    date           5874897-12-31                         DATE         infinity
"""


def test_a_value_comes_typed_or_as_the_text_that_postgresql_writes(warehouse, postgres):
    rows = table(TYPES).to_dict("records")
    columns = [f"v{i} {row['of']}, empty{i} {row['of']}" for i, row in enumerate(rows)]
    given = [f"""'{row["value"].replace("'", "''")}', NULL""" for row in rows]
    postgres.run(
        "CREATE TYPE mood AS ENUM ('happy')",
        "CREATE DOMAIN positive AS int CHECK (value > 0)",
        f"CREATE TABLE odd ({', '.join(columns)})",
        f"INSERT INTO odd VALUES ({', '.join(given)})",
    )
    times = [row["type"].startswith(("TIME", "DATE")) for row in rows]
    asked = [f"typeof(v{i}), v{i}{'::VARCHAR' * is_time}" for i, is_time in enumerate(times)]
    [found] = values(warehouse, postgres.url, f"SELECT {', '.join(asked)} FROM raw_odd")
    read = [
        (row["of"], row["value"], kind.replace(" WITH TIME ZONE", "TZ"), str(value))
        for row, kind, value in zip(rows, found[::2], found[1::2], strict=True)
    ]
    assert read == [(row["of"], row["value"], row["type"], row["read"]) for row in rows]
    [empty] = values(warehouse, postgres.url, f"SELECT {', '.join(f'empty{i}' for i in range(len(rows)))} FROM raw_odd")
    assert set(empty) == {None}


def test_a_table_is_as_its_parquet_file_would_be(warehouse, postgres, tmp_path):
    """What becomes of its rows, extra columns and quarantined values among them."""
    sql = """SELECT 'L' || range AS lead_id, TIMESTAMPTZ '2026-01-01 09:00+01' + INTERVAL 1 HOUR * range AS created_at,
        range * 1.5::DOUBLE AS size, CASE WHEN range > 2 THEN 'n/a' END AS industry_code, range = 1 AS vip,
        DATE '2026-01-05' AS trial, '007' AS plan FROM range(5)"""
    (tmp_path / "files").mkdir()
    warehouse.execute(f"COPY ({sql}) TO '{tmp_path}/files/leads.parquet'")
    postgres.run(
        "CREATE TABLE leads (lead_id text, created_at timestamptz, size float8, industry_code text, vip boolean,"
        " trial date, plan text)",
        "INSERT INTO leads SELECT 'L' || i, timestamptz '2026-01-01 09:00+01' + i * interval '1 hour', i * 1.5,"
        " CASE WHEN i > 2 THEN 'n/a' END, i = 1, '2026-01-05', '007' FROM generate_series(0, 4) i",
    )
    stored = []
    for path in (tmp_path / "files", postgres.url):
        with Warehouse.open(None) as own:
            report = ingest(own, "canonical", path, loaded_at=LOAD)
            rows = own.rows("SELECT * EXCLUDE batch_id FROM leads ORDER BY lead_id")
            stored.append((report.tables, own.columns("leads"), rows, report.noticed))
    assert stored[0] == stored[1]


def test_names_mean_what_they_say_whatever_is_in_them(warehouse, postgres):
    odd = 'a "b"; DROP TABLE x; --'
    as_sql = odd.replace('"', '""')
    postgres.run(
        f'CREATE SCHEMA "{as_sql}"',
        f'CREATE TABLE "{as_sql}"."it\'s %s $1" ("{as_sql}" text, "SELECT" int, "ünï" text)',
        f"""INSERT INTO "{as_sql}"."it's %s $1" VALUES ('x', 1, 'y')""",
    )
    [name] = [n for n in relations_in(postgres.url) if "it_s" in n]
    with raw_relations(warehouse, postgres.url, {name}) as raw:
        assert raw.files[0].columns == (odd, "SELECT", "ünï")
        assert warehouse.rows(f"SELECT * EXCLUDE (_file, _line) FROM {name}") == [("x", 1, "y")]


def test_tables_of_every_schema_views_and_partitions_are_found(warehouse, postgres):
    postgres.run(
        "CREATE SCHEMA crm",
        "CREATE TABLE crm.leads AS SELECT 1 AS a",
        "CREATE TABLE touches (day date, a int) PARTITION BY RANGE (day)",
        "CREATE TABLE touches_1 PARTITION OF touches FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "INSERT INTO touches VALUES ('2026-05-01', 2)",
        "CREATE VIEW calls AS SELECT 3 AS a",
        "CREATE MATERIALIZED VIEW answers AS SELECT 4 AS a",
    )
    wanted = {"raw_crm_leads": 1, "raw_touches": 2, "raw_calls": 3, "raw_public_answers": 4}
    with raw_relations(warehouse, postgres.url, wanted) as raw:
        assert {name: warehouse.scalar(f"SELECT a FROM {name}") for name in wanted} == wanted
    assert {f.name for f in raw.files} == {"table crm.leads", "table touches", "table calls", "table answers"}
    assert raw.unused == ()


def test_a_search_path_in_the_address_makes_a_schema_the_usual_one(warehouse, postgres):
    postgres.run("CREATE SCHEMA crm", "CREATE TABLE crm.odd AS SELECT 5 AS a")
    assert values(warehouse, f"{postgres.url}&options=-csearch_path%3Dcrm", "SELECT a FROM raw_odd") == [(5,)]


def test_of_two_tables_that_one_name_may_mean_none_is_guessed(warehouse, postgres):
    postgres.run('CREATE TABLE "Odd" (a int)', "CREATE TABLE odd (a int)")
    with pytest.raises(DataError, match="expected one table for raw_odd, got table Odd, table odd; name its schema"):
        values(warehouse, postgres.url, "")


def test_an_empty_table_has_its_columns(warehouse, postgres):
    postgres.run("CREATE TABLE odd (a text, b numeric, c timestamptz)")
    assert values(warehouse, postgres.url, "SELECT count(*), count(a), count(b), count(c) FROM raw_odd") == [(0,) * 4]


def test_long_texts_come_whole(warehouse, postgres):
    postgres.run("CREATE TABLE odd AS SELECT repeat('ä', 3000000) AS a FROM generate_series(1, 3)")
    assert values(warehouse, postgres.url, "SELECT DISTINCT length(a) FROM raw_odd") == [(3_000_000,)]


def test_an_infinite_time_goes_to_the_quarantine(warehouse, postgres):
    postgres.run(
        "CREATE TABLE leads (lead_id text, created_at timestamptz)",
        "INSERT INTO leads VALUES ('L1', 'infinity'), ('L2', '0044-03-15 BC'), ('L3', '2026-01-01')",
    )
    report = ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD)
    assert (report.stored, report.quarantined) == (1, 2)


def test_a_time_without_a_zone_is_read_in_that_of_the_source(warehouse, postgres):
    postgres.run("CREATE TABLE leads AS SELECT 'L1' AS lead_id, timestamp '2026-07-01 09:00' AS created_at")
    ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD, timezone="Europe/Berlin")
    assert warehouse.rows("SELECT created_at FROM leads") == [(datetime(2026, 7, 1, 7),)]


def test_the_same_rows_are_the_same_batch_in_whatever_order_they_come(warehouse, postgres):
    postgres.run(LEADS)
    first = ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD)
    postgres.run("UPDATE leads SET created_at = created_at WHERE lead_id = 'L3'")  # moves it to the end
    again = ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD + timedelta(days=1))
    assert (again.batch_id, again.stored, again.repeats) == (first.batch_id, 0, 9)


class TestAQuery:
    def test_it_stands_for_a_table(self, warehouse, postgres):
        postgres.run(LEADS, "CREATE SCHEMA crm", "CREATE TABLE crm.contacts AS SELECT * FROM leads LIMIT 4")
        query = "SELECT c.*, 'web' AS source FROM crm.contacts c -- whoever came in\n ;"
        report = ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD, extract=Extract({"leads": query}))
        assert (report.files, report.stored) == ({"query leads": 4}, 4)
        assert warehouse.rows("SELECT DISTINCT source FROM leads") == [("web",)]

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("SELECT nothing FROM leads", 'column "nothing" does not exist'),
            ("SELECT lead_id, lead_id FROM leads", "expected every column once"),
            ("DROP TABLE leads", "syntax error at or near"),
            ("SELECT 1) AS q; DROP TABLE leads; SELECT (1", "cannot insert multiple commands"),
            ("SELECT lead_id::int FROM leads", 'invalid input syntax for type integer: "..."'),
        ],
    )
    def test_what_is_wrong_with_it_is_said_and_no_value_is(self, warehouse, postgres, query, said):
        postgres.run(LEADS)
        with pytest.raises(DataError, match=re.escape(said)) as refused:
            ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD, extract=Extract({"leads": query}))
        assert "L1" not in str(refused.value)
        assert PASSWORD not in str(refused.value)
        assert postgres.rows("SELECT count(*) FROM leads") == [(9,)]

    def test_it_cannot_write(self, warehouse, postgres):
        postgres.run(LEADS, "CREATE FUNCTION wipe() RETURNS int LANGUAGE sql AS 'DELETE FROM leads; SELECT 1'")
        with pytest.raises(DataError, match="cannot execute DELETE in a read-only transaction"):
            ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD, extract=Extract({"leads": "SELECT wipe()"}))

    def test_one_that_no_mapping_reads_is_named(self, warehouse, postgres):
        with pytest.raises(ConfigError, match="got contacts; correct queries and watermark"):
            ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD, extract=Extract({"contacts": "SELECT 1"}))


class TestReadingOn:
    @pytest.fixture
    def follow(self, warehouse, postgres):
        """Load what is new, a day after the last load; the touches are read on by `updated_at`."""
        postgres.run(LEADS, TOUCHES)
        moment = LOAD

        def load(full=False, overlap_hours=48.0, column="updated_at", **more):
            nonlocal moment
            moment += timedelta(days=1)
            extract = Extract({}, {"touches": column}, overlap_hours, full)
            return ingest(warehouse, "canonical", postgres.url, loaded_at=moment, extract=extract, **more)

        return load

    def test_only_new_rows_are_read(self, follow, postgres):
        postgres.run(*(touch(f"e{day}", f"2026-01-{day:02d} 00:00+00") for day in range(1, 21)))
        [first] = follow().followed
        postgres.run(touch("new", "2026-01-21 06:00+02"))
        done = follow()
        [then] = done.followed
        assert (first.since, first.rows, first.reached) == (None, 20, datetime(2026, 1, 20))
        assert (then.since, then.rows, then.reached) == (datetime(2026, 1, 18), 4, datetime(2026, 1, 21, 4))
        assert (done.files["table touches"], done.tables["touches"].stored, done.tables["touches"].repeats) == (4, 1, 3)

    def test_a_late_row_within_the_overlap_is_caught_and_one_beyond_it_by_a_full_read(
        self, follow, warehouse, postgres
    ):
        postgres.run(touch("e1", "2026-01-20 00:00+00"))
        follow()
        postgres.run(touch("late", "2026-01-18 00:00+00"), touch("too late", "2026-01-17 23:59:59+00"))
        assert follow().tables["touches"].stored == 1
        assert follow(full=True).tables["touches"].stored == 1
        assert warehouse.rows("SELECT event_id FROM touches ORDER BY 1") == [("e1",), ("late",), ("too late",)]

    def test_rows_without_a_value_are_read_each_time_and_counted(self, follow, postgres):
        postgres.run(touch("e1", "2026-01-20 00:00+00"), touch("u1", None))
        follow()
        postgres.run(touch("u2", None))
        done = follow()
        [then] = done.followed
        assert (then.without, done.tables["touches"].stored) == (2, 1)

    def test_a_time_in_the_future_skips_nothing(self, follow, postgres):
        postgres.run(touch("e1", "2026-01-20 00:00+00"), touch("far", "2999-01-01"), touch("never", "infinity"))
        [first] = follow().followed
        assert (first.reached, first.ahead) == (datetime(2026, 1, 20), 2)
        postgres.run(touch("e2", "2026-01-21 00:00+00"))
        assert follow().tables["touches"].stored == 1

    def test_a_watermark_after_the_servers_time_is_taken_back(self, follow, warehouse, postgres):
        """As after a clock that was set back."""
        postgres.run(touch("e1", "2026-01-20 00:00+00"))
        follow()
        warehouse.execute("UPDATE watermarks SET reached = TIMESTAMP '2999-01-01'")
        postgres.run("INSERT INTO touches SELECT 'now', 'L1', '2026-01-02', 'page_view', now()")
        assert follow().tables["touches"].stored == 1
        assert warehouse.scalar("SELECT max(reached) FROM watermarks") < datetime(2998, 1, 1)

    def test_an_empty_table_is_read_in_full_until_it_has_rows(self, follow, postgres):
        assert [(f.since, f.reached) for _ in range(2) for f in follow().followed] == [(None, None)] * 2
        postgres.run(touch("e1", "2026-01-20 00:00+00"))
        assert follow().tables["touches"].stored == 1

    @pytest.mark.parametrize("kind", ["timestamp", "date"])
    def test_a_column_without_zones_is_followed_by_its_own_clock(self, follow, postgres, kind):
        postgres.run(
            f"ALTER TABLE touches ALTER updated_at TYPE {kind}",
            touch("e1", "2026-01-20"),
            "INSERT INTO touches SELECT 'now', 'L1', '2026-01-02', 'page_view', now() AT TIME ZONE 'Asia/Tokyo'",
        )
        assert [f.ahead for f in follow(timezone="Asia/Tokyo").followed] == [0]
        [then] = follow(timezone="Asia/Tokyo").followed
        assert then.rows == 1

    def test_rows_and_watermark_move_together(self, follow, warehouse, postgres, monkeypatch):
        """What goes wrong after the rows were stored takes both back."""
        postgres.run(touch("e1", "2026-01-20 00:00+00"))

        def fail(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as broken:
            broken.setattr(intake, "_find_strangers", fail)
            with pytest.raises(KeyboardInterrupt):
                follow()
        assert warehouse.rows("FROM watermarks") == []
        assert follow().tables["touches"].stored == 1

    def test_a_check_moves_no_watermark(self, follow, warehouse, postgres):
        postgres.run(touch("e1", "2026-01-20 00:00+00"))
        assert follow(check=True).followed[0].rows == 1
        assert warehouse.rows("FROM watermarks") == []

    def test_another_column_or_query_begins_anew(self, follow, warehouse, postgres):
        postgres.run(touch("e1", "2026-01-20 00:00+00"))
        follow()
        assert follow(column="occurred_at").followed[0].since is None
        assert follow(column="occurred_at").followed[0].since == datetime(2025, 12, 31, 10)
        queried = Extract({"touches": "SELECT * FROM touches"}, {"touches": "updated_at"})
        done = ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD + timedelta(days=9), extract=queried)
        assert (done.followed[0].since, done.files["query touches"]) == (None, 1)

    def test_a_batch_that_is_taken_back_is_read_again(self, follow, warehouse, postgres):
        postgres.run(touch("e1", "2026-01-20 00:00+00"))
        batch = follow().batch_id
        retract_batch(warehouse, batch, LOAD + timedelta(days=1), from_start=True)
        assert follow(overlap_hours=0).tables["touches"].stored == 1

    def test_a_row_that_was_rejected_is_held_once(self, follow, warehouse, postgres):
        postgres.run(touch("e1", "2026-01-20 00:00+00", lead="nobody"))
        assert [follow().quarantined for _ in range(3)] == [1, 1, 1]
        assert warehouse.scalar("SELECT count(*) FROM quarantine") == 1

    @pytest.mark.parametrize("column", ["event_id", "changed_at"])
    def test_what_cannot_be_followed_is_said(self, follow, column):
        with pytest.raises(DataError, match=r"expected a watermark of type timestamptz, timestamp or date, got .*"):
            follow(column=column)

    def test_a_mapping_that_joins_a_followed_table_is_refused(self, warehouse, postgres, tmp_path):
        """An old row of the one would be missed by new rows of the other."""
        (tmp_path / "crm").mkdir()
        (tmp_path / "crm" / "leads.sql").write_text(
            "SELECT l.*, t.kind FROM raw_leads l JOIN raw_touches t USING (lead_id)"
        )
        postgres.run(LEADS, TOUCHES)
        with pytest.raises(
            ConfigError, match=r"got leads.sql, which joins raw_leads and raw_touches; join them in one"
        ):
            ingest(
                warehouse,
                "crm",
                postgres.url,
                loaded_at=LOAD,
                mappings=tmp_path,
                extract=Extract({}, {"touches": "updated_at"}),
            )

    def test_other_databases_have_no_watermarks(self, warehouse, tmp_path):
        with pytest.raises(ConfigError, match="expected the address of a PostgreSQL database where queries"):
            ingest(
                warehouse,
                "canonical",
                f"sqlite:///{tmp_path}/x.db",
                loaded_at=LOAD,
                extract=Extract({}, {"touches": "updated_at"}),
            )


def test_a_server_that_stops_while_it_is_read_is_said_and_nothing_is_stored(postgres, warehouse, postgres_server):
    postgres.run(
        "CREATE FUNCTION slow(i int) RETURNS text LANGUAGE plpgsql AS "
        "'BEGIN IF i > 200000 THEN PERFORM pg_sleep(60); END IF; RETURN i::text; END'",
        "CREATE VIEW leads AS SELECT slow(i) AS lead_id, timestamptz '2026-01-01' AS created_at"
        " FROM generate_series(1, 300000) i",
    )
    waits = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leadready' AND wait_event = 'PgSleep'"

    def stop():
        while postgres.rows(waits) != [(1,)]:
            pass
        postgres_server.stop("immediate")

    stopping = threading.Thread(target=stop)
    stopping.start()
    try:
        with pytest.raises(DataError, match=r"expected a database that can be read, got .*; check the address") as said:
            ingest(warehouse, "canonical", postgres.url, loaded_at=LOAD)
    finally:
        stopping.join()
        postgres_server.start()
    assert PASSWORD not in str(said.value)
    assert warehouse.scalar("SELECT count(*) FROM leads") == 0


def test_a_wrong_password_is_not_repeated(warehouse, postgres):
    wrong = postgres.url.replace(PASSWORD, "an0ther-s3cret")
    with pytest.raises(DataError, match="password authentication failed") as refused:
        values(warehouse, wrong, "")
    assert not re.search("an0ther-s3cret|ann", str(refused.value))


def test_the_machine_of_ci_has_postgresql():
    assert find_binaries() or not os.environ.get("CI")
