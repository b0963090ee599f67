"""Merging consultations of one chat, and parting them again."""

from __future__ import annotations

import pytest

from storage.models import Chat, Ticket, TicketStatus
from tests.console.conftest import Browser, Office, text_of
from tests.console.consultations import a_ticket, now_in_database
from tests.factories import make_chat, make_ticket

OLD, NEW = "Họ lấy hộ chiếu của tôi", "Chuyện hộ chiếu lần trước"


async def old_and_new(office: Office, browser: Browser, **changes: object) -> tuple[Ticket, Ticket]:
    async with office.parts.database.transaction() as session:
        chat = await make_chat(session, sealer=office.parts.sealer)
        values: dict[str, object] = {"status": TicketStatus.CLOSED, "body": OLD} | changes
        old = await make_ticket(session, sealer=office.parts.sealer, chat=chat, **values)  # type: ignore[arg-type]
        old.outcome = "advised"
    async with office.parts.database.transaction() as session:
        new = await make_ticket(session, sealer=office.parts.sealer, chat=await session.get(Chat, chat.id), body=NEW)
        new.claimed_by_id = browser.who.id  # type: ignore[union-attr]
    return old, new


async def test_a_closed_one_goes_on_in_the_open_one_and_back(office: Office) -> None:
    browser = await office.browser()
    old, new = await old_and_new(office, browser)
    assert OLD not in (await browser.get(f"/tickets/{new.id}")).text
    merged = await browser.post(f"/tickets/{new.id}/merge", {"source": old.id, "reason": "同じ件"})
    assert merged.status_code == 303
    page = (await browser.get(f"/tickets/{new.id}")).text
    assert OLD in page
    assert "同じ件" in page
    row = await now_in_database(office, old)
    assert (row.outcome, row.merged_into_id, row.status) == ("duplicate", new.id, "closed")
    page = (await browser.get(f"/tickets/{old.id}")).text
    assert new.receipt in page
    assert (await browser.post(f"/tickets/{old.id}/reopen")).status_code == 409
    undone = await browser.post(f"/tickets/{old.id}/unmerge", {"source": old.id, "target": new.id})
    assert undone.status_code == 303
    assert OLD not in (await browser.get(f"/tickets/{new.id}")).text
    row = await now_in_database(office, old)
    assert (row.outcome, row.merged_into_id) == ("advised", None)
    history = text_of((await browser.get(f"/tickets/{new.id}")).text)
    assert "相談の統合" in history
    assert "相談の統合の取消し" in history
    again = await browser.post(f"/tickets/{new.id}/merge", {"source": old.id, "reason": "同じ件"})
    assert again.status_code == 303


async def test_a_chain_is_shown_whole(office: Office) -> None:
    browser = await office.browser()
    old, new = await old_and_new(office, browser)
    await browser.post(f"/tickets/{new.id}/merge", {"source": old.id, "reason": "同じ件"})
    await browser.post(f"/tickets/{new.id}/close", {"outcome": "advised", "last_seen": 1})
    async with office.parts.database.transaction() as session:
        chat = await session.get(Chat, new.chat_id)
        newest = await make_ticket(session, sealer=office.parts.sealer, chat=chat, body="Lần ba")
        newest.claimed_by_id = browser.who.id  # type: ignore[union-attr]
    await browser.post(f"/tickets/{newest.id}/merge", {"source": new.id, "reason": "続き"})
    page = (await browser.get(f"/tickets/{newest.id}")).text
    assert OLD in page
    assert NEW in page


@pytest.mark.parametrize("reason", ["", "  "])
async def test_a_merge_needs_a_reason(office: Office, reason: str) -> None:
    browser = await office.browser()
    old, new = await old_and_new(office, browser)
    answer = await browser.post(f"/tickets/{new.id}/merge", {"source": old.id, "reason": reason})
    assert answer.status_code == 409
    assert (await now_in_database(office, old)).merged_into_id is None


async def test_another_chats_an_open_one_itself_and_a_withdrawn_one_are_not_merged(office: Office) -> None:
    browser = await office.browser()
    _old, new = await old_and_new(office, browser)
    foreign = await a_ticket(office, status=TicketStatus.CLOSED)
    withdrawn, other = await old_and_new(office, browser, status=TicketStatus.WITHDRAWN)
    for target, source in ((new, foreign.id), (new, new.id), (other, withdrawn.id), (new, 999), (new, "x")):
        answer = await browser.post(f"/tickets/{target.id}/merge", {"source": source, "reason": "x"})
        assert answer.status_code == 409, source


async def test_what_the_reader_may_not_see_is_neither_shown_nor_merged(office: Office) -> None:
    browser = await office.browser()
    old, new = await old_and_new(office, browser, section="jinshin")
    page = (await browser.get(f"/tickets/{new.id}")).text
    assert old.receipt not in page
    answer = await browser.post(f"/tickets/{new.id}/merge", {"source": old.id, "reason": "x"})
    assert answer.status_code == 409
    assert (await now_in_database(office, old)).merged_into_id is None


async def test_only_the_holder_merges(office: Office) -> None:
    browser, other = await office.browser(), await office.browser()
    old, new = await old_and_new(office, browser)
    assert (await other.post(f"/tickets/{new.id}/merge", {"source": old.id, "reason": "x"})).status_code == 409
    await browser.post(f"/tickets/{new.id}/merge", {"source": old.id, "reason": "x"})
    undone = await other.post(f"/tickets/{new.id}/unmerge", {"source": old.id, "target": new.id})
    assert undone.status_code == 409
