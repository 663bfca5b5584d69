"""Scores get out whole or not at all, and a run that was cut short is finished by the next one."""

import csv
import os
import shutil
from contextlib import contextmanager
from datetime import date, datetime

import pandas as pd
import pyarrow.parquet as pq
import pytest

from data import spreadsheet
from data.errors import ConfigError, DataError
from data.spreadsheet import harmless, write_csv
from data.tables import SCORES
from data.warehouse import Warehouse
from data.workspace import Workspace
from serving.sinks import files, finish, publish, sinks
from serving.sinks.files import HIDDEN
from tests.tables import table

MONDAY, TUESDAY = datetime(2026, 3, 2), datetime(2026, 3, 3)


@pytest.fixture
def workspace(tmp_path):
    space = Workspace(tmp_path / "var")
    space.create()
    return space


@pytest.fixture
def warehouse():
    with Warehouse.open(None) as opened:
        yield opened


def scores_of(as_of=MONDAY, **probabilities):
    """One row a lead; every text column says `text` unless a test changes it."""
    of_type = {"text": "text", "number": 25.0, "flag": True, "whole": 1, "time": pd.Timestamp(as_of).as_unit("us")}
    rows = pd.DataFrame({"lead_id": list(probabilities), "probability": list(probabilities.values())})
    return rows.assign(**{c.name: of_type[c.type] for c in SCORES.columns if c.name not in rows})


def stored(warehouse):
    return warehouse.rows("SELECT as_of, lead_id, probability FROM scores ORDER BY ALL")


def tree(workspace):
    """Every file and link below exports/, with its bytes or its target."""
    paths = sorted(p for p in workspace.exports.rglob("*") if p.is_symlink() or p.is_file())
    return {str(p.relative_to(workspace.exports)): os.readlink(p) if p.is_symlink() else p.read_bytes() for p in paths}


def exported(workspace, day):
    """The probability of the one lead that a day's export shows."""
    return pq.read_table(workspace.exports / day / "scores.parquet")["probability"][0].as_py()


def published_folder(workspace, day="2026-03-02"):
    return (workspace.exports / day).resolve()


def test_the_link_of_the_day_shows_table_parquet_and_csv_alike(workspace, warehouse):
    folder = publish(workspace, warehouse, scores_of(L2=0.25, L1=0.5))
    assert folder == workspace.exports / "2026-03-02"
    assert sorted(p.name for p in folder.iterdir()) == sorted(("scores.csv", "scores.parquet", *files.LISTS))
    assert stored(warehouse) == [(MONDAY, "L1", 0.5), (MONDAY, "L2", 0.25)]
    parquet = pq.read_table(folder / "scores.parquet")
    assert parquet.column_names == list(SCORES.names)
    assert parquet["lead_id"].to_pylist() == ["L1", "L2"]
    written = pd.read_csv(folder / "scores.csv")
    assert written["lead_id"].tolist() == ["L1", "L2"]
    assert written["as_of"].tolist() == ["2026-03-02T00:00:00Z"] * 2


def test_the_same_scores_twice_are_the_same_bytes_and_rows(workspace, warehouse):
    publish(workspace, warehouse, scores_of(L1=0.5, L2=0.25))
    once = tree(workspace)
    publish(workspace, warehouse, scores_of(L2=0.25, L1=0.5))
    assert tree(workspace) == once
    assert len(stored(warehouse)) == 2


def test_a_rescoring_replaces_the_partition(workspace, warehouse):
    publish(workspace, warehouse, scores_of(L1=0.5, L2=0.25))
    folder = publish(workspace, warehouse, scores_of(L1=0.75))
    assert stored(warehouse) == [(MONDAY, "L1", 0.75)]
    assert pq.read_table(folder / "scores.parquet")["probability"].to_pylist() == [0.75]
    assert len(list((workspace.exports / HIDDEN).iterdir())) == 1


def test_two_days_live_side_by_side(workspace, warehouse):
    publish(workspace, warehouse, scores_of(L1=0.5))
    publish(workspace, warehouse, scores_of(TUESDAY, L1=0.75))
    assert (exported(workspace, "2026-03-02"), exported(workspace, "2026-03-03")) == (0.5, 0.75)
    assert len(stored(warehouse)) == 2


DAYS = """
    zone              first as_of       second as_of      exports
    UTC               2026-03-02 08:00  2026-03-02 17:00  2026-03-02: second
    UTC               2026-03-02 23:30  2026-03-03 00:30  2026-03-02: first; 2026-03-03: second
    Europe/Berlin     2026-03-02 22:30  2026-03-02 23:30  2026-03-02: first; 2026-03-03: second
    Europe/Berlin     2026-03-02 23:30  2026-03-03 00:30  2026-03-03: second
    Europe/Berlin     2026-06-02 21:30  2026-06-02 22:30  2026-06-02: first; 2026-06-03: second
    America/New_York  2026-03-02 23:30  2026-03-03 00:30  2026-03-02: second
    Asia/Kathmandu    2026-03-02 18:10  2026-03-02 18:20  2026-03-02: first; 2026-03-03: second
"""


@pytest.mark.parametrize("row", table(DAYS).to_dict("records"), ids=lambda row: f"{row['zone']} {row['first as_of']}")
def test_the_export_of_a_day_shows_its_latest_scoring(workspace, warehouse, row):
    """The day is that of the company's calendar; every scoring stays in the table under its own moment."""
    moments = {name: pd.Timestamp(row[f"{name} as_of"]) for name in ("first", "second")}
    for place, as_of in enumerate(moments.values()):
        publish(workspace, warehouse, scores_of(as_of, L1=place / 2), row["zone"])
    links = sorted(path.name for path in workspace.exports.iterdir() if path.is_symlink())
    shown = [f"{day}: {('first', 'second')[round(2 * exported(workspace, day))]}" for day in links]
    assert "; ".join(shown) == row["exports"]
    assert [as_of for as_of, *_ in stored(warehouse)] == [*moments.values()]


def test_an_earlier_moment_of_a_day_already_shown_goes_to_the_table_alone(workspace, warehouse, caplog):
    later = MONDAY.replace(hour=8)
    assert publish(workspace, warehouse, scores_of(later, L1=0.75)) == workspace.exports / "2026-03-02"
    assert publish(workspace, warehouse, scores_of(L1=0.5)) is None
    assert "2026-03-02 still shows the later scoring as of 2026-03-02 08:00:00" in caplog.text
    assert exported(workspace, "2026-03-02") == 0.75
    assert stored(warehouse) == [(MONDAY, "L1", 0.5), (later, "L1", 0.75)]


def test_what_an_older_leadready_published_keeps_its_day_and_loses_its_second_name(workspace, warehouse):
    publish(workspace, warehouse, scores_of(MONDAY.replace(hour=8), L1=0.5))
    warehouse.execute("ALTER TABLE publications DROP day")
    (workspace.exports / "2026-03-02").rename(workspace.exports / "2026-03-02T080000")
    finish(workspace, warehouse)
    assert [path.name for path in workspace.exports.iterdir() if path.is_symlink()] == ["2026-03-02"]
    assert exported(workspace, "2026-03-02") == 0.5


def test_an_unknown_probability_is_empty_everywhere(workspace, warehouse):
    folder = publish(workspace, warehouse, scores_of(L1=float("nan")))
    assert stored(warehouse) == [(MONDAY, "L1", None)]
    assert pq.read_table(folder / "scores.parquet")["probability"].to_pylist() == [None]
    assert pd.read_csv(folder / "scores.csv")["probability"].isna().all()


def remove_link(workspace):
    (workspace.exports / "2026-03-02").unlink()


def point_elsewhere(workspace):
    remove_link(workspace)
    (workspace.exports / "2026-03-02").symlink_to(f"{HIDDEN}/gone")


def remove_folder(workspace):
    shutil.rmtree(published_folder(workspace))


def remove_csv(workspace):
    (published_folder(workspace) / "scores.csv").unlink()


def remove_all(workspace):
    shutil.rmtree(workspace.exports)


def leave_half_written(workspace):
    making = workspace.exports / HIDDEN / "making-1"
    making.mkdir()
    (making / "scores.parquet").write_bytes(b"PAR1")


def leave_replaced(workspace):
    (workspace.exports / HIDDEN / "2026-03-02-0000000000000000").mkdir()


def leave_link(workspace):
    (workspace.exports / HIDDEN / "making-link-1").symlink_to("nowhere")


def leave_half_copied(workspace):
    (published_folder(workspace) / ".scores.csv.making").write_text("lead")


def leave_stray(workspace):
    (workspace.exports / HIDDEN / ".DS_Store").write_text("")


@pytest.mark.parametrize(
    "damage",
    [
        remove_link,
        point_elsewhere,
        remove_folder,
        remove_csv,
        remove_all,
        leave_half_written,
        leave_replaced,
        leave_link,
        leave_half_copied,
        leave_stray,
    ],
)
@pytest.mark.parametrize("probability", [0.1 + 0.2, float("nan")])
def test_finish_restores_what_the_warehouse_says(workspace, warehouse, damage, probability):
    publish(workspace, warehouse, scores_of(L1=probability, L2=0.25))
    whole = tree(workspace)
    damage(workspace)
    assert tree(workspace) != whole or damage is leave_replaced
    finish(workspace, warehouse)
    assert tree(workspace) == whole


def test_files_are_restored_under_their_own_name_even_where_parquet_is_written_otherwise_by_now(
    workspace, warehouse, monkeypatch
):
    publish(workspace, warehouse, scores_of(L1=0.5))
    shutil.rmtree(published_folder(workspace))
    write = pq.write_table
    monkeypatch.setattr(files.pq, "write_table", lambda table, to, **_: write(table, to, compression="gzip"))
    finish(workspace, warehouse)
    assert pq.read_table(workspace.exports / "2026-03-02" / "scores.parquet")["probability"].to_pylist() == [0.5]


@pytest.mark.parametrize(("lost", "back"), [(("calls.csv",), True), (files.LISTS, False)])
def test_a_list_that_is_gone_is_made_again_but_none_for_the_days_of_an_older_leadready(
    workspace, warehouse, lost, back
):
    publish(workspace, warehouse, scores_of(L1=0.5))
    folder = workspace.exports / "2026-03-02"
    for name in lost:
        (folder / name).unlink()
    finish(workspace, warehouse)
    assert all((folder / name).is_file() for name in lost) == back


class Killed(BaseException):
    """Stands for the end of the process."""


def kill(*_, **__):
    raise Killed


def test_killed_before_the_commit_the_old_scores_stand(workspace, warehouse, monkeypatch):
    publish(workspace, warehouse, scores_of(L1=0.5))
    before = tree(workspace)
    transaction = warehouse.transaction

    @contextmanager
    def cut_short():
        with transaction():
            yield
            assert len(list((workspace.exports / HIDDEN).iterdir())) == 2, "every sink has written"
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(warehouse, "transaction", cut_short)
        with pytest.raises(Killed):
            publish(workspace, warehouse, scores_of(L1=0.75))
    assert stored(warehouse) == [(MONDAY, "L1", 0.5)]
    link = workspace.exports / "2026-03-02" / "scores.parquet"
    assert pq.read_table(link)["probability"].to_pylist() == [0.5], "readers see the old scores, whole"
    finish(workspace, warehouse)
    assert tree(workspace) == before


def test_killed_between_commit_and_link_the_next_run_links_the_new_scores(workspace, warehouse, monkeypatch):
    publish(workspace, warehouse, scores_of(L1=0.5))
    with monkeypatch.context() as patched:
        patched.setattr(files, "point", kill)
        with pytest.raises(Killed):
            publish(workspace, warehouse, scores_of(L1=0.75))
    link = workspace.exports / "2026-03-02" / "scores.parquet"
    assert pq.read_table(link)["probability"].to_pylist() == [0.5], "readers see the old scores, whole"
    publish(workspace, warehouse, scores_of(TUESDAY, L1=0.1))
    assert pq.read_table(link)["probability"].to_pylist() == [0.75]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_is_madeharmless(workspace, warehouse, start):
    text = start + "cmd|' /C calc'!A0"
    scores = scores_of(L1=-0.5).assign(lead_id=text, rule_points=-10.0)
    folder = publish(workspace, warehouse, scores)
    with (folder / "scores.csv").open(newline="") as file:
        row = pd.read_csv(file, dtype=str).iloc[0]
    assert row["lead_id"] == "'" + text
    assert (row["probability"], row["rule_points"]) == ("-0.5", "-10.0"), "numbers are not touched"
    assert pq.read_table(folder / "scores.parquet")["lead_id"].to_pylist() == [text], "only spreadsheets run cells"


def test_exports_that_cannot_be_written_are_a_plain_error_and_nothing_is_lost(workspace, warehouse):
    publish(workspace, warehouse, scores_of(L1=0.5))
    hidden, aside = workspace.exports / HIDDEN, workspace.exports / "aside"
    hidden.rename(aside)
    hidden.write_text("in the way")
    with pytest.raises(ConfigError, match=r"writing scores below .*: expected a writable folder with free space, got "):
        publish(workspace, warehouse, scores_of(L1=0.75))
    assert stored(warehouse) == [(MONDAY, "L1", 0.5)]
    hidden.unlink()
    aside.rename(hidden)
    publish(workspace, warehouse, scores_of(L1=0.75))
    assert stored(warehouse) == [(MONDAY, "L1", 0.75)]


def test_a_file_in_the_folder_is_a_sink():
    names = [sink.__name__ for sink in sinks()]
    assert names[0] == "serving.sinks.partition", "the others go by what the warehouse says"
    assert "serving.sinks.files" in names
    assert all(callable(sink.write) and callable(sink.finish) for sink in sinks())


@pytest.mark.parametrize("folder", ["../../outside", "2026-03-02-0123456789abcdef/..", "/tmp/outside", ""])
def test_a_folder_outside_of_exports_is_refused(workspace, warehouse, folder):
    """Whoever can write the warehouse does not get files written or links moved elsewhere."""
    publish(workspace, warehouse, scores_of(L1=0.5))
    warehouse.execute("UPDATE publications SET folder = $1", [folder])
    before = sorted(workspace.root.parent.rglob("*"))
    with pytest.raises(DataError, match="reading the table publications: expected names as scoring gives them"):
        publish(workspace, warehouse, scores_of(TUESDAY, L1=0.5))
    assert sorted(workspace.root.parent.rglob("*")) == before


def test_one_apostrophe_less_gives_every_text_back(tmp_path):
    """As docs/data.md says how to join on ids from a CSV."""
    ids = ["-42", "+1", "=1+1", "@x", "'-42", "''=1", "\tx", "'plain", "L1", "4-2"]
    write_csv(pd.DataFrame({"lead_id": ids, "-odd": 1}), tmp_path / "ids.csv")
    with Warehouse.open(None) as warehouse:
        sql = r"regexp_replace(lead_id, '^''(''*[=+@\t\r-])', '\1')"
        read = f"FROM read_csv('{tmp_path / 'ids.csv'}', all_varchar = true)"
        assert [i for (i,) in warehouse.rows(f"SELECT {sql} {read}")] == ids
        assert [c for c, *_ in warehouse.rows(f"DESCRIBE {read}")] == ["lead_id", "'-odd"]


MIXED = {
    "id": ["L1", 'says "no"', "two\nlines, one cell", "-42", "", "L1"],
    "number": [0.1, float("nan"), -1e-7, 1e16, float("inf"), -0.0],
    "whole": range(6),
    "flag": [True, False, True, True, False, False],
    "some flags": pd.array([True, None, False, True, None, True], dtype="boolean"),
    "some whole": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
    "anything": [None, 1, 2.5, "=1", True, date(2026, 3, 2)],
    "moment": [datetime(2026, 3, 2, 8), None, MONDAY, MONDAY, None, TUESDAY],
    "mostly days": [datetime(2026, 3, day) for day in range(1, 6)] + [datetime(2026, 3, 6, 4, 5, 6, 500_000)],
    "@odd": pd.array(["a", None, "b", "a", "a", None], dtype="str"),
    "kind": pd.Categorical(["x", "y", None, "x", "x", "y"]),
}


@pytest.mark.parametrize("date_format", [None, "%Y-%m-%dT%H:%M:%SZ"])
@pytest.mark.parametrize("rows", [6, 1, 0])
@pytest.mark.parametrize("at_once", [2, 50_000])
def test_a_csv_is_to_the_byte_what_pandas_writes_of_harmless_cells(tmp_path, monkeypatch, rows, date_format, at_once):
    """Times too, which all have the form that the one with the most parts needs, wherever it stands."""
    monkeypatch.setattr(spreadsheet, "ROWS", at_once)
    frame = pd.DataFrame(MIXED).head(rows)
    write_csv(frame, tmp_path / "ours.csv", date_format)
    harmless(frame).to_csv(tmp_path / "theirs.csv", index=False, date_format=date_format, quoting=csv.QUOTE_NONNUMERIC)
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()
