"""The calendar of the year: campaigns, notices and events by month, and the same as a feed for one's own calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.console.pages import render
from bot.console.parts import ConsoleParts, parts_of
from bot.event_texts import calendar_entry, calendar_text, new_calendar
from bot.i18n import TOKYO
from storage import links
from storage import notices as notice_rows
from storage.models import Event, Notice, NoticePurpose, NoticeStatus

_SHOWN = (NoticePurpose.NOTICE, NoticePurpose.REPEAT, NoticePurpose.CORRECTION)
_N_MONTHS = 13
_SENDING_TAKES = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the calendar. days: dict of day → what is on it."""

    first: date
    entries: tuple[tuple[date, Notice, Event | None], ...]


async def show(request: Request) -> Response:
    """Show the coming year, month by month; a month without anything is shown, too."""
    parts = parts_of(request)
    first = parts.today.replace(day=1)
    months = [_month_after(first, n) for n in range(_N_MONTHS + 1)]
    start, end = _midnight(months[0]), _midnight(months[-1])
    async with parts.database.reading() as session:
        found = await notice_rows.between(session, start, end)
    entries = [
        (_day(event.starts_at if event else notice.send_at), notice, event)
        for notice, event in found if notice.purpose in _SHOWN
    ]
    shown = [
        Month(month, tuple(sorted((each for each in entries if month <= each[0] < after), key=lambda each: each[0])))
        for month, after in pairwise(months)
    ]
    return render(request, "notices/calendar.html", months=shown)


def _month_after(first: date, n: int) -> date:
    return date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), TOKYO)


def _day(at: datetime | None) -> date:
    assert at is not None
    return at.astimezone(TOKYO).date()


async def feed(request: Request) -> Response:
    """Return the calendar of whoever has the address; 404 for every other, and for a leaver's."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        owner = await links.calendar_owner(session, request.path_params["token"])
        if owner is None:
            raise HTTPException(404)
        now = parts.clock()
        found = await notice_rows.between(session, now - timedelta(days=60), now + timedelta(days=400))
    body = _feed(parts, owner.locale, [each for each in found if each[0].purpose in _SHOWN])
    return Response(body, media_type="text/calendar; charset=utf-8")


def _feed(parts: ConsoleParts, tag: str, found: list[tuple[Notice, Event | None]]) -> str:
    _ = parts.words(tag)
    calendar = new_calendar(f"Koban {parts.deployment.name(tag)}")
    for notice, event in found:
        url = f"{parts.settings.console_url}/notices/{notice.id}"
        is_off = notice.status == NoticeStatus.CANCELLED
        if notice.send_at is not None:
            entry = calendar_entry(f"notice-{notice.id}@koban", _("Notice: {name}", name=notice.name), notice.send_at,
                                   notice.send_at + _SENDING_TAKES, stamp=notice.updated_at, sequence=notice.revision)
            entry.add("status", "CANCELLED" if is_off else
                      "TENTATIVE" if notice.status in (NoticeStatus.DRAFT, NoticeStatus.REVIEW) else "CONFIRMED")
            entry.add("url", url)
            calendar.add_component(entry)
        if event is not None:
            entry = calendar_entry(f"event-{notice.id}@koban", _("Event: {name}", name=notice.name), event.starts_at,
                                   event.ends_at, stamp=notice.updated_at, sequence=notice.revision)
            entry.add("location", event.place)
            entry.add("status", "CANCELLED" if event.cancelled_at or is_off else "CONFIRMED")
            entry.add("url", url)
            calendar.add_component(entry)
    return calendar_text(calendar)
