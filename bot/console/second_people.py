"""Who could be the second person for a reply, and what is honestly said about how long it waits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console import accounts
from bot.console.auth import may_see, visible_tickets
from bot.console.parts import ConsoleParts
from bot.translation import second
from storage import translations
from storage.models import Staff, StaffSession, Ticket, TicketStatus, Translation

HERE = timedelta(minutes=10)  # whose browser asked for something so lately counts as signed in now
_IN_QUEUE = (TicketStatus.OPEN, TicketStatus.ANSWERED)


@dataclass(frozen=True, slots=True)
class Others:
    """The people who could be the second one. here: the names of those who are signed in now."""

    n: int
    here: Sequence[str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a reply waits. why: of bot.translation.second.Alone, when it may be sent alone now.

    alone_from: from when on it may be; None for a topic that is not urgent. on_duty_at: None while staff are on duty.
    """

    others: Others
    since: datetime
    why: str | None
    alone_from: datetime | None
    on_duty_at: datetime | None


async def others_for(
    session: AsyncSession, parts: ConsoleParts, ticket: Ticket, without: Collection[int | None]
) -> Others:
    """Return who else could approve a reply in this consultation. without: the ids of those who had a part in it."""
    everybody = await session.scalars(select(Staff).where(Staff.disabled_at.is_(None)).order_by(Staff.display_name))
    people = [
        person for person in everybody
        if person.id not in without and may_see(person, ticket)
        and (parts.deployment.is_demo or accounts.is_set_up(person))
    ]
    now = parts.clock()
    here = set(await session.scalars(
        select(StaffSession.staff_id).where(StaffSession.seen_at >= now - HERE, StaffSession.expires_at > now)
    ))
    return Others(len(people), tuple(person.display_name for person in people if person.id in here))


async def waiting(session: AsyncSession, parts: ConsoleParts, ticket: Ticket, row: Translation) -> Waiting:
    """Return how a proposed reply waits."""
    now, duty = parts.clock(), parts.deployment.duty
    others = await others_for(session, parts, ticket, (row.author_id, row.proposed_by_id, row.interpreter_id))
    why = second.why_alone(ticket, row, n_others=others.n, deployment=parts.deployment, now=now)
    return Waiting(
        others, row.proposed_at or now, why, second.alone_from(ticket, row),
        None if duty.is_on_duty(now) else duty.next_on_duty(now),
    )


async def approvable(session: AsyncSession, person: Staff) -> list[Translation]:
    """Return the replies that wait for a second person, who this person could be; the oldest first."""
    visible = visible_tickets(person).with_only_columns(Ticket.id)
    rows = await session.scalars(
        select(Translation).join(Ticket, Ticket.id == Translation.ticket_id)
        .where(translations.waits_for_approval(), Ticket.status.in_(_IN_QUEUE), Ticket.id.in_(visible))
        .order_by(Translation.proposed_at)
    )
    return [row for row in rows if person.id not in (row.author_id, row.proposed_by_id, row.interpreter_id)]
