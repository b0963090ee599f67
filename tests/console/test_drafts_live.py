"""The list of drafts and approvals is kept up to date while it is open: told when, and to whom; and in a browser."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from bot import consultation
from bot.console import live
from bot.translation import drafts
from storage.models import Role, Staff, Ticket
from tests.conftest import Clock
from tests.console.conftest import Office, text_of
from tests.console.site import Site, a_person
from tests.console.test_interpreting import an_interpreter, asked_to_write
from tests.console.test_second_person import REPLY, a_waiting_reply
from tests.factories import make_ticket


async def test_the_list_is_told_of_what_moves_it_and_of_nothing_else(office: Office, clock: Clock) -> None:
    author, second = await office.browser(), await office.browser()
    page = (await second.get("/translations")).text
    assert 'data-on="drafts"' in page
    assert 'id="live"' in page
    watcher = live.Watcher()

    async def is_told() -> bool:
        async with office.parts.database.reading() as session:
            return live.DRAFTS in await watcher.look(session, {live.DRAFTS}, now=clock())

    assert not await is_told()
    ticket, address = await a_waiting_reply(office, author)
    assert await is_told()
    fragment = (await second.get("/translations", **{"X-Koban-Live": "1"})).text
    assert f'href="{address}"' in fragment
    assert "承認できます" in text_of(fragment)
    assert "<html" not in fragment
    assert "<h1" not in fragment
    await author.post(f"/tickets/{ticket.id}/note", {"body": "x"})
    assert not await is_told(), "a note moves nothing in this list"
    await second.post(f"{address}/approve", {"last_seen": 2})
    assert await is_told()
    assert address not in (await second.get("/translations", **{"X-Koban-Live": "1"})).text


async def test_what_interpreters_do_and_the_end_of_a_consultation_are_told(office: Office, clock: Clock) -> None:
    interpreter, officer = await an_interpreter(office), await office.browser()
    ticket, address = await asked_to_write(office, officer)
    watcher = live.Watcher()

    async def is_told() -> bool:
        async with office.parts.database.reading() as session:
            return live.DRAFTS in await watcher.look(session, {live.DRAFTS}, now=clock())

    assert not await is_told()
    await interpreter.post(f"{address}/claim")
    assert await is_told()
    async with office.parts.database.transaction() as session:
        await consultation.withdraw(session, await session.get_one(Ticket, ticket.id), now=clock())
    assert await is_told()


async def test_only_those_who_see_consultations_hear_of_it(office: Office) -> None:
    for role in (Role.APPROVER, Role.PUBLISHER):
        assert (await (await office.browser(role)).get("/live?on=drafts")).status_code == 404, role


@pytest.mark.browser
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_reply_that_waits_comes_into_the_open_list_by_itself(site: Site) -> None:
    author, second = await a_person(site, Role.OPERATOR), await a_person(site, Role.OPERATOR)
    page = await site.signed_in(second)
    async with page.expect_request("**/live?on=drafts"):
        await page.goto(f"{site.url}/translations")
    await expect(page.get_by_text("該当するものはありません。")).to_be_visible()
    await page.wait_for_timeout(1500)  # until the watcher has had its first look
    async with site.parts.database.transaction() as session:
        officer = await session.get_one(Staff, author.id)
        ticket = await make_ticket(session, sealer=site.parts.sealer, claimed_by=officer, topic="stalking")
        await session.flush()
        row = await drafts.propose_own(session, ticket, officer, REPLY, locale="vi", last_seen=ticket.n_messages,
                                       sealer=site.parts.sealer, now=site.clock())
    await expect(page.locator(f"#row-{row.id}")).to_be_visible()
    await expect(page.get_by_text("承認できます")).to_be_visible()
    await page.locator(f"#row-{row.id}").focus()
    async with site.parts.database.transaction() as session:
        await drafts.discard(session, await session.get_one(Ticket, ticket.id),
                             await session.get_one(type(row), row.id), await session.get_one(Staff, author.id),
                             now=site.clock())
    await expect(page.get_by_text("該当するものはありません。")).to_be_visible()
