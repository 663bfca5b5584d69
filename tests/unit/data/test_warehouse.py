"""The warehouse: one writer at a time, all or nothing, plain errors where the file or the disk fails."""

import shutil
import subprocess
import sys
import threading

import pytest

from data.errors import BusyError, ConfigError, DataError
from data.tables import TABLES
from data.warehouse import Warehouse, _named

HOLD = """
import sys
from pathlib import Path
from data.warehouse import Warehouse
with Warehouse.open(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "warehouse.duckdb"


def count(path, table="numbers"):
    with Warehouse.open(path) as warehouse:
        return warehouse.scalar(f"SELECT count(*) FROM {table}")


def test_a_new_file_has_the_tables_of_the_contract(path):
    with Warehouse.open(path) as warehouse:
        assert {"batches", "quarantine", *TABLES} <= {
            n for (n,) in warehouse.rows("SELECT table_name FROM duckdb_tables()")
        }
        assert warehouse.scalar("SELECT current_setting('TimeZone')") == "UTC"


def test_a_transaction_is_kept_whole(path):
    with Warehouse.open(path) as warehouse, warehouse.transaction():
        warehouse.execute("CREATE TABLE numbers AS SELECT 1")
    assert count(path) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_transaction_that_fails_leaves_nothing(path, error):
    def fail(warehouse):
        with warehouse.transaction():
            warehouse.execute("CREATE TABLE numbers AS SELECT 1")
            raise error

    with Warehouse.open(path) as warehouse:
        with pytest.raises(error):
            fail(warehouse)
        assert warehouse.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'numbers'") == []
        with warehouse.transaction():
            warehouse.execute("CREATE TABLE numbers AS SELECT 1")
    assert count(path) == 1


def hold(path, *words):
    """Another process that has the file open; `words` stand on its command line."""
    command = [sys.executable, "-c", HOLD, str(path), *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def held(path):
    """The file, open in another process."""
    process = hold(path)
    yield process
    process.communicate()


def test_a_file_that_another_process_holds_is_busy(held, path):
    plain = "expected no other command to use it, got another leadready command that is running"
    with pytest.raises(BusyError, match=plain), Warehouse.open(path):
        pass


def test_who_waits_gets_the_file_once_it_is_free_and_said_for_whom_it_waits(held, path, caplog):
    threading.Timer(1, held.kill).start()
    with Warehouse.open(path, wait_s=60) as warehouse:
        assert warehouse.scalar("SELECT 1") == 1
    assert f"{path} is in use by another leadready command (process {held.pid}); waiting up to 60 s" in caplog.text


def test_who_waited_too_long_is_told_how_long(held, path):
    said = rf"\(process {held.pid}\), after 0.5 s of waiting"
    with pytest.raises(BusyError, match=said), Warehouse.open(path, wait_s=0.5):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process was started as")
@pytest.mark.parametrize("started_as", [("-m", "pipelines.cli"), ("/srv/.venv/bin/leadready",)])
def test_it_is_told_by_its_command_and_by_nothing_that_follows(path, started_as):
    process = hold(path, *started_as, "ingest", "crm", "postgresql://me:secret@host/crm")
    with pytest.raises(BusyError) as caught, Warehouse.open(path):
        pass
    process.communicate()
    assert f"(leadready ingest, process {process.pid})" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_is_no_name_of_a_command_is_not_told(path):
    process = hold(path, "leadready", "me:secret@host")
    with pytest.raises(BusyError) as caught, Warehouse.open(path):
        pass
    process.communicate()
    assert f"(process {process.pid})" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_lock_of_a_process_that_died_holds_nobody_up(path):
    process = hold(path)
    process.kill()
    process.communicate()
    assert count(path, "batches") == 0


def test_a_holder_that_is_none_of_this_machines_is_said_to_be_elsewhere():
    assert "none of this machine's" in _named("0")
    assert "none of this machine's" in _named(str(2**22 + 1)) or sys.platform != "linux"


def test_the_lock_holds_while_the_bytes_of_the_file_are_read(path):
    """The kernel drops it as soon as the process that has it closes the file anywhere."""
    with Warehouse.open(path) as warehouse:
        warehouse.execute("CREATE TABLE numbers AS SELECT 1")
        assert len(warehouse.file(path).read()) == path.stat().st_size
        other = subprocess.run([sys.executable, "-c", HOLD, str(path)], capture_output=True, text=True, input="")
        assert "BusyError" in other.stderr
    assert count(path) == 1


def test_to_look_changes_nothing(path):
    with Warehouse.open(path) as warehouse:
        warehouse.execute("DROP TABLE touches")
    before = path.read_bytes()
    with Warehouse.open(path, as_it_is=True) as warehouse:
        assert warehouse.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'touches'") == []
    assert path.read_bytes() == before


def garbage(path):
    path.write_bytes(b"not a database" * 1000)


def folder(path):
    path.mkdir()


def no_folder(path):
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("damage", [garbage, folder, no_folder])
def test_a_file_that_is_no_database_is_a_plain_error(path, damage):
    damage(path)
    with pytest.raises(ConfigError, match=f"opening {path}: expected a DuckDB file"), Warehouse.open(path):
        pass


FILL = """
import resource, signal, sys
from pathlib import Path
from data.errors import LeadreadyError
from data.warehouse import Warehouse
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    with Warehouse.open(Path(sys.argv[1])) as warehouse, warehouse.transaction():
        warehouse.execute("CREATE TABLE numbers AS SELECT hash(i) AS n FROM range(1000000) r(i)")
except LeadreadyError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("room", [1_000_000, 3_000_000])
def test_without_room_nothing_is_kept_and_nothing_is_lost(path, room):
    """A file that may not grow further stands for a full disk."""
    with Warehouse.open(path) as warehouse:
        warehouse.execute("CREATE TABLE before AS SELECT 1")
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path), str(room)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"{DataError.__name__} writing {path}: expected room on disk")
    assert count(path, "before") == 1
    with Warehouse.open(path) as warehouse:
        assert warehouse.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'numbers'") == []


IN_A_NOTEBOOK = """
import sys, types
kernel = types.ModuleType("IPython")
kernel.get_ipython = lambda: types.SimpleNamespace(config={"IPKernelApp": {}})
sys.modules["IPython"] = kernel
from data.warehouse import Warehouse
with Warehouse.open(None) as warehouse:
    print(warehouse.scalar("SELECT current_setting('enable_progress_bar')"))
"""


def test_it_opens_where_duckdb_takes_itself_to_be_in_a_notebook():
    """There DuckDB refuses any word about its progress bar unless ipywidgets is installed."""
    done = subprocess.run([sys.executable, "-c", IN_A_NOTEBOOK], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")
