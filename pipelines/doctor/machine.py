"""Is the machine fit for leadready? Python and packages, time zones, space on the disk."""

from __future__ import annotations

import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from packaging.requirements import Requirement

from data.errors import ConfigError
from pipelines.doctor.finding import Finding, Visit, broken, fine, look, named

LOCK = Path(__file__).parents[2] / "requirements.lock"
OLDEST = (3, 11)
SET_UP = "run `make setup` again in leadready's folder, or install requirements.lock"
ROOM_MB = 500
"""Below so much free space a person should look; below a tenth of it nothing works for long."""


def check_python(visit: Visit) -> Finding:  # noqa: ARG001
    """The version of Python."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        return broken(f"Python {found}", "use Python 3.11 or newer", ConfigError)
    return fine(f"Python {found}")


def check_packages(visit: Visit) -> Finding:  # noqa: ARG001
    """Every package that leadready needs in the versions that it takes, and as in the lock."""
    wanted = [Requirement(line) for line in requires("leadready") or ()]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate()]
    found = {one.name: _installed(one.name) for one in wanted}
    if wrong := [
        f"{r.name} {found[r.name] or 'is missing'} (wanted {r.specifier})" for r in wanted if not _fits(r, found)
    ]:
        return broken(named(wrong), SET_UP, ConfigError)
    pins: dict[str, list[str]] = {}
    for name, pin in re.findall(r"^([\w.-]+)==([\w.]+)", LOCK.read_text(), re.MULTILINE) if LOCK.is_file() else ():
        pins.setdefault(name, []).append(pin)  # one for each Python
    if other := [f"{n} {v} (tested: {' or '.join(pins[n])})" for n, v in found.items() if v not in pins.get(n, [v])]:
        return look(named(other), SET_UP)
    return fine(f"{len(found)} packages {'as in the lock' if pins else 'in the versions that are wanted'}")


def _fits(wanted: Requirement, found: dict[str, str | None]) -> bool:
    installed = found[wanted.name]
    return installed is not None and wanted.specifier.contains(installed, prereleases=True)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def check_time_zones(visit: Visit) -> Finding:
    """The rules of time zones, the one of the settings among them."""
    zone = visit.opened.settings.time_zone
    try:
        for name in ("Europe/Berlin", zone):
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return broken(f"no rules for the time zone {zone}", "install the system's package tzdata", ConfigError)
    return fine(f"rules of time zones are there; days are those of {zone}")


def check_space(visit: Visit) -> Finding:
    """Room on the disk: `forget` and a migration write the warehouse a second time."""
    free = shutil.disk_usage(visit.space.root).free / 1e6
    size = visit.space.warehouse.stat().st_size / 1e6 if visit.space.warehouse.exists() else 0
    says, do = f"{free:,.0f} MB are free", "free some space, or let `[retention]` in settings.toml remove what is old"
    if free < ROOM_MB / 10:
        return broken(says, do, ConfigError)
    if free < size + ROOM_MB:
        return look(f"{says}, and the warehouse has {size:,.0f} MB: too little to write it anew", do)
    return fine(says)
