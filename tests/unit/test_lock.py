"""The lock holds what pyproject.toml asks for, with hashes and without addresses."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
SPARK = (ROOT / "pipelines" / "spark" / "spark.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize(
    ("lock", "asked"),
    [
        (LOCK, [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]),
        (SPARK, PROJECT["project"]["optional-dependencies"]["spark"]),
    ],
)
def test_every_requirement_is_locked_at_a_fitting_version(lock, asked):
    pins = {canonicalize_name(n): v for n, v in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", lock, re.M)}
    for line in asked:
        wanted = Requirement(line)
        assert pins[canonicalize_name(wanted.name)] in wanted.specifier, line


@pytest.mark.parametrize("lock", [LOCK, SPARK])
def test_every_pin_has_hashes_and_no_address(lock):
    entries = re.split(r"\n(?=[a-z0-9])", lock.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"https?://|--(index|find)", lock)
