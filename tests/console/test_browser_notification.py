"""Desktop notifications in a real Chromium: asked for, only for a hidden page, and without a word of what is new."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from bot import transfers
from storage import tickets
from storage.models import Author, Role, Staff, Ticket
from tests.console.site import Site, a_person
from tests.factories import make_staff, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

# Before the page's own scripts: writes down what would be shown, and lets the test hide the page.
RECORDER = """
const Real = window.Notification;
window.shown = [];
window.asked = 0;
window.Notification = class extends EventTarget {
  static get permission() { return Real.permission; }
  static async requestPermission() { window.asked += 1; return Real.permission; }
  constructor(title, options) { super(); window.shown.push({title, ...options}); window.newest = this; }
  close() { window.wasClosed = true; }
};
window.focus = () => { window.wasFocused = true; };
window.isAway = false;
Object.defineProperty(document, "hidden", { get: () => window.isAway });
"""
USE, STOP = "デスクトップ通知を使う", "デスクトップ通知をやめる"


async def a_page(site: Site, person: Staff, *, is_allowed: bool = True, path: str = "/queue") -> Page:
    page = await site.signed_in(person)
    if is_allowed:
        await page.context.grant_permissions(["notifications"], origin=site.url)
    await page.add_init_script(RECORDER)
    await page.goto(f"{site.url}{path}")
    return page


async def look_away(page: Page, *, is_away: bool = True) -> None:
    await page.evaluate("is => { window.isAway = is; document.dispatchEvent(new Event('visibilitychange')); }", is_away)
    await asyncio.sleep(1.5)  # until the watcher has had its first look


async def write(site: Site, ticket_id: int, number: int) -> None:
    """A message of the resident."""
    async with site.parts.database.transaction() as session:
        row = await session.get(Ticket, ticket_id)
        assert row is not None
        await tickets.add_message(session, row, Author.RESIDENT, "Tôi tìm thấy rồi", ring=site.parts.sealer,
                                  now=site.clock(), locale="vi", telegram_message_id=number)


async def a_ticket_of(site: Site, person: Staff | None) -> Ticket:
    async with site.parts.database.transaction() as session:
        holder = await session.get(Staff, person.id) if person else None
        return await make_ticket(session, sealer=site.parts.sealer, claimed_by=holder)


async def shown(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate("window.shown")
    return found


async def one_is_shown(page: Page) -> None:
    """Wait for it. Playwright's own waiting for a condition is what the page's policy forbids."""
    async with asyncio.timeout(10):
        while not await shown(page):  # noqa: ASYNC110 - the page has no event for it
            await asyncio.sleep(0.05)


async def test_a_hidden_page_says_that_there_is_something_new_and_no_more(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    ticket = await a_ticket_of(site, person)
    page = await a_page(site, person)
    assert await page.evaluate("window.asked") == 0, "the page asks for nothing by itself"
    await page.get_by_role("button", name=USE).click()
    await expect(page.get_by_role("button", name=STOP)).to_be_focused()
    assert await page.evaluate("window.asked") == 1
    await write(site, ticket.id, 5)
    await asyncio.sleep(1.5)
    assert await shown(page) == [], "whoever looks at the page sees it there"
    await look_away(page)
    await write(site, ticket.id, 6)
    await one_is_shown(page)
    assert await shown(page) == [{"title": "Koban：新しい動きがあります", "tag": "koban"}]
    await page.evaluate("window.newest.dispatchEvent(new Event('click'))")
    assert await page.evaluate("window.wasFocused && window.wasClosed")
    await look_away(page, is_away=False)
    await write(site, ticket.id, 7)
    await asyncio.sleep(1.5)
    assert len(await shown(page)) == 1


async def test_it_stays_on_for_the_device_and_is_turned_off_on_the_account_page(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    ticket = await a_ticket_of(site, person)
    page = await a_page(site, person)
    await page.get_by_role("button", name=USE).click()
    await page.goto(f"{site.url}/account")
    await look_away(page)
    await write(site, ticket.id, 5)
    await one_is_shown(page)
    await look_away(page, is_away=False)
    await page.get_by_role("button", name=STOP).click()
    await expect(page.get_by_role("button", name=USE)).to_be_focused()
    await look_away(page)
    await write(site, ticket.id, 6)
    await asyncio.sleep(2)
    assert len(await shown(page)) == 1


async def test_without_permission_or_without_being_asked_nothing_is_shown(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    ticket = await a_ticket_of(site, person)
    refused, unasked = await a_page(site, person, is_allowed=False), await a_page(site, person)
    await refused.get_by_role("button", name=USE).click()
    await expect(refused.get_by_role("button", name=USE)).to_be_visible()
    # Even where the device remembers that it was on.
    await refused.evaluate("localStorage.setItem('koban-notify', '1')")
    for page in (refused, unasked):
        await look_away(page)
    await write(site, ticket.id, 5)
    await asyncio.sleep(2)
    assert (await shown(refused), await shown(unasked)) == ([], [])


async def test_of_two_hidden_pages_one_tells_and_the_other_takes_over(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    ticket = await a_ticket_of(site, person)
    first = await a_page(site, person)
    await first.get_by_role("button", name=USE).click()
    second = await first.context.new_page()
    await second.add_init_script(RECORDER)
    await second.goto(f"{site.url}/account")
    await look_away(first)
    await look_away(second)
    await write(site, ticket.id, 5)
    await one_is_shown(first)
    assert (len(await shown(first)), len(await shown(second))) == (1, 0)
    await first.close()
    await asyncio.sleep(1.5)
    await write(site, ticket.id, 6)
    await one_is_shown(second)


async def test_a_transfer_to_them_is_told_and_what_passes_elsewhere_is_not(site: Site) -> None:
    sender, receiver = await a_person(site, Role.OPERATOR), await a_person(site, Role.OPERATOR, section="jinshin")
    ticket = await a_ticket_of(site, sender)
    page = await a_page(site, receiver)
    await page.get_by_role("button", name=USE).click()
    await look_away(page)
    await write(site, ticket.id, 5)
    await asyncio.sleep(2)
    assert await shown(page) == []
    async with site.parts.database.transaction() as session:
        row, officer = await session.get(Ticket, ticket.id), await session.get(Staff, sender.id)
        assert row is not None
        assert officer is not None
        await make_staff(session, section="jinshin", password_hash="$x")
        await transfers.ask(session, row, officer, transfers.Target(section_id="jinshin"), "夜間のみ連絡可",
                            sealer=site.parts.sealer, now=site.clock())
    await one_is_shown(page)
    assert [each["title"] for each in await shown(page)] == ["Koban：新しい動きがあります"]


async def test_a_browser_without_notifications_has_no_switch(site: Site) -> None:
    page = await site.signed_in(await a_person(site, Role.OPERATOR))
    await page.add_init_script("delete window.Notification")
    await page.goto(f"{site.url}/queue")
    await expect(page.locator("[data-notify]")).to_have_count(1)
    await expect(page.locator("[data-notify]")).not_to_be_visible()
