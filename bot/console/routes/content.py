"""How far the answers are in each language: missing, drafted by machine, out of date, checked."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot import reviews
from bot.console.pages import render
from bot.console.parts import parts_of
from intents.coverage import CoverageRow, coverage


async def show(request: Request) -> Response:
    """Show a table of languages and topic groups."""
    await reviews.refresh(parts_of(request).database, parts_of(request).screens)
    cells: dict[str, dict[str, CoverageRow]] = {}
    for row in coverage(parts_of(request).screens.catalogue):
        cells.setdefault(row.tag, {})[row.topic] = row
    topics = list(dict.fromkeys(topic for row in cells.values() for topic in row))
    totals = {
        tag: {
            name: sum(getattr(cell, f"n_{name}") for cell in row.values())
            for name in ("intents", "missing", "drafted", "stale", "checked")
        }
        for tag, row in cells.items()
    }
    return render(request, "content/page.html", cells=cells, topics=topics, totals=totals)
