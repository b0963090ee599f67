"""Tickets: one winner of a claim, words sealed, edits kept beside what was read."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from storage import chats, tickets
from storage.database import Database
from storage.models import Chat, TicketStatus
from storage.sealing import Sealer
from tests.conftest import A_MONDAY
from tests.factories import make_chat, make_staff, make_ticket


async def test_of_twenty_claims_at_once_one_wins(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as session:
        ticket = await make_ticket(session, sealer=sealer)
        officers = [await make_staff(session) for _ in range(20)]

    async def try_to_claim(officer_id: int) -> bool:
        async with database.transaction() as session:
            return await tickets.claim(session, ticket.id, officer_id, now=A_MONDAY)

    won = await asyncio.gather(*(try_to_claim(officer.id) for officer in officers))
    assert sum(won) == 1
    async with database.reading() as session:
        found = await tickets.get(session, ticket.id)
        assert found is not None
        assert found.claimed_by_id == officers[won.index(True)].id


async def test_an_edit_is_added_beside_what_was_read(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as session:
        ticket = await make_ticket(session, sealer=sealer, body="first")
        assert await tickets.revise(session, ticket, 1, "second", ring=sealer, now=A_MONDAY) is not None
        assert await tickets.revise(session, ticket, 99, "of another", ring=sealer, now=A_MONDAY) is None
    async with database.reading() as session:
        [message] = await tickets.messages(session, ticket, ring=sealer)
    assert [body for _at, body in message.revisions] == ["first", "second"]
    assert message.body == "second"


async def test_a_dump_of_the_database_holds_no_word_and_no_telegram_id(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as session:
        chat = await make_chat(session, sealer=sealer, address=8412345678)
        await make_ticket(session, sealer=sealer, chat=chat, body="Chồng tôi giấu hộ chiếu")
    dump: list[bytes] = []
    async with database.reading() as session:
        for table in Chat.metadata.sorted_tables:
            for row in await session.execute(text(f'SELECT * FROM "{table.name}"')):
                dump += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    whole = b"\n".join(dump)
    assert b"8412345678" not in whole
    for word in ("Chồng", "giấu", "hộ chiếu"):
        assert word.encode() not in whole


async def test_a_chat_has_one_current_ticket(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as session:
        chat = await make_chat(session, sealer=sealer)
        await make_ticket(session, sealer=sealer, chat=chat, status=TicketStatus.CLOSED)
        await make_ticket(session, sealer=sealer, chat=chat)
    with pytest.raises(IntegrityError):
        async with database.transaction() as session:
            await make_ticket(session, sealer=sealer, chat=await session.get_one(Chat, chat.id))


async def test_a_chat_is_found_by_its_telegram_id_and_shown_by_a_pseudonym(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as session:
        chat = await make_chat(session, sealer=sealer, address=77)
        same, is_new = await chats.get_or_create(session, 77, sealer=sealer, locale="en", now=A_MONDAY)
        assert (same.id, is_new) == (chat.id, False)
        assert chats.address_of(chat, sealer) == 77
        assert "77" not in chat.pseudonym
        assert len(list(await session.scalars(select(Chat)))) == 1
