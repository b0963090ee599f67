"""The event of a notice: written in the draft, changed or cancelled later; the list of guests without names."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import events, notices
from bot.console.pages import language_name, local_input, parse_local, render
from bot.console.parts import ConsoleParts, Form, form_of, parts_of, path_id, staff_of, tag_of, words_of
from bot.console.routes.notices import do, locked
from bot.errors import Refused, WrongState
from bot.events import EventFacts
from storage import events as event_rows
from storage.models import Event, EventAnswer, Notice, NoticeStatus, Staff


@dataclass(frozen=True)
class EventForm:
    """An event as its form holds it."""

    place: str = ""
    starts_at: str = ""
    ends_at: str = ""
    seats: str = ""
    point: str = ""
    languages: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event | None) -> EventForm:
        """Return the form of what is saved."""
        if event is None:
            return cls()
        point = f"{event.latitude}, {event.longitude}" if event.latitude is not None else ""
        return cls(event.place, local_input(event.starts_at), local_input(event.ends_at),
                   "" if event.seats is None else str(event.seats), point, tuple(event.languages))

    @classmethod
    def read(cls, form: Form, parts: ConsoleParts) -> EventForm:
        """Read the form; languages that are not ours are left out."""
        chosen = tuple(tag for tag in parts.screens.offered_tags if tag in form.every("language"))
        return cls(form("place"), form("starts_at"), form("ends_at"), form("seats").strip(), form("point").strip(),
                   chosen)

    def facts(self) -> EventFacts:
        """Return what was written. Raises WrongState."""
        if self.seats and not (self.seats.isascii() and self.seats.isdecimal() and len(self.seats) < 7):
            raise WrongState("The number of seats is not right.")
        return EventFacts(
            self.place, _moment(self.starts_at), _moment(self.ends_at), int(self.seats) if self.seats else None,
            self.languages, _point(self.point),
        )


def _moment(text: str) -> datetime:
    try:
        found = parse_local(text)
    except ValueError as error:
        raise WrongState("The date or the time is not right.") from error
    if found is None:
        raise WrongState("Write when the event begins and ends.")
    return found


def _point(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError as error:
        raise WrongState("The point on the map is not right.") from error
    return latitude, longitude


async def edit(request: Request) -> Response:
    """Show the event to write or to change."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        notice = await notices.get(session, path_id(request))
        event = await session.get(Event, notice.id)
    return _edit(request, notice, EventForm.of(event))


def _edit(
    request: Request, notice: Notice, form: EventForm, status: int = 200, *, error: Refused | None = None
) -> Response:
    return render(
        request, "notices/event.html", status, notice=notice, form=form, error=error, max_place=events.MAX_PLACE,
        locales=parts_of(request).screens.offered_tags, is_draft=notice.status == NoticeStatus.DRAFT,
    )


async def save(request: Request) -> Response:
    """Save the event of a draft, or change one whose invitations are out. What was refused stays on the page."""
    parts = parts_of(request)
    form, now = EventForm.read(form_of(request), parts), parts.clock()
    try:
        async with parts.database.transaction() as session:
            notice = await locked(session, path_id(request))
            put = events.put if notice.status == NoticeStatus.DRAFT else events.change
            await put(session, notice, form.facts(), staff_of(request), now=now)
    except Refused as error:
        async with parts.database.reading() as session:
            notice = await notices.get(session, path_id(request))
        return _edit(request, notice, form, 409, error=error)
    return RedirectResponse(f"/notices/{notice.id}?done=event", 303)


async def ask_cancel(request: Request) -> Response:
    """Ask once more before an event is cancelled."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        notice = await notices.get(session, path_id(request))
        replies = await event_rows.count(session, notice.id)
    return render(request, "notices/event_cancel.html", notice=notice, replies=replies)


async def cancel(request: Request) -> Response:
    """Cancel the event; those who come or wait are told."""
    now = parts_of(request).clock()

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        await events.cancel(session, notice, person, now=now)

    return await do(request, "event-cancel", deed)


async def guests(request: Request) -> Response:
    """Return the organiser's list as CSV: how many come, by language and area. No names: we have none."""
    parts, _, tag = parts_of(request), words_of(request), tag_of(request)
    async with parts.database.reading() as session:
        notice = await notices.get(session, path_id(request))
        found = await event_rows.guests(session, notice.id)
    said = {EventAnswer.COMING: _("comes"), EventAnswer.WAITING: _("waits for a seat")}
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow([_("Answer"), _("Language"), _("Municipality"), _("People")])
    for (answer, locale, code), n in sorted(Counter(found).items(), key=lambda item: (item[0][0], -item[1])):
        place = parts.deployment.municipality(code) if code else None
        rows.writerow([said[EventAnswer(answer)], language_name(locale, tag), place.name(tag) if place else "–", n])
    name = f"guests-{notice.id}.csv"
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8",
                    headers={"content-disposition": f'attachment; filename="{name}"'})
