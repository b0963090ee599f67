"""Recovery of an account: never by one person alone, and never twice."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.console.accounts import NO_PASSWORD
from storage.models import AuditEntry, LoginLink, Recovery, Role, Staff, StaffSession
from tests.conftest import Clock
from tests.console.conftest import Browser, Office, text_of


async def _row(office: Office, person: Staff) -> Staff:
    async with office.parts.database.reading() as session:
        return await session.get_one(Staff, person.id)


async def _people(office: Office) -> tuple[Staff, Browser, Browser]:
    person = await office.person(Role.OPERATOR, name="鈴木")
    return (person, await office.browser(Role.ADMINISTRATOR, name="田中"),
            await office.browser(Role.PROMOTION_OFFICE, name="高橋"))


async def _ask(browser: Browser, person: Staff, reason: str = "authenticator") -> int:
    return (await browser.post(f"/staff/{person.id}/recover", {"reason": reason})).status_code


async def test_one_asks_another_agrees_and_both_are_in_the_audit(office: Office) -> None:
    person, first, second = await _people(office)
    theirs = await office.browser(person)
    assert await _ask(first, person) == 303
    assert (await _row(office, person)).password_hash != NO_PASSWORD, "asking alone changes nothing"
    page = await second.get("/recoveries")
    assert "鈴木 認証アプリを使えなくなった 田中" in text_of(page.text)
    page = await second.post("/recoveries/1/agree")
    link = re.search(r"/login/link/([\w-]+)", page.text)
    assert link is not None
    row = await _row(office, person)
    assert (row.password_hash, row.totp_sealed, row.totp_last_step) == (NO_PASSWORD, None, 0)
    assert (await theirs.get("/account")).status_code == 303, "their old session still worked"
    stranger = office.stranger()
    await stranger.get(f"/login/link/{link[1]}")
    assert (await stranger.post(f"/login/link/{link[1]}")).status_code == 303
    assert first.who is not None
    assert second.who is not None
    async with office.parts.database.reading() as session:
        found = [(entry.tag, entry.staff_id, entry.subject, entry.detail.get("asked_by"))
                 for entry in await session.scalars(select(AuditEntry).where(AuditEntry.tag.like("%recovery%")))]
    assert found == [
        ("staff:recovery:ask", first.who.id, f"staff:{person.id}", None),
        ("staff:recovery:agree", second.who.id, f"staff:{person.id}", first.who.id),
    ]


async def test_nobody_can_be_both_people_or_decide_on_their_own_account(office: Office) -> None:
    person, first, second = await _people(office)
    assert first.who is not None
    assert await _ask(first, person) == 303
    assert (await first.post("/recoveries/1/agree")).status_code == 409
    assert "/recoveries/1/agree" not in (await first.get("/recoveries")).text
    assert await _ask(first, first.who) == 409
    assert second.who is not None
    assert await _ask(first, second.who) == 303
    assert (await second.post("/recoveries/2/agree")).status_code == 409
    for each in (person, second.who):
        assert (await _row(office, each)).password_hash != NO_PASSWORD
    async with office.parts.database.reading() as session:
        assert list(await session.scalars(select(LoginLink))) == []


async def test_a_link_for_an_account_in_use_takes_the_second_person(office: Office) -> None:
    person, first, _second = await _people(office)
    assert (await first.post(f"/staff/{person.id}/link")).status_code == 409
    assert (await _row(office, person)).password_hash != NO_PASSWORD
    newcomer = await office.person(password_hash=NO_PASSWORD)
    assert (await first.post(f"/staff/{newcomer.id}/link")).status_code == 200
    assert await _ask(first, newcomer) == 409


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR, Role.PROMOTION_OFFICE}))
async def test_other_roles_see_and_decide_nothing(office: Office, role: Role) -> None:
    person, first, _second = await _people(office)
    await _ask(first, person)
    other = await office.browser(role)
    assert (await other.get("/recoveries")).status_code == 403
    for deed in ("agree", "refuse"):
        assert (await other.post(f"/recoveries/1/{deed}")).status_code == 403
    assert await _ask(other, person) == 403


async def test_a_decision_is_made_once_and_not_after_a_day(office: Office, clock: Clock) -> None:
    person, first, second = await _people(office)
    third = await office.browser(Role.ADMINISTRATOR)
    await _ask(first, person)
    assert await _ask(third, person) == 409, "it was asked for already"
    answers = await asyncio.gather(*(each.post("/recoveries/1/agree") for each in (second, third)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    other = await office.person(Role.OPERATOR)
    await _ask(first, other)
    clock.advance(hours=25)
    async with office.parts.database.transaction() as session:
        for row in await session.scalars(select(StaffSession)):
            row.expires_at, row.seen_at = clock() + timedelta(hours=8), clock()
    assert (await second.post("/recoveries/2/agree")).status_code == 409
    assert (await _row(office, other)).password_hash != NO_PASSWORD
    assert await _ask(first, other) == 303, "it can be asked for again"


async def test_a_refused_recovery_changes_nothing(office: Office) -> None:
    person, first, second = await _people(office)
    await _ask(first, person)
    assert (await second.post("/recoveries/1/refuse")).status_code == 303
    assert (await second.post("/recoveries/1/agree")).status_code == 409
    assert (await _row(office, person)).password_hash != NO_PASSWORD
    async with office.parts.database.reading() as session:
        recovery = await session.get_one(Recovery, 1)
    assert recovery.is_agreed is False


async def test_a_disabled_account_is_not_recovered(office: Office, clock: Clock) -> None:
    person, first, second = await _people(office)
    await _ask(first, person)
    async with office.parts.database.transaction() as session:
        (await session.get_one(Staff, person.id)).disabled_at = clock()
    assert (await second.post("/recoveries/1/agree")).status_code == 409
    async with office.parts.database.reading() as session:
        assert (await session.get_one(Recovery, 1)).decided_at is None


@pytest.mark.parametrize("reason", ["", "because", "<b>"])
async def test_a_reason_is_one_of_the_list(office: Office, reason: str) -> None:
    person, first, _second = await _people(office)
    assert await _ask(first, person, reason) == 409
