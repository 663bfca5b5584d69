"""What can one see and do on the page? Its addresses: pages for people, the same as JSON, and what they can tell."""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import pandas as pd
from fastapi import Depends, FastAPI, Form, HTTPException, Query, Request
from fastapi import Path as InPath
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException as HTTPFault

from data.errors import UsageError
from data.reader import Row
from data.settings import Settings
from data.spreadsheet import write_csv
from data.tables import ANSWER_STATES, DISPOSITIONS
from data.workspace import Workspace
from serving.inbox import VERDICTS, Entry, Inbox, put
from serving.pages.page import main_of, said
from serving.pages.review import words
from serving.pages.review.access import User, limited, require
from serving.pages.review.figures import concept_bars, history_curve
from serving.pages.review.model import Explaining
from serving.pages.review.store import FOUND, PER_PAGE, SORTS, Chosen, Day, Store
from serving.pages.watch import TITLES
from serving.publication import MOVED
from serving.routes import OVERRIDDEN

HERE = Path(__file__).parent
LISTS = ("hand_offs", "calls")
STYLE = "/review.css"
MOST_PAGES = 200_000
A_FILE, AN_ANSWER = limited(2), limited(2)
"""Of what takes long, so many at once."""
LEAD = InPath(min_length=1, max_length=200, description="The lead's id.")
WORD = Query(max_length=200)
NO_DAY = "Nothing has been scored for this page yet. Run `leadready score`, then look again."
STATES = {name: name.replace("_", " ") for name in ANSWER_STATES if name != "not_asked"}


def create_app(workspace: Workspace, settings: Settings, now: Callable[[], datetime]) -> FastAPI:
    """The page of a workspace. `now`: the clock (UTC, naive), by which what people say is dated."""
    app = FastAPI(
        title="leadready",
        description="The scores of a day, read only.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.store = Store(workspace, settings.review.processes)
    app.state.explaining = Explaining(workspace)
    app.state.inbox = Inbox(workspace)
    app.state.workspace, app.state.settings, app.state.now = workspace, settings, now
    app.state.render = partial(render, app.state)
    app.state.pages = _environment()
    for add in (_add_lists, _add_single, _add_basis, _add_writing, _add_api):
        add(app)

    @app.exception_handler(HTTPFault)
    def refused(request: Request, fault: HTTPFault) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"detail": str(fault.detail)}, fault.status_code, fault.headers)
        return render(
            app.state, request, "message.html.j2", {"said": str(fault.detail)}, fault.status_code, fault.headers
        )

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, fault: RequestValidationError) -> Response:
        if request.url.path.startswith("/api/"):
            return await request_validation_exception_handler(request, fault)
        said = "This address or form says something that the page does not understand. Go back and choose again."
        return render(app.state, request, "message.html.j2", {"said": said}, 422)

    return app


def _environment() -> Environment:
    loader = FileSystemLoader([HERE / "templates", HERE.parent])
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.auto_reload = False  # a template is looked up once
    found.filters |= {"say": words.say, "percent": words.percent, "number": words.number, "said": said}
    found.globals |= {"answers": words.answers, "href": lead_href, "account_href": account_href, "SAID": words.SAID}
    found.globals |= {"tel": tel_href, "moved_from": MOVED}
    return found


def lead_href(lead: str, about: str = "/leads") -> str:
    """The address of a lead's page, or of what it has to say or to be told."""
    return f"{about}/{quote(lead, safe='')}"


def tel_href(number: str) -> str:
    """The address of a phone number."""
    return f"tel:{re.sub(r'[^0-9+]', '', number)}"


def account_href(account: str) -> str:
    """The address of an account's page."""
    return f"/accounts/{quote(account, safe='')}"


def render(
    state: Any,
    request: Request,
    template: str,
    values: Mapping[str, Any],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A page in the house's one look, with what every page needs."""
    day: Day | None = getattr(request.state, "day", None) or state.store.day()
    zone = day.facts["time_zone"] if day else "UTC"
    user = getattr(request.state, "user", None)
    token = request.scope.get("csrftoken")
    shared = {
        "day": day.facts if day else None,
        "here": request.url.path,
        "user": user,
        "role_words": words.ROLE_WORDS.get(user.role, "") if user else "",
        "csrf": token() if token else "",
        "signed_in": bool(request.scope.get("session", {}).get("name")),
        "local": partial(words.local, time_zone=zone),
        "name_of": words.name_of,
        "shown": day.shown if day else [],
        "waits": state.inbox.leads() if user else (),
    }
    page = state.pages.get_template(template).render(shared | dict(values))
    return HTMLResponse(page, status, dict(headers) if headers else None)


def _day(request: Request) -> Day:
    day: Day | None = request.app.state.store.day()
    if day is None:
        raise HTTPException(503, NO_DAY)
    request.state.day = day  # one day for all of a page, whatever is published meanwhile
    return day


OfDay = Annotated[Day, Depends(_day)]
Rep = Annotated[User, Depends(require("rep"))]
Admin = Annotated[User, Depends(require("admin"))]


def _lead(day: Day, lead: str) -> Row:
    found = day.lead(lead)
    if found is None:
        raise HTTPException(404, f"No open lead has the id {lead!r}. It may have been decided on, or never came in.")
    return found


def _add_lists(app: FastAPI) -> None:
    """Today, and the leads, chosen or looked for."""
    state = app.state
    show: Callable[..., Response] = state.render

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def today(request: Request) -> Response:
        day: Day | None = state.store.day()
        if day is None:
            return show(request, "message.html.j2", {"said": NO_DAY})
        request.state.day = day
        totals, up, down = day.totals(), day.movers("up"), day.movers("down")
        lists = {name: day.first(name) for name in LISTS}
        return show(
            request,
            "today.html.j2",
            {
                "totals": totals,
                "up": up,
                "down": down,
                "lists": lists,
                "routes": day.counts("route"),
                "refused": state.inbox.refused(),
            },
        )

    @app.get("/leads", response_class=HTMLResponse, include_in_schema=False)
    def leads(request: Request, day: OfDay, page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1) -> Response:
        chosen = Chosen.of(request.query_params)
        count = day.count(chosen)
        last = max(1, -(-count // PER_PAGE))
        rows = day.leads(chosen, page)
        given = dict(chosen.filters) | ({"sort": chosen.sort} if request.query_params.get("sort") else {})
        ways = {n: f"/leads?{urlencode(given | {'page': p})}" for n, p in (("before", page - 1), ("next", page + 1))}
        ways = {n: way for n, way in ways.items() if (n == "before" and page > 1) or (n == "next" and page < last)}
        return show(
            request,
            "leads.html.j2",
            {
                "rows": rows,
                "count": count,
                "page": page,
                "last": last,
                "ways": ways,
                "chosen": chosen,
                "choices": _choices(day),
                "csv": f"/leads.csv?{urlencode(given)}",
                "sorts": {name: words.SORT_WORDS[name] for name in SORTS},
            },
        )

    @app.get("/leads.csv", include_in_schema=False, dependencies=[Depends(A_FILE)])
    def as_csv(request: Request, day: OfDay) -> Response:
        return _as_file(day.frame(Chosen.of(request.query_params)), f"leads-{day.facts['day']}.csv")

    @app.get("/feedback.csv", include_in_schema=False, dependencies=[Depends(require("admin")), Depends(A_FILE)])
    def feedback_file(day: OfDay) -> Response:
        """What people said of scores until the last scoring."""
        return _as_file(day.feedback(), "feedback.csv")

    @app.post("/search", response_class=HTMLResponse, include_in_schema=False)
    def search(
        request: Request, day: OfDay, words_: Annotated[str, Form(alias="words", max_length=200)] = ""
    ) -> Response:
        """By a form, so that no name gets into an address."""
        asked = words_.strip()
        rows = day.search(asked) if asked else []
        if len(rows) == 1:
            return RedirectResponse(lead_href(rows[0]["lead_id"]), 303)
        return show(request, "found.html.j2", {"rows": rows, "asked": asked, "most": FOUND})


def _add_single(app: FastAPI) -> None:
    """One lead, one account."""
    state = app.state
    show: Callable[..., Response] = state.render

    @app.get("/leads/{lead_id:path}", response_class=HTMLResponse, include_in_schema=False)
    def lead(request: Request, lead_id: Annotated[str, LEAD], day: OfDay, noted: Annotated[str, WORD] = "") -> Response:
        return show(request, "lead.html.j2", _lead_values(state, day, lead_id) | {"noted": noted, "told": None})

    @app.get(
        "/why/{lead_id:path}",
        response_class=HTMLResponse,
        include_in_schema=False,
        dependencies=[Depends(AN_ANSWER)],
    )
    def why(request: Request, lead_id: Annotated[str, LEAD], day: OfDay) -> Response:
        """The same page with what the model says when asked about this lead alone."""
        values = _lead_values(state, day, lead_id)
        told = state.explaining.explain(day, lead_id) if day.facts["features"] else None
        if told and not told["fault"]:
            values["lead"] |= told["why"]
            values |= {"concepts": concept_bars(values["lead"]), "reasons": _reasons(values["lead"])}
        return show(request, "lead.html.j2", values | {"noted": "", "told": told})

    @app.get("/accounts/{account_id:path}", response_class=HTMLResponse, include_in_schema=False)
    def account(request: Request, account_id: Annotated[str, LEAD], day: OfDay) -> Response:
        rows = day.account(account_id)
        if not rows:
            raise HTTPException(404, f"No open lead belongs to the account {account_id!r}.")
        asked, touched = day.asked(account_id), day.engagement(account_id)
        names = {row["lead_id"]: words.name_of(row["who"], row["lead_id"]) for row in rows}
        values = {"account": account_id, "rows": rows, "asked": asked, "touched": touched, "names": names}
        # scorings of an older leadready have the latest 50
        return show(request, "account.html.j2", values | {"kept": day.facts.get("events_kept", 50)})


def _add_basis(app: FastAPI) -> None:
    """What the scores rest on: agreement, model, report; and how all of it looks."""
    state = app.state
    show: Callable[..., Response] = state.render

    @app.get("/agreement", response_class=HTMLResponse, include_in_schema=False)
    def agreement(request: Request, day: OfDay) -> Response:
        newest, page = _newest_report(state.workspace)
        zones = day.facts["agreement"]["zones"]
        steps = {axis: _steps(zones[axis]) for axis in words.AXIS_WORDS}
        values = {
            "agreement": day.facts["agreement"],
            "steps": steps,
            "zones": day.counts("zone"),
            "report_day": newest,
        }
        return show(request, "agreement.html.j2", values | {"kept": Markup(_plain(_chapter(page, KEPT)))})

    @app.get("/model", response_class=HTMLResponse, include_in_schema=False)
    def model(request: Request, day: OfDay) -> Response:
        (newest, page), (looked, watched) = _newest_report(state.workspace), _newest_monitoring(state.workspace)
        values = {
            "card": Markup(_plain(main_of(day.card))),
            "report_day": newest,
            "judged": Markup(_plain(_chapter(page, JUDGED))),
            "looked_day": looked,
            "drift": Markup(_plain("".join(_chapter(watched, TITLES[kind]) for kind in ("acceptance", "drift")))),
        }
        return show(request, "model.html.j2", values)

    @app.get("/report", response_class=HTMLResponse, include_in_schema=False)
    def report(request: Request) -> Response:
        newest, page = _newest_report(state.workspace)
        return show(request, "report.html.j2", {"report_day": newest, "body": Markup(_plain(main_of(page)))})

    @app.get("/monitor", response_class=HTMLResponse, include_in_schema=False)
    def monitoring(request: Request) -> Response:
        newest, page = _newest_monitoring(state.workspace)
        return show(request, "monitor.html.j2", {"looked_day": newest, "body": Markup(_plain(main_of(page)))})

    @app.get(STYLE, include_in_schema=False)
    def style() -> Response:
        return Response(state.css, media_type="text/css")

    state.css = (HERE.parent / "page.css").read_text("utf-8") + (HERE / "review.css").read_text("utf-8")


def _as_file(frame: pd.DataFrame, name: str) -> Response:
    """A CSV without formulas, for a spreadsheet."""
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / name
    write_csv(frame, path, "%Y-%m-%dT%H:%M:%SZ")
    return FileResponse(path, media_type="text/csv", filename=name, background=BackgroundTask(folder.cleanup))


JUDGED, KEPT = "The model compared with the rules", "The follow-up promise"
"""Chapters of the report."""


def _newest_report(workspace: Workspace) -> tuple[str, str]:
    """The day of the newest report, and its page; two empty texts where there is none."""
    for folder in sorted(workspace.reports.glob("[0-9]*"), reverse=True):
        if (folder / "report.html").is_file():
            return folder.name, (folder / "report.html").read_text(encoding="utf-8")
    return "", ""


def _newest_monitoring(workspace: Workspace) -> tuple[str, str]:
    """The day of the newest page of `leadready monitor`, and that page; two empty texts where there is none."""
    for path in sorted(workspace.reports.glob("monitor-[0-9]*.html"), reverse=True):
        return path.stem.removeprefix("monitor-"), path.read_text(encoding="utf-8")
    return "", ""


def _chapter(page: str, title: str) -> str:
    """One chapter of a report's page, which this project wrote and escaped."""
    parts = main_of(page).split('<section id="chapter-')
    return next((f'<section id="chapter-{part}' for part in parts if f"<h2>{title}</h2>" in part), "")


def _plain(part: str) -> str:
    """Without the styles that an older leadready wrote into cells: the page's policy lets none through."""
    return re.sub(r' style="[^"<>]*"', "", part)


def _choices(day: Day) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """What leads can be chosen by: the column, its title, and its values, each with its words."""
    titles = {"route": "What next", "zone": "Rules", "team": "Team", "segment": "Segment", "on_list": "List"}
    titles |= {"agent": "Who calls", "support": "Support"}
    found = [
        (name, titles[name], [(value, words.say(value, name)) for value in day.choices[name]])
        for name in titles
        if len(day.choices[name]) > (name not in ("on_list", "route", "zone"))
    ]
    if day.owners:
        found.append(("owner", "Owner", [*day.owners.items()]))
    if day.facts["model"]:
        found.insert(1, ("band", "Likely", [*words.BAND_WORDS.items()]))
    found.append(("promise", "Promise", [*words.PROMISE_WORDS.items()]))
    if day.facts["since"]:
        found.append(("changed", "Since last time", [*words.CHANGED_WORDS.items()]))
    return found


def _lead_values(state: Any, day: Day, lead_id: str) -> dict[str, Any]:
    lead = _lead(day, lead_id)
    history, lines = day.history(lead_id), day.lines(lead_id)
    scores = [
        {"happened_at": row["as_of"], "what": "score", **row} for row in history if row["probability"] is not None
    ]
    events = day.timeline(lead_id)
    timeline = sorted([*events, *scores], key=lambda row: row["happened_at"], reverse=True)
    return {
        "lead": lead,
        "who": lead["who"],
        "account": lead["account_id"],
        "lines": {axis: _sums(lines, axis) for axis in words.AXIS_WORDS},
        "timeline": timeline,
        "older": (events[0]["events"] - len(events)) if events else 0,
        "concepts": concept_bars(lead),
        "curve": history_curve(history),
        "pending": [entry for entry in state.inbox.entries() if entry.lead_id == lead_id],
        "in_words": words.entry_words,
        "once": uuid.uuid4().hex,
        "tomorrow": f"{state.now() + timedelta(days=1):%Y-%m-%d}",
        "bands": {
            axis: _band(day.facts["agreement"]["zones"][axis], lead[f"{axis}_points"]) for axis in words.AXIS_WORDS
        },
        "reasons": _reasons(lead),
        "criteria": _criteria(day.facts["agreement"]),
        "dispositions": [name for name in DISPOSITIONS if name != "unknown"],
        "states": STATES,
        "overridden": OVERRIDDEN,
        "verdicts": VERDICTS,
    }


def _reasons(lead: Row) -> list[str]:
    return [text for place in range(1, 5) if isinstance(text := lead[f"reason_{place}"], str) and text]


def _band(begins: list[float], points: float) -> str:
    """Which band of an axis so many points reach, and where the next one begins."""
    band = sum(points >= begin for begin in begins)
    above = f", the next begins at {begins[band]:g}" if band < len(begins) else ""
    return f"band {band + 1} of {len(begins) + 1}{above}"


def _steps(begins: list[float]) -> list[str]:
    """The bands of an axis in words."""
    ends = [f"below {begins[0]:g}"] if begins else ["any"]
    ends += [f"{low:g} to {high:g}" for low, high in pairwise(begins)]
    return ends + [f"{begins[-1]:g} and more"] * bool(begins)


def _sums(lines: list[Row], axis: str) -> list[Row]:
    """The points of an axis by criterion, with the lines behind each, the strongest first."""
    found: dict[str, Row] = {}
    for line in lines:
        if line["axis"] == axis:
            of = found.setdefault(line["criterion"], {"criterion": line["criterion"], "points": 0.0, "lines": []})
            of["points"] += line["points"]
            of["lines"].append(line)
    return sorted(found.values(), key=lambda row: -abs(row["points"]))


def _criteria(agreement: Row) -> list[Row]:
    """The criteria that can be asked about, with their levels."""
    return [
        {"name": name, "meaning": of["meaning"], "levels": list(of["levels"])}
        for name, of in agreement["criteria"].items()
        if name in agreement["asked"]
    ]


def _add_writing(app: FastAPI) -> None:
    """What people tell of a lead, into the inbox."""
    state = app.state

    def note(day: Day, user: User, kind: Any, lead_id: str, says: dict[str, str], once: str) -> Response:
        _lead(day, lead_id)
        try:
            put(state.workspace, Entry(kind, lead_id, user.name, state.now(), says), once)
        except UsageError as error:
            raise HTTPException(422, f"Nothing was saved: {error}. Go back and correct it.") from None
        return RedirectResponse(f"{lead_href(lead_id)}?noted={kind}#said", 303)

    @app.post("/override/{lead_id:path}", include_in_schema=False)
    def override(
        lead_id: Annotated[str, LEAD],
        user: Admin,
        day: OfDay,
        route: Annotated[str, Form()] = "",
        why: Annotated[str, Form()] = "",
        until: Annotated[str, Form()] = "",
        once: Annotated[str, Form()] = "",
    ) -> Response:
        return note(day, user, "override", lead_id, {"route": route, "why": why, "until": until}, once)

    @app.post("/feedback/{lead_id:path}", include_in_schema=False)
    def feedback(
        lead_id: Annotated[str, LEAD],
        user: Rep,
        day: OfDay,
        verdict: Annotated[str, Form()] = "",
        about: Annotated[str, Form()] = "",
        said: Annotated[str, Form()] = "",
        once: Annotated[str, Form()] = "",
    ) -> Response:
        return note(day, user, "feedback", lead_id, {"verdict": verdict, "about": about, "words": said}, once)

    @app.post("/result/{lead_id:path}", include_in_schema=False)
    def result(
        lead_id: Annotated[str, LEAD],
        user: Rep,
        day: OfDay,
        disposition: Annotated[str, Form()] = "",
        answer: Annotated[list[str] | None, Form()] = None,
        said: Annotated[str, Form()] = "",
        once: Annotated[str, Form()] = "",
    ) -> Response:
        """`answer`: a criterion, a state and a level in one text, for each that was answered."""
        says = {"disposition": disposition, "answers": "\n".join(filter(None, answer or ())), "words": said}
        return note(day, user, "result", lead_id, says, once)


def _add_api(app: FastAPI) -> None:
    """The same as JSON, for programs."""
    faults: dict[int | str, dict[str, Any]] = {
        404: {"description": "No such lead or list."},
        503: {"description": "Nothing has been scored for the page yet, or it is busy."},
    }

    @app.get("/api/leads/{lead_id:path}", responses=faults)
    def lead(lead_id: Annotated[str, LEAD], day: OfDay) -> dict[str, Any]:
        """One open lead: its score, what is shown of it, the lines of its points, and what happened."""
        found = _lead(day, lead_id)
        return found | {"lines": day.lines(lead_id), "timeline": day.timeline(lead_id), "history": day.history(lead_id)}

    @app.get("/api/lists/{name}", responses=faults)
    def list_(
        name: Annotated[str, InPath(description="hand_offs, calls, or leads: all open leads.")],
        day: OfDay,
        page: Annotated[int, Query(ge=1, le=MOST_PAGES)] = 1,
    ) -> dict[str, Any]:
        """A page of a list of the day, best first."""
        if name not in (*LISTS, "leads"):
            raise HTTPException(404, f"No list is called {name!r}: there are hand_offs, calls and leads.")
        chosen = Chosen({"on_list": name}, "list") if name in LISTS else Chosen({})
        return {
            "as_of": day.as_of,
            "list": name,
            "page": page,
            "leads": day.count(chosen),
            "rows": day.leads(chosen, page),
        }
