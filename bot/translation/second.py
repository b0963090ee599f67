"""When a reply that waits for a second person may go out without one: urgent, and nobody is there to ask.

A rule that stops a wrong word must not stop a right one while somebody is in danger. So whoever asked may send it alone
where waiting is worse, and only with a reason, which stays beside the reply and in the audit.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from bot import priority
from bot.deployment import Deployment
from storage.models import Ticket, Translation

WAITS = timedelta(minutes=30)


class Alone(StrEnum):
    """Why nobody has to be waited for."""

    EMERGENCY = "emergency"
    NOBODY = "nobody"
    OFF_DUTY = "off_duty"
    WAITED = "waited"


def why_alone(
    ticket: Ticket, row: Translation, *, n_others: int, deployment: Deployment, now: datetime
) -> Alone | None:
    """Return why a waiting reply may be sent without a second person; None: it has to wait.

    n_others: how many people could be the second one. A topic that is not urgent always waits.
    """
    if row.proposed_at is None or priority.urgency(ticket) == "normal":
        return None
    if priority.is_urgent(ticket):
        return Alone.EMERGENCY
    if n_others == 0:
        return Alone.NOBODY
    if not deployment.duty_for(is_urgent=False).is_on_duty(now):
        return Alone.OFF_DUTY
    return Alone.WAITED if now >= row.proposed_at + WAITS else None


def alone_from(ticket: Ticket, row: Translation) -> datetime | None:
    """Return from when on it may be sent alone at the latest; None for a topic that is not urgent."""
    if row.proposed_at is None or priority.urgency(ticket) == "normal":
        return None
    return row.proposed_at + WAITS
