"""The priority of a consultation: a sum of parts, each of which is a reason that staff can read."""

from __future__ import annotations

from storage.models import Ticket

BY_URGENCY = {"now": 100, "today": 50, "normal": 0}
CARE = 30  # a topic in which the person may be in danger
LATE = 40  # a deadline was broken: above everything of the same urgency, below the next one


def urgency(ticket: Ticket) -> str:
    """Return how urgent the topic is: now, today or normal, whatever else raised the ticket."""
    base = ticket.priority - (CARE if ticket.is_sensitive else 0) - (LATE if ticket.escalated_at is not None else 0)
    return next((level for level, value in BY_URGENCY.items() if base >= value), "normal")


def is_urgent(ticket: Ticket) -> bool:
    """Tell whether the topic is an emergency, which a night desk reads at any time."""
    return urgency(ticket) == "now"
