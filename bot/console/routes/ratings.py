"""What residents thought of consultations, in numbers that point at nobody."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot import ratings
from bot.console.pages import FEWEST_SHOWN, render
from bot.console.parts import parts_of, tag_of, words_of
from storage import ratings as rating_rows


async def show(request: Request) -> Response:
    """Show one year: the running one, or `?year=2025`."""
    parts, tag = parts_of(request), tag_of(request)
    this_year, asked = ratings.year_of(parts.today), request.query_params.get("year", "")
    year = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) == 4 and int(asked) >= 2000 else this_year
    period = ratings.period(min(year, this_year), today=parts.today)
    async with parts.database.reading() as session:
        counts = await rating_rows.counts(session, since=period.since, until=period.until)
        first = await rating_rows.first_month(session)
    sections = {each.id: each.name(tag) for each in parts.deployment.sections}
    return render(
        request, "ratings/page.html", report=ratings.report(counts, fewest=FEWEST_SHOWN), period=period,
        sections=sections, fewest=FEWEST_SHOWN,
        kept_for=words_of(request).length(parts.deployment.retention_days("ratings")),
        years=range(this_year, min(ratings.year_of(first) if first else this_year, period.year) - 1, -1),
    )
