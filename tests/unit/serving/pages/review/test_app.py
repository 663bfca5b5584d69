"""What the page answers, asked without a browser: any input, any role, entries that the next scoring takes in."""

from __future__ import annotations

import json
import re
import shutil
import warnings
from datetime import datetime
from html import escape

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from data.intake.retraction import merge
from data.opened import open_workspace
from data.settings import ReviewSettings
from pipelines.jobs.calls import write_lists
from pipelines.jobs.score import score_open_leads
from serving.inbox import REFUSED, Entry, put, waiting
from serving.pages.review.access import protect
from serving.pages.review.app import STYLE, create_app
from serving.pages.review.store import CHANGED, FOUND, SORTS, Chosen, Store
from serving.sinks import finish
from tests.reviewed import AS_OF, DAY, published

with warnings.catch_warnings():  # starlette would rather have httpx2, which nothing else here needs
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

TOKENS = {"rea": "r" * 24, "rep": "p" * 24, "adm": "a" * 24}
ROLES = {"rea": "reader", "rep": "rep", "adm": "admin"}
NOW = AS_OF + DAY / 2
HOSTILE = (
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "' OR 1=1 --",
    "'; DROP TABLE leads; --",
    "{{ 7 * 7 }}",
    "${7*7}",
    "a\r\nSet-Cookie: x=1",
    "%00",
    "<script>alert(1)</script>",
    "/etc/passwd",
    "L0' UNION SELECT * FROM read_text('/etc/passwd') --",
    "\u202e",
    "x" * 199,
)


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    return published(tmp_path_factory.mktemp("company"), leads=300, model=False)


@pytest.fixture(scope="module")
def of_one_day(tmp_path_factory):
    return published(tmp_path_factory.mktemp("one day") / "company", leads=300, model=False, days=1)


@pytest.fixture
def opened(of_one_day, tmp_path):
    """A company scored once, to write to."""
    return open_workspace(shutil.copytree(of_one_day.workspace.root, tmp_path / "company", symlinks=True))


@pytest.fixture(scope="module")
def app(company):
    return create_app(company.workspace, company.settings, lambda: NOW)


def client(app, who: str | None = None, **asked) -> TestClient:
    """A program with the token of `who`; without, the person at this machine."""
    settings = ReviewSettings(roles=ROLES)
    guarded = protect(app, settings, "s" * 64, TOKENS if who else {}, "Ann", app.state.render, open_paths={STYLE})
    headers = {"authorization": f"Bearer {TOKENS[who]}"} if who else {}
    peer = ("127.0.0.1", 5000)
    return TestClient(guarded, "http://localhost", headers=headers, client=peer, follow_redirects=False, **asked)


@pytest.fixture(scope="module")
def day(company):
    return Store(company.workspace).day()


@pytest.fixture(scope="module")
def lead(day):
    return day.leads(Chosen({"on_list": "calls"}, "list"))[0]["lead_id"]


def form(browser: TestClient, path: str, **values: str):
    """A form of the page, with the token that the page gave."""
    page = browser.get("/").text
    token = page.split('name="csrftoken" value="')[1].split('"')[0]
    return browser.post(path, data={"csrftoken": token, **values})


@pytest.mark.slow
def test_schemathesis_finds_no_server_error(app):
    guarded = protect(app, ReviewSettings(), "s" * 64, {}, "Ann", app.state.render, open_paths={STYLE})
    schema = schemathesis.openapi.from_dict(app.openapi())

    browser = TestClient(guarded, "http://localhost", client=("127.0.0.1", 1), raise_server_exceptions=False)
    for operation in schema.get_all_operations():

        @given(case=operation.ok().as_strategy())
        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        def each(case):
            answer = browser.request(case.method, case.formatted_path, params=case.query, follow_redirects=False)
            assert answer.status_code in (200, 400, 404, 414, 422), (case.formatted_path, case.query)

        each()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_or_leaks_anything(app, text):
    browser = client(app)
    for path in ("/leads", "/api/leads", "/accounts"):
        answer = browser.get(f"{path}/{text}" if "\r" not in text else path, params={"noted": text})
        assert answer.status_code in (200, 400, 404, 422), path
        assert "root:" not in answer.text
        assert "set-cookie" not in answer.headers or "x=1" not in answer.headers["set-cookie"]
    for name in ("route", "zone", "team", "band", "changed", "owner", "promise", "sort", "page", "on_list"):
        answer = browser.get("/leads", params={name: text})
        assert answer.status_code in (200, 422)
        assert "<script>alert" not in answer.text
    found = form(browser, "/search", words=text)
    assert found.status_code in (200, 303, 422)
    assert "<script>alert" not in found.text
    assert "49" not in found.text.split("<main")[1] if "7" in text else True


def test_every_filter_and_order_answers(app, day):
    browser = client(app)
    for sort in SORTS:
        assert browser.get("/leads", params={"sort": sort}).status_code == 200
    for name, values in {**day.choices, "changed": list(CHANGED), "band": ["70", "0"]}.items():
        for value in values:
            assert browser.get("/leads", params={name: value}).status_code == 200


def test_filters_choose_what_they_say(day):
    every = day.leads(Chosen({}), 1, 10_000)
    for name in ("route", "zone", "on_list", "team"):
        for value in day.choices[name]:
            rows = day.leads(Chosen({name: value}), 1, 10_000)
            assert {row["lead_id"] for row in rows} == {row["lead_id"] for row in every if row[name] == value}
            assert day.count(Chosen({name: value})) == len(rows)
    pages = [row["lead_id"] for number in range(1, 9) for row in day.leads(Chosen({}), number)]
    assert sorted(pages) == sorted(row["lead_id"] for row in every)


def test_the_file_of_a_view_has_harmless_cells(app, day):
    answer = client(app).get("/leads.csv")
    lines = answer.text.splitlines()
    assert answer.status_code == 200
    assert len(lines) == 1 + day.count(Chosen({}))
    assert "\"'=HYPERLINK(1)" in answer.text
    assert ',"=' not in answer.text
    assert answer.headers["content-disposition"].startswith("attachment")


def test_the_api_says_what_the_page_says(app, day, lead):
    browser = client(app)
    said = browser.get(f"/api/leads/{lead}").json()
    assert said["lead_id"] == lead
    assert said["route"] == day.lead(lead)["route"]
    assert browser.get("/api/lists/calls").json()["rows"][0]["lead_id"] == lead
    assert browser.get("/api/lists/nobody").status_code == 404
    assert browser.get("/api/leads/nobody").json() == {
        "detail": "No open lead has the id 'nobody'. It may have been decided on, or never came in."
    }
    assert set(browser.get("/openapi.json").json()["paths"]) == {"/api/leads/{lead_id}", "/api/lists/{name}"}


@pytest.mark.parametrize(("who", "allowed"), [("rea", 0), ("rep", 2), ("adm", 3)])
def test_a_role_does_only_its_own(app, company, lead, who, allowed):
    browser, before = client(app, who), sum(1 for _ in waiting(company.workspace))
    page = browser.get(f"/leads/{lead}").text
    assert len(re.findall(r'<form method="post" action="/(?:result|feedback|override)/', page)) == allowed
    tried = (
        ("result", {"disposition": "no_answer"}),
        ("feedback", {"verdict": "helpful"}),
        ("override", {"route": "nurture", "why": "asked us to wait", "until": "2026-06-01"}),
    )
    done = [browser.post(f"/{what}/{lead}", data=values).status_code for what, values in tried]
    assert done == [303] * allowed + [403] * (3 - allowed)
    assert sum(1 for _ in waiting(company.workspace)) == before + allowed


def test_what_means_nothing_is_refused_in_plain_words(app, lead):
    browser = client(app)
    for what, values, said in (
        ("result", {"disposition": "shouted"}, "how the call ended: one of"),
        ("result", {"disposition": "no_answer", "answer": "need:no:"}, "answers only where somebody was reached"),
        ("result", {"disposition": "connected", "answer": "need:perhaps:"}, "the answer: one of"),
        ("feedback", {"verdict": "so so"}, "verdict: one of helpful, wrong"),
        ("override", {"route": "nurture", "why": " ", "until": "2026-06-01"}, "expected a reason"),
        ("override", {"route": "nurture", "why": "because", "until": "soon"}, "a day such as"),
        ("override", {"route": "nurture", "why": "because", "until": "2020-01-01"}, "a time after"),
        ("override", {"route": "with_sales", "why": "because", "until": "2026-06-01"}, "expected one of"),
        ("feedback", {"verdict": "wrong", "said": "x" * 501}, "up to 500 letters"),
    ):
        answer = form(browser, f"/{what}/{lead}", **values)
        assert answer.status_code == 422, values
        assert said in answer.text.replace("&#39;", "'"), values
    assert form(browser, "/feedback/nobody", verdict="wrong").status_code == 404


@pytest.mark.slow
def test_the_next_scoring_takes_in_what_people_said(opened):
    day = Store(opened.workspace).day()
    called = day.leads(Chosen({"on_list": "calls"}, "list"))[0]["lead_id"]
    quiet = day.leads(Chosen({"route": "nurture"}))[0]["lead_id"]
    browser = client(create_app(opened.workspace, opened.settings, lambda: NOW))
    assert (
        form(
            browser,
            f"/result/{called}",
            disposition="connected",
            answer=["need:yes:active", "", "budget:no:"],
            said="wants it",
        ).status_code
        == 303
    )
    assert form(browser, f"/feedback/{called}", verdict="wrong", about="a reason", said="not so").status_code == 303
    assert (
        form(browser, f"/override/{quiet}", route="hand_off", why="met at a fair", until="2026-06-01").status_code
        == 303
    )
    page = browser.get(f"/leads/{called}").text
    assert "Waiting for the next scoring: call, connected; need: active; budget: no; wants it (Ann" in page
    assert "told since: waits for the next scoring" in browser.get("/leads?on_list=calls").text
    put(opened.workspace, Entry("feedback", "nobody", "Ann", NOW, {"verdict": "helpful"}))
    (opened.workspace.inbox / "0.json").write_text("{")
    odd = {"kind": "feedback", "lead_id": called, "by": "Ann", "at": "2025-12-15T12:00:00+00:00", "says": {}}
    (opened.workspace.inbox / f"{'0' * 32}.json").write_text(json.dumps(odd))

    early = score_open_leads(opened, AS_OF + DAY / 4)  # nothing of it had been said by then
    assert len(list(waiting(opened.workspace))) == 4
    assert early.scores.set_index("lead_id").loc[quiet, "route"] != "hand_off"

    scored = score_open_leads(opened, AS_OF + DAY).scores.set_index("lead_id")
    assert scored.loc[quiet, "route"] == "hand_off"
    assert "Ann asked for it until 2026-06-01: met at a fair" in scored.loc[quiet, "route_reason"]
    assert list(waiting(opened.workspace)) == []
    refused = list((opened.workspace.inbox / REFUSED).iterdir())
    assert len(refused) == 3, "one is of nobody, two are no entries"
    assert "3 entries" in browser.get("/").text
    with opened.warehouse() as warehouse:
        said = warehouse.rows("SELECT lead_id, about, verdict, words, said_by FROM feedback ORDER BY lead_id")
        assert said == [(called, "a reason", "wrong", "not so", "Ann")]
        call = "SELECT agent_id, disposition, notes FROM calls WHERE lead_id = $1 AND call_id LIKE 'page-%'"
        assert warehouse.rows(call, [called]) == [("Ann", "connected", "wants it")]
        answer = "SELECT criterion, state, level FROM answers WHERE lead_id = $1 AND answered_at = $2"
        assert sorted(warehouse.rows(answer, [called, NOW])) == [("budget", "no", None), ("need", "yes", "active")]
    page = browser.get(f"/leads/{called}").text
    assert "wants it" in page
    assert "Waiting for the next scoring" not in page


def test_a_form_that_is_sent_twice_counts_once(app, company, lead):
    browser, before = client(app), sum(1 for _ in waiting(company.workspace))
    for _ in range(2):
        assert form(browser, f"/result/{lead}", disposition="no_answer", once="a form").status_code == 303
    assert sum(1 for _ in waiting(company.workspace)) == before + 1
    for what, values in (("feedback", {"verdict": "wrong"}), ("result", {"disposition": "connected"})):
        assert form(browser, f"/{what}/{lead}", once="a form", **values).status_code == 303
    assert sum(1 for _ in waiting(company.workspace)) == before + 3, "the same form with other words is another entry"


def test_a_number_is_found_however_it_is_written(day):
    lead = day.leads(Chosen({}))[0]
    digits = "".join(sign for sign in lead["who"]["phone"] if sign.isdecimal())
    for words in (
        lead["who"]["phone"],
        digits,
        f"+{digits}",
        f"{digits[:4]}-{digits[4:]}",
        digits[-6:],
        lead["account_id"],
    ):
        assert lead["lead_id"] in [row["lead_id"] for row in day.search(words)], words
    assert day.search("00 000 99999999") == []
    every = {row["lead_id"] for row in day.leads(Chosen({}), 1, 10_000)}
    assert len(day.search("example")) == min(len(every), FOUND), "each lead counts once"


@pytest.mark.slow
def test_a_day_that_was_published_again_is_read_anew(opened):
    store = Store(opened.workspace)
    first = store.day()
    score_open_leads(opened, AS_OF + DAY)
    assert first.leads(Chosen({})), "who reads the one before reads to the end"
    assert first.lead(first.leads(Chosen({}))[0]["lead_id"])
    assert store.day().as_of == AS_OF + DAY


def test_people_sign_in_with_a_token_and_out_again(app):
    guarded = protect(app, ReviewSettings(roles=ROLES), "s" * 64, TOKENS, "Ann", app.state.render, open_paths={STYLE})
    browser = TestClient(guarded, "http://localhost", client=("127.0.0.1", 5000), follow_redirects=False)
    assert browser.get("/").headers["location"] == "/sign-in"
    page = browser.get("/sign-in").text
    token = re.search(r'name="csrftoken" value="([^"]+)"', page)[1]
    wrong = browser.post("/sign-in", data={"csrftoken": token, "name": "rep", "token": "x" * 24})
    assert wrong.status_code == 401
    assert "do not belong together" in wrong.text
    assert browser.post("/sign-in", data={"csrftoken": token, "name": "rep", "token": TOKENS["rep"]}).status_code == 303
    home = browser.get("/").text
    assert "rep</bdi>: may read and add results" in home
    token = re.search(r'action="/sign-out"><input type="hidden" name="csrftoken" value="([^"]+)"', home)[1]
    assert browser.post("/sign-out", data={"csrftoken": token}).status_code == 303
    assert browser.get("/").headers["location"] == "/sign-in"


@pytest.mark.slow
def test_ids_may_hold_a_slash_and_titles_may_be_names_of_ours(tmp_path):
    opened = published(tmp_path / "company", leads=300, model=False, days=1, ids="A/{}/why é")
    text = opened.workspace.settings.read_text().replace(
        "[lists.columns]", '[lists.columns]\nzone = "lead.country"\nrank = "lead.source"'
    )
    opened.workspace.settings.write_text(text)
    opened = open_workspace(opened.workspace.root)
    score_open_leads(opened, AS_OF)
    browser = client(create_app(opened.workspace, opened.settings, lambda: NOW))
    lead = Store(opened.workspace).day().leads(Chosen({"on_list": "calls"}, "list"))[0]
    page = browser.get("/leads?on_list=calls").text
    address = re.search(r'<a href="(/leads/A[^"]+)"', page)[1]
    assert lead["lead_id"] in browser.get(address).text
    assert browser.get(address.replace("/leads/", "/api/leads/")).json()["lead_id"] == lead["lead_id"]
    assert form(browser, address.replace("/leads/", "/feedback/"), verdict="wrong").status_code == 303
    head = browser.get("/leads.csv").text.splitlines()[0]
    assert {'"zone"', '"zone (shown)"', '"rank (shown)"'} <= set(head.split(","))


@pytest.mark.slow
def test_one_page_shows_one_day_whatever_is_published_meanwhile(opened, monkeypatch):
    app = create_app(opened.workspace, opened.settings, lambda: NOW)
    old = app.state.store.day()
    score_open_leads(opened, AS_OF + DAY)
    days = iter([old])
    monkeypatch.setattr(app.state.store, "day", lambda: next(days, None) or Store(opened.workspace).day())
    assert "Scores of Mon 15 Dec 2025" in client(app).get("/leads").text


@pytest.mark.slow
def test_what_is_said_counts_from_the_newest_scoring_on_and_under_the_person_who_stays(opened):
    [gone, stays] = [row["lead_id"] for row in Store(opened.workspace).day().leads(Chosen({"route": "nurture"}))[:2]]
    early = AS_OF - DAY  # by a clock that is behind the scoring
    for number, lead in enumerate((gone, stays)):
        says = {"route": "manager_check", "why": str(number), "until": "2026-06-01"}
        put(opened.workspace, Entry("override", lead, "Ann", early, says))
    with opened.warehouse() as warehouse:
        merge(warehouse, gone, stays, AS_OF + DAY / 4)
    score_open_leads(opened, AS_OF)
    assert len(waiting(opened.workspace)) == 2, "what was published stays as it was"
    score_open_leads(opened, AS_OF + DAY)
    with opened.warehouse() as warehouse:
        found = warehouse.rows("SELECT lead_id, decided_at > $1 FROM overrides ORDER BY why", [AS_OF])
    assert found == [(stays, True)] or found == [(stays, True), (stays, True)]


@pytest.mark.slow
def test_a_forgotten_person_is_gone_from_the_page_and_the_inbox(opened):
    from pipelines.jobs.forget import forget_lead

    score_open_leads(opened, AS_OF + DAY)  # the folder of the day before is still there
    store = Store(opened.workspace)
    lead = store.day().leads(Chosen({}))[0]
    assert [row["lead_id"] for row in store.day().search(lead["who"]["email"])] == [lead["lead_id"]]
    for at in (AS_OF, datetime(2027, 1, 1)):
        put(opened.workspace, Entry("feedback", lead["lead_id"], "Ann", at, {"verdict": "wrong", "words": "secret"}))
    forget_lead(opened, lead["lead_id"], datetime(2026, 1, 11))
    assert [path for path in opened.workspace.inbox.rglob("*") if path.is_file()] == []
    assert store.day().lead(lead["lead_id"]) is None
    assert store.day().search(lead["who"]["email"]) == []
    left = [
        p for p in opened.workspace.page.rglob("*") if p.is_file() and lead["who"]["email"].encode() in p.read_bytes()
    ]
    assert left == []
    assert json.loads((store.day().folder / "facts.json").read_text())["leads"] > 0


def test_the_lists_of_a_scoring_become_pages_for_email(company, day):
    pages = write_lists(company, AS_OF)
    assert [page.name for page in pages] == ["hand_offs.html", "calls.html"]
    for page, name in zip(pages, ("hand_offs", "calls"), strict=True):
        text = page.read_text()
        listed = day.leads(Chosen({"on_list": name}, "list"), 1, 1000)
        assert text.count('<td class="lead">') == len(listed)
        assert all(escape(row["who"]["email"]) in text for row in listed)
        assert "<script>document" not in text
    earlier = write_lists(company, AS_OF - DAY)
    assert earlier[0].parent != pages[0].parent
    assert f"Scores of {AS_OF - DAY:%Y-%m-%d %H:%M} UTC" in earlier[0].read_text()


@pytest.mark.slow
@pytest.mark.parametrize("spoil", ["between two renames", "a link to nowhere", "half a folder"])
def test_a_page_that_was_left_half_done_is_served_again(opened, spoil):
    store, made = Store(opened.workspace), opened.workspace.page / ".made"
    [folder] = made.iterdir()
    if spoil == "between two renames":
        folder.rename(made / f".{folder.name}.old")
    elif spoil == "a link to nowhere":
        (opened.workspace.page / "now").unlink()
        (opened.workspace.page / "now").symlink_to(".made/nowhere")
    else:
        (folder / "facts.json").unlink()
    assert store.day() is None, "plainly nothing, and no error"
    assert "Nothing has been scored" in client(create_app(opened.workspace, opened.settings, lambda: NOW)).get("/").text
    if spoil == "between two renames":
        with opened.warehouse() as warehouse:
            finish(opened.workspace, warehouse)
    else:
        score_open_leads(opened, AS_OF)
    assert store.day().as_of == AS_OF
