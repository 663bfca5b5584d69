"""The lock holds what pyproject.toml asks for, with hashes and without addresses."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_requirement_is_locked_at_a_fitting_version():
    pins = {canonicalize_name(n): v for n, v in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", LOCK, re.M)}
    for line in [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]:
        wanted = Requirement(line)
        assert pins[canonicalize_name(wanted.name)] in wanted.specifier, line


def test_every_pin_has_hashes_and_no_address():
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?://|--(index|find)", LOCK)
