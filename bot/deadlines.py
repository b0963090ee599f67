"""Until when staff have to have replied: reckoned in duty time whenever a ticket changes, and stored with it.

Three deadlines: the first reply; the reply to a later message; the end. While the resident has the word none of them
runs, and what was left of the last one is kept. The one that comes first is in force, and only it warns and escalates.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot import priority
from bot.deployment import Deployment
from bot.duty import DutyCalendar
from storage.models import DueKind, Ticket, TicketStatus

WARN_AT = 0.8  # of the duty time until a deadline


def _calendar(ticket: Ticket, deployment: Deployment) -> DutyCalendar:
    return deployment.duty_for(is_urgent=priority.is_urgent(ticket))


def begin(ticket: Ticket, *, deployment: Deployment, now: datetime) -> None:
    """Set the deadlines of a ticket that was just submitted, and note the time that the resident is told."""
    calendar = _calendar(ticket, deployment)
    ticket.first_due_at = calendar.add(now, timedelta(hours=deployment.first_reply_hours))
    ticket.final_due_at = calendar.add(now, timedelta(hours=deployment.final_answer_hours))
    ticket.promised_at = ticket.first_due_at
    _put_in_force(ticket, deployment, now=now)


def wake(ticket: Ticket, *, deployment: Deployment, now: datetime, promise: bool = True) -> None:
    """Let the time run again: the resident wrote after a reply, or the ticket was opened again.

    promise: whether the resident is told by when somebody should read it.
    """
    calendar = _calendar(ticket, deployment)
    ticket.next_due_at = calendar.add(now, timedelta(hours=deployment.next_reply_hours))
    if ticket.final_left_s is not None:
        ticket.final_due_at = calendar.add(now, timedelta(seconds=ticket.final_left_s))
    elif ticket.final_due_at is None:
        ticket.final_due_at = calendar.add(now, timedelta(hours=deployment.final_answer_hours))
    ticket.final_left_s = None
    if promise:
        ticket.promised_at = ticket.next_due_at
    _put_in_force(ticket, deployment, now=now)


def rest(ticket: Ticket, *, deployment: Deployment, now: datetime) -> None:
    """Stop the time: staff replied, and the resident has the word. A broken final deadline stays broken."""
    if ticket.final_due_at is not None and ticket.final_due_at > now:
        ticket.final_left_s = int(_calendar(ticket, deployment).between(now, ticket.final_due_at).total_seconds())
    ticket.next_due_at = ticket.promised_at = None
    _put_in_force(ticket, deployment, now=now)


def end(ticket: Ticket) -> None:
    """Let no deadline run: the ticket was closed or withdrawn."""
    ticket.next_due_at = ticket.final_due_at = ticket.final_left_s = ticket.promised_at = None
    _force(ticket, None)


def mark_opened(ticket: Ticket) -> None:
    """Keep the promise to the resident: a member of staff has the newest message on the screen."""
    ticket.promised_at = None


def _put_in_force(ticket: Ticket, deployment: Deployment, *, now: datetime) -> None:
    """Choose the deadline that comes first, and reckon when to warn of it."""
    hours = {
        DueKind.FIRST: deployment.first_reply_hours, DueKind.NEXT: deployment.next_reply_hours,
        DueKind.FINAL: deployment.final_answer_hours,
    }
    running: list[tuple[datetime, DueKind]] = []
    if ticket.status == TicketStatus.OPEN:
        # One that was opened again without a first reply has its next deadline only: the first is long past.
        if ticket.first_reply_at is None and ticket.first_due_at is not None and ticket.next_due_at is None:
            running.append((ticket.first_due_at, DueKind.FIRST))
        if ticket.next_due_at is not None:
            running.append((ticket.next_due_at, DueKind.NEXT))
        if ticket.final_due_at is not None:
            running.append((ticket.final_due_at, DueKind.FINAL))
    chosen = min(running, default=None)
    if chosen is not None and (ticket.due_at, ticket.due_kind) == chosen:
        return
    _force(ticket, chosen)
    if chosen is not None:
        calendar = _calendar(ticket, deployment)
        left = calendar.between(now, chosen[0]) - timedelta(hours=hours[chosen[1]] * (1 - WARN_AT))
        ticket.warn_at = calendar.add(now, left) if left > timedelta() else now


def _force(ticket: Ticket, chosen: tuple[datetime, DueKind] | None) -> None:
    ticket.due_at, ticket.due_kind = chosen or (None, None)
    ticket.warn_at = ticket.warned_at = None
    if ticket.escalated_at is not None:
        ticket.priority -= priority.LATE
        ticket.escalated_at = None
