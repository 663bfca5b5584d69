"""Who hears of what went wrong, and by which way? A webhook and e-mail, once for each event as long as it lasts.

`notified.json` in the workspace says since when each event is to be told on each channel, and whether it was. A process
that is killed while it tells says it again under the same id (`Idempotency-Key`, `Message-ID`), by which receivers
know it.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from data.errors import BrokenDataError, ConfigError, LeadreadyError
from data.opened import OpenWorkspace
from data.settings import NotifySettings, from_environment
from data.whole import locked, whole
from data.workspace import Workspace
from pipelines.jobs.schedule import failure_message
from pipelines.runs import in_words

log = logging.getLogger(__name__)
TIMEOUT_S = 10.0
"""So long a host may be silent. After that no further attempt is made: a run does not wait for a messenger."""
TRIES = 3


@dataclass(frozen=True)
class Event:
    """Something that people should hear of, without personal values.

    key: what tells it from others; as long as it lasts it is told once. title: one line; text: enough to act on.
    """

    key: str
    title: str
    text: str


def notify(
    space: Workspace,
    settings: NotifySettings,
    events: Sequence[Event],
    clock: datetime,
    of: Callable[[str], bool] = lambda _: False,
) -> int:
    """Tell each channel of the events that it has not heard of; how many messages it took.

    Told events for which `of` holds and that are not among `events` are over: they are told anew when they come back.
    What a channel does not take is said in the log, and tried again by the next run. So are settings that are wrong:
    no run fails for want of a messenger (`find_channels` tells beforehand).
    """
    try:
        channels = find_channels(settings)
        if not channels:
            return 0
        with locked(space.root / ".notified.lock"):
            return _tell(space, channels, events, clock, of)
    except (ConfigError, OSError) as error:
        log.error(
            "people are not told of what happened: %s", error if isinstance(error, ConfigError) else error.strerror
        )
        return 0


def notify_of_failure(opened: OpenWorkspace, run: str, errors: Sequence[BaseException], clock: datetime) -> None:
    """Tell people that a run failed, once while it fails in the same way.

    That data are broken they hear from monitoring alone.
    """
    ours = [error for error in errors if not isinstance(error, BrokenDataError)]
    text = failure_message(run, opened.workspace, clock, [in_words(error) for error in ours])
    kinds = sorted(
        {error.parts["what"] if isinstance(error, LeadreadyError) else type(error).__name__ for error in ours}
    )
    begin = f"failure: {run}: "
    events = [Event(begin + "; ".join(kinds), f"the {run} run failed", text)] if ours else []
    notify(opened.workspace, opened.settings.notify, events, clock, of=lambda key: key.startswith(begin))


def _tell(
    space: Workspace,
    channels: Mapping[str, Callable[[Event, str], None]],
    events: Sequence[Event],
    clock: datetime,
    of: Callable[[str], bool],
) -> int:
    told, now, taken = _read(space), {event.key for event in events}, 0
    told = {at: since for at, since in told.items() if at.partition("|")[2] in now or not of(at.partition("|")[2])}
    for name, send in channels.items():
        for event in events:
            at = f"{name}|{event.key}"
            since, done = told.get(at) or (clock.isoformat(), False)
            if done:
                continue
            told[at] = (since, False)
            _write(space, told)
            id_ = sha256(f"{space.root.resolve()}|{at}|{since}".encode()).hexdigest()[:32]
            if not _try(name, send, event, id_):
                break  # the next run tries again, this channel and all that it has not heard
            told[at] = (since, True)
            taken += 1
    _write(space, told)
    return taken


def find_channels(settings: NotifySettings) -> dict[str, Callable[[Event, str], None]]:
    """How each channel of the settings is told; ConfigError where a variable is not set or mail has no sender."""
    found: dict[str, Callable[[Event, str], None]] = {}
    if settings.webhook:
        address = from_environment("[notify], webhook", settings.webhook)
        found["webhook"] = lambda event, key: _post(address, event, key)
    if settings.smtp:
        if not (settings.to and settings.sender):
            do = "name them under [notify] in settings.toml"
            raise ConfigError("reading [notify]", expected="sender and to beside smtp", got="none", do=do)
        server = from_environment("[notify], smtp", settings.smtp)
        found["smtp"] = lambda event, key: _mail(server, settings, event, key)
    return found


def _try(name: str, send: Callable[[Event, str], None], event: Event, key: str) -> bool:
    begun = time.monotonic()
    for attempt in range(1, TRIES + 1):
        try:
            send(event, key)
        except Exception as error:  # of whatever kind: its words may hold the address
            log.warning("%s did not take a message (%s), attempt %d", name, type(error).__name__, attempt)
            if time.monotonic() - begun >= TIMEOUT_S:
                break
        else:
            return True
    return False


def _post(address: str, event: Event, key: str) -> None:
    body = {"text": f"leadready, {event.title}\n{event.text}", "event": event.key, "title": event.title, "id": key}
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    if urlsplit(address).scheme not in ("http", "https"):
        raise ValueError("no address of the web")
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        answer.read()


def _mail(server: str, settings: NotifySettings, event: Event, key: str) -> None:
    parts = urlsplit(server)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("no address of a mail server")
    message = EmailMessage()
    message["Subject"], message["From"] = f"leadready, {event.title}"[:200], settings.sender
    message["To"], message["Message-ID"] = ", ".join(settings.to), f"<{key}@leadready>"
    message.set_content(event.text)
    trusted, port = ssl.create_default_context(), parts.port or 0
    with (
        smtplib.SMTP_SSL(parts.hostname, port, timeout=TIMEOUT_S, context=trusted)
        if parts.scheme == "smtps"
        else smtplib.SMTP(parts.hostname, port, timeout=TIMEOUT_S)
    ) as smtp:
        smtp.ehlo()
        if parts.scheme == "smtp" and smtp.has_extn("starttls"):
            smtp.starttls(context=trusted)
        elif parts.scheme == "smtp" and parts.username:
            raise ValueError("the mail server offers no TLS, and a password is not sent without")
        if parts.username:
            smtp.login(unquote(parts.username), unquote(parts.password or ""))
        if refused := smtp.send_message(message):
            log.warning("%d of %d addresses under [notify] to were refused", len(refused), len(settings.to))


def _read(space: Workspace) -> dict[str, tuple[str, bool]]:
    """Channel and event -> since when it is to be told, and whether it was."""
    try:
        found = json.loads(space.notified.read_text(encoding="utf-8"))
        return {str(at): (str(since), bool(done)) for at, (since, done) in found.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError):
        log.warning("%s cannot be read: people may hear of something twice", space.notified)
        return {}


def _write(space: Workspace, told: Mapping[str, tuple[str, bool]]) -> None:
    with whole(space.notified) as making:
        making.write_text(json.dumps(told, indent=1, sort_keys=True), encoding="utf-8")
