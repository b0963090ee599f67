"""Erasure: what goes, whatever else happens at that moment."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from bot import outbox
from bot.outgoing import plain
from storage import erasures, tickets
from storage.database import Database
from storage.models import Author, Chat, Delivery, Lane, Message, Ticket
from storage.sealing import Sealer
from tests.conftest import A_MONDAY
from tests.factories import make_staff, make_ticket


async def test_a_reply_sent_while_the_erasure_was_on_its_way_goes_too(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as session:
        officer = await make_staff(session)
        ticket = await make_ticket(session, sealer=sealer, claimed_by=officer)
        chat = await session.get_one(Chat, ticket.chat_id)
        late = A_MONDAY + timedelta(seconds=2)
        message = await tickets.add_message(
            session, ticket, Author.STAFF, "Đã nhận hộ chiếu", ring=sealer, now=late, staff_id=officer.id
        )
        await outbox.queue(session, chat, plain("Đã nhận hộ chiếu"), lane=Lane.ANSWER, sealer=sealer, now=late,
                           message_id=message.id)
    async with database.transaction() as session:
        chat = (await session.scalars(select(Chat))).one()
        # The press of the button was read a moment before the officer pressed theirs.
        amount = await erasures.erase(session, chat, now=A_MONDAY + timedelta(seconds=1), keep_update_id=0)
    assert (amount.n_tickets, amount.n_messages) == (1, 2)
    async with database.reading() as session:
        for table in (Ticket, Message, Delivery):
            assert await session.scalar(select(table)) is None, table
