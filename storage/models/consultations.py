"""Consultations: who has them, how they moved, and when they are due."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from storage.models.base import Base, BigId


class TicketStatus(StrEnum):
    """The life of a consultation. INTAKE is not yet in the queue: the resident is still being asked."""

    INTAKE = "intake"
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class DueKind(StrEnum):
    """Which deadline of a consultation comes first: first reply, reply to a later message, final answer."""

    FIRST = "first"
    NEXT = "next"
    FINAL = "final"


class TransferState(StrEnum):
    """A transfer waits for the receiver, who accepts or returns it; or the sender recalled it, or it lapsed.

    LAPSED: the consultation ended before the receiver answered.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    RECALLED = "recalled"
    LAPSED = "lapsed"


_QUEUE_FILTERS = (
    "status", "section_id", "station_id", "to_section_id", "to_station_id", "claimed_by_id", "due_at", "locale",
    "municipality", "topic", "receipt",
)


class Ticket(Base):
    """One consultation.

    queue_rank: the lower, the more pressing; None outside the queue. Kept by `_keep_rank`.
    due_at, due_kind, warn_at: the deadline that comes first, and when to warn; None while nothing waits for staff.
    final_left_s: duty seconds left until the final answer while the resident has the word.
    warned_at, escalated_at: when the deadline in force was found near, and broken.
    promised_at: when the resident was told that somebody should have read it; None once somebody has.
    to_section_id, to_station_id: where a pending transfer goes.
    """

    __tablename__ = "tickets"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    receipt: Mapped[str] = mapped_column(String(16), unique=True)
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id"), index=True)
    status: Mapped[str] = mapped_column(String(16))
    step: Mapped[str | None] = mapped_column(String(16))
    topic: Mapped[str | None] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(16))
    municipality: Mapped[str | None] = mapped_column(String(32))
    section_id: Mapped[str] = mapped_column(ForeignKey("sections.id"))
    station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    priority: Mapped[int] = mapped_column(default=0)
    is_sensitive: Mapped[bool] = mapped_column(default=False)
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    claimed_at: Mapped[datetime | None]
    n_messages: Mapped[int] = mapped_column(default=0)
    key_sealed: Mapped[bytes]
    consent_version: Mapped[str | None] = mapped_column(String(32))
    consent_at: Mapped[datetime | None]
    first_due_at: Mapped[datetime | None]
    first_reply_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(32))
    # Written with the ticket, so that no list has to reckon; see bot/deadlines.py and storage/queue.py.
    queue_rank: Mapped[int | None]
    next_due_at: Mapped[datetime | None]
    final_due_at: Mapped[datetime | None]
    final_left_s: Mapped[int | None]
    due_at: Mapped[datetime | None]
    due_kind: Mapped[str | None] = mapped_column(String(8))
    warn_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    promised_at: Mapped[datetime | None]
    # Of the pending transfer and of the merge in force; those rows hold the foreign keys, these make lists fast.
    to_section_id: Mapped[str | None] = mapped_column(String(32))
    to_station_id: Mapped[str | None] = mapped_column(String(32))
    merged_into_id: Mapped[int | None] = mapped_column(BigId)
    is_rated: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        # Both hold every column that the queue filters by: a page of the list is found in the index alone.
        Index(
            "ix_tickets_queue", "queue_rank", "created_at", "id", *_QUEUE_FILTERS,
            sqlite_where=text("queue_rank IS NOT NULL"), postgresql_where=text("queue_rank IS NOT NULL"),
        ),
        Index("ix_tickets_created", "created_at", "id", *_QUEUE_FILTERS),
        *(
            Index(f"ix_tickets_{name}", name, sqlite_where=text(condition), postgresql_where=text(condition))
            for name, condition in (
                ("due_at", "due_at IS NOT NULL AND escalated_at IS NULL"),
                ("warn_at", "warn_at IS NOT NULL AND warned_at IS NULL"),
                ("promised_at", "promised_at IS NOT NULL"),
            )
        ),
        Index(
            "ux_tickets_current", "chat_id", unique=True,
            sqlite_where=text("status IN ('intake', 'open', 'answered')"),
            postgresql_where=text("status IN ('intake', 'open', 'answered')"),
        ),
    )


ANSWERED_RANK = 100_000  # added for those that wait for the resident: they come after all that wait for us


@event.listens_for(Ticket, "before_insert")
@event.listens_for(Ticket, "before_update")
def _keep_rank(_mapper: Mapper[Any], _connection: Connection, ticket: Ticket) -> None:
    """Write the place in the queue with the state it follows from. An UPDATE by hand of either must set it too."""
    base = {TicketStatus.OPEN: 0, TicketStatus.ANSWERED: ANSWERED_RANK}.get(TicketStatus(ticket.status))
    ticket.queue_rank = None if base is None else base - (ticket.priority or 0)


class Transfer(Base):
    """A consultation on its way to another section or station; it stays with the sender until it is accepted.

    Notes are sealed with the ticket's key. answered_by_id: who accepted, returned or recalled it.
    """

    __tablename__ = "transfers"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    from_section_id: Mapped[str] = mapped_column(ForeignKey("sections.id"))
    from_station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    to_section_id: Mapped[str | None] = mapped_column(ForeignKey("sections.id"))
    to_station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    state: Mapped[str] = mapped_column(String(16), default=TransferState.PENDING)
    note_sealed: Mapped[bytes]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]
    answer_sealed: Mapped[bytes | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ux_transfers_pending", "ticket_id", unique=True,
            sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'"),
        ),
    )


class Merge(Base):
    """A closed consultation that goes on in another of the same chat. Undoing it gives its outcome back."""

    __tablename__ = "merges"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    reason_sealed: Mapped[bytes]
    outcome_before: Mapped[str | None] = mapped_column(String(32))
    merged_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    merged_at: Mapped[datetime]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ux_merges_in_force", "source_id", unique=True,
            sqlite_where=text("undone_at IS NULL"), postgresql_where=text("undone_at IS NULL"),
        ),
    )


class Escalation(Base):
    """A deadline that was broken. One row for each, whatever becomes of it."""

    __tablename__ = "escalations"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    due_at: Mapped[datetime]
    section_id: Mapped[str] = mapped_column(ForeignKey("sections.id"))
    station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("ticket_id", "kind", "due_at"),)


class Presence(Base):
    """A page of a consultation that is open in a browser; the row's time is its heartbeat."""

    __tablename__ = "presences"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    seen_at: Mapped[datetime] = mapped_column(index=True)


class Rating(Base):
    """What a resident thought of a consultation, apart from it: no chat, no ticket, no day.

    month: the first day of the month. score: 1 not helped, 2 partly, 3 helped.
    """

    __tablename__ = "ratings"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    month: Mapped[date] = mapped_column(index=True)
    locale: Mapped[str] = mapped_column(String(16))
    section_id: Mapped[str] = mapped_column(ForeignKey("sections.id"))
    score: Mapped[int]
