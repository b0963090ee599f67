"""The audit: who did what to which record, newest first."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from bot.console.audit_views import audit_row, names_for
from bot.console.pages import parse_local, render
from bot.console.parts import parts_of, tag_of
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import AuditEntry

PAGE_SIZE = 100


async def show(request: Request) -> Response:
    """Show a page of entries, filtered by deed, person, record and day."""
    parts, asked = parts_of(request), request.query_params
    deed, person, subject, day = (asked.get(name, "").strip() for name in ("deed", "person", "subject", "day"))
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(PAGE_SIZE + 1)
    if deed in set(AuditTag):
        query = query.where(AuditEntry.tag == deed)
    if number := _number(person):
        query = query.where(AuditEntry.staff_id == number)
    if subject:
        query = query.where(AuditEntry.subject == subject[:64])
    try:
        start = parse_local(f"{day}T00:00") if day else None
    except ValueError:
        start = None
    if start:
        query = query.where(AuditEntry.at >= start, AuditEntry.at < start + timedelta(days=1))
    if before := _number(asked.get("before", "")):
        query = query.where(AuditEntry.id < before)
    async with parts.database.reading() as session:
        entries = list(await session.scalars(query))
        staff = await staff_rows.names(session)
        names = await names_for(session, entries, staff)
    rows = [audit_row(entry, names, parts, tag_of(request)) for entry in entries[:PAGE_SIZE]]
    return render(
        request, "audit/page.html", rows=rows, has_more=len(entries) > PAGE_SIZE, names=staff,
        deeds=tuple(AuditTag), chosen={"deed": deed, "person": person, "subject": subject, "day": day},
        is_later_page=bool(before),
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
