"""What is too old goes, and what is not stays: told to the resident, so tested with a moved clock."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from bot import retention
from bot.conversation import Parts
from storage.database import Database
from storage.models import Message, Revision, Ticket, TicketStatus, Turn
from storage.sealing import Sealer
from tests.conftest import A_MONDAY
from tests.factories import make_ticket


async def test_a_closed_consultation_goes_after_the_days_the_resident_was_told(
    database: Database, sealer: Sealer, parts: Parts
) -> None:
    days = parts.deployment.retention_days("tickets")
    async with database.transaction() as session:
        for status in (TicketStatus.CLOSED, TicketStatus.WITHDRAWN, TicketStatus.OPEN):
            ticket = await make_ticket(session, sealer=sealer, status=status)
            ticket.closed_at = A_MONDAY if status != TicketStatus.OPEN else None
    async with database.transaction() as session:
        just_before = A_MONDAY + timedelta(days=days)
        assert (await retention.remove_old(session, deployment=parts.deployment, now=just_before))["tickets"] == 0
    async with database.transaction() as session:
        just_after = A_MONDAY + timedelta(days=days, seconds=1)
        assert (await retention.remove_old(session, deployment=parts.deployment, now=just_after))["tickets"] == 2
    async with database.reading() as session:
        assert list(await session.scalars(select(Ticket.status))) == [TicketStatus.OPEN]
        for table in (Message, Revision):
            assert await session.scalar(select(func.count()).select_from(table)) == 1


async def test_an_abandoned_intake_and_old_counts_go(database: Database, sealer: Sealer, parts: Parts) -> None:
    async with database.transaction() as session:
        await make_ticket(session, sealer=sealer, status=TicketStatus.INTAKE)
        session.add(Turn(at=A_MONDAY, locale="vi", outcome="answer"))
    later = A_MONDAY + timedelta(days=10_000)
    async with database.transaction() as session:
        gone = await retention.remove_old(session, deployment=parts.deployment, now=later)
    assert (gone["intakes"], gone["turns"]) == (1, 1)
