"""A backup is read as it was made or not at all, and nothing of it lands outside the folder it is for."""

import io
import json
import stat
import tarfile

import pyarrow as pa
import pytest

from data.backup import ABOUT, FORMAT, HASHES, About, pack, unpack
from data.errors import ConfigError, DataError

ABOUT_IT = About("2026-01-10T00:00:00", "/srv/var", "0.1.0", 1, 20)
TEXTS = {"settings.toml": b"threads = 2", "inbox/a.json": b"{}", "big": bytes(range(256)) * 20_000}


@pytest.fixture
def backup(tmp_path):
    pack(tmp_path / "b", ABOUT_IT, {name: lambda text=text: io.BytesIO(text) for name, text in TEXTS.items()})
    return tmp_path / "b"


@pytest.fixture
def into(tmp_path):
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def found(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_is_packed_is_unpacked(backup, into):
    assert unpack(backup, into) == ABOUT_IT
    assert found(into) == TEXTS


def test_only_its_owner_may_read_it(backup, into):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_a_file_that_is_gone_by_then_is_left_out(tmp_path, into):
    files = {"gone": (tmp_path / "gone").open, "there": lambda: io.BytesIO(b"1")}
    assert pack(tmp_path / "b", ABOUT_IT, files) == {"there": 1}
    unpack(tmp_path / "b", into)
    assert found(into) == {"there": b"1"}


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.95, 0.999])
def test_a_backup_that_was_cut_off_is_refused(backup, into, share):
    whole = backup.read_bytes()
    backup.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match="expected a backup as `leadready backup` made it"):
        unpack(backup, into)


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.8, 0.99])
def test_a_byte_that_was_changed_is_found(backup, into, share):
    changed = bytearray(backup.read_bytes())
    changed[int(len(changed) * share)] ^= 0xFF
    backup.write_bytes(changed)
    with pytest.raises((DataError, ConfigError)):
        unpack(backup, into)


def remade(backup, change):
    """The backup with other parts: a dict of names and texts, in order."""
    with pa.CompressedInputStream(str(backup), "zstd") as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        parts = change({member.name: tar.extractfile(member).read() for member in tar})
    with pa.CompressedOutputStream(str(backup), "zstd") as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        for name, text in parts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))


def without(name):
    return lambda parts: {n: t for n, t in parts.items() if n != name}


def with_text(name, text):
    return lambda parts: parts | {name: text}


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (without("workspace/settings.toml"), "1 files that are not as they were kept, settings.toml among them"),
        (with_text("workspace/settings.toml", b"threads = 3"), "settings.toml among them"),
        (without(ABOUT), "a file of another kind"),
        (without(HASHES), "a file that ends too early"),
        (with_text("workspace/../../evil", b"!"), "which belongs to no workspace"),
        (with_text("/etc/evil", b"!"), "which belongs to no workspace"),
        (with_text("elsewhere", b"!"), "which belongs to no workspace"),
    ],
)
def test_parts_that_are_not_those_that_were_kept_are_found(backup, into, change, got):
    remade(backup, change)
    with pytest.raises(DataError, match=got):
        unpack(backup, into)
    assert [p for p in into.parent.rglob("evil") if p.is_file()] == []


def test_links_are_not_followed(backup, into, tmp_path):
    with pa.CompressedOutputStream(str(backup), "zstd") as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        for name, text in ((ABOUT, json.dumps(vars(ABOUT_IT)).encode()), (HASHES, b"{}")):
            link = tarfile.TarInfo("workspace/link")
            link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
            tar.addfile(link)
    with pytest.raises((DataError, ConfigError)):
        unpack(backup, into)
    assert found(into) == {}


def test_a_newer_form_is_refused_before_anything_is_written(backup, into):
    newer = json.dumps(vars(ABOUT_IT) | {"format": FORMAT + 1, "more": 1}).encode()
    remade(backup, with_text(ABOUT, newer))
    with pytest.raises(ConfigError, match="got format 2; restore it with the leadready that made it, or a newer one"):
        unpack(backup, into)
    assert found(into) == {}


def test_too_little_room_is_said_before_anything_is_written(backup, into):
    huge = json.dumps(vars(ABOUT_IT) | {"size": 10**18}).encode()
    remade(backup, with_text(ABOUT, huge))
    with pytest.raises(ConfigError, match="expected room for 1,000,000,000,000"):
        unpack(backup, into)
    assert found(into) == {}


@pytest.mark.parametrize(("name", "got"), [("none", "No such file or directory"), (".", "Is a directory")])
def test_a_backup_that_cannot_be_opened_is_said(tmp_path, into, name, got):
    with pytest.raises(ConfigError, match=f"expected a backup that can be read, got {got}"):
        unpack(tmp_path / name, into)
