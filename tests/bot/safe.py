"""Consultations in safe contact, and replies of staff in them."""

from __future__ import annotations

from sqlalchemy import select

from bot import consultation
from bot.conversation import Parts
from storage.database import Database
from storage.models import Chat, Staff, Ticket
from tests.bot.conftest import Talk
from tests.conftest import Clock
from tests.factories import make_staff

SECRET = "Đừng về nhà. Hãy gọi chúng tôi."


async def in_safe_contact(someone: Talk, *, slots: tuple[int, ...] = (2,), topic: str = "stalking") -> None:
    """A consultation in safe contact; without anything else said, messages are safe from 12 to 15."""
    await someone.tap(f"staff:{topic}")
    await someone.tap("t:agree")
    await someone.tap("sc:on")
    for slot in slots:
        await someone.tap(f"sc:h:{slot}")
    await someone.tap("sc:done")
    await someone.say("Anh ấy đi theo tôi mỗi ngày.")
    await someone.tap("m:99201")


async def staff_reply(database: Database, parts: Parts, clock: Clock, body: str = SECRET) -> int:
    """A reply as the console makes it; returns the id of its message."""
    async with database.transaction() as session:
        ticket = await session.scalar(select(Ticket).order_by(Ticket.id.desc()))
        assert ticket is not None
        officer = await session.scalar(select(Staff)) or await make_staff(session, section=ticket.section_id)
        await consultation.claim(session, ticket, officer, now=clock())
        chat = await session.get(Chat, ticket.chat_id)
        assert chat is not None
        message = await consultation.reply(
            session, ticket, chat, officer, body, last_seen=ticket.n_messages,
            deployment=parts.deployment, strings=parts.screens.words(chat.locale), sealer=parts.sealer, now=clock(),
            is_alone=True,  # whether a second person is needed is not the matter here
        )
        return message.id
