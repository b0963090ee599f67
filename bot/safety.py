"""Safe contact: for a resident whose phone another person may read. When a message may come, and what it may show.

What comes by itself (a reply, a word about the consultation) waits for an hour that the resident called safe, and says
only that there is something to see; what it is comes when the resident asks for it. Notices and questions about how we
did do not come at all. What the resident has just asked for is answered at once: they hold the phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.i18n import TOKYO, Strings
from bot.outgoing import Button, Outgoing
from storage import audit, deliveries, tickets
from storage.audit import AuditTag
from storage.models import Chat

# Hours of the day in Japan that are chosen together, as (first, one after the last).
SLOTS = ((6, 9), (9, 12), (12, 15), (15, 18), (18, 21), (21, 24), (0, 6))
DAYS = {"all": frozenset(range(7)), "work": frozenset(range(5)), "rest": frozenset((5, 6))}
DELETABLE = timedelta(hours=48)  # Source: Bot API, deleteMessage (2026-11-22)
# What the bot could not send for so long is no answer any more to somebody who holds the phone.
LATE = timedelta(minutes=10)
_WHOLE_DAY = (1 << 24) - 1


@dataclass(frozen=True, slots=True)
class SafeTimes:
    """When a message is safe. hours: bits of the hours of the day in Japan, 0 for any; days: a key of DAYS."""

    hours: int = 0
    days: str = "all"

    @property
    def is_always(self) -> bool:
        """Tell whether there is no hour that is not safe."""
        return self.hours in (0, _WHOLE_DAY) and self.days == "all"

    def includes(self, at: datetime) -> bool:
        """Tell whether a message is safe at this moment."""
        local = at.astimezone(TOKYO)
        is_day = local.weekday() in DAYS.get(self.days, DAYS["all"])
        return is_day and bool((self.hours or _WHOLE_DAY) >> local.hour & 1)

    def next_moment(self, at: datetime) -> datetime:
        """Return `at` when a message is safe then, otherwise the beginning of the next safe hour."""
        if self.includes(at):
            return at
        hour = at.replace(minute=0, second=0, microsecond=0)  # Japan is a whole number of hours from UTC
        return next(later for n in range(1, 24 * 7 + 1) if self.includes(later := hour + timedelta(hours=n)))

    def has_slot(self, number: int) -> bool:
        """Tell whether a slot was chosen."""
        bits = _bits(number)
        return self.hours & bits == bits

    def toggled(self, number: int) -> SafeTimes:
        """Return the times with a slot added, or taken out when it was chosen."""
        return SafeTimes(self.hours ^ _bits(number) if self.has_slot(number) else self.hours | _bits(number), self.days)

    def spans(self) -> tuple[tuple[int, int], ...]:
        """Return the safe hours as (first, one after the last), those that touch joined; nothing for any hour."""
        found: list[tuple[int, int]] = []
        for hour in range(24):
            if self.hours not in (0, _WHOLE_DAY) and self.hours >> hour & 1:
                if found and found[-1][1] == hour:
                    found[-1] = (found[-1][0], hour + 1)
                else:
                    found.append((hour, hour + 1))
        return tuple(found)


def _bits(number: int) -> int:
    first, end = SLOTS[number]
    return (1 << end) - (1 << first)


def times_of(chat: Chat) -> SafeTimes:
    """Return when a message to this chat is safe."""
    return SafeTimes(chat.safe_hours, chat.safe_days) if chat.safe_contact else SafeTimes()


def envelope(strings: Strings, message_id: int | None) -> Outgoing:
    """Return what arrives instead of words: it says nothing of what it is about, and makes no sound.

    message_id: of the staff's message that its button shows; None shows how the consultation stands.
    """
    _ = strings
    shows = "sc:show" if message_id is None else f"sc:show:{message_id}"
    return Outgoing(
        _("There is something new here."),
        buttons=((Button(_("👁 Show"), data=shows), Button(_("🙈 Hide"), data="sc:hide")),), is_silent=True,
    )


async def change(
    session: AsyncSession, chat: Chat, tag: AuditTag, *, now: datetime, is_on: bool, times: SafeTimes
) -> None:
    """Switch safe contact on or off, or choose its times; what waits for this chat is looked at anew."""
    chat.safe_contact, chat.safe_hours, chat.safe_days = is_on, times.hours, times.days
    ticket = await tickets.current_for(session, chat)
    audit.record(session, tag, f"ticket:{ticket.id}" if ticket else f"chat:{chat.id}", now=now)
    await deliveries.wake_waiting(session, chat.id, now=now)


async def deletable(session: AsyncSession, chat: Chat, *, now: datetime, pressed: int | None) -> tuple[int, ...]:
    """Return the messages of a chat that Telegram still lets the bot delete, newest first, by Telegram's ids.

    pressed: the message with the button that was just pressed; it may be so new that its row says nothing of it yet.
    """
    found = await deliveries.recent_telegram_ids(session, chat, since=now - DELETABLE)
    return tuple(sorted({*found, pressed or 0} - {0}, reverse=True))
