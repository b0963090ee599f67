"""Deadlines in duty time: stored on write, warned of, escalated once, and a promise corrected once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot import consultation, deadlines, escalation, priority
from bot.conversation import Parts
from bot.deployment import Deployment
from bot.outgoing import Outgoing
from storage.database import Database
from storage.models import AuditEntry, Chat, Delivery, Escalation, Ticket, TicketStatus
from storage.sealing import Sealer
from tests.bot.conftest import Talker
from tests.conftest import A_MONDAY, Clock
from tests.factories import make_staff, make_ticket

# The demo's duty: Monday to Friday 08:30-12:00 and 13:00-17:15, closed from 29 December to 3 January.
FRIDAY_1600 = datetime(2026, 12, 4, 7, 0, tzinfo=UTC)


@pytest.fixture
def deployment(parts: Parts) -> Deployment:
    return parts.deployment


def a_ticket(**values: object) -> Ticket:
    return Ticket(**({"status": TicketStatus.OPEN, "priority": 0, "is_sensitive": False} | values))  # type: ignore[arg-type]


def test_a_new_one_has_its_first_and_final_deadline_in_duty_time(deployment: Deployment) -> None:
    ticket = a_ticket()
    deadlines.begin(ticket, deployment=deployment, now=FRIDAY_1600)
    assert ticket.first_due_at == deployment.duty.add(FRIDAY_1600, timedelta(hours=8))
    assert ticket.first_due_at.astimezone(UTC) == datetime(2026, 12, 7, 7, 15, tzinfo=UTC), "Monday 16:15 in Japan"
    assert (ticket.due_at, ticket.due_kind) == (ticket.first_due_at, "first")
    assert ticket.promised_at == ticket.first_due_at
    assert ticket.final_due_at == deployment.duty.add(FRIDAY_1600, timedelta(hours=80))
    assert deployment.duty.between(FRIDAY_1600, ticket.warn_at) == timedelta(hours=6.4)  # type: ignore[arg-type]


def test_while_the_resident_has_the_word_no_time_runs_and_the_rest_is_kept(deployment: Deployment) -> None:
    ticket, duty = a_ticket(), deployment.duty
    deadlines.begin(ticket, deployment=deployment, now=A_MONDAY)
    replied_at = duty.add(A_MONDAY, timedelta(hours=5))
    ticket.status, ticket.first_reply_at = TicketStatus.ANSWERED, replied_at
    deadlines.rest(ticket, deployment=deployment, now=replied_at)
    assert (ticket.due_at, ticket.warn_at, ticket.promised_at) == (None, None, None)
    wrote_at = replied_at + timedelta(days=14)
    ticket.status = TicketStatus.OPEN
    deadlines.wake(ticket, deployment=deployment, now=wrote_at)
    assert (ticket.due_at, ticket.due_kind) == (duty.add(wrote_at, timedelta(hours=8)), "next")
    assert duty.between(wrote_at, ticket.final_due_at) == timedelta(hours=75)  # type: ignore[arg-type]
    assert ticket.promised_at == ticket.next_due_at


def test_the_final_deadline_is_in_force_when_it_comes_before_the_next_reply(deployment: Deployment) -> None:
    ticket, duty = a_ticket(), deployment.duty
    deadlines.begin(ticket, deployment=deployment, now=A_MONDAY)
    replied_at = duty.add(A_MONDAY, timedelta(hours=78))
    ticket.status, ticket.first_reply_at = TicketStatus.ANSWERED, replied_at
    deadlines.rest(ticket, deployment=deployment, now=replied_at)
    ticket.status = TicketStatus.OPEN
    deadlines.wake(ticket, deployment=deployment, now=replied_at)
    assert (ticket.due_kind, ticket.due_at) == ("final", duty.add(replied_at, timedelta(hours=2)))
    assert ticket.warn_at == replied_at, "more than 80 % of it are over"


def test_a_night_desk_makes_the_clock_of_urgent_ones_run_at_night(deployment: Deployment) -> None:
    at_night = datetime(2026, 12, 30, 15, 0, tzinfo=UTC)  # midnight within the rest around New Year
    with_desk = replace(deployment, has_night_desk=True)
    urgent, care, normal = a_ticket(priority=100), a_ticket(priority=30, is_sensitive=True), a_ticket()
    for ticket in (urgent, care, normal):
        deadlines.begin(ticket, deployment=with_desk, now=at_night)
    assert urgent.first_due_at == at_night + timedelta(hours=8)
    assert care.first_due_at == normal.first_due_at == deployment.duty.add(at_night, timedelta(hours=8))
    deadlines.begin(urgent, deployment=deployment, now=at_night)
    assert urgent.first_due_at == normal.first_due_at, "without a night desk nobody reads it either"


def test_a_closed_one_has_no_deadline_and_a_reopened_one_that_of_a_next_reply(deployment: Deployment) -> None:
    ticket = a_ticket()
    deadlines.begin(ticket, deployment=deployment, now=A_MONDAY)
    deadlines.end(ticket)
    assert (ticket.due_at, ticket.final_due_at, ticket.promised_at) == (None, None, None)
    later = A_MONDAY + timedelta(days=60)
    deadlines.wake(ticket, deployment=deployment, now=later, promise=False)
    assert (ticket.due_kind, ticket.due_at) == ("next", deployment.duty.add(later, timedelta(hours=8)))
    assert ticket.promised_at is None


@pytest.mark.parametrize(("value", "is_sensitive", "is_late", "level"), [
    (0, False, False, "normal"), (50, False, False, "today"), (100, False, False, "now"), (130, True, False, "now"),
    (30, True, False, "normal"), (70, True, True, "normal"), (90, False, True, "today"), (170, True, True, "now"),
])
def test_being_late_raises_a_ticket_and_leaves_its_urgency(
    value: int, is_sensitive: bool, is_late: bool, level: str
) -> None:
    ticket = a_ticket(priority=value, is_sensitive=is_sensitive, escalated_at=A_MONDAY if is_late else None)
    assert priority.urgency(ticket) == level


# ---- the worker's look


async def submitted(database: Database, parts: Parts, *, now: datetime = A_MONDAY) -> Ticket:
    async with database.transaction() as session:
        ticket = await make_ticket(session, sealer=parts.sealer, now=now)
        ticket.due_at = ticket.due_kind = ticket.warn_at = None
        deadlines.begin(ticket, deployment=parts.deployment, now=now)
    return ticket


async def look(database: Database, parts: Parts, now: datetime) -> bool:
    return await escalation.tick(database, screens=parts.screens, sealer=parts.sealer, now=now)


async def state(database: Database, ticket: Ticket) -> Ticket:
    async with database.reading() as session:
        found = await session.get(Ticket, ticket.id)
    assert found is not None
    return found


async def tags(database: Database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(
            select(AuditEntry.tag).where(AuditEntry.tag.startswith("system:ticket:")).order_by(AuditEntry.id)
        ))


async def messages(database: Database, sealer: Sealer) -> list[Outgoing]:
    async with database.reading() as session:
        rows = list(await session.scalars(select(Delivery.payload_sealed).order_by(Delivery.id)))
    return [Outgoing.from_json(sealer.open_text(row, "delivery")) for row in rows if row]


async def test_a_deadline_is_warned_of_at_80_percent_and_once(database: Database, parts: Parts) -> None:
    ticket = await submitted(database, parts)
    warn_at = parts.deployment.duty.add(A_MONDAY, timedelta(hours=6.4))
    await look(database, parts, warn_at - timedelta(minutes=1))
    assert await tags(database) == []
    await look(database, parts, warn_at)
    await look(database, parts, warn_at + timedelta(minutes=1))
    assert await tags(database) == ["system:ticket:warn"]
    assert (await state(database, ticket)).priority == 0


async def test_a_broken_deadline_is_a_row_audited_once_and_raises_the_ticket(database: Database, parts: Parts) -> None:
    ticket = await submitted(database, parts)
    async with database.transaction() as session:  # somebody has it open: nothing to correct
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        deadlines.mark_opened(row)
    due_at = parts.deployment.duty.add(A_MONDAY, timedelta(hours=8))
    for seconds in (-1, 0, 5, 3600):
        await look(database, parts, due_at + timedelta(seconds=seconds))
    assert await tags(database) == ["system:ticket:warn", "system:ticket:escalate"]
    row = await state(database, ticket)
    assert (row.priority, row.queue_rank, row.escalated_at) == (priority.LATE, -priority.LATE, due_at)
    async with database.reading() as session:
        [broken] = list(await session.scalars(select(Escalation)))
    assert (broken.ticket_id, broken.kind, broken.due_at) == (ticket.id, "first", due_at)
    assert await messages(database, parts.sealer) == []


async def test_a_reply_ends_the_lateness(database: Database, parts: Parts) -> None:
    ticket = await submitted(database, parts)
    late = A_MONDAY + timedelta(days=3)
    await look(database, parts, late)
    async with database.transaction() as session:
        officer = await make_staff(session)
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        await consultation.claim(session, row, officer, now=late)
        chat = await session.get(Chat, row.chat_id)
        assert chat is not None
        await consultation.reply(
            session, row, chat, officer, "x", last_seen=1, deployment=parts.deployment,
            strings=parts.screens.words("vi"), sealer=parts.sealer, now=late,
        )
    row = await state(database, ticket)
    assert (row.priority, row.escalated_at, row.due_at) == (0, None, None)
    assert row.queue_rank == 100_000


async def test_several_workers_at_once_escalate_and_correct_once(database: Database, parts: Parts) -> None:
    await submitted(database, parts)
    late = A_MONDAY + timedelta(days=3)
    await asyncio.gather(*(look(database, parts, late) for _ in range(8)))
    assert sorted(await tags(database)) == ["system:ticket:escalate", "system:ticket:slip", "system:ticket:warn"]
    assert len(await messages(database, parts.sealer)) == 1


async def test_a_promise_that_slips_is_corrected_once_in_the_residents_language(
    database: Database, parts: Parts
) -> None:
    ticket = await submitted(database, parts)
    due_at = parts.deployment.duty.add(A_MONDAY, timedelta(hours=8))
    assert not await look(database, parts, due_at - timedelta(seconds=1))
    assert await look(database, parts, due_at)
    assert not await look(database, parts, due_at + timedelta(days=5))
    [said] = await messages(database, parts.sealer)
    words = parts.screens.words("vi")
    assert words.moment(due_at) in said.text
    assert ticket.receipt in said.text
    assert "chưa có ai mở" in said.text
    assert "119" in said.text


@pytest.mark.parametrize("how", ["opened", "closed", "erased"])
async def test_nothing_is_corrected_that_came_true_or_does_not_matter_any_more(
    database: Database, parts: Parts, how: str
) -> None:
    ticket = await submitted(database, parts)
    async with database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        if how == "opened":
            deadlines.mark_opened(row)
        elif how == "closed":
            consultation.close_by_resident(session, row, now=A_MONDAY)
        else:
            row.chat_id = None
    await look(database, parts, A_MONDAY + timedelta(days=3))
    assert await messages(database, parts.sealer) == []


# ---- what the resident reads


async def test_a_resident_who_writes_outside_duty_hours_is_told_so(
    talk: Talker, database: Database, clock: Clock, parts: Parts
) -> None:
    someone = await talk("vi")
    await someone.tap("staff:stolen_bicycle")
    await someone.tap("t:agree")
    await someone.say("Xe đạp")
    [receipt] = await someone.tap("m:99201")
    nobody = parts.screens.words("vi")("Nobody is on duty for this now.")
    assert nobody not in receipt.text
    async with database.transaction() as session:
        ticket = await session.scalar(select(Ticket))
        assert ticket is not None
        officer = await make_staff(session, section=ticket.section_id)
        await consultation.claim(session, ticket, officer, now=clock())
        chat = await session.get(Chat, ticket.chat_id)
        assert chat is not None
        await consultation.reply(
            session, ticket, chat, officer, "x", last_seen=1, deployment=parts.deployment,
            strings=parts.screens.words("vi"), sealer=parts.sealer, now=clock(),
        )
    clock.now = datetime(2026, 12, 4, 13, 0, tzinfo=UTC)  # Friday, 22:00 in Japan
    [said] = await someone.say("Cảm ơn. Còn một chuyện nữa.")
    due_at = parts.deployment.duty.add(clock(), timedelta(hours=8))
    words = parts.screens.words("vi")
    assert words("Somebody should read it by {time}.", time=words.moment(due_at)) in said.text
    assert nobody in said.text
    [again] = await someone.say("Alô?")
    assert nobody in again.text
    async with database.reading() as session:
        row = await session.scalar(select(Ticket))
        assert row is not None
        assert (row.due_at, row.due_kind, row.promised_at) == (due_at, "next", due_at)


async def test_the_status_tells_no_time_that_is_over(talk: Talker, clock: Clock, parts: Parts) -> None:
    someone = await talk("vi")
    await someone.tap("staff:stolen_bicycle")
    await someone.tap("t:agree")
    await someone.tap("t:skip")
    await someone.tap("m:99201")
    words = parts.screens.words("vi")
    promise = words("Somebody should read it by {time}.", time="").split("{")[0].strip(" .")[:12]
    [now] = await someone.tap("t:status")
    assert promise in now.text
    clock.advance(days=3)
    [later] = await someone.tap("t:status")
    assert promise not in later.text
