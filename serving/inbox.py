"""What did people say on the web page? Each a file of the inbox, which the next scoring takes in before it scores.

The page has no warehouse to write to. An entry is whole or not there, has an id of its own, and is removed once the
warehouse has it: one that was taken in by a run that was killed after that is taken in again, and changes nothing.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import pandas as pd

from data.errors import LeadreadyError, UsageError
from data.intake.ingest import ingest
from data.intake.keys import stored_ids
from data.opened import OpenWorkspace
from data.tables import ANSWER_STATES, ANSWERS, CALLS, DISPOSITIONS, FEEDBACK
from data.warehouse import Warehouse
from data.whole import remove, whole, writing
from data.workspace import Workspace
from serving.overrides import check_override, note_override

log = logging.getLogger(__name__)

Kind = Literal["override", "feedback", "result"]
REFUSED = "refused"
ENTRY = re.compile(r"\d{8}T\d{12}-[0-9a-f]{32}\.json")
MOST_WORDS = 500
"""Letters of what a person writes."""
VERDICTS = ("helpful", "wrong")


@dataclass(frozen=True)
class Entry:
    """What a person said about a lead at a moment (UTC).

    says, of an override: route, why, until (a day). Of feedback: about (the reason it is about, or empty), verdict,
    words. Of a result of a call: disposition, and criterion, state and level of an answer, or none.
    """

    kind: Kind
    lead_id: str
    by: str
    at: datetime
    says: dict[str, str] = field(default_factory=dict)
    name: str = ""

    @property
    def id(self) -> str:
        """The id of its own."""
        return Path(self.name).stem


def put(workspace: Workspace, entry: Entry) -> Entry:
    """Keep an entry until the next scoring. Raises UsageError where it says nothing that could be taken in."""
    check(entry)
    name = f"{entry.at:%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex}.json"
    text = json.dumps(asdict(entry) | {"at": entry.at.isoformat(), "name": name}, ensure_ascii=False)
    with writing(f"writing to {workspace.inbox}", "free some space and try again; nothing was kept"):
        workspace.inbox.mkdir(exist_ok=True)
        with whole(workspace.inbox / name, unless_there=True) as making:
            making.write_text(text, encoding="utf-8")
    return Entry(entry.kind, entry.lead_id, entry.by, entry.at, entry.says, name)


def check(entry: Entry) -> None:
    """UsageError where the words of an entry mean nothing."""
    what, says = f"noting what was said about {entry.lead_id}", entry.says
    if long := [name for name, text in says.items() if len(text) > MOST_WORDS]:
        raise UsageError(what, expected=f"up to {MOST_WORDS} letters", got=f"more in {long[0]}", do="say it shorter")
    if entry.kind == "override":
        check_override(entry.lead_id, says.get("route", ""), says.get("why", ""), entry.at, _day(what, says))
    elif entry.kind == "feedback":
        _one_of(what, "verdict", says.get("verdict", ""), VERDICTS)
    elif entry.kind == "result":
        _one_of(what, "how the call ended", says.get("disposition", ""), DISPOSITIONS)
        if says.get("criterion"):
            _one_of(what, "the answer", says.get("state", ""), ANSWER_STATES)
    else:
        _one_of(what, "the kind of entry", entry.kind, get_args(Kind))


def _one_of(what: str, name: str, got: str, known: tuple[str, ...]) -> None:
    if got not in known:
        raise UsageError(what, expected=f"{name}: one of {', '.join(known)}", got=got or "nothing", do="choose one")


def _day(what: str, says: dict[str, str]) -> datetime:
    try:
        return datetime.strptime(says.get("until", ""), "%Y-%m-%d")
    except ValueError:
        do = "choose a day"
        raise UsageError(what, expected="a day such as 2026-03-15", got=says.get("until") or "nothing", do=do) from None


def waiting(workspace: Workspace) -> Iterator[Entry]:
    """The entries that no scoring has taken in yet, the earliest first."""
    for path in sorted(workspace.inbox.glob("*.json")) if workspace.inbox.is_dir() else ():
        if ENTRY.fullmatch(path.name) and (entry := _read(path)):
            yield entry


def _read(path: Path) -> Entry | None:
    """None where another process has just taken it in, or the file is no entry."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        texts = {str(k): str(v) for k, v in said["says"].items()}
        at = datetime.fromisoformat(said["at"])
        return Entry(said["kind"], str(said["lead_id"]), str(said["by"]), at, texts, path.name)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def take_in(opened: OpenWorkspace, warehouse: Warehouse, as_of: datetime) -> dict[str, int]:
    """Store what was said before `as_of` and empty the inbox of it; how many entries of each kind.

    An entry that cannot be stored goes to the folder `refused`, and the log says why.
    """
    space, counts = opened.workspace, dict.fromkeys((*get_args(Kind), REFUSED), 0)
    storing: dict[str, Callable[[OpenWorkspace, Warehouse, Entry], None]]
    storing = {"override": _override, "feedback": _feedback, "result": _result}
    for path in sorted(space.inbox.glob("*.json")) if space.inbox.is_dir() else ():
        entry = _read(path)
        if entry and entry.at >= as_of:
            continue
        try:
            if entry is None or not ENTRY.fullmatch(path.name):
                do = "look at the file, and enter it again"
                raise UsageError(f"reading {path.name}", expected="an entry of the page", got="another file", do=do)
            check(entry)
            storing[entry.kind](opened, warehouse, _of_known(warehouse, entry))
            counts[entry.kind] += 1
            remove(path)
        except LeadreadyError as error:
            log.warning("an entry of the page was refused: %s", error)
            counts[REFUSED] += 1
            (space.inbox / REFUSED).mkdir(exist_ok=True)
            path.rename(space.inbox / REFUSED / path.name)
    if any(counts.values()):
        log.info("taken in from the page: %s", ", ".join(f"{n} {kind}" for kind, n in counts.items() if n))
    return counts


def _of_known(warehouse: Warehouse, entry: Entry) -> Entry:
    """The entry under the id by which the warehouse knows the lead; UsageError where it does not."""
    [own] = stored_ids(warehouse, [entry.lead_id])
    if not warehouse.scalar("SELECT count(*) FROM leads WHERE lead_id = $1 AND superseded_at IS NULL", [own]):
        what, do = f"taking in what was said about {entry.lead_id}", "look whether it was merged or forgotten"
        raise UsageError(what, expected="a lead that is known", got=entry.lead_id, do=do)
    return replace(entry, lead_id=own)


def _override(opened: OpenWorkspace, warehouse: Warehouse, entry: Entry) -> None:  # noqa: ARG001
    until = _day("reading an override", entry.says)
    note_override(warehouse, entry.lead_id, entry.says["route"], entry.says["why"], entry.by, entry.at, until)


def _feedback(opened: OpenWorkspace, warehouse: Warehouse, entry: Entry) -> None:  # noqa: ARG001
    says = entry.says
    row = (entry.id, entry.lead_id, says.get("about", ""), says["verdict"], says.get("words", ""), entry.by, entry.at)
    warehouse.make(FEEDBACK)
    with warehouse.view("new_feedback", pd.DataFrame([row], columns=list(FEEDBACK.names))):
        warehouse.execute("INSERT OR REPLACE INTO feedback BY NAME FROM new_feedback")


def _result(opened: OpenWorkspace, warehouse: Warehouse, entry: Entry) -> None:
    """As a call and an answer of a source of their own: the contract is that of every other."""
    says, lead = entry.says, entry.lead_id
    call = dict.fromkeys(CALLS.names) | {"lead_id": lead, "called_at": entry.at, "agent_id": entry.by}
    call |= {"disposition": says["disposition"], "call_id": f"page-{entry.id}", "notes": says.get("words") or None}
    answer = dict.fromkeys(ANSWERS.names) | {"lead_id": lead, "answered_at": entry.at, "source": "call"}
    answer |= {name: says.get(name) or None for name in ("criterion", "state", "level")}
    with TemporaryDirectory() as folder:
        pd.DataFrame([call]).to_parquet(Path(folder) / "calls.parquet", index=False)
        if says.get("criterion"):
            pd.DataFrame([answer]).to_parquet(Path(folder) / "answers.parquet", index=False)
        done = ingest(
            warehouse,
            "canonical",
            Path(folder),
            loaded_at=entry.at,
            agreements=opened.agreements,
            settings=opened.settings.ingest,
        )
    if bad := done.quarantined:
        what, do = f"storing the result of a call of {lead}", "look at `leadready quarantine`, and enter it again"
        raise UsageError(what, expected="a call and an answer as the contract asks", got=f"{bad} refused", do=do)
