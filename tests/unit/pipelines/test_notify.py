"""Who hears of what: real servers of mail and web on this machine, each event once."""

import http.server
import json
import socket
import socketserver
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes

import pytest

from data.errors import BrokenDataError, ConfigError, DataError
from data.opened import OpenWorkspace
from data.settings import NotifySettings
from data.workspace import Workspace
from pipelines.jobs.notify import Event, find_channels, notify, notify_of_failure

CLOCK = datetime(2026, 3, 2, 6)
DRIFT = Event("drift: f", "act: drift", "f moved.\nWhat to do: look.")
STALE = Event("freshness: touches", "act: freshness", "the newest of the touches is 4 days old")


@contextmanager
def _served(server):
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def webhook(status=200):
    """Its address, and what it got: headers and bodies."""
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((dict(self.headers), json.loads(body)))
            self.send_response(got[-1][1].get("status", status))
            self.end_headers()

        def log_message(self, *_):
            pass

    with _served(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}/hook", got


@contextmanager
def mail_server(*, refuse=False):
    """Its address, and the mails that it got; it speaks as much of SMTP as a client needs."""
    got = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.say("220 here")
            while line := self.rfile.readline().strip().upper():
                if line.startswith(b"DATA"):
                    self.say("354 go on")
                    lines = []
                    while (part := self.rfile.readline()) != b".\r\n":
                        lines.append(part)
                    got.append(message_from_bytes(b"".join(lines)))
                    self.say("250 taken")
                elif line.startswith(b"QUIT"):
                    self.say("221 bye")
                    return
                else:
                    self.say("550 no" if refuse and line.startswith(b"RCPT") else "250 yes")

        def say(self, words):
            self.wfile.write(f"{words}\r\n".encode())

    with _served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"smtp://127.0.0.1:{port}", got


@pytest.fixture
def space(tmp_path):
    made = Workspace(tmp_path / "space")
    made.create()
    return made


def settings(monkeypatch, web="", mail=""):
    monkeypatch.setenv("HOOK", web)
    monkeypatch.setenv("MAIL", mail)
    return NotifySettings(
        webhook="$HOOK" * bool(web),
        smtp="$MAIL" * bool(mail),
        sender="lr@example.com",
        to=("ops@example.com", "sales@example.com"),
    )


def test_each_channel_gets_each_event_once(space, monkeypatch):
    with webhook() as (web, posts), mail_server() as (mail, mails):
        chosen = settings(monkeypatch, web, mail)
        assert notify(space, chosen, [DRIFT, STALE], CLOCK) == 4
        assert notify(space, chosen, [DRIFT, STALE], CLOCK) == 0
    assert [body["event"] for _, body in posts] == [DRIFT.key, STALE.key]
    assert posts[0][1]["text"] == "leadready, act: drift\nf moved.\nWhat to do: look."
    assert len({headers["Idempotency-Key"] for headers, _ in posts}) == 2
    assert [m["Subject"] for m in mails] == ["leadready, act: drift", "leadready, act: freshness"]
    assert (mails[0]["From"], mails[0]["To"]) == ("lr@example.com", "ops@example.com, sales@example.com")
    assert mails[0].get_payload().strip().splitlines() == DRIFT.text.splitlines()
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]


def test_what_is_over_and_comes_back_is_told_again(space, monkeypatch):
    def of_monitor(key):
        return key.startswith(("drift", "freshness"))

    with webhook() as (web, posts):
        chosen = settings(monkeypatch, web)
        notify(space, chosen, [DRIFT, Event("failure: daily", "daily failed", "")], CLOCK)
        notify(space, chosen, [], CLOCK, of=of_monitor)
        notify(space, chosen, [DRIFT, Event("failure: daily", "daily failed", "")], CLOCK, of=of_monitor)
    assert [body["event"] for _, body in posts] == ["drift: f", "failure: daily", "drift: f"]


@pytest.mark.parametrize("how", ["refused", "gone"])
def test_what_no_channel_took_is_tried_again_by_the_next_run(space, monkeypatch, caplog, how):
    if how == "refused":
        with webhook(500) as (web, posts), mail_server(refuse=True) as (mail, mails):
            assert notify(space, settings(monkeypatch, web, mail), [DRIFT], CLOCK) == 0
        assert (len(posts), len(mails)) == (3, 0)
    else:
        with webhook() as (web, _), mail_server() as (mail, _):
            pass
        assert notify(space, settings(monkeypatch, web, mail), [DRIFT], CLOCK) == 0
    assert "webhook did not take a message" in caplog.text
    assert "127.0.0.1" not in caplog.text, "an address may hold a secret"
    with webhook() as (web, posts), mail_server() as (mail, mails):
        assert notify(space, settings(monkeypatch, web, mail), [DRIFT], CLOCK) == 2
    assert (len(posts), len(mails)) == (1, 1)


def test_a_silent_host_is_tried_once(space, monkeypatch, caplog):
    """The run goes on without it."""
    monkeypatch.setattr("pipelines.jobs.notify.TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        chosen = settings(monkeypatch, f"http://127.0.0.1:{port}/", f"smtp://127.0.0.1:{port}")
        assert notify(space, chosen, [DRIFT, STALE], CLOCK) == 0
    said = [record.message.split(" (")[0] for record in caplog.records]
    assert said == ["webhook did not take a message", "smtp did not take a message"]
    assert "attempt 2" not in caplog.text


def test_a_message_after_a_kill_has_the_same_id_and_one_after_it_was_over_another(space, monkeypatch):
    with webhook() as (web, posts):
        chosen = settings(monkeypatch, web)
        notify(space, chosen, [DRIFT], CLOCK)
        sent = space.notified.read_text()
        space.notified.write_text(sent.replace("true", "false"))  # killed before it noted that it was taken
        notify(space, chosen, [DRIFT], CLOCK + timedelta(days=1))
        notify(space, chosen, [], CLOCK, of=lambda _: True)
        notify(space, chosen, [DRIFT], CLOCK + timedelta(minutes=1))
    first, again, later = (headers["Idempotency-Key"] for headers, _ in posts)
    assert first == again != later


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DataError("reading", expected="a", got="9.1 days old", do="b"), ["failure: daily: reading"]),
        (ValueError("of a library, with a value"), ["failure: daily: ValueError"]),
        (BrokenDataError("looking", expected="a", got="b", do="c"), []),
    ],
)
def test_a_failure_is_told_once_by_its_kind(space, monkeypatch, error, told):
    with webhook() as (web, posts):
        monkeypatch.setenv("HOOK", web)
        space.settings.write_text('[notify]\nwebhook = "$HOOK"\n')
        opened = OpenWorkspace(space)
        for _ in range(2):
            notify_of_failure(opened, "daily", [error], CLOCK)
        notify_of_failure(opened, "daily", [], CLOCK)
        notify_of_failure(opened, "daily", [error], CLOCK)
    assert [body["event"] for _, body in posts] == told * 2
    assert "with a value" not in str(posts)


def test_a_state_that_cannot_be_written_stops_no_run(space, monkeypatch, caplog):
    with webhook() as (web, posts):
        space.notified.mkdir()
        assert notify(space, settings(monkeypatch, web), [DRIFT], CLOCK) == 0
    assert posts == []
    assert "people are not told of what happened" in caplog.text


def test_a_password_is_not_sent_in_the_clear(space, monkeypatch, caplog):
    with mail_server() as (mail, mails):
        chosen = settings(monkeypatch, mail=mail.replace("//", "//ann:secret@"))
        assert notify(space, chosen, [DRIFT], CLOCK) == 0
    assert mails == []
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"webhook": "$NOT_SET"}, "the variable NOT_SET"),
        ({"smtp": "smtp://localhost"}, "sender and to beside smtp"),
    ],
)
def test_what_cannot_be_is_said_and_stops_no_run(space, given, message, caplog):
    with pytest.raises(ConfigError, match=message):
        find_channels(NotifySettings(**given))
    assert notify(space, NotifySettings(**given), [DRIFT], CLOCK) == 0
    assert message in caplog.text


def test_nobody_is_told_where_nobody_is_named(space):
    assert notify(space, NotifySettings(), [DRIFT], CLOCK) == 0
    assert not space.notified.exists()
