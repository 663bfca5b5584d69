"""What did people say on the web page? Each a file of the inbox, which the next scoring takes in before it scores.

The page has no warehouse to write to. An entry is whole or not there, has an id of its own, and is removed once the
warehouse has it: one that was taken in by a run that was killed after that is taken in again, and changes nothing.
"""

from __future__ import annotations

import json
import logging
import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import pandas as pd

from data.errors import DataError, UsageError
from data.intake.ingest import ingest
from data.intake.keys import stored_ids
from data.opened import OpenWorkspace
from data.sql import PERSONS
from data.tables import ANSWER_STATES, ANSWERS, CALLS, CONNECTED, DISPOSITIONS, FEEDBACK, PUBLICATIONS
from data.warehouse import Warehouse
from data.whole import remove, whole, writing
from data.workspace import Workspace
from serving.overrides import check_override, note_override

log = logging.getLogger(__name__)

Kind = Literal["override", "feedback", "result"]
REFUSED = "refused"
ENTRY = re.compile(r"[0-9a-f]{32}\.json")
MOST_WAITING = 10_000
"""Entries that may wait for a scoring."""
MOST_WORDS = 500
"""Letters of what a person writes."""
VERDICTS = ("helpful", "wrong")


@dataclass(frozen=True)
class Entry:
    """What a person said about a lead at a moment (UTC).

    says, of an override: route, why, until (a day). Of feedback: about (the reason it is about, or empty), verdict,
    words. Of a result of a call: disposition, words, and answers: a line `criterion:state:level` for each.
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


def put(workspace: Workspace, entry: Entry, once: str = "") -> Entry:
    """Keep an entry until the next scoring. Raises UsageError where it says nothing that could be taken in.

    once: a text of the form that was filled in: sent again with the same words, it changes nothing.
    """
    check(entry)
    told = [once or uuid.uuid4().hex, entry.kind, entry.lead_id, entry.by, *map(list, sorted(entry.says.items()))]
    name = f"{sha256(json.dumps(told).encode()).hexdigest()[:32]}.json"
    text = json.dumps(asdict(entry) | {"at": entry.at.isoformat(), "name": name}, ensure_ascii=False)
    with writing(f"writing to {workspace.inbox}", "free some space and try again; nothing was kept"):
        workspace.inbox.mkdir(exist_ok=True)
        if sum(1 for _ in workspace.inbox.glob("*.json")) >= MOST_WAITING:
            do = "run `leadready score`, which takes them in"
            raise UsageError("noting what was said", expected="room in the inbox", got=f"{MOST_WAITING} entries", do=do)
        with whole(workspace.inbox / name, unless_there=True) as making:
            making.write_text(text, encoding="utf-8")
    return replace(entry, name=name)


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
        for _, state, _ in answers(entry):
            _one_of(what, "the answer", state, ANSWER_STATES)
        if says.get("answers") and says["disposition"] not in CONNECTED:
            got, do = f"answers after {says['disposition']}", "correct how the call ended, or leave the answers out"
            raise UsageError(what, expected="answers only where somebody was reached", got=got, do=do)
    else:
        _one_of(what, "the kind of entry", entry.kind, get_args(Kind))


def answers(entry: Entry) -> list[tuple[str, str, str]]:
    """Criterion, state and level of each answer that the result of a call tells."""
    lines = (line.split(":") for line in entry.says.get("answers", "").splitlines() if line)
    return [(line[0], *[*line[1:], "", ""][:2]) for line in lines]  # type: ignore[misc]


def _one_of(what: str, name: str, got: str, known: tuple[str, ...]) -> None:
    if got not in known:
        raise UsageError(what, expected=f"{name}: one of {', '.join(known)}", got=got or "nothing", do="choose one")


def _day(what: str, says: dict[str, str]) -> datetime:
    try:
        return datetime.strptime(says.get("until", ""), "%Y-%m-%d")
    except ValueError:
        do = "choose a day"
        raise UsageError(what, expected="a day such as 2026-03-15", got=says.get("until") or "nothing", do=do) from None


def waiting(workspace: Workspace) -> list[Entry]:
    """The entries that no scoring has taken in yet, the earliest first."""
    paths = [path for path in workspace.inbox.glob("*.json") if ENTRY.fullmatch(path.name)]
    return sorted(filter(None, map(_read, paths)), key=lambda entry: (entry.at, entry.name))


class Inbox:
    """What waits, read anew where the folder has changed."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._seen, self._entries = workspace, -1, list[Entry]()

    def entries(self) -> list[Entry]:
        """As `waiting`."""
        try:
            now = self._workspace.inbox.stat().st_mtime_ns
        except FileNotFoundError:
            return []
        if now != self._seen:
            self._entries, self._seen = waiting(self._workspace), now
        return self._entries

    def leads(self) -> set[str]:
        """The leads that something waits about."""
        return {entry.lead_id for entry in self.entries()}

    def refused(self) -> int:
        """How many entries could not be taken in."""
        return sum(1 for _ in (self._workspace.inbox / REFUSED).glob("*"))


def _read(path: Path) -> Entry | None:
    """None where another process has just taken it in, or the file is no entry."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        texts = {str(k): str(v) for k, v in said["says"].items()}
        at = datetime.fromisoformat(said["at"])
        found = Entry(said["kind"], str(said["lead_id"]), str(said["by"]), at, texts, path.name)
        return found if at.tzinfo is None else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def take_in(opened: OpenWorkspace, warehouse: Warehouse, as_of: datetime) -> dict[str, int]:
    """Store what was said before `as_of` and empty the inbox of it; how many entries of each kind.

    It counts from the newest scoring that had been published by then: what that one saw stays as it was. An entry that
    means nothing, or is of a lead that is not known, goes to the folder `refused`, and the log says why.
    """
    space, counts = opened.workspace, dict.fromkeys((*get_args(Kind), REFUSED), 0)
    storing: dict[str, Callable[[OpenWorkspace, Warehouse, Entry], None]]
    storing = {"override": _override, "feedback": _feedback, "result": _result}
    warehouse.make(PUBLICATIONS)
    newest = warehouse.scalar("SELECT max(as_of) FROM publications")
    paths = sorted(space.inbox.glob("*.json"), key=lambda path: (getattr(_read(path), "at", datetime.min), path.name))
    for path in paths:
        entry = _read(path)
        if entry and newest and entry.at <= newest:
            entry = replace(entry, at=newest + timedelta(microseconds=1))
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
        except (UsageError, DataError) as error:
            log.warning("an entry of the page was refused: %s", error)
            counts[REFUSED] += 1
            (space.inbox / REFUSED).mkdir(exist_ok=True)
            path.rename(space.inbox / REFUSED / path.name)
    if any(counts.values()):
        log.info("taken in from the page: %s", ", ".join(f"{n} {kind}" for kind, n in counts.items() if n))
    return counts


def forget(workspace: Workspace, leads: Sequence[str]) -> int:
    """Remove what was said about these leads and not taken in, refused or half written; how many entries."""
    gone = 0
    for path in [path for path in workspace.inbox.rglob("*") if path.is_file()]:
        entry = _read(path)
        if entry is None or entry.lead_id in leads:
            remove(path)  # nobody can tell whom another file is about
            gone += 1
    return gone


def _of_known(warehouse: Warehouse, entry: Entry) -> Entry:
    """The entry under the id of the lead that stands for the person now; UsageError where nobody is known by it."""
    [own] = stored_ids(warehouse, [entry.lead_id])
    own = warehouse.scalar(f"SELECT person FROM {PERSONS} WHERE lead_id = $1", [own]) or own
    if not warehouse.scalar("SELECT count(*) FROM leads WHERE lead_id = $1 AND superseded_at IS NULL", [own]):
        what, do = f"taking in what was said about {entry.lead_id}", "look whether the lead was deleted or forgotten"
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
    told = [
        {"lead_id": lead, "answered_at": entry.at, "criterion": name, "state": state, "level": level or None}
        for name, state, level in answers(entry)
    ]
    with TemporaryDirectory() as folder:
        pd.DataFrame([call]).to_parquet(Path(folder) / "calls.parquet", index=False)
        if told:
            rows = pd.DataFrame(told, columns=list(ANSWERS.names)).assign(source="call")
            rows.to_parquet(Path(folder) / "answers.parquet", index=False)
        done = ingest(
            warehouse,
            "canonical",
            Path(folder),
            loaded_at=entry.at,
            agreements=opened.agreements,
            settings=opened.settings.ingest,
        )
    if bad := done.quarantined:
        what, do = f"storing the result of a call of {lead}", "the call was kept: see `leadready quarantine list`"
        raise UsageError(what, expected="answers as the agreement knows them", got=f"{bad} it does not", do=do)
