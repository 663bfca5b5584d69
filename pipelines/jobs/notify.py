"""Who hears of what went wrong, and by which way? A webhook and e-mail, once for each event as long as it lasts.

`notified.json` in the workspace says who was told of what. An event is noted once a channel has taken it; a process
that is killed in between says it again under the same id (`Idempotency-Key`, `Message-ID`), by which receivers know.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from data.errors import ConfigError
from data.settings import NotifySettings, from_environment
from data.whole import locked, whole
from data.workspace import Workspace

log = logging.getLogger(__name__)
TIMEOUT_S = 20.0
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
    except ConfigError as error:
        log.error("nobody is told of anything: %s", error)
        return 0
    if not channels:
        return 0
    taken = 0
    with locked(space.root / ".notified.lock"):
        told = _read(space)
        now = {event.key for event in events}
        told = {key: at for key, at in told.items() if key.partition("|")[2] in now or not of(key.partition("|")[2])}
        for name, send in channels.items():
            for event in events:
                if f"{name}|{event.key}" in told:
                    continue
                began = f"{clock:%Y-%m-%dT%H:%M:%S}"
                if _try(
                    name, send, event, sha256(f"{space.root}{name}{event.key}{began[:10]}".encode()).hexdigest()[:32]
                ):
                    told[f"{name}|{event.key}"] = began
                    _write(space, told)
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
    for attempt in range(1, TRIES + 1):
        try:
            send(event, key)
        except (OSError, smtplib.SMTPException, ValueError) as error:  # their words may hold the address
            log.warning("%s did not take a message (%s), attempt %d", name, type(error).__name__, attempt)
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
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with kind(parts.hostname, parts.port or 0, timeout=TIMEOUT_S) as smtp:
        smtp.ehlo()
        if parts.scheme == "smtp" and smtp.has_extn("starttls"):
            smtp.starttls(context=ssl.create_default_context())
        elif parts.scheme == "smtp" and parts.username:
            raise ValueError("the mail server offers no TLS, and a password is not sent without")
        if parts.username:
            smtp.login(unquote(parts.username), unquote(parts.password or ""))
        smtp.send_message(message)


def _read(space: Workspace) -> dict[str, str]:
    try:
        found = json.loads(space.notified.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        log.warning("%s cannot be read: people may hear of something twice", space.notified)
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _write(space: Workspace, told: dict[str, str]) -> None:
    with whole(space.notified) as making:
        making.write_text(json.dumps(told, indent=1, sort_keys=True), encoding="utf-8")
