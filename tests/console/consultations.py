"""Consultations for the console's tests: how one is made, and what stands in the database and on the page after."""

from __future__ import annotations

import html
import re

from sqlalchemy import select

from bot.outgoing import Outgoing
from storage import tickets
from storage.models import AuditEntry, Author, Delivery, Staff, Ticket
from tests.console.conftest import Office
from tests.factories import make_chat, make_ticket


async def a_ticket(
    office: Office, holder: Staff | None = None, *, locale: str = "vi", is_sensitive: bool = False, **changes: object
) -> Ticket:
    async with office.parts.database.transaction() as session:
        held = await session.get(Staff, holder.id) if holder else None
        chat = await make_chat(session, sealer=office.parts.sealer, locale=locale)
        ticket = await make_ticket(
            session, sealer=office.parts.sealer, chat=chat, claimed_by=held, **changes,  # type: ignore[arg-type]
        )
        ticket.is_sensitive = is_sensitive
        return ticket


async def now_in_database(office: Office, ticket: Ticket) -> Ticket:
    async with office.parts.database.reading() as session:
        found = await session.get(Ticket, ticket.id)
    assert found is not None
    return found


async def deliveries_of(office: Office) -> list[Delivery]:
    async with office.parts.database.reading() as session:
        return list(await session.scalars(select(Delivery).order_by(Delivery.id)))


async def the_resident_writes(office: Office, ticket: Ticket, body: str) -> None:
    async with office.parts.database.transaction() as session:
        row = await session.get_one(Ticket, ticket.id)
        await tickets.add_message(session, row, Author.RESIDENT, body, ring=office.parts.sealer,
                                  now=office.parts.clock(), locale="vi", telegram_message_id=77)


async def sent(office: Office) -> list[Outgoing]:
    async with office.parts.database.reading() as session:
        rows = await session.scalars(select(Delivery).order_by(Delivery.id))
        opened = [office.parts.sealer.open_text(row.payload_sealed or b"", "delivery") for row in rows]
    return [Outgoing.from_json(text) for text in opened]


async def tags_of(office: Office, ticket: Ticket) -> list[tuple[str, int | None]]:
    async with office.parts.database.reading() as session:
        rows = await session.scalars(
            select(AuditEntry).where(AuditEntry.subject == f"ticket:{ticket.id}").order_by(AuditEntry.id))
        return [(row.tag.removeprefix("staff:"), row.staff_id) for row in rows]


def buttons(message: Outgoing) -> list[str]:
    return [button.data or "" for row in message.buttons for button in row]


def listed(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'href="/tickets/(\d+)"', page)]


def link(page: str, rel: str) -> str:
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page)
    assert found is not None
    return html.unescape(found.group(1))
