"""Files and safe contact in the console: nothing opens by itself, each opening is recorded, staff see what to mind."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from sqlalchemy import delete, func, select, update

from bot import attachments
from bot.console.routes.files import SANDBOX
from bot.i18n import TOKYO
from bot.incoming import Incoming, Kind
from bot.safety import SafeTimes
from bot.simulator import files
from storage import tickets
from storage.models import (
    Attachment,
    AttachmentContent,
    AuditEntry,
    Author,
    Chat,
    Message,
    Role,
    Staff,
    Ticket,
    TicketStatus,
)
from tests.conftest import Clock
from tests.console.conftest import Office, text_of
from tests.factories import make_chat, make_ticket

PNG = files.sample_png(12, 9)
HOSTILE = b"%PDF-1.7 <script>alert(1)</script>"


async def a_ticket(
    office: Office, *contents: bytes, holder: Staff | None = None, safe: SafeTimes | None = None
) -> Ticket:
    """A consultation with files that were fetched."""
    parts = office.parts
    async with parts.database.transaction() as session:
        chat = await make_chat(session, sealer=parts.sealer)
        if safe is not None:
            chat.safe_contact, chat.safe_hours, chat.safe_days = True, safe.hours, safe.days
        claimed_by = await session.get(Staff, holder.id) if holder else None
        ticket = await make_ticket(session, sealer=parts.sealer, chat=chat, claimed_by=claimed_by)
        for content in contents:
            message = await tickets.add_message(session, ticket, Author.RESIDENT, "", ring=parts.sealer,
                                                now=parts.clock(), locale="vi")
            row = await attachments.add(session, ticket, message, Incoming(1, 1, Kind.PHOTO, 3, file_id="F"),
                                        sealer=parts.sealer, now=parts.clock())
            await attachments.keep(session, row.id, content, sealer=parts.sealer, now=parts.clock())
    return ticket


async def openings(office: Office) -> list[dict[str, object]]:
    async with office.parts.database.reading() as session:
        return list(await session.scalars(select(AuditEntry.detail).where(AuditEntry.tag == "staff:file:open")))


async def test_a_page_says_that_deletions_are_not_reported(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office)
    assert "Telegramからは知らされません" in (await browser.get(f"/tickets/{ticket.id}")).text


async def test_a_page_shows_what_a_file_is_and_nothing_of_it(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, PNG, HOSTILE, b"MZ a program")
    page = (await browser.get(f"/tickets/{ticket.id}")).text
    assert "image/png" in page
    assert re.search(r"[0-9a-f]{64}", page)
    assert "この種類のファイルは受け付けていません" in page
    assert not re.search(r"<(img|video|audio|iframe|object|embed)", page)
    assert await openings(office) == []


async def test_a_picture_is_looked_at_in_a_sandbox_and_each_opening_is_recorded(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, PNG)
    await browser.get(f"/tickets/{ticket.id}")
    answer = await browser.post(f"/tickets/{ticket.id}/files/1/view")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-security-policy"] == SANDBOX
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    saved = await browser.post(f"/tickets/{ticket.id}/files/1")
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"] == f'attachment; filename="{ticket.receipt}-1.png"'
    assert await openings(office) == [{"file": 1, "way": "view"}, {"file": 1, "way": "download"}]


async def test_only_a_picture_is_ever_shown(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, HOSTILE)
    await browser.get(f"/tickets/{ticket.id}")
    assert (await browser.post(f"/tickets/{ticket.id}/files/1/view")).status_code == 404
    assert await openings(office) == []
    assert (await browser.post(f"/tickets/{ticket.id}/files/1")).headers["content-disposition"].startswith("attachment")


async def test_a_link_or_another_page_opens_nothing(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, PNG)
    await browser.get(f"/tickets/{ticket.id}")
    assert (await browser.get(f"/tickets/{ticket.id}/files/1/view")).status_code == 405
    assert (await browser.post(f"/tickets/{ticket.id}/files/1/view", csrf="x" * 43)).status_code == 403
    assert await openings(office) == []


@pytest.mark.parametrize("number", ["0", "2", "99999999999999999999"])
async def test_a_file_that_is_not_there_is_not_found(office: Office, number: str) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, PNG)
    await browser.get(f"/tickets/{ticket.id}")
    assert (await browser.post(f"/tickets/{ticket.id}/files/{number}")).status_code == 404


async def test_another_section_does_not_get_it_nor_anybody_after_it_was_taken_back(office: Office) -> None:
    ticket = await a_ticket(office, PNG)
    stranger = await office.browser(Role.OPERATOR, section="kotsu_kikaku")
    await stranger.get("/queue")
    assert (await stranger.post(f"/tickets/{ticket.id}/files/1")).status_code == 404
    browser = await office.browser()
    await browser.get(f"/tickets/{ticket.id}")
    async with office.parts.database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        row.status = TicketStatus.WITHDRAWN
    assert (await browser.post(f"/tickets/{ticket.id}/files/1")).status_code == 404
    assert "SHA-256" not in (await browser.get(f"/tickets/{ticket.id}")).text


async def test_files_go_with_their_ticket(office: Office) -> None:
    ticket = await a_ticket(office, PNG, PNG)
    async with office.parts.database.transaction() as session:
        await session.execute(delete(Message).where(Message.ticket_id == ticket.id))
        await session.execute(delete(Ticket).where(Ticket.id == ticket.id))
    async with office.parts.database.reading() as session:
        for table in (Attachment, AttachmentContent):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


# ---- safe contact


async def test_staff_see_the_mode_the_hours_and_when_a_reply_would_go(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, holder=browser.who, safe=SafeTimes(0b111 << 12, "work"))
    words = text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    assert "安全連絡モード" in words
    assert "12:00–15:00" in words
    assert "2026/11/30(月) 12:00" in words


async def test_a_reply_that_waits_says_when_it_goes(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, holder=browser.who, safe=SafeTimes(0b111 << 12))
    await browser.get(f"/tickets/{ticket.id}")
    answer = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "今 安全ですか。", "last_seen": 1})
    assert answer.headers["location"].endswith("done=reply-waits")
    words = text_of((await browser.get(f"/tickets/{ticket.id}?done=reply-waits")).text)
    assert "安全な時間まで待っています" in words
    clock.now = datetime(2026, 11, 30, 12, 5, tzinfo=TOKYO)
    await browser.get("/queue")
    words = text_of((await browser.get(f"/tickets/{ticket.id}")).text)
    assert "安全な時間まで待っています" not in words


async def test_within_the_safe_hours_and_without_the_mode_nothing_waits(office: Office) -> None:
    browser = await office.browser()
    for safe in (None, SafeTimes(0b111 << 9)):
        ticket = await a_ticket(office, holder=browser.who, safe=safe)
        page = text_of((await browser.get(f"/tickets/{ticket.id}")).text)
        assert ("安全連絡モード" in page) == (safe is not None)
        answer = await browser.post(f"/tickets/{ticket.id}/reply", {"body": "はい。", "last_seen": 1})
        assert answer.headers["location"].endswith("done=reply")


async def test_the_chat_itself_is_not_shown(office: Office) -> None:
    browser = await office.browser()
    ticket = await a_ticket(office, PNG, safe=SafeTimes())
    async with office.parts.database.reading() as session:
        chat = await session.get(Chat, ticket.chat_id)
    assert chat is not None
    assert chat.address_lookup not in (await browser.get(f"/tickets/{ticket.id}")).text


async def test_a_file_of_a_merged_consultation_opens_from_where_it_goes_on(office: Office) -> None:
    browser = await office.browser()
    assert browser.who is not None
    old = await a_ticket(office, PNG)
    async with office.parts.database.transaction() as session:
        await session.execute(update(Ticket).values(status=TicketStatus.CLOSED))
        chat = await session.get(Chat, old.chat_id)
        new = await make_ticket(session, sealer=office.parts.sealer, chat=chat)
        new.claimed_by_id = browser.who.id
    assert f"/tickets/{old.id}/files/1" not in (await browser.get(f"/tickets/{new.id}")).text
    await browser.post(f"/tickets/{new.id}/merge", {"source": old.id, "reason": "同じ件"})
    page = (await browser.get(f"/tickets/{new.id}")).text
    assert f'action="/tickets/{old.id}/files/1/view"' in page
    assert f"/tickets/{new.id}/files/" not in page
    assert (await browser.post(f"/tickets/{old.id}/files/1/view")).content == PNG
