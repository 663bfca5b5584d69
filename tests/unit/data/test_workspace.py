"""The workspace: one folder with a mark, made once, refused where it is not ours or cannot be written."""

import os
import stat
import subprocess
import sys
from textwrap import dedent

import pytest

from data.errors import ConfigError
from data.workspace import FORMAT, Workspace


@pytest.fixture
def workspace(tmp_path):
    space = Workspace(tmp_path / "var")
    space.create()
    return space


def refused(action):
    with pytest.raises(ConfigError) as caught:
        action()
    return str(caught.value)


def test_what_is_made_is_accepted(workspace):
    workspace.check()
    folders = {"artifacts", "agreements", "reports", "exports"}
    assert {p.name for p in workspace.root.iterdir()} == folders | {"workspace.toml"}


def test_making_it_again_changes_nothing(workspace):
    workspace.marker.write_text(f"format = {FORMAT}\nmine = true\n")
    workspace.create()
    assert "mine" in workspace.marker.read_text()


def test_a_file_is_added_once(workspace):
    assert workspace.add(workspace.settings, "first")
    assert not workspace.add(workspace.settings, "second")
    assert workspace.settings.read_text() == "first"


def test_a_file_that_cannot_be_written_whole_is_not_there_at_all(workspace, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", full)
        patched.setattr(os, "replace", full)
        message = refused(lambda: workspace.add(workspace.settings, "text"))
    assert "got No space left on device; free some space" in message
    assert [p.name for p in workspace.root.iterdir() if "settings" in p.name] == []


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "a file"])
def test_a_folder_without_the_mark_is_refused(tmp_path, there):
    root = tmp_path / "var"
    if there == "an empty folder":
        root.mkdir()
    if there == "a file":
        root.write_text("")
    assert "expected a folder made by `leadready init`" in refused(Workspace(root).check)


@pytest.mark.parametrize(
    ("mark", "got"),
    [
        (b"format = 99", "99"),
        (b"", "None"),
        (b"format =", "an unreadable workspace.toml"),
        (b"\xff", "an unreadable workspace.toml"),
    ],
)
def test_another_format_is_refused(workspace, mark, got):
    workspace.marker.write_bytes(mark)
    message = refused(workspace.check)
    assert f"expected format {FORMAT}, got {got}" in message
    assert "use the version of leadready that made it" in message


def test_a_file_in_the_way_is_a_plain_error(tmp_path):
    (tmp_path / "var").write_text("")
    assert "making the workspace" in refused(Workspace(tmp_path / "var").create)


AS_SOMEBODY = """
import os, sys
from pathlib import Path
from textwrap import dedent
from data.errors import ConfigError
from data.workspace import Workspace
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    getattr(Workspace(Path(sys.argv[1])), sys.argv[2])()
except ConfigError as error:
    print(error)
"""


def as_somebody(folder, method):
    """What a user says of it who is not root."""
    done = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY, str(folder), method], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def readable(tmp_path):
    """A folder that others can get to, whatever pytest makes of its own."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    return tmp_path


def test_a_read_only_workspace_is_refused(readable):
    space = Workspace(readable / "var")
    space.create()
    space.marker.chmod(0o644)
    space.root.chmod(0o555)
    assert "expected a writable folder, got a read-only one" in as_somebody(space.root, "check")


def test_a_workspace_cannot_be_made_where_nothing_may_be_written(readable):
    readable.chmod(0o555)
    assert "got Permission denied; free some space, or give a writable" in as_somebody(readable / "var", "create")


def test_a_workspace_that_may_not_be_looked_into_is_refused(readable):
    space = Workspace(readable / "var")
    space.create()
    space.root.chmod(0o700 if os.getuid() == 0 else 0o000)
    assert "an unreadable workspace.toml" in as_somebody(space.root, "check")
    space.root.chmod(0o700)


def test_what_a_workspace_holds_is_its_owners_alone(tmp_path):
    """Made in a process of its own: the umask is the process's."""
    made = f"""
        from pathlib import Path
        from data.workspace import Workspace
        from pipelines.jobs.start import init_workspace
        init_workspace(Workspace(Path({str(tmp_path / "var")!r})))"""
    subprocess.run([sys.executable, "-c", f"import os; os.umask(0o022)\n{dedent(made)}"], check=True)
    modes = {p.is_dir(): stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "var", *(tmp_path / "var").rglob("*"))}
    assert modes == {True: 0o700, False: 0o600}


@pytest.mark.parametrize("name", ["what?", "caf\udce9", "a\nb", "a\tb"])
def test_a_name_that_mlflow_would_read_as_another_is_refused(tmp_path, name):
    said = refused(Workspace(tmp_path / name).create)
    assert "without ?, got '/" in said
    assert ascii(name)[1:-1] in said
    assert list(tmp_path.iterdir()) == []
