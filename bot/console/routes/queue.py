"""The queue: folders with counts, filters and a search, and the consultations, most pressing first."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot.console import search
from bot.console.auth import RATING_READERS, SEE_EVERY_TICKET, visible_tickets
from bot.console.pages import render
from bot.console.parts import is_live, parts_of, staff_of, tag_of
from bot.console.rows import ticket_row, topics_by_group
from bot.console.second_people import approvable
from storage import queue, translations
from storage import staff as staff_rows
from storage import transfers as transfer_rows

PAGE_SIZE = 50


async def show(request: Request) -> Response:
    """Show one folder; for live.js only the list."""
    parts, person, asked, tag = parts_of(request), staff_of(request), request.query_params, tag_of(request)
    now = parts.clock()
    choices = search.folders(person, now=now)
    question = search.Question.read(asked, choices)
    visible = visible_tickets(person)
    after, before = queue.Place.parse(asked.get("after", "")), queue.Place.parse(asked.get("before", ""))
    async with parts.database.reading() as session:
        counts = await queue.count_each(session, visible, choices)
        page = await queue.page(
            session, search.narrowed(visible, question, choices, parts, tag), limit=PAGE_SIZE,
            in_queue=question.in_queue, after=after, before=None if after else before,
        )
        names = await staff_rows.names(session)
        sections, stations = await transfer_rows.staffed(session)
        waits_since = await translations.waiting_since(session, [ticket.id for ticket in page.tickets])
        to_approve = await approvable(session, person)
    shown: dict[str, Any] = {
        "rows": [ticket_row(ticket, parts, person, names, tag) for ticket in page.tickets], "counts": counts,
        "waits_since": waits_since, "to_approve": to_approve,
        "chosen": question, "page": page, "is_first": after is None and before is None,
        "duty": parts.deployment.duty, "has_night_desk": parts.deployment.has_night_desk,
        # Only who sees every consultation can do something about a desk without people.
        "unstaffed": {
            ticket.id for ticket in page.tickets
            if ticket.section_id not in sections and ticket.station_id not in stations
        } if person.role in SEE_EVERY_TICKET else set(),
    }
    if is_live(request):
        return render(request, "queue/_list.html", **shown)
    deployment = parts.deployment
    return render(
        request, "queue/page.html", states=tuple(search.STATES), sections=deployment.sections,
        stations=deployment.stations, municipalities=deployment.municipalities, locales=parts.screens.offered_tags,
        topics=topics_by_group(parts, tag), may_read_ratings=person.role in RATING_READERS, **shown,
    )
