"""A route is one entry of a table: what is done with it, shown of it and said of it follows."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from data.agreement.file import default_agreement
from data.agreement.model import Agreement
from data.tables import TO_SALES
from serving import routes
from serving.pages.scores import top_rows
from serving.routes import CASES, ROUTES, Route, routes_where
from serving.routing import choose_routes
from tests.unit.serving.test_routing import leads

ROOT = Path(__file__).parents[3]


def without_teams(**capacity: object) -> Agreement:
    return Agreement.model_validate({**default_agreement().model_dump(), "capacity": capacity})


@pytest.fixture
def partner(monkeypatch: pytest.MonkeyPatch) -> Route:
    """A tenth route, called by tele-qualification, for leads that the model likes and the agreement calls unfit."""
    new = Route("to_nobody", "give it to a partner", by_tele=True, by_phone=True, seen=True, actionable=True)
    monkeypatch.setitem(ROUTES, new.name, new)
    monkeypatch.setitem(CASES, "unfit", replace(CASES["unfit"], route=new, why="{p} % and {zone}: for a partner"))
    return new


def test_a_route_added_to_the_table_flows_through(partner: Route) -> None:
    day = leads(zone=["unfit", "unfit", "qualified"], probability=[0.5, 0.6, 0.7])
    found = choose_routes(day, without_teams(calls_per_day=1))
    assert list(found.leads["route"]) == ["nurture", "to_nobody", "hand_off"]
    assert list(found.leads["contact"]) == ["e-mail", "phone", "phone"]
    assert found.leads["route_reason"].iloc[1] == "60 % and unfit: for a partner"
    assert found.capacity.set_index("team").loc["tele_qualification", ["limit", "taken", "held"]].tolist() == [1, 1, 1]
    assert partner.name in routes_where(lambda r: r.seen)
    top = top_rows(day.join(found.leads[["route", "route_reason"]]).assign(probability_high=1.0), 3)
    assert [row["route"] for row in top] == ["hand_off", "nurture", "to_nobody"], "first in the table, first to look at"


def test_a_route_of_the_kind_of_a_hand_off_takes_a_place_of_a_team(monkeypatch: pytest.MonkeyPatch) -> None:
    event = Route("invite", "invite it to an event", by_mail=True)
    monkeypatch.setattr(routes, "TO_SALES", (*TO_SALES, event.name))
    monkeypatch.setitem(ROUTES, event.name, event)
    monkeypatch.setitem(CASES, "both", replace(CASES["both"], route=event))
    agreement = without_teams(teams={"north": {"hand_offs_per_day": 1}})
    found = choose_routes(leads(zone="qualified", team=["north", "north"], probability=[0.5, 0.6]), agreement).leads
    assert found[["route", "contact", "propensity"]].to_numpy().tolist() == [
        ["hold", "none", 0],
        ["invite", "e-mail", 1],
    ]


def test_every_case_leads_to_a_route_of_the_table_and_every_route_has_a_case() -> None:
    assert {case.route.name for case in CASES.values()} == {*ROUTES}
    assert all(ROUTES[case.route.name] is case.route for case in CASES.values())
    assert {*TO_SALES} <= {*ROUTES}


def test_the_glossary_says_what_each_route_means() -> None:
    (section,) = re.findall(r"^- \*\*route\*\*:.*?(?=^- \*\*)", (ROOT / "GLOSSARY.md").read_text(), re.S | re.M)
    assert dict(re.findall(r"^  - `(\w+)` \((.*?)\): ", section, re.M)) == {r.name: r.meaning for r in ROUTES.values()}
