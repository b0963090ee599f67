"""What a page shows by itself in a real Chromium when something changes, and what stays as it was."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

from storage import audit, tickets
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import Author, Role, Staff, Ticket
from tests.console.site import Site, a_person
from tests.factories import make_section, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


async def test_a_new_message_appears_while_the_draft_focus_and_scroll_stay(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=site.parts.sealer, claimed_by=await session.get(Staff, person.id))
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/tickets/{ticket.id}")
    draft = page.locator("#reply")
    await draft.click()
    await page.keyboard.type("Half a dra")
    await asyncio.sleep(1.5)  # until the watcher has had its first look
    async with site.parts.database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        await tickets.add_message(session, row, Author.RESIDENT, "Tôi tìm thấy rồi", ring=site.parts.sealer,
                                  now=site.clock(), locale="vi", telegram_message_id=5)
    await expect(page.get_by_text("Tôi tìm thấy rồi")).to_be_visible()
    await page.keyboard.type("ft")
    await expect(draft).to_be_focused()
    assert await draft.input_value() == "Half a draft"
    await expect(page.locator("#newer")).to_be_visible()
    await page.get_by_role("button", name="返信を送る").click()
    await expect(page.get_by_role("alert").first).to_contain_text("新しいメッセージが届きました")
    assert await page.locator("#reply").input_value() == "Half a draft"
    await page.get_by_role("button", name="返信を送る").click()
    await page.wait_for_url("**done=reply")


async def test_the_queue_shows_what_a_colleague_takes_and_keeps_the_focus(site: Site) -> None:
    person, colleague = await a_person(site, Role.OPERATOR), await a_person(site, Role.OPERATOR, name="佐々木")
    async with site.parts.database.transaction() as session:
        first = await make_ticket(session, sealer=site.parts.sealer)
        await make_ticket(session, sealer=site.parts.sealer)
    page, other = await site.signed_in(person), await site.signed_in(colleague)
    await page.goto(f"{site.url}/queue")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    focused = await page.evaluate("document.activeElement.id")
    await asyncio.sleep(1.5)
    await other.goto(f"{site.url}/tickets/{first.id}")
    await other.keyboard.press("c")
    await expect(page.get_by_role("cell", name="佐々木")).to_be_visible()
    assert await page.evaluate("document.activeElement.id") == focused


async def test_what_an_officer_sends_is_not_broken_off_by_its_own_change(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=site.parts.sealer)
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/tickets/{ticket.id}")
    await asyncio.sleep(1.5)  # until the watcher has had its first look

    async def late(route: Route) -> None:
        answer = await route.fetch(max_redirects=0)
        await asyncio.sleep(3)  # the change is told in the meantime
        await route.fulfill(response=answer)

    await page.route("**/claim", late)
    await page.keyboard.press("c")
    await page.wait_for_url("**done=claim")


async def test_when_the_session_ends_an_open_page_says_so(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        await make_ticket(session, sealer=site.parts.sealer)
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/queue")
    await asyncio.sleep(1.5)
    async with site.parts.database.transaction() as session:
        await staff_rows.close_sessions_of(session, person.id)
        await make_ticket(session, sealer=site.parts.sealer)
    await expect(page.locator("#ended")).to_be_visible()


async def test_what_was_passed_on_leaves_the_screen_and_what_was_typed_stays(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=site.parts.sealer, body="Chồng tôi đánh tôi", claimed_by=person)
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/tickets/{ticket.id}")
    await expect(page.get_by_text("Chồng tôi đánh tôi")).to_be_visible()
    await page.locator("#reply").fill("Bạn có an toàn không?")
    await asyncio.sleep(1.5)
    async with site.parts.database.transaction() as session:
        await make_section(session, "kotsu_kikaku")
        await session.flush()
        (await session.get_one(Ticket, ticket.id)).section_id = "kotsu_kikaku"
        audit.record(session, AuditTag.STAFF_TICKET_ACCEPT, f"ticket:{ticket.id}", now=site.parts.clock())
    await expect(page.locator("#gone")).to_be_visible()
    await expect(page.get_by_text("Chồng tôi đánh tôi")).to_have_count(0)
    assert await page.locator("#reply").input_value() == "Bạn có an toàn không?"
