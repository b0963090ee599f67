"""The worker's look at the deadlines: warn, escalate, and correct what a resident was told when it did not come true.

Everything is rows in one transaction each, so it happens once however many workers look, and with Telegram away too.
"""

from __future__ import annotations

from datetime import datetime

from bot import outbox, priority
from bot.answers import Screens
from bot.i18n import Strings
from bot.outgoing import Outgoing, plain
from storage import audit, overdue, tickets
from storage.audit import AuditTag
from storage.database import Database
from storage.models import Chat, Lane, Ticket
from storage.sealing import Sealer


async def tick(database: Database, *, screens: Screens, sealer: Sealer, now: datetime) -> bool:
    """Look once. Returns whether a message waits to be sent."""
    async with database.reading() as session:
        slipped = await overdue.promised(session, now=now)
        is_due = await overdue.anything_due(session, now=now)
    if is_due:
        async with database.transaction() as session:
            for row in await overdue.take_near(session, now=now):
                audit.record(session, AuditTag.SYSTEM_TICKET_WARN, f"ticket:{row.id}", now=now, kind=row.due_kind)
            for row in await overdue.take_late(session, raise_by=priority.LATE, now=now):
                audit.record(session, AuditTag.SYSTEM_TICKET_ESCALATE, f"ticket:{row.id}", now=now, kind=row.due_kind)
    has_queued = False
    for ticket_id in slipped:
        has_queued |= await _correct_promise(database, ticket_id, screens=screens, sealer=sealer, now=now)
    return has_queued


async def _correct_promise(
    database: Database, ticket_id: int, *, screens: Screens, sealer: Sealer, now: datetime
) -> bool:
    async with database.transaction() as session:
        ticket = await session.get(Ticket, ticket_id)
        if ticket is None or ticket.promised_at is None:
            return False
        promised_at = ticket.promised_at
        if not await overdue.take_promise(session, ticket_id, now=now) or ticket.status not in tickets.IN_QUEUE:
            return False
        audit.record(session, AuditTag.SYSTEM_TICKET_SLIP, f"ticket:{ticket_id}", now=now)
        chat = await session.get(Chat, ticket.chat_id) if ticket.chat_id is not None else None
        if chat is None:
            return False
        words = screens.words(chat.locale)
        message = slipped_message(ticket.receipt, promised_at, words, screens.numbers)
        await outbox.queue(session, chat, message, lane=Lane.ANSWER, sealer=sealer, now=now)
        return True


def slipped_message(receipt: str, promised_at: datetime, strings: Strings, numbers: dict[str, str]) -> Outgoing:
    """Return what the resident reads when nobody opened their message in time. It promises no new time."""
    _ = strings
    return plain("\n\n".join((
        _("We said that somebody should read your message by {time}. Nobody has opened it yet. We are sorry. "
          "Consultation number: {receipt}", time=_.moment(promised_at), receipt=receipt),
        _("It is still with us, and the staff now see it marked as late. You do not need to send it again."),
        _("You can add more here at any time. In danger do not wait: call {emg_110} (police) or {emg_119} "
          "(fire, ambulance).", **numbers),
    )))
