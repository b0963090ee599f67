"""What stands before every page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.routing import Mount, Route

from bot.config import Settings
from bot.console.app import PAGES, ConsoleParts, create_app
from bot.console.gate import CONTENT_SECURITY_POLICY, is_open
from storage import staff as staff_rows
from storage.models import Role
from tests.conftest import Clock
from tests.console.conftest import URL, Office
from tests.factories import make_notice, make_ticket

OPEN = {"/healthz", "/login", "/login/link/{token}", "/static", "/calendar/{token}.ics"}


def concrete(path: str) -> str:
    return path.replace("{id:int}", "1").replace("{file:int}", "1").replace("{token}", "unknown")


async def test_every_route_without_a_session_leads_to_the_login_page(office: Office) -> None:
    browser = office.stranger()
    routes = office.app.routes  # type: ignore[attr-defined]
    assert {route.path for route in routes if isinstance(route, Route | Mount)} >= OPEN
    n_gated = 0
    for route in routes:
        if route.path in OPEN:
            continue
        n_gated += 1
        for method in route.methods - {"HEAD"}:
            answer = await browser.client.request(method, concrete(route.path))
            if method == "POST":
                assert answer.status_code == 401, route.path
            else:
                assert answer.status_code in (303, 401), route.path
                assert answer.status_code == 401 or answer.headers["location"].startswith("/login"), route.path
    assert n_gated > 30


def test_only_the_named_paths_are_open() -> None:
    for page in PAGES:
        assert (page.roles is None) == is_open(concrete(page.path)), page.path
    assert not is_open("/loginx")
    assert not is_open("/login/")
    assert not is_open("/static")


@pytest.mark.parametrize("path", ["/static/../queue", "/login/link/../../queue", "//queue", "/login/../queue"])
async def test_a_path_dressed_as_an_open_one_shows_nothing(office: Office, path: str) -> None:
    answer = await office.stranger().client.get(f"{URL}{path}")
    assert answer.status_code in (303, 404)
    assert "data-on=\"queue\"" not in answer.text


async def test_every_answer_carries_the_secure_headers(office: Office) -> None:
    browser = await office.browser(Role.ADMINISTRATOR)
    for path in ("/queue", "/notices", "/nowhere", "/login", "/healthz", "/static/console.css", "/tickets/99",
                 "/account"):
        answer = await browser.get(path)
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["permissions-policy"]
        if not path.startswith("/static"):
            assert answer.headers["cache-control"] == "no-store", path
    assert "unsafe" not in CONTENT_SECURITY_POLICY


async def test_a_page_that_fails_carries_the_headers_too_and_says_nothing_about_why(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("bot.console.routes.audit.staff_rows.names", broken)
    browser = await office.browser(Role.ADMINISTRATOR)
    answer = await browser.get("/audit")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("path", ["/login/link/{token}", "/calendar/{token}.ics"])
async def test_a_token_in_the_path_of_a_page_that_fails_stays_out_of_the_log(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    token, browser = "T0ken-that-still-signs-in_and-was-not-spent", office.stranger()
    path = path.replace("{token}", token)
    await browser.get("/login/link/x")
    monkeypatch.setattr("storage.staff.use_login_link", None)  # as when the database goes away
    monkeypatch.setattr("storage.links.calendar_owner", None)
    answer = await (browser.post(path) if path.startswith("/login") else browser.get(path))
    assert answer.status_code == 500
    assert "a page failed" in caplog.text
    assert token not in " ".join(record.getMessage() for record in caplog.records)


async def test_no_page_has_inline_script_or_style(office: Office) -> None:
    browser = await office.browser(Role.ADMINISTRATOR)
    async with office.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=office.parts.sealer)
        notice = await make_notice(session)
    for path in ("/queue", f"/tickets/{ticket.id}", "/notices", f"/notices/{notice.id}", "/audit", "/staff", "/account",
                 "/content", "/login"):
        page = (await browser.get(path)).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
        assert not re.search(r"<style|\sstyle=|\son\w+=\"", page), path


async def test_another_host_is_refused(office: Office) -> None:
    browser = await office.browser()
    for host in ("evil.example", "127.0.0.1:9999", "127.0.0.1.evil.example:8080", "127.0.0.1:8080@evil.example", ""):
        answer = await browser.client.get("/queue", headers={"host": host})
        assert answer.status_code == 400, host
    assert (await browser.client.get("/queue", headers={"host": "localhost:8080"})).status_code == 200


async def test_health_needs_no_session_and_no_host(office: Office) -> None:
    answer = await office.stranger().client.get("/healthz", headers={"host": "10.0.0.7"})
    assert (answer.status_code, answer.text) == (200, "ok")


async def test_a_form_without_its_token_or_with_another_one_is_refused(office: Office) -> None:
    browser = await office.browser()
    other = await office.browser()
    for wrong in ("", "x" * 43, other.csrf, "é"):
        assert (await browser.post("/account/locale", {"locale": "en"}, csrf=wrong)).status_code == 403
    assert (await browser.client.post("/account/locale", data={"locale": "en"})).status_code == 403
    assert (await browser.post("/account/locale", {"locale": "en"})).status_code == 303


async def test_the_token_may_come_in_a_header(office: Office) -> None:
    browser = await office.browser()
    answer = await browser.client.post(
        "/account/locale", data={"locale": "en"}, headers={"x-csrf-token": browser.csrf}
    )
    assert answer.status_code == 303


async def test_a_form_from_another_site_is_refused_even_with_the_token(office: Office) -> None:
    browser = await office.browser()
    answer = await browser.client.post(
        "/account/locale", data={"locale": "en", "csrf": browser.csrf}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403


async def test_what_is_no_form_or_too_long_is_refused(office: Office) -> None:
    browser = await office.browser()
    token = {"x-csrf-token": browser.csrf}
    assert (await browser.client.post("/account/locale", json={"locale": "en"}, headers=token)).status_code == 400
    assert (await browser.client.post("/account/locale", content=b"\xff\xfe=1", headers=token)).status_code == 400
    huge = {"csrf": browser.csrf, "locale": "x" * 1_100_000}
    assert (await browser.client.post("/account/locale", data=huge)).status_code == 413
    assert (await browser.client.put("/queue")).status_code == 405


async def test_a_session_ends_after_half_an_hour_without_activity(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    clock.advance(minutes=29)
    assert (await browser.get("/queue")).status_code == 200
    clock.advance(minutes=29)
    assert (await browser.get("/queue")).status_code == 200, "activity goes on counting from the last page"
    clock.advance(minutes=31)
    assert (await browser.get("/queue")).status_code == 303


async def test_a_live_update_is_no_activity(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    for _ in range(3):
        clock.advance(minutes=9)
        assert (await browser.get("/queue", **{"x-koban-live": "1"})).status_code == 200
    clock.advance(minutes=4)
    assert (await browser.get("/queue", **{"x-koban-live": "1"})).status_code == 401


async def test_a_session_ends_after_eight_hours_whatever_happens(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    for _ in range(19):
        clock.advance(minutes=25)
        assert (await browser.get("/queue")).status_code == 200
    clock.advance(minutes=10)
    assert (await browser.get("/queue")).status_code == 303


async def test_a_disabled_account_is_out_at_once(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    async with office.parts.database.transaction() as session:
        person = await session.get(type(browser.who), browser.who.id)  # type: ignore[union-attr, arg-type]
        person.disabled_at = clock()  # type: ignore[union-attr]
    assert (await browser.get("/queue")).status_code == 303


async def test_words_written_in_a_session_that_ended_are_given_back(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    clock.advance(hours=1)
    answer = await browser.post("/tickets/1/reply", {"body": "A long <b>draft</b>"})
    assert answer.status_code == 401
    assert "A long &lt;b&gt;draft&lt;/b&gt;" in answer.text


@pytest.mark.parametrize(("path", "field"), [
    ("/interpreting/1/hand-in", "text"), ("/interpreting/1/question", "note"), ("/translations/1/send", "foreign"),
    ("/tickets/1/transfer", "note"), ("/tickets/1/merge", "reason"), ("/notices/1/edit", "body:vi"),
])
async def test_whatever_is_written_anywhere_is_given_back(
    office: Office, clock: Clock, path: str, field: str
) -> None:
    browser = await office.browser()
    old = await browser.post(path, {field: "Tôi đã viết nửa giờ"}, csrf="y" * 43)  # the page of an earlier session
    assert old.status_code == 403
    assert "Tôi đã viết nửa giờ" in old.text
    clock.advance(hours=1)
    ended = await browser.post(path, {field: "Tôi đã viết nửa giờ", "password": "a secret of mine"})
    assert ended.status_code == 401
    assert "Tôi đã viết nửa giờ" in ended.text
    assert "a secret of mine" not in ended.text


async def test_another_site_gets_no_words_onto_our_pages(office: Office) -> None:
    browser = await office.browser()
    answer = await browser.client.post(
        "/tickets/1/reply", data={"body": "Call this number"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403
    assert "Call this number" not in answer.text


async def test_over_https_the_cookie_is_bound_to_the_host(parts: ConsoleParts) -> None:
    office = Office(replace(parts, settings=Settings(console_url="https://console.example")))
    browser = office.stranger("https://console.example")
    person = await office.person()
    async with parts.database.transaction() as session:
        token = await staff_rows.add_login_link(session, person.id, expires_at=parts.clock() + timedelta(hours=1))
    await browser.get(f"/login/link/{token}")
    answer = await browser.post(f"/login/link/{token}")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-koban=")
    assert {"secure", "httponly", "path=/", "samesite=strict"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "domain" not in cookie.lower()
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


async def test_an_account_that_is_not_set_up_sees_only_itself(office: Office) -> None:
    person = await office.person(password_hash="!")
    browser = await office.browser(person)
    answer = await browser.get("/queue")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert (await browser.get("/account")).status_code == 200


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_opens_its_pages_and_no_other(office: Office, role: Role) -> None:
    browser = await office.browser(role, station="hoshimi")
    for page in PAGES:
        needs_more = "{" in page.path or page.path in ("/live", "/account/totp.svg")
        if page.roles is None or page.method != "GET" or needs_more:
            continue
        expected = {True: {200, 303}, False: {403}}[role in page.roles]
        assert (await browser.get(page.path)).status_code in expected, page.path
    for page in PAGES:
        if page.roles is not None and page.method == "POST" and role not in page.roles:
            assert (await browser.post(concrete(page.path))).status_code == 403, page.path


def test_the_application_is_made_without_touching_anything(parts: ConsoleParts) -> None:
    assert create_app(parts).state.parts is parts
