"""What is wrong with a workspace, and with what it stands on? Every check once; nothing is changed unless asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from data.errors import ConfigError, LeadreadyError
from data.opened import OpenWorkspace
from data.workspace import Workspace
from pipelines.doctor import folders, machine, outside, stores
from pipelines.doctor.finding import Finding, Visit, broken, fine, from_error

Check = Callable[[Visit], Finding]
CHECKS: dict[str, Check] = {
    "Python": machine.check_python,
    "packages": machine.check_packages,
    "settings": folders.check_settings,
    "agreements": folders.check_agreements,
    "time zones": machine.check_time_zones,
    "space": machine.check_space,
    "permissions": folders.check_permissions,
    "leftovers": folders.check_leftovers,
    "locks": folders.check_locks,
    "tables": stores.check_tables,
    "counts": stores.check_counts,
    "scores": stores.check_scores,
    "exports": stores.check_exports,
    "store of models": stores.check_store,
    "models": stores.check_models,
    "Prefect": outside.check_prefect,
    "MLflow": outside.check_mlflow,
    "Spark": outside.check_spark,
    "sources": outside.check_sources,
    "schedule": outside.check_schedule,
    "runs": folders.check_runs,
}
MENDS: dict[str, Callable[[Visit], None]] = {
    "permissions": folders.mend_permissions,
    "leftovers": folders.mend_leftovers,
    "exports": stores.mend_exports,
    "store of models": stores.mend_store,
}
WORST = (11, 12, 10, 14)
"""Exit codes from the worst kind on: data, models, configuration, a warehouse in use."""


@dataclass(frozen=True)
class Examined:
    """What each check found, and those whose fault was mended before it was looked at again."""

    findings: dict[str, Finding]
    mended: dict[str, str]

    @property
    def code(self) -> int:
        """The exit code of the worst kind; 0 where nothing is broken."""
        codes = {finding.code for finding in self.findings.values()} - {0}
        return min(codes, key=lambda code: WORST.index(code) if code in WORST else len(WORST), default=0)


def examine(workspace: Workspace, clock: datetime, mend: bool = False) -> Examined:
    """Run every check on a workspace, at `clock` in UTC; `mend`: put right what can be put right without loss."""
    visit = Visit(OpenWorkspace(workspace), clock)
    whole = _found(visit, _check_workspace)
    if whole.state != "fine":
        return Examined({"workspace": whole, "Python": machine.check_python(visit)}, {})
    found, mended = {"workspace": whole}, dict[str, str]()
    for name, check in CHECKS.items():
        found[name] = _found(visit, check)
        if mend and found[name].state != "fine" and name in MENDS:
            before = found[name].says
            MENDS[name](visit)
            found[name] = _found(visit, check)
            mended |= {name: before} if found[name].says != before else {}
    return Examined(found, mended)


def _check_workspace(visit: Visit) -> Finding:
    root = visit.space.root.resolve()
    if not root.exists() and (old := root.with_name(f".{root.name}.old")).exists():
        return broken(f"a restore was killed, and the workspace is {old}", "run the same restore again", ConfigError)
    visit.space.check()
    return fine(f"{visit.space.root} is one of this leadready's")


def _found(visit: Visit, check: Check) -> Finding:
    """What a check says; a plain error is a finding, and so is a fault of the check itself."""
    try:
        return check(visit)
    except LeadreadyError as error:
        return from_error(error)
    except OSError as error:
        return Finding("broken", f"{error.filename or visit.space.root}: {error.strerror}", "see to the disk", 10)
