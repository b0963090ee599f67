"""What is too old goes, per data class, as the deployment file says and as the resident was told.

`due` (the dry run) and `remove_old` share one query a class, so that what is announced is what goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from bot.deployment import Deployment
from bot.i18n import TOKYO
from storage import audit
from storage.audit import AuditTag
from storage.models import (
    AuditEntry,
    Base,
    Chat,
    ChatState,
    Delivery,
    DeliveryStatus,
    Message,
    Rating,
    StaffLink,
    Subscription,
    Ticket,
    TicketStatus,
    Turn,
    Update,
)

_ENDED = (TicketStatus.CLOSED, TicketStatus.WITHDRAWN)
_SETTLED = (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED, DeliveryStatus.UNKNOWN,
            DeliveryStatus.CANCELLED)
_TOLD = ("tickets", "intakes", "chats")  # what a person would miss: its removal is in the audit


@dataclass(frozen=True)
class DataClass:
    """Rows of one kind. since: the column that tells their age; also: which of them, whatever their age.

    has_days: the column holds a day of Japan and no moment.
    """

    name: str
    table: type[Base]
    since: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None] | InstrumentedAttribute[date]
    also: ColumnElement[bool] | None = None
    has_days: bool = False

    def is_old(self, before: datetime) -> ColumnElement[bool]:
        """Return the condition for the rows that are past their time."""
        old: ColumnElement[bool] = self.since < (before.astimezone(TOKYO).date() if self.has_days else before)
        return old if self.also is None else and_(old, self.also)


@dataclass(frozen=True, slots=True)
class Due:
    """What would go of one data class. oldest: the time of the oldest of them. is_kept: it is never removed."""

    name: str
    days: int
    n_rows: int
    oldest: datetime | None
    is_kept: bool = False


# A notice's deliveries stay for its report; they hold no words. A chat that has a consultation or wants notices stays,
# and so do one that staff linked (in which they are told of alarms, and write nothing) and a channel: it is nobody's.
CLASSES = (
    DataClass("updates", Update, Update.handled_at),
    DataClass("tickets", Ticket, Ticket.closed_at, Ticket.status.in_(_ENDED)),
    DataClass("intakes", Ticket, Ticket.updated_at, Ticket.status == TicketStatus.INTAKE),
    DataClass("deliveries", Delivery, Delivery.settled_at,
              and_(Delivery.notice_id.is_(None), Delivery.status.in_(_SETTLED))),
    DataClass("turns", Turn, Turn.at),
    DataClass("ratings", Rating, Rating.month, has_days=True),
    DataClass("chats", Chat, Chat.seen_at, and_(
        Chat.state != ChatState.CHANNEL,
        ~select(Ticket.id).where(Ticket.chat_id == Chat.id).exists(),
        ~select(Subscription.kind).where(Subscription.chat_id == Chat.id).exists(),
        ~select(StaffLink.staff_id).where(StaffLink.chat_id == Chat.id).exists(),
    )),
)


async def due(session: AsyncSession, *, deployment: Deployment, now: datetime) -> list[Due]:
    """Return what `remove_old` would remove now, by data class. The audit is only counted: it is never removed."""
    found = []
    for each in (*CLASSES, DataClass("audit", AuditEntry, AuditEntry.at)):
        days = deployment.retention_days(each.name)
        row = (await session.execute(
            select(func.count(), func.min(each.since)).where(each.is_old(now - timedelta(days=days)))
        )).one()
        found.append(Due(each.name, days, row[0], _moment(row[1]), is_kept=each.name == "audit"))
    return found


def _moment(oldest: date | None) -> datetime | None:
    """Return a moment as it is, and of a day its beginning in Japan."""
    return oldest if oldest is None or isinstance(oldest, datetime) else datetime.combine(oldest, time(), TOKYO)


async def remove_old(session: AsyncSession, *, deployment: Deployment, now: datetime) -> dict[str, int]:
    """Remove what is past its time; returns how many rows went, by data class."""
    gone: dict[str, int] = {}
    for each in CLASSES:
        gone[each.name] = await _remove(session, each, now - timedelta(days=deployment.retention_days(each.name)))
    if counts := {name: gone[name] for name in _TOLD if gone[name]}:
        audit.record(session, AuditTag.SYSTEM_DATA_EXPIRE, "database", now=now, **counts)
    return gone


async def _remove(session: AsyncSession, each: DataClass, before: datetime) -> int:
    if each.table is Ticket:
        ids: Sequence[int] = list(await session.scalars(select(Ticket.id).where(each.is_old(before))))
        await session.execute(delete(Message).where(Message.ticket_id.in_(ids)))
        await session.execute(delete(Ticket).where(Ticket.id.in_(ids)))
        return len(ids)
    key = inspect(each.table).primary_key[0]
    gone = await session.execute(delete(each.table).where(each.is_old(before)).returning(key))
    return len(gone.all())
