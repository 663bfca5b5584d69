"""The page is read while days are scored: no error, no half a day, and the new one appears."""

import http.client
import re
import threading
import time
from datetime import timedelta

import pytest

from pipelines.jobs.score import score_open_leads
from serving.pages.review.store import Chosen, Store
from tests.reviewed import AS_OF, published, served

READERS = 10


@pytest.mark.parametrize(
    "seconds", [pytest.param(8, marks=pytest.mark.slow), pytest.param(300, marks=pytest.mark.soak)]
)
def test_ten_readers_see_whole_days_while_scorings_are_published(tmp_path, seconds):
    opened = published(tmp_path, leads=300, model=False, days=1)
    lead = Store(opened.workspace).day().leads(Chosen({}))[0]["lead_id"]
    expected = {f"{AS_OF:%H:%M}": {}}
    stop, wrong, seen, answers = threading.Event(), [], [set() for _ in range(READERS)], [0] * READERS

    def read(number, port):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while not stop.is_set():
            for path in (
                "/",
                f"/leads/{lead}",
                "/leads?on_list=calls",
                "/api/lists/hand_offs",
                "/leads.csv?route=hand_off",
            ):
                connection.request("GET", path)
                answer = connection.getresponse()
                text = answer.read().decode()
                answers[number] += 1
                if answer.status not in (200, 503) or (answer.status == 503 and "csv" not in path):
                    wrong.append((path, answer.status, text[-300:]))
                if path == "/":
                    at = re.search(r"Scores of \w+ \d+ \w+ \d+, (\d\d:\d\d)", text)[1]
                    seen[number].add(at)
                    tiles = dict(re.findall(r"<dt>([^<]+)</dt><dd><a[^>]*>([\d,]+)</a>", text))
                    first = expected.setdefault(at, {}) or tiles
                    if first != tiles:
                        wrong.append((at, tiles, first))
                    expected[at] = first
        connection.close()

    with served(opened) as address:
        port = int(address.rsplit(":", 1)[1])
        readers = [threading.Thread(target=read, args=(n, port)) for n in range(READERS)]
        for reader in readers:
            reader.start()
        begun, scorings = time.monotonic(), 0
        while time.monotonic() - begun < seconds:
            scorings += 1
            score_open_leads(opened, AS_OF + timedelta(minutes=scorings))
        last = f"{AS_OF + timedelta(minutes=scorings):%H:%M}"
        until = time.monotonic() + 60
        while time.monotonic() < until and not all(last in each for each in seen):
            time.sleep(0.2)
        stop.set()
        for reader in readers:
            reader.join(60)
    print(f"{sum(answers):,} answers while {scorings} scorings were published")
    assert wrong == []
    assert all(last in each for each in seen), "the last one appears to all"
    assert min(answers) > 0
    assert len(list((opened.workspace.page / ".made").iterdir())) <= 2
