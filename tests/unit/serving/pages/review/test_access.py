"""Who sees the web page, and what every answer carries, on a small app in place of the real one."""

import asyncio
import json
import logging
import os
import re
import warnings
from base64 import b64decode
from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.templating import Jinja2Templates
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, StrictUndefined
from starlette.websockets import WebSocketDisconnect

import serving.pages.review
from data.errors import ConfigError
from data.settings import ReviewSettings
from serving.pages.review.access import User, limited, protect, require
from serving.pages.review.layers import HEADERS
from serving.pages.review.tokens import check, tokens_from

with warnings.catch_warnings():  # starlette would rather have httpx2, which nothing else here needs
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ANN, BOB = "ann-" + "a" * 20, "bob-" + "b" * 20
TOKENS = {"ann": ANN, "bob": BOB}
BEARER = {"authorization": f"Bearer {ANN}"}
SECRET = "s" * 64
PROXY, ELSEWHERE, HERE = "10.0.0.5", "192.0.2.7", "127.0.0.1"
OPEN_TO_ALL = {"host": "0.0.0.0", "names": ["leads.example.com"], "roles": {"ann": "admin", "bob": "rep"}}
BEHIND_PROXY = {**OPEN_TO_ALL, "proxy": PROXY}
LAYOUT = "<title>{% block title %}{% endblock %}</title>{% block main %}{% endblock %}"
ROUTES = [
    ("GET", "/"),
    ("GET", "/leads/L0001"),
    ("POST", "/leads/L0001"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/docs/oauth2-redirect"),
    ("GET", "/redoc"),
    ("GET", "/broken"),
    ("GET", "/draft"),
    ("GET", "/nowhere"),
    ("POST", "/sign-out"),
    ("OPTIONS", "/"),
    ("DELETE", "/leads/L0001"),
    ("GET", "/sign-in/"),
    ("GET", "//sign-in"),
    ("GET", "/sign-in/../leads/L0001"),
    ("GET", "/sign-in/%2e%2e/leads/L0001"),
    ("GET", "/review.css/../leads/L0001"),
    ("GET", "/review.css%2f..%2fleads/L0001"),
    ("GET", "/review.css%00"),
    ("GET", "/..%2f..%2fetc/passwd"),
]


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def small_app():
    app = FastAPI()
    env = Environment(
        loader=ChoiceLoader(
            [
                DictLoader({"layout.html.j2": LAYOUT}),
                FileSystemLoader(Path(serving.pages.review.__file__).parent / "templates"),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
    )
    templates = Jinja2Templates(env=env)

    @app.get("/", response_class=HTMLResponse)
    def home(request: Request):
        user = request.state.user
        return f'{user.name}, {user.role}<input value="{request.scope["csrftoken"]()}">'

    @app.get("/leads/{lead_id}")
    def lead(lead_id: str):
        return PlainTextResponse(lead_id)

    @app.post("/leads/{lead_id}")
    async def decide(request: Request, lead_id: str, user: Annotated[User, Depends(require("rep"))]):
        return PlainTextResponse(f"{user.name} wrote {(await request.form())['text']}")

    @app.get("/settings")
    def admin(user: Annotated[User, Depends(require("admin"))]):
        return PlainTextResponse(user.name)

    @app.get("/review.css")
    def css(request: Request):
        return PlainTextResponse(f"/* {request.state.user} */")

    @app.get("/draft")
    def draft(request: Request):
        request.session["draft"] = "of ann"

    @app.get("/broken")
    def broken():
        raise ValueError("of lead L0001")

    api = APIRouter(prefix="/api")

    @api.get("/leads/{lead_id}")
    def as_json(lead_id: str, request: Request):
        return {"lead": lead_id, "user": request.state.user.name}

    @api.post("/leads/{lead_id}")
    def decide_as_json(lead_id: str, user: Annotated[User, Depends(require("rep"))]):
        return {"lead": lead_id, "user": user.name}

    app.include_router(api)

    def render(request, name, values):
        return templates.TemplateResponse(request, name, {**values, "csrf": request.scope["csrftoken"]()})

    return app, render


def served(tokens=TOKENS, time=None, ended=None, **settings):
    """A function that gives a browser at an address, with the page asked for at a URL."""
    app, render = small_app()
    settings = ReviewSettings.model_validate(settings)
    page = protect(app, settings, SECRET, tokens, "me", render, ended=ended, time=time or Clock())

    def browser(peer=ELSEWHERE, url="http://leads.example.com"):
        return TestClient(page, url, raise_server_exceptions=False, client=(peer, 5000), follow_redirects=False)

    return browser


@pytest.fixture
def to_all():
    return served(**OPEN_TO_ALL)


@pytest.fixture
def behind_proxy():
    return served(tokens={}, **BEHIND_PROXY)


@pytest.fixture
def alone():
    return served(tokens={})(HERE, "http://127.0.0.1:8321")


def token_in(response):
    return re.search(r'value="([^"]{20,})"', response.text)[1]


def sign_in(browser, name="ann", token=ANN):
    return browser.post("/sign-in", data={"name": name, "token": token, "csrftoken": token_in(browser.get("/sign-in"))})


def raw(page, **scope):
    """An answer to a request that a browser would not send: its status, headers and body."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": scope.get("body", b"")}

    async def send(message):
        sent.append(message)

    whole = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "scheme": "http", "client": (PROXY, 1)}
    asyncio.run(page({**whole, "headers": [(b"host", b"localhost")], **scope}, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(m.get("body", b"") for m in sent[1:]).decode()


# who may start it


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "leads.example.com"])
def test_other_machines_are_not_served_without_a_way_to_know_who_asks(host):
    with pytest.raises(ConfigError, match=r"bind to 127.0.0.1, set tokens .*, or name a proxy"):
        check(ReviewSettings(host=host), {})
    check(ReviewSettings(host=host), TOKENS)
    check(ReviewSettings(host=host, proxy=PROXY), {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_the_own_machine_is(host):
    check(ReviewSettings(host=host), {})


def test_no_app_is_protected_that_must_not_be_served():
    with pytest.raises(ConfigError):
        served(tokens={}, host="0.0.0.0")


# tokens


def test_tokens_come_by_name():
    assert tokens_from({"LEADREADY_REVIEW_TOKENS": f"ann:{ANN}, bob:{BOB}"}) == TOKENS
    assert tokens_from({}) == tokens_from({"LEADREADY_REVIEW_TOKENS": ""}) == {}
    with_colon = f"{ANN}:x"
    assert tokens_from({"LEADREADY_REVIEW_TOKENS": f"ann:{with_colon}"}) == {"ann": with_colon}


@pytest.mark.parametrize(
    "wrong",
    [
        "secretsecretsecretsecret",
        "bob:secret",
        ":secretsecretsecretsecret",
        "bob:",
        "bob:secretsecret secretsecret",
        "bob:secretsecretsecretsecretä",
        "b\r\nob:secretsecretsecretsecret",
        "ann:secretsecretsecretsecret",
        f"bob:{ANN}",
        " ",
    ],
)
def test_a_malformed_token_is_named_by_its_place_and_never_repeated(wrong):
    with pytest.raises(ConfigError, match="reading LEADREADY_REVIEW_TOKENS, entry 2: expected name:token") as caught:
        tokens_from({"LEADREADY_REVIEW_TOKENS": f"ann:{ANN},{wrong},"})
    assert "secret" not in str(caught.value)
    assert ANN not in str(caught.value)


# everything needs identification


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_token_a_browser_is_sent_to_sign_in(to_all, method, path):
    response = to_all().request(method, path)
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_where_there_are_no_tokens_it_is_refused(behind_proxy, method, path):
    response = behind_proxy().request(method, path)
    assert response.status_code == 403
    assert "You are not known here" in response.text


@pytest.mark.parametrize("path", ["/api/leads/L0001", "/api/nowhere", "/api/../leads/L1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_program_is_told_so_in_json(to_all, method, path):
    response = raw(to_all().app, method=method, path=path, headers=[(b"host", b"leads.example.com")])
    assert response[0] == 401
    assert "not known here" in json.loads(response[2])["detail"]


def test_the_routes_above_are_all_that_the_app_has(to_all):
    app, _ = small_app()
    own = {route.path.replace("{lead_id}", "L0001") for route in app.routes if hasattr(route, "methods")}
    assert own - {path for _, path in ROUTES} <= {"/review.css", "/settings"}


def test_css_is_for_all_and_may_be_kept(to_all):
    response = to_all().get("/review.css")
    assert (response.status_code, response.headers["cache-control"]) == (200, "private, max-age=3600")
    assert response.text == "/* None */"
    assert to_all().post("/review.css", headers=BEARER).headers["cache-control"] == "no-store"


def test_a_websocket_is_closed(to_all):
    with pytest.raises(WebSocketDisconnect) as caught, to_all().websocket_connect("/", headers={"host": "localhost"}):
        pass
    assert caught.value.code == 1008


# the own machine


@pytest.mark.parametrize(
    ("peer", "url"),
    [(HERE, "http://127.0.0.1:8321"), ("::1", "http://[::1]:8321"), ("::ffff:127.0.0.1", "http://localhost:8321")],
)
def test_who_sits_at_the_machine_is_admin(peer, url):
    assert served(tokens={})(peer, url).get("/").text.startswith("me, admin")


def test_another_machine_is_not_even_if_it_gets_through():
    assert served(tokens={})(ELSEWHERE, "http://localhost").get("/").status_code == 403


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-User"])
def test_nor_is_whom_a_proxy_lets_through_that_nobody_named(alone, name):
    assert alone.get("/", headers={name: "1.2.3.4"}).status_code == 403


def test_with_tokens_the_own_machine_signs_in_too():
    assert served()(HERE, "http://localhost").get("/").headers["location"] == "/sign-in"


def test_with_a_proxy_it_has_to_come_through_it():
    assert served(tokens={}, proxy=PROXY)(HERE, "http://localhost").get("/").status_code == 403


# bearer tokens


def test_a_token_says_who_asks(to_all):
    assert to_all().get("/api/leads/L1", headers=BEARER).json() == {"lead": "L1", "user": "ann"}


def test_a_program_needs_no_csrf_token(to_all):
    assert to_all().post("/api/leads/L1", headers=BEARER).json() == {"lead": "L1", "user": "ann"}


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer wrong", f"Bearer {ANN}x", f"Bearer {ANN[:-1]}", f"bearer\t{ANN} {BOB}"]
)
def test_a_wrong_token_is_refused(to_all, value):
    response = to_all().get("/api/leads/L1", headers={"authorization": value})
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


def test_two_tokens_are_none(to_all):
    headers = [(b"host", b"localhost"), *[(b"authorization", f"Bearer {t}".encode()) for t in (ANN, BOB)]]
    assert raw(to_all().app, headers=headers)[0] == 401


def test_a_password_of_the_proxy_is_no_token(to_all):
    assert to_all().get("/", headers={"authorization": "Basic YW5uOmE="}).status_code == 303


def test_a_token_in_the_url_is_none(to_all):
    assert to_all().get(f"/?token={ANN}&access_token={ANN}").status_code == 303


# signing in


def test_signing_in_with_name_and_token(to_all):
    browser = to_all()
    response = sign_in(browser)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert browser.get("/").text.startswith("ann, admin")


@pytest.mark.parametrize("target", ["/sign-in?next=https://evil.example", "/sign-in?next=//evil.example"])
def test_it_leads_nowhere_else(to_all, target):
    browser = to_all()
    data = {"name": "ann", "token": ANN, "next": "https://evil.example", "csrftoken": token_in(browser.get("/sign-in"))}
    assert browser.post(target, data=data).headers["location"] == "/"


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("ann", "wrong"),
        ("ann", BOB),
        ("eve", ANN),
        ("", ""),
        ("ann\r\nSet-Cookie: a=b", ANN),
        ("<b>", "ä\0"),
        ("a" * 999, ""),
    ],
)
def test_a_wrong_name_and_a_wrong_token_read_the_same(to_all, name, token):
    response = sign_in(to_all(), name, token)
    assert response.status_code == 401
    problem = re.search('role="alert">(.*)</p>', response.text)[1]
    assert problem == "This name and token do not belong together. Check both, or ask whoever runs leadready."
    assert "<b>" not in response.text
    assert "a=b" not in str(response.headers)


@pytest.mark.parametrize(("by", "processes"), [("form", 1), ("bearer", 1), ("form", 2)])
def test_tokens_cannot_be_guessed_quickly(by, processes):
    """Ten guesses a minute, by whichever process they are answered."""
    clock = Clock()
    browser_at = served(time=clock, processes=processes, **OPEN_TO_ALL)

    def guess(token):
        if by == "form":
            return sign_in(browser_at(), token=token)
        return browser_at().get("/", headers={"authorization": f"Bearer {token}"})

    assert [guess("wrong").status_code for _ in range(10 // processes + 1)] == [401] * (10 // processes) + [429]
    refused = guess(ANN)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert sign_in(browser_at(PROXY)).status_code == 303  # another peer
    clock.now += 60
    assert guess(ANN).status_code in (200, 303)


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(to_all):
    cookie = sign_in(to_all()).headers["set-cookie"]
    assert re.fullmatch(r"leadready_session=\S+; path=/; Max-Age=43200; httponly; samesite=strict", cookie)


def test_it_does_not_hold_the_token(to_all):
    value = sign_in(to_all()).cookies["leadready_session"]
    held = json.loads(b64decode(value.split(".")[0]))
    assert held.keys() == {"name", "mark", "id"}
    assert ANN not in str(held)


@pytest.mark.parametrize("how", ["server", "proxy"])
def test_over_https_cookies_are_for_https_alone(how):
    url = "https://leads.example.com"
    browser = served(**BEHIND_PROXY)(PROXY, url if how == "server" else url.replace("https", "http"))
    headers = {"x-forwarded-proto": "https"} if how == "proxy" else {}
    first = browser.get("/sign-in", headers=headers)
    csrf = first.headers["set-cookie"]
    assert re.fullmatch(r"__Host-leadready_csrf=\S+; Path=/; SameSite=Strict; Secure", csrf)
    headers["cookie"] = csrf.split(";")[0]
    data = {"name": "ann", "token": ANN, "csrftoken": token_in(first)}
    cookie = browser.post("/sign-in", data=data, headers=headers).headers["set-cookie"]
    assert cookie.startswith("__Host-leadready_session=")
    assert cookie.endswith("; httponly; samesite=strict; secure")


def test_redirects_keep_https_behind_the_proxy(behind_proxy):
    headers = {"x-forwarded-proto": "https", "x-forwarded-user": "ann"}
    location = behind_proxy(PROXY).get("/leads/L1/", headers=headers).headers["location"]
    assert location == "https://leads.example.com/leads/L1"


def test_the_scheme_is_not_believed_from_others(to_all):
    csrf = to_all().get("/sign-in", headers={"x-forwarded-proto": "https"}).headers["set-cookie"]
    assert "Secure" not in csrf


def test_a_session_is_new_at_every_sign_in(to_all):
    browser = to_all()
    sign_in(browser)
    first = browser.cookies["leadready_session"]
    sign_in(browser)
    assert browser.cookies["leadready_session"] != first
    browser.get("/draft")
    sign_in(browser, "bob", BOB)
    assert browser.get("/").text.startswith("bob, rep")
    assert b"draft" not in b64decode(browser.cookies["leadready_session"].split(".")[0])


def test_after_signing_out_a_copy_of_the_cookie_is_worth_nothing(to_all):
    browser = to_all()
    sign_in(browser)
    copy = browser.cookies["leadready_session"]
    response = browser.post("/sign-out", data={"csrftoken": token_in(browser.get("/"))})
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in")
    assert browser.get("/").status_code == 303
    assert to_all().get("/", headers={"cookie": f"leadready_session={copy}"}).status_code == 303


def test_who_signed_out_is_signed_out_of_every_process_until_the_session_would_have_ended(tmp_path):
    one, other = (served(ended=tmp_path / "signed_out", **OPEN_TO_ALL) for _ in range(2))
    browser = one()
    sign_in(browser)
    copy = {"cookie": f"leadready_session={browser.cookies['leadready_session']}"}
    assert other().get("/", headers=copy).status_code == 200
    browser.post("/sign-out", data={"csrftoken": token_in(browser.get("/"))})
    assert other().get("/", headers=copy).status_code == 303
    [noted] = (tmp_path / "signed_out").iterdir()
    os.utime(noted, (0, 0))
    again = one()
    sign_in(again)
    again.post("/sign-out", data={"csrftoken": token_in(again.get("/"))})
    assert noted not in list((tmp_path / "signed_out").iterdir())


@pytest.mark.parametrize("tokens", [{"bob": BOB}, {"ann": ANN + "2"}])
def test_a_session_ends_with_its_token(to_all, tokens):
    browser = to_all()
    sign_in(browser)
    changed = served(tokens=tokens, **OPEN_TO_ALL)()
    response = changed.get("/", headers={"cookie": f"leadready_session={browser.cookies['leadready_session']}"})
    assert response.status_code == 303


@pytest.mark.parametrize("value", ["", "null", "e30=", "eyJuYW1lIjogImFubiJ9.aaaa.bbbb", "ä", '"', "a" * 3000])
def test_a_forged_session_is_none(to_all, value):
    assert to_all().get("/", headers={"cookie": f"leadready_session={value}".encode()}).status_code == 303


def test_a_csrf_token_is_no_session(to_all):
    value = to_all().get("/sign-in").cookies["leadready_csrf"]
    assert to_all().get("/", headers={"cookie": f"leadready_session={value}"}).status_code == 303


def test_without_tokens_there_is_no_sign_in(alone):
    assert alone.get("/sign-in").status_code == 404


# the proxy


def test_the_proxy_says_who_asks(behind_proxy):
    browser = behind_proxy(PROXY)
    assert browser.get("/", headers={"X-Forwarded-User": "bob"}).text.startswith("bob, rep")
    assert browser.get("/", headers={"X-Forwarded-User": "eve"}).text.startswith("eve, reader")
    assert browser.get("/", headers={"X-Forwarded-User": "jürgen".encode()}).text.startswith("jürgen, reader")


@pytest.mark.parametrize("peer", [ELSEWHERE, HERE, "10.0.0.50", "::1", "testclient", "10.0.0.5 "])
def test_nobody_else_does(behind_proxy, peer):
    headers = {"X-Forwarded-User": "ann", "X-Forwarded-For": PROXY, "X-Real-IP": PROXY, "Forwarded": f"for={PROXY}"}
    assert behind_proxy(peer).get("/", headers=headers).status_code == 403


@pytest.mark.parametrize(
    "name", ["X_Forwarded_User", "X-Forwarded_User", "X-Forwarded-User-", "X-Forwarded-Users", "X-User"]
)
def test_no_other_header_counts(behind_proxy, name):
    assert behind_proxy(PROXY).get("/", headers={name: "ann"}).status_code == 403


@pytest.mark.parametrize(
    "given",
    [
        [],
        [b""],
        [b" "],
        [b"ann", b"ann"],
        [b"eve", b"ann"],
        [b"eve, ann"],
        [b"ann\r\nX-Role: admin"],
        [b"ann\0"],
        [b"ann\x7f"],
        [b" ann"],
        [b"\xff\xfe"],
        ["\u202eann".encode()],
        [b"a" * 201],
    ],
)
def test_a_header_that_is_not_one_plain_name_is_refused(behind_proxy, given):
    headers = [(b"host", b"localhost"), *[(b"x-forwarded-user", value) for value in given]]
    assert raw(behind_proxy().app, headers=headers)[0] == 403


def test_another_header_can_be_chosen():
    browser = served(tokens={}, **BEHIND_PROXY, user_header="Remote-User")(PROXY)
    assert browser.get("/", headers={"remote-user": "bob"}).text.startswith("bob, rep")
    assert browser.get("/", headers={"x-forwarded-user": "bob"}).status_code == 403


def test_a_socket_without_an_address_is_nobody(behind_proxy):
    assert raw(behind_proxy().app, client=None)[0] == 403


# CSRF


def test_a_form_of_the_page_is_taken(alone):
    data = {"text": "grüße\r\n<b>", "csrftoken": token_in(alone.get("/"))}
    assert alone.post("/leads/L1", data=data).text == "me wrote grüße\r\n<b>"
    assert alone.post("/leads/L1", data=data, files={"file": b""}).status_code == 400  # no page sends files


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/leads/L1", "/api/leads/L1", "/sign-out", "/nowhere"])
def test_a_form_without_the_token_is_refused_whoever_asks(method, path):
    cases = [
        (served(tokens={})(HERE, "http://localhost"), {}),  # no cookie at all
        (served(tokens={}, **BEHIND_PROXY)(PROXY), {"X-Forwarded-User": "ann"}),
        (served(**OPEN_TO_ALL)(), {}),
    ]
    sign_in(cases[2][0])
    for browser, headers in cases:
        response = browser.request(method, path, headers=headers, data={"text": "x"})
        assert response.status_code == 403
        assert "Nothing was saved" in response.text


def test_signing_in_needs_it_too(to_all):
    assert to_all().post("/sign-in", data={"name": "ann", "token": ANN}).status_code == 403


def test_the_token_of_another_browser_is_refused(to_all):
    ours, theirs = to_all(), to_all()
    sign_in(ours)
    sign_in(theirs, "bob", BOB)
    assert ours.post("/leads/L1", data={"text": "x", "csrftoken": token_in(theirs.get("/"))}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_names_another_site_is_refused_even_with_the_token(alone, site):
    data = {"text": "x", "csrftoken": token_in(alone.get("/"))}
    assert alone.post("/leads/L1", data=data, headers={"sec-fetch-site": site}).status_code == 403
    assert alone.post("/leads/L1", data=data, headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-csrftoken": "ä".encode()}, b""),
        ({"content-type": "application/x-www-form-urlencoded"}, b"csrftoken=%C3%A4"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"\xff"),
        ({"content-type": "multipart/form-data"}, b"csrftoken"),
        ({"content-type": "multipart/form-data; boundary=x"}, b"csrftoken"),
        ({"content-type": "application/json"}, b'{"csrftoken": 1}'),
        ({"content-type": ""}, b"csrftoken=1"),
        ({}, b""),
    ],
)
def test_what_cannot_be_read_is_refused_and_breaks_nothing(alone, headers, body):
    assert alone.post("/leads/L1", headers=headers, content=body).status_code in (400, 403)


@pytest.mark.parametrize("others", [b"\xff=1", b'prefs={"a": [1]}', b"a b=c", b"=;;,", b"csrftoken=x; session=y"])
def test_cookies_of_other_pages_on_the_machine_do_no_harm(alone, others):
    first = alone.get("/", headers={"cookie": others})
    cookie = others + b"; " + first.headers["set-cookie"].split(";")[0].encode()
    response = alone.post("/leads/L1", data={"text": "x", "csrftoken": token_in(first)}, headers={"cookie": cookie})
    assert response.text == "me wrote x"


# roles


@pytest.mark.parametrize(
    ("role", "may"), [("reader", ["reader"]), ("rep", ["reader", "rep"]), ("admin", ["reader", "rep", "admin"])]
)
def test_a_role_may_what_lower_ones_may(role, may):
    assert [r for r in ("reader", "rep", "admin") if User("ann", role).may(r)] == may


@pytest.mark.parametrize(
    ("name", "read", "write", "administer"), [("eve", 1, 0, 0), ("bob", 1, 1, 0), ("ann", 1, 1, 1)]
)
def test_roles_come_from_the_settings(behind_proxy, name, read, write, administer):
    browser = behind_proxy(PROXY)
    browser.headers["x-forwarded-user"] = name
    data = {"text": "x", "csrftoken": token_in(browser.get("/"))}
    found = [browser.get("/leads/L1"), browser.post("/leads/L1", data=data), browser.get("/settings")]
    assert [r.status_code for r in found] == [200 if yes else 403 for yes in (read, write, administer)]


def test_who_may_not_is_told_why(behind_proxy):
    response = behind_proxy(PROXY).get("/settings", headers={"x-forwarded-user": "bob"})
    assert "This needs the role admin, and yours is rep; whoever runs leadready" in response.json()["detail"]


# host names


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8321", "127.0.0.1", "127.0.0.1:1", "[::1]:8321", "leads.example.com", "[fe80::1]"]
)
def test_the_page_goes_by_its_own_names(host):
    browser = served(host="fe80::1", names=["Leads.example.com"])()
    assert browser.get("/sign-in", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "leads.example.com.evil.example",
        "evil.leads.example.com",
        "leads.example.com@evil.example",
        "evil.example#leads.example.com",
        "leads.example.com:80:80",
        "leads.example.com:x",
        "leads.example.com/",
        "localhost.",
        "127.0.0.1.nip.io",
        "127.1",
        "[::1",
        "*",
        "",
        "<script>",
    ],
)
def test_under_another_name_it_is_refused(to_all, host):
    response = to_all().get("/sign-in", headers={"host": host, "x-forwarded-host": "localhost"})
    assert response.status_code == 400
    assert "does not go by the name you asked for" in response.text
    assert "<script>" not in response.text


@pytest.mark.parametrize("hosts", [[], [b"localhost", b"localhost"], [b"localhost", b"evil.example"]])
def test_it_is_asked_for_under_one_name(to_all, hosts):
    assert raw(to_all().app, path="/sign-in", headers=[(b"host", host) for host in hosts])[0] == 400


# sizes


def test_a_long_body_is_refused_before_it_reaches_the_app(to_all):
    body = b"text=" + b"x" * 64 * 1024
    assert to_all().post("/leads/L1", headers=BEARER, content=body[: 64 * 1024]).status_code != 413
    assert to_all().post("/leads/L1", headers=BEARER, content=body).status_code == 413
    assert to_all().post("/sign-in", content=iter([body[:40000], body[:40000]])).status_code == 413


def test_who_is_not_known_sends_nothing(to_all):
    assert to_all().post("/leads/L1", content=b"x" * 64 * 1024 * 2).status_code == 303


def test_a_long_url_is_refused(to_all):
    assert to_all().get("/" + "x" * 4096).status_code == 414
    assert to_all().get("/?" + "x" * 4096).status_code == 414
    assert to_all().get("/" + "%41" * 1400).status_code == 414
    assert to_all().get("/leads/" + "x" * 4000, headers=BEARER).status_code == 200


def test_a_request_that_breaks_off_breaks_nothing(to_all):
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost")]
    scope = {"type": "http", "method": "POST", "path": "/sign-in", "query_string": b"", "scheme": "http"}
    asyncio.run(to_all().app({**scope, "headers": headers, "client": None}, receive, send))
    assert sent[0]["status"] == 400


# headers


@pytest.mark.parametrize(
    ("status", "path", "headers"),
    [
        (200, "/", BEARER),
        (303, "/", {}),
        (200, "/sign-in", {}),
        (400, "/", {"host": "evil.example"}),
        (401, "/api/leads/L1", {}),
        (401, "/", {"authorization": "Bearer x"}),
        (403, "/settings", {"authorization": f"Bearer {BOB}"}),
        (404, "/nowhere", BEARER),
        (405, "/sign-out", BEARER),
        (414, "/" + "x" * 5000, {}),
        (500, "/broken", BEARER),
    ],
)
def test_every_answer_carries_the_headers(to_all, status, path, headers):
    response = to_all().get(path, headers=headers)
    assert response.status_code == status
    assert {name: response.headers[name] for name in HEADERS} == HEADERS
    assert response.headers.get_list("cache-control") == ["no-store"]
    assert "L0001" not in response.text


def test_the_page_may_load_from_itself_alone():
    policy = dict(part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


def test_what_fails_around_the_app_is_answered_too(behind_proxy, caplog):
    def render(*_):
        raise OSError("gone")

    app, _ = small_app()
    page = protect(app, ReviewSettings(), SECRET, TOKENS, "me", render)
    response = TestClient(page, "http://localhost", raise_server_exceptions=False).get("/sign-in")
    assert response.status_code == 500
    assert response.headers["content-security-policy"]


def test_what_fails_in_the_app_is_answered_once_and_raised_for_the_servers_log(to_all):
    browser = TestClient(to_all().app, "http://localhost")
    with pytest.raises(ValueError, match="of lead"):
        browser.get("/broken", headers=BEARER)


# the log


def lines(caplog):
    return [
        re.sub(r"\d+ ms", "0 ms", r.getMessage()) for r in caplog.records if r.name.startswith("serving.pages.review")
    ]


def test_the_log_has_templates_and_roles_and_nothing_of_people(to_all, caplog):
    caplog.set_level(logging.DEBUG)
    browser = to_all()
    browser.get("/leads/L0001?q=jane", headers=BEARER)
    browser.post("/api/leads/L0001", headers={"authorization": f"Bearer {BOB}"})
    browser.get("/leads/L0001")
    browser.get("/jane.doe@example.com", headers=BEARER)
    browser.get("/" + "j" * 5000)
    raw(browser.app, method="GET /jane\r\n", headers=[(b"host", b"jane")])
    assert lines(caplog) == [
        "GET /leads/{lead_id} 200 0 ms admin",
        "POST /api/leads/{lead_id} 200 0 ms rep",
        "GET - 303 0 ms -",
        "GET - 404 0 ms admin",
        "GET - 414 0 ms -",
        "- - 400 0 ms -",
    ]


def test_secrets_and_names_are_not_in_the_log(to_all, caplog):
    caplog.set_level(logging.DEBUG, "serving")
    browser = to_all()
    sign_in(browser)
    sign_in(browser, "ann", "wrong-wrong-wrong-wrong")
    browser.get(f"/?token={BOB}", headers={"authorization": "Bearer wrong-wrong-wrong-wrong"})
    browser.get("/broken")
    said = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("serving"))
    for secret in (ANN, BOB, SECRET, "wrong", "ann", browser.cookies["leadready_session"]):
        assert secret not in said


def test_the_log_says_how_long_it_took(caplog):
    class Slow(Clock):
        def __call__(self):
            self.now += 0.25
            return self.now

    caplog.set_level(logging.INFO, "serving")
    served(tokens={}, time=Slow())(HERE, "http://localhost").get("/")
    assert caplog.messages == ["GET / 200 250 ms admin"]


# costly pages


def test_costly_pages_are_shared_out():
    async def visits():
        place = limited(1, wait=0)
        first, second, third = place(), place(), place()
        await anext(first)
        with pytest.raises(HTTPException) as caught:
            await anext(second)
        await first.aclose()
        await anext(third)
        await third.aclose()
        return caught.value

    refused = asyncio.run(visits())
    assert (refused.status_code, refused.headers) == (503, {"Retry-After": "5"})


def test_a_costly_page_that_fails_gives_its_place_back():
    app, render = small_app()

    @app.get("/costly", dependencies=[Depends(limited(1, wait=0))])
    async def costly(fail: bool):
        if fail:
            raise HTTPException(404)

    page = protect(app, ReviewSettings(), SECRET, {}, "me", render)
    browser = TestClient(page, "http://localhost", client=(HERE, 1))
    assert [browser.get(f"/costly?fail={fail}").status_code for fail in (True, False, True)] == [404, 200, 404]
