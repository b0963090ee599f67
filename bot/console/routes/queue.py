"""The queue: folders with counts, filters, and the consultations, most pressing first."""

from __future__ import annotations

from sqlalchemy import ColumnElement, false, or_
from starlette.requests import Request
from starlette.responses import Response

from bot.console.auth import visible_tickets
from bot.console.pages import render
from bot.console.parts import is_live, parts_of, staff_of, tag_of
from bot.console.rows import ticket_row
from storage import staff as staff_rows
from storage import tickets
from storage.models import Staff, Ticket, TicketStatus

PAGE_SIZE = 50
_LAST_PAGE = 10_000
STATES: dict[str, tuple[TicketStatus, ...]] = {
    "current": tickets.IN_QUEUE,
    "open": (TicketStatus.OPEN,),
    "answered": (TicketStatus.ANSWERED,),
    "ended": (TicketStatus.CLOSED, TicketStatus.WITHDRAWN),
}


def folders(person: Staff) -> dict[str, ColumnElement[bool]]:
    """Return the folders as conditions, in the order of the page."""
    own: list[ColumnElement[bool]] = [false()]
    if person.section_id is not None:
        own.append(Ticket.section_id == person.section_id)
    if person.station_id is not None:
        own.append(Ticket.station_id == person.station_id)
    return {
        "mine": Ticket.claimed_by_id == person.id,
        "unassigned": Ticket.claimed_by_id.is_(None),
        "section": or_(*own),
        "all": Ticket.id.is_not(None),
    }


async def show(request: Request) -> Response:
    """Show one folder; for live.js only the list."""
    parts, person, asked = parts_of(request), staff_of(request), request.query_params
    choices = folders(person)
    if person.section_id is None and person.station_id is None:
        del choices["section"]
    folder = asked.get("folder", "all") if asked.get("folder") in choices else "all"
    state = asked.get("state", "current") if asked.get("state") in STATES else "current"
    section, locale = asked.get("section", ""), asked.get("locale", "")
    number = asked.get("page", "1")
    page = min(max(int(number), 1), _LAST_PAGE) if number.isascii() and number.isdecimal() and len(number) < 9 else 1
    visible = visible_tickets(person)
    wanted = visible.where(choices[folder], Ticket.status.in_(STATES[state]))
    if section:
        wanted = wanted.where(Ticket.section_id == section)
    if locale:
        wanted = wanted.where(Ticket.locale == locale)
    async with parts.database.reading() as session:
        counts = await tickets.count_each(session, visible.where(Ticket.status.in_(tickets.IN_QUEUE)), choices)
        found = await tickets.listing(session, wanted, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
        names = await staff_rows.names(session)
    tag = tag_of(request)
    chosen = {"folder": folder, "state": state, "section": section, "locale": locale}
    return render(
        request, "queue/_list.html" if is_live(request) else "queue/page.html",
        rows=[ticket_row(ticket, parts, person, names, tag) for ticket in found[:PAGE_SIZE]], counts=counts,
        chosen=chosen, page=page, has_more=len(found) > PAGE_SIZE, states=tuple(STATES),
        sections=parts.deployment.sections, locales=parts.screens.offered_tags,
    )
