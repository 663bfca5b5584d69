"""The web page as people meet it: in a real browser, by clicks, by keys alone, without scripts, on any screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from data.opened import OpenWorkspace
from data.workspace import Workspace
from pipelines.jobs.ingest import ingest_batch
from pipelines.jobs.score import score_open_leads
from pipelines.jobs.start import init_workspace
from serving.pages.review.app import lead_href
from serving.pages.review.store import Chosen, Day, Store
from tests.reviewed import AS_OF, ODD_NAMES, published, served

pytestmark = pytest.mark.slow

WIDTHS = (390, 820, 1440)
SCHEMES = ("light", "dark")


@contextmanager
def opened(browser: Browser, address: str, **how: Any) -> Iterator[Page]:
    """A page of the browser that must meet no error and load nothing from elsewhere."""
    context = browser.new_context(base_url=address, **how)
    page = context.new_page()
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else found.append(asked.url))
    try:
        yield page
        assert found == []
    finally:
        context.close()


@pytest.fixture(scope="module")
def day(company: OpenWorkspace) -> Day:
    found = Store(company.workspace).day()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def places(day: Day) -> dict[str, str]:
    """Every page and state that the company has, by name."""
    first = day.leads(Chosen({"on_list": "calls"}, "list"))[0]["lead_id"]
    handed = day.leads(Chosen({"on_list": "hand_offs"}, "list"))[0]["lead_id"]
    quiet = day.leads(Chosen({"route": "nurture"}))[0]["lead_id"]
    every = day.leads(Chosen({}), 1, 2000)
    odd = {n: next(r["lead_id"] for r in every if f"{name} " in r["who"]["name"]) for n, name in enumerate(ODD_NAMES)}
    account = day.lead(first)["account_id"]
    return {
        "today": "/",
        "leads": "/leads",
        "page 2": "/leads?page=2&sort=points",
        "calls": "/leads?on_list=calls",
        "hand-offs": "/leads?on_list=hand_offs",
        "moved": "/leads?changed=up&sort=up",
        "promises": "/leads?promise=broken",
        "none": "/leads?zone=unfit&band=70&changed=new&route=hold",
        "lead to call": lead_href(first),
        "lead to hand off": lead_href(handed),
        "quiet lead": lead_href(quiet),
        "why": lead_href(quiet, "/why"),
        **{f"odd name {n}": lead_href(lead) for n, lead in odd.items()},
        "account": f"/accounts/{account}",
        "agreement": "/agreement",
        "model": "/model",
        "report": "/report",
        "monitoring": "/monitor",
    }


def overflows(page: Page) -> list[str]:
    """What stands beyond the right edge although nothing around it scrolls, and texts that are cut."""
    return page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, pre, svg, .unseen, .skip"))
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1 ||
            (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "hidden" && e.clientWidth > 1))
        .map(e => e.tagName + "." + e.className + ": " + e.textContent.trim().slice(0, 40))"""
    )


def test_every_page_fits_every_screen_without_an_error(browser, address, places):
    with opened(browser, address) as page:
        for name, path in places.items():
            assert page.goto(path).status == 200, name
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
            for width, scheme in product(WIDTHS, SCHEMES):
                page.set_viewport_size({"width": width, "height": 900})
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width, scheme)
                assert overflows(page) == [], (name, width, scheme)


def test_axe_finds_nothing_on_any_page(browser, address, places):
    with opened(browser, address) as page:
        for name, path in places.items():
            if name.startswith("odd name") and name != "odd name 0":  # the same page with another name
                continue
            page.goto(path)
            page.evaluate("document.querySelectorAll('details:not([name])').forEach(d => { d.open = true })")
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                found = Axe().run(page)
                assert found.violations_count == 0, f"{name}, {scheme}: {found.generate_report()}"


def test_names_of_any_kind_are_shown_as_they_are(browser, address, places):
    with opened(browser, address) as page:
        for number, name in enumerate(ODD_NAMES):
            page.goto(places[f"odd name {number}"])
            assert page.locator("h1").inner_text().startswith(name)
            assert page.title().startswith("Lead ")


def test_it_is_read_without_scripts(browser, address, places):
    with opened(browser, address, java_script_enabled=False) as page:
        for name, path in places.items():
            assert page.goto(path).status == 200, name
            assert page.locator("h1").is_visible(), name


class Clicks:
    """Goes by the mouse."""

    def __init__(self, page: Page) -> None:
        self.page, self.loads = page, 0
        page.on("framenavigated", lambda _: self._count())

    def _count(self) -> None:
        self.loads += 1

    def follow(self, selector: str) -> None:
        self.page.locator(selector).first.click()
        self.page.wait_for_load_state()

    def find(self, words: str) -> None:
        self.page.get_by_role("searchbox").click()
        self.page.keyboard.type(words)
        self.page.get_by_role("button", name="Find").click()
        self.page.wait_for_load_state()

    def choose(self, label: str, option: str) -> None:
        self.page.get_by_label(label, exact=True).select_option(option)

    def unfold(self, selector: str) -> None:
        self.page.locator(selector).first.click()


class Keys(Clicks):
    """Goes by Tab and Enter alone."""

    def reach(self, selector: str) -> None:
        wanted = self.page.locator(selector).first
        for _ in range(400):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("e => e === document.activeElement"):
                assert self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
                return
        pytest.fail(f"no Tab leads to {selector}")

    def follow(self, selector: str) -> None:
        self.reach(selector)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def find(self, words: str) -> None:
        self.reach("input[type=search]")
        self.page.keyboard.type(words)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def choose(self, label: str, option: str) -> None:
        self.reach(f'label:has-text("{label}") select')
        self.page.keyboard.type(option)

    def unfold(self, selector: str) -> None:
        self.reach(selector)
        self.page.keyboard.press("Enter")


@pytest.fixture(params=[Clicks, Keys])
def person(request, browser, address):
    """Somebody who has the page of today before them."""
    with opened(browser, address) as page:
        page.goto("/")
        yield request.param(page)


def text(person: Clicks, selector: str = "main") -> str:
    return person.page.locator(selector).first.inner_text()


def within(person: Clicks, loads: int) -> None:
    assert person.loads <= loads


def test_a_marketer_finds_the_hot_leads(person, day):
    person.follow('a[href="/leads?on_list=hand_offs"]')
    first = day.leads(Chosen({"on_list": "hand_offs"}, "list"))[0]
    assert first["who"]["name"] in text(person, "table tbody tr")
    within(person, 3)


def test_a_marketer_sees_why_a_lead_is_hot(person):
    person.follow("main table.leads tbody a")
    assert "likely to be accepted" in text(person, ".verdict")
    assert "Compared with the average lead that was handed off" in text(person)
    within(person, 3)


def test_a_marketer_sees_what_changed_since_yesterday(person):
    assert "What changed since Sun 14 Dec" in text(person)
    person.follow('a[href^="/leads?changed=up"]')
    assert "mainly because of" in text(person)
    within(person, 3)


def test_a_marketer_sees_what_the_rep_should_ask(person, day):
    person.follow('a[href="/leads?on_list=calls"]')
    asked = day.leads(Chosen({"on_list": "calls"}, "list"))[0]["next_question"].replace("_", " ")
    assert asked in text(person, "table tbody tr")
    person.follow("main table.leads tbody a")
    assert f"Ask about {asked}" in text(person)
    person.unfold(".whatif summary")
    assert re.search(r"bout \d+ %", text(person, ".whatif details[open] p"))
    within(person, 3)


def test_a_marketer_sees_whether_it_beats_the_rules(person):
    person.follow('nav a[href="/model"]')
    assert "Is the model better than the rules alone?" in text(person)
    assert text(person, "p.answer")
    within(person, 3)


def test_a_marketer_has_the_reasons_of_any_lead_worked_out(person, day):
    lead = day.leads(Chosen({"route": "nurture"}))[0]["lead_id"]
    person.page.goto(lead_href(lead))
    person.follow('a[href^="/why/"]')
    assert "Compared with the average lead that was handed off" in text(person)
    assert re.search(r"(for|against): ", text(person))
    assert "What they lack" in text(person)


def test_a_rep_finds_somebody_by_name(person, day):
    lead = day.leads(Chosen({"on_list": "calls"}, "list"))[0]
    person.find(day.lead(lead["lead_id"])["who"]["phone"])
    assert lead["lead_id"] in text(person)
    assert "?" not in person.page.url, "no name or number in an address"
    within(person, 3)


def test_a_rep_sees_what_happened_with_a_lead(person):
    person.follow('a[href="/leads?on_list=calls"]')
    person.follow("main table.leads tbody a")
    assert person.page.locator(".timeline li").count() > 0
    assert "What happened" in text(person)
    within(person, 3)


def test_a_rep_sees_the_colleagues_of_a_lead(person):
    person.follow("main table.leads tbody a")
    person.follow('a[href^="/accounts/"]')
    assert "What they do online, together" in text(person)
    within(person, 3)


def test_a_manager_sees_which_promises_are_broken(person, day):
    broken = day.totals()["broken"]
    person.follow('a[href="/leads?promise=broken"]')
    assert text(person, "h1").startswith(str(broken))
    within(person, 3)


def test_a_manager_sees_what_was_agreed_and_who_waits(person):
    person.follow('nav a[href="/agreement"]')
    assert "budget" in text(person)
    assert "Worth it, but no place" in text(person)
    within(person, 3)


def test_without_a_model_and_without_a_score_it_says_so(browser, tmp_path):
    empty = Workspace(tmp_path / "empty")
    init_workspace(empty)
    with served(OpenWorkspace(empty)) as address, opened(browser, address) as page:
        page.goto("/")
        assert "Nothing has been scored" in page.locator("h1").inner_text()
        assert Axe().run(page).violations_count == 0
    rules = published(tmp_path / "rules", leads=300, model=False, days=1)
    with served(rules) as address, opened(browser, address) as page:
        for path in ("/", "/leads", "/leads?on_list=calls", "/model", "/agreement", "/report"):
            page.goto(path)
            assert Axe().run(page).violations_count == 0, path
        page.goto("/")
        assert "No model is in use" in page.locator(".honest").inner_text()
        page.locator("main table.leads tbody a").first.click()
        assert "No model is in use" in page.locator("main").inner_text()


def test_a_company_of_one_lead_looks_like_any_other(browser, tmp_path):
    space, files = Workspace(tmp_path / "one"), tmp_path / "files"
    init_workspace(space)
    files.mkdir()
    (files / "leads.csv").write_text("lead_id,created_at,name\nL1,2025-12-01,Ada\n")
    one = OpenWorkspace(space)
    ingest_batch(one, "canonical", str(files), AS_OF, backfill=True)
    score_open_leads(one, AS_OF)
    with served(one) as address, opened(browser, address) as page:
        for path, width in product(("/", "/leads", "/leads?on_list=calls", lead_href("L1"), "/agreement"), WIDTHS):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(path)
            assert overflows(page) == [], (path, width)
            assert Axe().run(page).violations_count == 0, path
        page.goto("/leads")
        assert page.locator("h1").inner_text() == "1 lead"
        assert page.locator("text=This lead as CSV").count() == 1
        page.get_by_role("link", name="Ada").click()
        said = page.locator("section[aria-labelledby=ask]").inner_text()
        assert "What the rules would say after each answer" in said
        assert "estimate" not in said
