"""What is too old goes, and what is not stays: told to the resident, so tested with a moved clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot import retention
from bot.__main__ import main
from bot.conversation import Parts
from bot.i18n import TOKYO
from storage import audit, links
from storage.database import Database
from storage.models import (
    Attachment,
    AttachmentContent,
    Chat,
    Delivery,
    DeliveryStatus,
    Lane,
    Message,
    Rating,
    Revision,
    Role,
    Ticket,
    TicketStatus,
    Turn,
    Update,
    UpdateStatus,
)
from storage.sealing import Sealer
from tests.conftest import A_MONDAY
from tests.factories import make_chat, make_file, make_staff, make_ticket


async def test_a_closed_consultation_goes_after_the_days_the_resident_was_told(
    database: Database, sealer: Sealer, parts: Parts
) -> None:
    days = parts.deployment.retention_days("tickets")
    async with database.transaction() as session:
        for status in (TicketStatus.CLOSED, TicketStatus.WITHDRAWN, TicketStatus.OPEN):
            ticket = await make_ticket(session, sealer=sealer, status=status)
            ticket.closed_at = A_MONDAY if status != TicketStatus.OPEN else None
            await make_file(session, ticket, sealer=sealer)
    async with database.transaction() as session:
        just_before = A_MONDAY + timedelta(days=days)
        assert (await retention.remove_old(session, deployment=parts.deployment, now=just_before))["tickets"] == 0
    async with database.transaction() as session:
        just_after = A_MONDAY + timedelta(days=days, seconds=1)
        assert (await retention.remove_old(session, deployment=parts.deployment, now=just_after))["tickets"] == 2
    async with database.reading() as session:
        assert list(await session.scalars(select(Ticket.status))) == [TicketStatus.OPEN]
        for table, n_left in ((Message, 2), (Revision, 2), (Attachment, 1), (AttachmentContent, 1)):
            assert await session.scalar(select(func.count()).select_from(table)) == n_left, table


async def test_an_abandoned_intake_and_old_counts_go(database: Database, sealer: Sealer, parts: Parts) -> None:
    async with database.transaction() as session:
        await make_ticket(session, sealer=sealer, status=TicketStatus.INTAKE)
        session.add(Turn(at=A_MONDAY, locale="vi", outcome="answer"))
    later = A_MONDAY + timedelta(days=10_000)
    async with database.transaction() as session:
        gone = await retention.remove_old(session, deployment=parts.deployment, now=later)
    assert (gone["intakes"], gone["turns"]) == (1, 1)


async def test_ratings_go_by_the_first_day_of_their_month(
    database: Database, sealer: Sealer, parts: Parts
) -> None:
    days = parts.deployment.retention_days("ratings")
    async with database.transaction() as session:
        await make_ticket(session, sealer=sealer, section="jinshin")
        session.add_all(Rating(month=month, locale="vi", section_id="jinshin", score=3)
                        for month in (date(2026, 10, 1), date(2026, 11, 1)))
    past = datetime(2026, 10, 1, 12, tzinfo=TOKYO) + timedelta(days=days)
    for now, n_due in ((past, 0), (past + timedelta(days=1), 1)):
        async with database.reading() as session:
            (due,) = [each for each in await retention.due(session, deployment=parts.deployment, now=now)
                      if each.name == "ratings"]
        assert due.n_rows == n_due
        assert due.oldest == (datetime(2026, 10, 1, tzinfo=TOKYO) if n_due else None)
        async with database.transaction() as session:
            assert (await retention.remove_old(session, deployment=parts.deployment, now=now))["ratings"] == n_due
    async with database.reading() as session:
        assert list(await session.scalars(select(Rating.month))) == [date(2026, 11, 1)]


async def test_the_dry_run_names_exactly_what_goes_and_changes_nothing(
    database: Database, sealer: Sealer, parts: Parts
) -> None:
    deployment = parts.deployment
    async with database.transaction() as session:
        ended = await make_ticket(session, sealer=sealer, status=TicketStatus.CLOSED)
        ended.closed_at = A_MONDAY
        await make_ticket(session, sealer=sealer, status=TicketStatus.INTAKE)
        await make_ticket(session, sealer=sealer, status=TicketStatus.OPEN)
        subscribed = await make_chat(session, sealer=sealer, subscribed=True)
        gone = await make_chat(session, sealer=sealer)
        session.add_all([
            Turn(at=A_MONDAY, locale="vi", outcome="answer"),
            Rating(month=date(2026, 11, 1), locale="vi", section_id=ended.section_id, score=2),
            Update(update_id=1, chat_lookup="x", status=UpdateStatus.DONE, received_at=A_MONDAY, handled_at=A_MONDAY),
            Delivery(chat_id=subscribed.id, lane=Lane.ANSWER, status=DeliveryStatus.SENT, not_before=A_MONDAY,
                     created_at=A_MONDAY, settled_at=A_MONDAY),
        ])
        stays = {subscribed.id, await session.scalar(
            select(Ticket.chat_id).where(Ticket.status == TicketStatus.OPEN)
        )}
    for days in (1, 3, 20, 100, 366, 500, 731, 2000):
        now = A_MONDAY + timedelta(days=days)
        async with database.reading() as session:
            foretold = {each.name: each.n_rows for each in await retention.due(session, deployment=deployment, now=now)}
            again = await retention.due(session, deployment=deployment, now=now)
        assert foretold == {each.name: each.n_rows for each in again}
        assert foretold.pop("audit") == 0 or days > 1825
        async with database.transaction() as session:
            assert await retention.remove_old(session, deployment=deployment, now=now) == foretold
    async with database.reading() as session:
        chats = set(await session.scalars(select(Chat.id)))
        assert chats == stays
        assert gone.id not in chats
        assert await audit.first_break(session) is None
        tags = [entry.tag for entry in await audit.latest(session)]
    assert tags == ["system:data:expire"] * 3  # the intake, the consultation, the chats


def test_the_command_with_dry_run_changes_nothing_and_without_it_does(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    monkeypatch.setenv("KOBAN_DATABASE_URL", sqlite_url)

    async def turns(add: bool = False) -> int:
        database = Database(sqlite_url)
        async with database.transaction() as session:
            if add:
                session.add(Turn(at=A_MONDAY - timedelta(days=3000), locale="vi", outcome="answer"))
            found = await session.scalar(select(func.count()).select_from(Turn))
        await database.close()
        return found or 0

    asyncio.run(turns(add=True))
    assert main(["retention", "--dry-run"]) == 0
    assert "turns                1  older than 400 days  the oldest from 2018-09-13" in capsys.readouterr().out
    assert asyncio.run(turns()) == 1
    assert main(["retention"]) == 0
    assert asyncio.run(turns()) == 0


async def test_a_chat_in_which_staff_are_told_of_alarms_stays(
    database: Database, sealer: Sealer, parts: Parts
) -> None:
    """Nobody writes anything there, so it looked old, and nobody was told of a notice that stopped any more."""
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.APPROVER)
        chat = await make_chat(session, sealer=sealer)
        await make_chat(session, sealer=sealer)
        (await links.of(session, person.id)).chat_id = chat.id
    async with database.transaction() as session:
        later = A_MONDAY + timedelta(days=5000)
        assert (await retention.remove_old(session, deployment=parts.deployment, now=later))["chats"] == 1
    async with database.reading() as session:
        assert [each.id for each in await links.chats_of(session, [Role.APPROVER])] == [chat.id]
