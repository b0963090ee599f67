"""What staff read about a consultation beside its words: topic, place, priority with its reason, deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import priority
from bot.answers import N_, TOPIC_NAMES
from bot.console.parts import ConsoleParts
from bot.deployment import Deployment
from storage.models import DueKind, Staff, Ticket


@dataclass(frozen=True, slots=True)
class Deadline:
    """The deadline in force, or how the one of the first reply was kept.

    kind: first, next or final. state: met, met_late, late, soon or fine. left: time until (or since) then.
    """

    kind: str
    state: str
    due_at: datetime
    left: timedelta


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A consultation as the queue shows it: no words of the resident.

    level: now, today or normal; reasons: English source sentences why it stands where it stands.
    holder: the name of the colleague who has it; None when nobody has.
    going_to: where a pending transfer goes; None when there is none.
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
    going_to: str | None


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
        age=now - ticket.created_at, deadline=deadline_of(ticket, now=now), n_messages=ticket.n_messages,
        going_to=place_name(deployment, ticket.to_section_id, ticket.to_station_id, tag),
    )


def priority_words(ticket: Ticket) -> tuple[str, tuple[str, ...]]:
    """Return the level and why: how urgent the topic is, and whether it needs care."""
    level = priority.urgency(ticket)
    reasons = []
    if level == "now":
        reasons.append(N_("The topic is an emergency"))
    elif level == "today":
        reasons.append(N_("The topic must be seen today"))
    if ticket.is_sensitive:
        reasons.append(N_("The topic needs care: safety of the person"))
    if ticket.escalated_at is not None:
        reasons.append(N_("A deadline was missed"))
    return level, tuple(reasons)


def deadline_of(ticket: Ticket, *, now: datetime) -> Deadline | None:
    """Return the deadline in force, else how the first reply kept its own; None when there is neither.

    It follows from the times stored with the ticket: true also when no worker has looked.
    """
    if ticket.due_at is not None and ticket.due_kind is not None:
        if now >= ticket.due_at:
            return Deadline(ticket.due_kind, "late", ticket.due_at, now - ticket.due_at)
        is_soon = ticket.warn_at is not None and now >= ticket.warn_at
        return Deadline(ticket.due_kind, "soon" if is_soon else "fine", ticket.due_at, ticket.due_at - now)
    if ticket.first_due_at is not None and ticket.first_reply_at is not None:
        left = ticket.first_due_at - ticket.first_reply_at
        return Deadline(DueKind.FIRST, "met" if left >= timedelta(0) else "met_late", ticket.first_due_at, left)
    return None


def place_name(deployment: Deployment, section_id: str | None, station_id: str | None, tag: str) -> str | None:
    """Return the name of a section or a station for staff; None when both are None."""
    if section_id is not None:
        section = deployment.section(section_id)
        return section.name(tag) if section else section_id
    if station_id is not None:
        station = deployment.station(station_id)
        return station.name(tag) if station else station_id
    return None


def topic_name(parts: ConsoleParts, intent_id: str | None, tag: str) -> str:
    """Return the title of a topic for staff, even of an answer that is no longer shown to residents."""
    if intent_id is None:
        _ = parts.words(tag)
        return _("Not sorted yet")
    if title := parts.screens.title(intent_id, tag, today=parts.today):
        return title
    intent = parts.screens.catalogue.intent(intent_id)
    return intent.base.title if intent is not None and intent.base is not None else intent_id


def topics_by_group(parts: ConsoleParts, tag: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return (group, [(intent id, title)]) of every topic, for a choice."""
    groups = [
        (group, [(each.id, topic_name(parts, each.id, tag)) for each in parts.screens.catalogue if each.topic == group])
        for group in TOPIC_NAMES
    ]
    return [(group, topics) for group, topics in groups if topics]
