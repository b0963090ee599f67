"""Who may see which consultation, and the roads into the console."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from bot.console import accounts
from bot.console.accounts import add_staff, check_password, hash_password, login_link_url, new_totp
from bot.console.auth import access_ticket, visible_tickets, wait_after
from bot.console.routes.login import safe_next
from bot.errors import NotFound, WrongState
from storage import staff as staff_rows
from storage.models import AuditEntry, LoginLink, Role, Staff, TicketStatus
from tests.conftest import Clock
from tests.console.conftest import Browser, Office, text_of
from tests.factories import make_staff, make_ticket

PASSWORD = "correct horse battery"
HERE, ELSEWHERE = "seian_yokushi", "kotsu_kikaku"


def code_at(secret: str, clock: Clock, *, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(clock() + timedelta(seconds=30 * steps))


@pytest.fixture(scope="session")
def password_hash() -> str:
    return asyncio.run(hash_password(PASSWORD))


async def a_person(office: Office, password_hash: str, **changes: object) -> tuple[Staff, str]:
    """An account that is set up, and the secret of its authenticator."""
    async with office.parts.database.transaction() as session:
        person = await make_staff(session, password_hash=password_hash, **changes)  # type: ignore[arg-type]
        person.totp_sealed, person.totp_last_step = new_totp(office.parts.sealer, person.id), 1
    return person, accounts.totp_secret(person, office.parts.sealer).replace(" ", "")


async def sign_in(browser: Browser, person: Staff | str, code: str, password: str = PASSWORD) -> int:
    await browser.get("/login")
    name = person if isinstance(person, str) else person.username
    return (await browser.post("/login", {"username": name, "password": password, "code": code})).status_code


# ---- which consultations


PLACES = {"section": {"section": HERE}, "station": {"section": ELSEWHERE, "station": "hoshimi"},
          "both": {"section": HERE, "station": "hoshimi"}, "neither": {"section": ELSEWHERE, "station": "kumonohara"}}
SEES = {
    Role.OPERATOR: {"section", "station", "both"},
    Role.INTERPRETER: {"section", "station", "both"},
    Role.STATION_CHIEF: {"station", "both"},
    Role.PROMOTION_OFFICE: set(PLACES),
    Role.ADMINISTRATOR: set(PLACES),
    Role.PUBLISHER: set(),
    Role.APPROVER: set(),
}


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_sees_its_consultations_and_no_other(office: Office, role: Role) -> None:
    person = await office.person(role, section=HERE, station="hoshimi")
    async with office.parts.database.transaction() as session:
        made = {
            name: (await make_ticket(session, sealer=office.parts.sealer, **place)).id for name, place in PLACES.items()
        }
    async with office.parts.database.reading() as session:
        listed = {ticket.id for ticket in await session.scalars(visible_tickets(person))}
        for name, ticket_id in made.items():
            if name in SEES[role]:
                assert (await access_ticket(session, person, ticket_id)).id == ticket_id
            else:
                with pytest.raises(NotFound):
                    await access_ticket(session, person, ticket_id)
    assert listed == {made[name] for name in SEES[role]}, "the list and the page agree"


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.INTERPRETER, Role.STATION_CHIEF])
async def test_without_a_section_and_a_station_nothing_is_seen(office: Office, role: Role) -> None:
    person = await office.person(role, section=None, station=None)
    async with office.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=office.parts.sealer, station=None)
        with pytest.raises(NotFound):
            await access_ticket(session, person, ticket.id)


async def test_what_is_still_being_asked_is_nobodys(office: Office) -> None:
    person = await office.person(Role.ADMINISTRATOR)
    async with office.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=office.parts.sealer, status=TicketStatus.INTAKE)
        with pytest.raises(NotFound):
            await access_ticket(session, person, ticket.id)


async def test_a_disabled_account_sees_nothing_and_an_unknown_role_neither(office: Office, clock: Clock) -> None:
    async with office.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=office.parts.sealer, station="hoshimi")
        for changes in ({"disabled_at": clock()}, {"role": "chief_of_everything"}):
            person = await make_staff(session, role=Role.ADMINISTRATOR, section=HERE, station="hoshimi")
            for name, value in changes.items():
                setattr(person, name, value)
            with pytest.raises(NotFound):
                await access_ticket(session, person, ticket.id)


async def test_a_missing_consultation_looks_like_a_foreign_one(office: Office) -> None:
    browser = await office.browser(section=HERE)
    async with office.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=office.parts.sealer, section=ELSEWHERE)
    foreign = await browser.get(f"/tickets/{ticket.id}")
    missing = await browser.get("/tickets/987654")
    huge = await browser.get("/tickets/99999999999999999999999")
    assert (foreign.status_code, missing.status_code, huge.status_code) == (404, 404, 404)
    assert foreign.text == missing.text


@pytest.mark.parametrize("deed", ["claim", "release", "reply", "insert", "note", "close", "reopen"])
async def test_no_deed_reaches_a_foreign_consultation(office: Office, deed: str) -> None:
    browser = await office.browser(section=HERE)
    async with office.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=office.parts.sealer, section=ELSEWHERE)
        before = (ticket.status, ticket.n_messages, ticket.claimed_by_id)
    fields = {"body": "x", "last_seen": 1, "outcome": "advised", "intent": "stolen_bicycle"}
    assert (await browser.post(f"/tickets/{ticket.id}/{deed}", fields)).status_code == 404
    async with office.parts.database.reading() as session:
        after = await session.get(type(ticket), ticket.id)
        assert after is not None
        assert (after.status, after.n_messages, after.claimed_by_id) == before


# ---- signing in


async def test_name_password_and_code_together_sign_in(office: Office, password_hash: str, clock: Clock) -> None:
    person, secret = await a_person(office, password_hash)
    browser = office.stranger()
    assert await sign_in(browser, person, code_at(secret, clock)) == 303
    assert (await browser.get("/queue")).status_code == 200
    async with office.parts.database.reading() as session:
        entries = [(entry.tag, entry.staff_id) for entry in await session.scalars(select(AuditEntry))]
    assert ("staff:session:open", person.id) in entries


async def test_one_wrong_thing_refuses_with_the_same_sentence(
    office: Office, password_hash: str, clock: Clock
) -> None:
    sentences = set()
    cases = (("wrong", False, True), (PASSWORD, True, True), (PASSWORD, False, False))
    for password, name_changed, right_code in cases:
        person, secret = await a_person(office, password_hash)
        browser = office.stranger()
        name = f"{person.username}x" if name_changed else person.username
        code = code_at(secret, clock) if right_code else "000000"
        assert await sign_in(browser, name, code, password) == 403
        assert browser.last is not None
        sentences.add(text_of(browser.last.text).split("職員コンソール")[0].replace(name, ""))
        assert "koban" not in browser.client.cookies
        assert password not in browser.last.text
    assert len(sentences) == 1


async def test_a_disabled_account_and_one_without_authenticator_do_not_sign_in(
    office: Office, password_hash: str, clock: Clock
) -> None:
    for changes in ({"disabled_at": clock()}, {"totp_last_step": 0}, {"totp_sealed": None}, {"password_hash": "!"}):
        person, secret = await a_person(office, password_hash)
        async with office.parts.database.transaction() as session:
            row = await session.get(Staff, person.id)
            for name, value in changes.items():
                setattr(row, name, value)
        for password in (PASSWORD, "!"):
            clock.advance(minutes=10)
            assert await sign_in(office.stranger(), person, code_at(secret, clock), password) == 403


async def test_a_code_works_once(office: Office, password_hash: str, clock: Clock) -> None:
    person, secret = await a_person(office, password_hash)
    code = code_at(secret, clock)
    assert await sign_in(office.stranger(), person, code) == 303
    assert await sign_in(office.stranger(), person, code) == 403
    assert await sign_in(office.stranger(), person, code_at(secret, clock, steps=-1)) == 403, "older than the last one"
    assert await sign_in(office.stranger(), person, code_at(secret, clock, steps=1)) == 303


async def test_a_code_sent_twice_at_once_signs_in_once(office: Office, password_hash: str, clock: Clock) -> None:
    person, secret = await a_person(office, password_hash)
    browsers = [office.stranger() for _ in range(3)]
    answers = await asyncio.gather(*(sign_in(browser, person, code_at(secret, clock)) for browser in browsers))
    assert sorted(answers) == [303, 403, 403]


async def test_a_code_of_a_minute_ago_or_ahead_is_refused(office: Office, password_hash: str, clock: Clock) -> None:
    person, secret = await a_person(office, password_hash)
    for steps in (-2, 2):
        assert await sign_in(office.stranger(), person, code_at(secret, clock, steps=steps)) == 403


@pytest.mark.parametrize("is_known", [True, False])
async def test_failures_slow_the_next_attempt_and_never_lock(
    office: Office, password_hash: str, clock: Clock, is_known: bool
) -> None:
    person, secret = await a_person(office, password_hash)
    name = person.username if is_known else "nobody"
    browser = office.stranger()
    for _ in range(3):
        assert await sign_in(browser, name, "000000", "wrong") == 403
    assert await sign_in(browser, name, code_at(secret, clock)) == 403
    assert browser.last is not None
    assert "3秒" in text_of(browser.last.text), "two seconds to wait, and the rest of this one"
    clock.advance(seconds=2)
    expected = 303 if is_known else 403
    assert await sign_in(browser, name, code_at(secret, clock)) == expected
    if is_known:
        async with office.parts.database.reading() as session:
            row = await session.get(Staff, person.id)
            assert row is not None
            assert (row.n_failed_logins, row.retry_login_at) == (0, None)


async def test_attempts_side_by_side_do_not_outrun_the_slow_down(office: Office, password_hash: str) -> None:
    person, _secret = await a_person(office, password_hash)
    browsers = [office.stranger() for _ in range(12)]
    await asyncio.gather(*(sign_in(browser, person, "000000", "wrong") for browser in browsers))
    checked = sum("秒後" not in text_of(browser.last.text) for browser in browsers if browser.last)
    assert checked <= 3


def test_the_wait_doubles_and_stays_bearable() -> None:
    waits = [int(wait_after(n).total_seconds()) for n in range(15)]
    assert waits[:8] == [0, 0, 0, 2, 4, 8, 16, 32]
    assert waits[-1] == 300
    assert wait_after(10_000) == timedelta(seconds=300)


async def test_a_login_form_from_elsewhere_is_refused(office: Office, password_hash: str, clock: Clock) -> None:
    person, secret = await a_person(office, password_hash)
    browser = office.stranger()
    fields = {"username": person.username, "password": PASSWORD, "code": code_at(secret, clock)}
    assert (await browser.post("/login", fields, csrf="")).status_code == 403
    assert (await browser.post("/login", fields, csrf="x" * 43)).status_code == 403
    assert (await browser.client.post("/login", data=fields)).status_code == 403


async def test_what_was_typed_is_never_in_the_audit(office: Office, password_hash: str) -> None:
    browser = office.stranger()
    await sign_in(browser, "my-password-typed-in-the-wrong-field", "000000", "other")
    async with office.parts.database.reading() as session:
        entries = list(await session.scalars(select(AuditEntry)))
    assert [entry.tag for entry in entries] == ["staff:session:refuse"]
    assert "password" not in f"{entries[0].subject}{entries[0].detail}"


@pytest.mark.parametrize(("asked", "given"), [
    ("/tickets/3?x=1", "/tickets/3?x=1"), ("//evil.example", "/"), ("https://evil.example", "/"),
    ("/\\evil.example", "/"), ("", "/"), ("/\tx", "/"), ("javascript:alert(1)", "/"),
])
def test_after_signing_in_only_our_own_pages_are_gone_to(asked: str, given: str) -> None:
    assert safe_next(asked) == given


async def test_the_wanted_page_is_kept_over_the_login(office: Office, password_hash: str, clock: Clock) -> None:
    person, secret = await a_person(office, password_hash)
    browser = office.stranger()
    first = await browser.get("/tickets/7?done=reply")
    page = await browser.get(first.headers["location"])
    assert 'value="/tickets/7?done=reply"' in page.text
    answer = await browser.post("/login", {"username": person.username, "password": PASSWORD,
                                           "code": code_at(secret, clock), "next": "/tickets/7?done=reply"})
    assert answer.headers["location"] == "/tickets/7?done=reply"


async def test_signing_out_ends_this_session_and_everywhere_ends_all(office: Office) -> None:
    person = await office.person()
    first, second = await office.browser(person), await office.browser(person)
    await first.post("/logout")
    assert (await first.get("/queue")).status_code == 303
    assert (await second.get("/queue")).status_code == 200
    third = await office.browser(person)
    await third.post("/account/signout")
    assert (await second.get("/queue")).status_code == 303


# ---- one-time links


async def test_a_link_signs_in_once_and_opening_it_spends_nothing(office: Office, clock: Clock) -> None:
    person = await office.person()
    async with office.parts.database.transaction() as session:
        token = await staff_rows.add_login_link(session, person.id, expires_at=clock() + timedelta(hours=1))
    url = login_link_url(office.parts.settings, token).removeprefix(office.parts.settings.console_url)
    for _ in range(3):
        assert (await office.stranger().get(url)).status_code == 200
    browser, late = office.stranger(), office.stranger()
    await browser.get(url)
    await late.get(url)
    assert (await browser.post(url)).status_code == 303
    assert (await browser.get("/queue")).status_code == 200
    assert (await late.post(url)).status_code == 403
    assert "koban" not in late.client.cookies


async def test_an_old_or_unknown_link_and_that_of_a_disabled_account_are_refused(
    office: Office, clock: Clock
) -> None:
    person, gone = await office.person(), await office.person()
    async with office.parts.database.transaction() as session:
        old = await staff_rows.add_login_link(session, person.id, expires_at=clock() + timedelta(hours=1))
        other = await staff_rows.add_login_link(session, gone.id, expires_at=clock() + timedelta(hours=9))
        row = await session.get(Staff, gone.id)
        assert row is not None
        row.disabled_at = clock()
    clock.advance(hours=2)
    for token in (old, other, "unknown"):
        browser = office.stranger()
        await browser.get(f"/login/link/{token}")
        assert (await browser.post(f"/login/link/{token}")).status_code == 403, token


async def test_tokens_are_kept_as_hashes_only(office: Office, clock: Clock) -> None:
    person = await office.person()
    async with office.parts.database.transaction() as session:
        token = await staff_rows.add_login_link(session, person.id, expires_at=clock() + timedelta(hours=1))
    async with office.parts.database.reading() as session:
        assert token not in set(await session.scalars(select(LoginLink.token_hash)))


# ---- accounts


async def test_a_new_account_is_set_up_and_then_signs_in(office: Office, clock: Clock) -> None:
    async with office.parts.database.transaction() as session:
        person = await add_staff(session, username="Yamada", display_name="山田", role=Role.OPERATOR, now=clock(),
                                 section_id=HERE)
    browser = await office.browser(person)
    page = await browser.get("/account")
    async with office.parts.database.reading() as session:
        row = await session.get(Staff, person.id)
    assert row is not None
    secret = accounts.totp_secret(row, office.parts.sealer)
    assert secret in page.text
    picture = await browser.get("/account/totp.svg")
    assert picture.headers["content-type"].startswith("image/svg+xml")
    assert b"<path" in picture.content
    secret = secret.replace(" ", "")
    fields = {"password": PASSWORD, "again": PASSWORD, "code": "000000"}
    assert (await browser.post("/account/setup", fields)).status_code == 409
    fields["code"] = code_at(secret, clock)
    for wrong in ({"again": "other"}, {"password": "short", "again": "short"},
                  {"password": "yamada-yamada-1", "again": "yamada-yamada-1"},
                  {"password": "a" * 20, "again": "a" * 20}):
        assert (await browser.post("/account/setup", fields | wrong)).status_code == 409, wrong
    assert (await browser.post("/account/setup", fields)).status_code == 303
    assert (await browser.get("/queue")).status_code == 200
    assert (await browser.get("/account/totp.svg")).status_code == 404, "the secret is not shown again"
    assert (await browser.post("/account/setup", fields)).status_code == 409
    clock.advance(seconds=30)
    assert await sign_in(office.stranger(), "yamada", code_at(secret, clock)) == 303


async def test_a_name_is_taken_once_and_has_plain_letters(office: Office, clock: Clock) -> None:
    async with office.parts.database.transaction() as session:
        await add_staff(session, username="tanaka", display_name="田中", role=Role.OPERATOR, now=clock())
        for name in ("tanaka", "TANAKA ", "ta naka", "田中", "", "<b>", "a" * 65):
            with pytest.raises(WrongState):
                await add_staff(session, username=name, display_name="田中", role=Role.OPERATOR, now=clock())


async def test_changing_the_password_needs_the_present_one_and_ends_other_sessions(
    office: Office, password_hash: str
) -> None:
    person, _secret = await a_person(office, password_hash)
    browser, other = await office.browser(person), await office.browser(person)
    fields = {"current": "wrong", "password": "another good one", "again": "another good one"}
    assert (await browser.post("/account/password", fields)).status_code == 409
    assert (await browser.post("/account/password", fields | {"current": PASSWORD})).status_code == 303
    assert (await browser.get("/queue")).status_code == 200
    assert (await other.get("/queue")).status_code == 303
    async with office.parts.database.reading() as session:
        row = await session.get(Staff, person.id)
    assert row is not None
    assert await check_password(row.password_hash, "another good one")


async def test_nothing_matches_an_account_without_a_password() -> None:
    for stored in (None, accounts.NO_PASSWORD, "", "garbage"):
        for password in ("", "!", "nobody has this password", PASSWORD):
            assert not await check_password(stored, password)


async def test_an_administrator_adds_disables_and_renews_but_not_themselves(office: Office, clock: Clock) -> None:
    browser = await office.browser(Role.ADMINISTRATOR)
    page = await browser.post("/staff", {"username": "kato", "display_name": "加藤<script>", "role": "operator",
                                         "section": HERE, "locale": "ja"})
    assert page.status_code == 200
    assert "加藤&lt;script&gt;" in page.text
    link = page.text.split("/login/link/")[1].split('"')[0]
    newcomer = office.stranger()
    await newcomer.get(f"/login/link/{link}")
    assert (await newcomer.post(f"/login/link/{link}")).status_code == 303
    async with office.parts.database.reading() as session:
        row = await staff_rows.by_username(session, "kato")
    assert row is not None
    assert (await newcomer.get("/account")).status_code == 200
    assert (await browser.post(f"/staff/{row.id}/disable")).status_code == 303
    assert (await newcomer.get("/account")).status_code == 303
    assert (await browser.post(f"/staff/{row.id}/link")).status_code == 409
    assert (await browser.post(f"/staff/{row.id}/enable")).status_code == 303
    assert (await browser.post(f"/staff/{row.id}/link")).status_code == 200
    assert browser.who is not None
    for deed in ("disable", "link"):
        assert (await browser.post(f"/staff/{browser.who.id}/{deed}")).status_code == 409
    for wrong in ({"role": "king"}, {"section": "nowhere"}, {"station": "nowhere"}, {"username": "kato"}):
        fields = {"username": "new", "display_name": "新", "role": "operator"} | wrong
        assert (await browser.post("/staff", fields)).status_code == 409, wrong


async def test_colleagues_can_take_what_a_closed_account_had(office: Office) -> None:
    admin, leaver, colleague = await office.browser(Role.ADMINISTRATOR), await office.person(), await office.browser()
    async with office.parts.database.transaction() as session:
        open_one = await make_ticket(session, sealer=office.parts.sealer)
        closed = await make_ticket(session, sealer=office.parts.sealer, status=TicketStatus.CLOSED)
        open_one.claimed_by_id = closed.claimed_by_id = leaver.id
    await admin.get("/staff")
    assert (await admin.post(f"/staff/{leaver.id}/disable")).status_code == 303
    assert (await colleague.post(f"/tickets/{open_one.id}/claim")).status_code == 303
    assert (await colleague.post(f"/tickets/{closed.id}/reopen")).status_code == 303
    assert (await colleague.post(f"/tickets/{closed.id}/claim")).status_code == 303
    async with office.parts.database.reading() as session:
        entries = list(await session.scalars(select(AuditEntry).where(AuditEntry.tag == "staff:ticket:release")))
    assert [(each.subject, each.detail["of"]) for each in entries] == [(f"ticket:{open_one.id}", leaver.id)]
