"""What staff read about a consultation beside its words: topic, place, priority with its reason, deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.answers import N_
from bot.console.parts import ConsoleParts
from storage.models import Staff, Ticket, TicketStatus

# The same numbers as bot.consultation gives; what is above the urgency comes from a topic that needs care.
URGENT, TODAY, CARE = 100, 50, 30
_WARN_AT = 0.8  # of the duty time until the deadline


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when the first reply is due. state: met, met_late, late, soon or fine; left: time until (or since) then."""

    state: str
    due_at: datetime
    left: timedelta


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A consultation as the queue shows it: no words of the resident.

    level: now, today or normal; reasons: English source sentences why it stands where it stands.
    holder: the name of the colleague who has it; None when nobody has.
    """

    id: int
    receipt: str
    topic: str
    locale: str
    place: str
    section: str
    station: str
    status: str
    level: str
    reasons: tuple[str, ...]
    holder: str | None
    is_mine: bool
    created_at: datetime
    updated_at: datetime
    age: timedelta
    deadline: Deadline | None
    n_messages: int


def ticket_row(ticket: Ticket, parts: ConsoleParts, staff: Staff, names: Mapping[int, str], tag: str) -> TicketRow:
    """Return the row of a ticket for one reader. names: dict of staff id → name."""
    now, deployment = parts.clock(), parts.deployment
    place, section = deployment.municipality(ticket.municipality), deployment.section(ticket.section_id)
    station = deployment.station(ticket.station_id)
    level, reasons = priority_words(ticket)
    return TicketRow(
        id=ticket.id, receipt=ticket.receipt, topic=topic_name(parts, ticket.topic, tag), locale=ticket.locale,
        place=place.name(tag) if place else "–", section=section.name(tag) if section else ticket.section_id,
        station=station.name(tag) if station else "–", status=ticket.status, level=level, reasons=reasons,
        holder=names.get(ticket.claimed_by_id, "?") if ticket.claimed_by_id is not None else None,
        is_mine=ticket.claimed_by_id == staff.id, created_at=ticket.created_at, updated_at=ticket.updated_at,
        age=now - ticket.created_at, deadline=deadline_of(ticket, parts, now=now), n_messages=ticket.n_messages,
    )


def priority_words(ticket: Ticket) -> tuple[str, tuple[str, ...]]:
    """Return the level and why: how urgent the topic is, and whether it needs care."""
    urgency = ticket.priority - (CARE if ticket.is_sensitive else 0)
    reasons = []
    level = "now" if urgency >= URGENT else "today" if urgency >= TODAY else "normal"
    if level == "now":
        reasons.append(N_("The topic is an emergency"))
    elif level == "today":
        reasons.append(N_("The topic must be seen today"))
    if ticket.is_sensitive:
        reasons.append(N_("The topic needs care: safety of the person"))
    return level, tuple(reasons)


def deadline_of(ticket: Ticket, parts: ConsoleParts, *, now: datetime) -> Deadline | None:
    """Return how the deadline of the first reply stands; None when there is none any more."""
    due_at = ticket.first_due_at
    if due_at is None:
        return None
    if ticket.first_reply_at is not None:
        left = due_at - ticket.first_reply_at
        return Deadline("met" if left >= timedelta(0) else "met_late", due_at, left)
    if ticket.status not in (TicketStatus.OPEN, TicketStatus.ANSWERED):
        return None
    if now >= due_at:
        return Deadline("late", due_at, now - due_at)
    duty = parts.deployment.duty
    whole, gone = duty.between(ticket.created_at, due_at), duty.between(ticket.created_at, now)
    is_soon = whole > timedelta(0) and gone >= whole * _WARN_AT
    return Deadline("soon" if is_soon else "fine", due_at, due_at - now)


def topic_name(parts: ConsoleParts, intent_id: str | None, tag: str) -> str:
    """Return the title of a topic for staff, even of an answer that is no longer shown to residents."""
    if intent_id is None:
        _ = parts.words(tag)
        return _("Not sorted yet")
    if title := parts.screens.title(intent_id, tag, today=parts.today):
        return title
    intent = parts.screens.catalogue.intent(intent_id)
    return intent.base.title if intent is not None and intent.base is not None else intent_id
