"""How fast is the web page with a million leads, 20 people at once, beside a bare FastAPI page in the same run?

    python -m benchmarks.review_speed WORKSPACE [--leads 1000000] [--requests 10000]

Takes what a scored workspace published for the page and repeats it under other ids. Bare page and pages are asked in
turns, each in a process of its own; printed: the 50th and 95th percentile of each, the ratio to the bare page, the
seconds to the first answer, and memory after 1,000 requests and after all.
"""

from __future__ import annotations

import argparse
import http.client
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import duckdb
import numpy as np

from data.workspace import Workspace

TABLES = """SELECT table_name, list(column_name) FROM duckdb_columns() WHERE database_name = 'old' GROUP BY ALL"""
AT_ONCE, ROUNDS, EACH = 20, 5, 100
BARE = """
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
import uvicorn
app = FastAPI()
PAGE = "<!doctype html><title>bare</title>" + "<p>one line of a page</p>" * 1000
@app.get("/", response_class=HTMLResponse)
def page():
    return PAGE
uvicorn.run(app, port={port}, log_level="error", access_log=False)
"""
Ask = Callable[[http.client.HTTPConnection], None]


def many(source: Workspace, space: Workspace, leads: int) -> list[str]:
    """A workspace whose page shows so many leads; some of their ids."""
    now, folder = source.page / "now", space.page / ".made" / "many"
    folder.mkdir(parents=True)
    (space.page / "now").symlink_to(".made/many")
    with duckdb.connect(folder / "page.duckdb") as made:
        made.execute(f"SET preserve_insertion_order = true; ATTACH '{now / 'page.duckdb'}' AS old (READ_ONLY)")
        there = made.execute("SELECT count(*) FROM old.scores").fetchall()[0][0]
        times = -(-leads // there)
        ids = "printf('%s-%03d', lead_id, n) AS lead_id"
        orders = {"leads": "rank", "words": "word, rank"}
        for name, columns in made.execute(TABLES).fetchall():
            ranks = f", rank * {times} + n AS rank" * ("rank" in columns)
            others = f"* EXCLUDE (lead_id{', rank' * ('rank' in columns)})"
            order = orders.get(name, "lead_id")
            sql = f"SELECT {ids}{ranks}, {others} FROM old.{name}, range({times}) r(n) ORDER BY {order}"
            made.execute(f"CREATE TABLE {name} AS {sql}")
        for (sql,) in made.execute("SELECT sql FROM duckdb_indexes() WHERE database_name = 'old'").fetchall():
            made.execute(sql)
        found = made.execute("SELECT lead_id FROM scores USING SAMPLE 2000 ROWS").fetchall()
    for name in ("facts.json", "card.html"):
        (folder / name).write_bytes((now / name).read_bytes())
    return [lead for (lead,) in found]


@contextmanager
def running(*command: str, port: int) -> Iterator[tuple[int, float]]:
    """A server; its process and the seconds until it first answered."""
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                ask("/")(http.client.HTTPConnection("127.0.0.1", port))
                break
            except OSError:
                time.sleep(0.02)
        yield process.pid, time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(30)


def ask(path: str | Callable[[], str]) -> Ask:
    """A request for a page."""

    def asked(connection: http.client.HTTPConnection) -> None:
        connection.request("GET", path if isinstance(path, str) else path())
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)

    return asked


def search(port: int, words: Callable[[], str]) -> Ask:
    """A search by the page's form."""
    first = http.client.HTTPConnection("127.0.0.1", port)
    first.request("GET", "/")
    answer = first.getresponse()
    cookie = "; ".join(c.partition(";")[0] for c in answer.headers.get_all("set-cookie") or ())
    found = re.search(r'name="csrftoken" value="([^"]+)"', answer.read().decode())
    token = found[1] if found else ""

    def asked(connection: http.client.HTTPConnection) -> None:
        headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/search", urlencode({"csrftoken": token, "words": words()}), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 303), answer.status

    return asked


def timed(port: int, one: Ask, requests: int) -> list[float]:
    """Seconds of each of so many requests, AT_ONCE at a time."""

    def person(_: int) -> list[float]:
        connection, found = http.client.HTTPConnection("127.0.0.1", port), []
        for _ in range(max(1, requests // AT_ONCE)):
            begun = time.perf_counter()
            one(connection)
            found.append(time.perf_counter() - begun)
        return found

    with ThreadPoolExecutor(AT_ONCE) as people:
        return [seconds for each in people.map(person, range(AT_ONCE)) for seconds in each]


def memory(pid: int) -> int:
    """MB that a process and those that it started hold."""
    held = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            text = status.read_text()
            if str(pid) in re.findall(r"^P?Pid:\s+(\d+)", text, re.MULTILINE):
                held += int((re.findall(r"VmRSS:\s+(\d+)", text) or [0])[0])
    return held // 1024


def main() -> None:
    """Serve and ask, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=10_000)
    given = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        space = Workspace(Path(folder) / "many")
        space.create()
        ids = many(Workspace(given.workspace), space, given.leads)
        page = ("-m", "pipelines.cli", "review", "-w", str(space.root), "--port", "8331")
        with running("-c", BARE.format(port=8330), port=8330), running(*page, port=8331) as (pid, start):
            kinds: dict[str, tuple[int, Ask]] = {
                "bare": (8330, ask("/")),
                "today": (8331, ask("/")),
                "list": (8331, ask(lambda: f"/leads?page={chance.randint(1, 200)}")),
                "filter": (8331, ask(lambda: f"/leads?zone={chance.choice(['qualified', 'nearly'])}&sort=points")),
                "search": (8331, search(8331, lambda: chance.choice(ids)[:-2])),
                "lead": (8331, ask(lambda: f"/leads/{chance.choice(ids)}")),
            }
            took: dict[str, list[float]] = {name: [] for name in kinds}
            for _ in range(ROUNDS):
                for name, (port, one) in kinds.items():
                    took[name] += timed(port, one, EACH)
            early = memory(pid)
            timed(8331, kinds["lead"][1], given.requests // 2)
            timed(8331, kinds["list"][1], given.requests // 2)
            late = memory(pid)
    bare = np.quantile(took["bare"], 0.95)
    for name, seconds in took.items():
        half, most = np.quantile(seconds, [0.5, 0.95])
        print(
            f"{name:7} median {1000 * half:6.0f} ms, 95 % {1000 * most:6.0f} ms, {most / bare:5.1f} times the bare page"
        )
    print(f"first answer after {start:.1f} s; memory {early} MB, after {given.requests:,} more requests {late} MB")


if __name__ == "__main__":
    main()
