"""Files of a consultation. Nothing opens by itself: staff press, each opening is audited, and no page embeds a file.

Both ways are a POST with its token, so that no link preview, prefetch or other page can open a file.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot import attachments
from bot.console.auth import access_ticket
from bot.console.parts import parts_of, path_id, staff_of
from bot.errors import NotFound
from storage import attachments as rows
from storage import audit
from storage.audit import AuditTag
from storage.models import TicketStatus

# An image is shown as a document of its own, which may load nothing, run nothing, and counts as a stranger's.
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


async def download(request: Request) -> Response:
    """Give a file to be saved."""
    return await _open(request, is_view=False)


async def view(request: Request) -> Response:
    """Show an image, and nothing but an image, in the browser."""
    return await _open(request, is_view=True)


async def _open(request: Request, *, is_view: bool) -> Response:
    parts, person = parts_of(request), staff_of(request)
    async with parts.database.transaction() as session:
        ticket = await access_ticket(session, person, path_id(request))
        attachment = await rows.kept(session, ticket, min(request.path_params["file"], 2**31 - 1))
        body = await rows.content(session, ticket, attachment, ring=parts.sealer) if attachment else None
        if ticket.status == TicketStatus.WITHDRAWN or attachment is None or body is None:
            raise NotFound("There is no such file.")
        if is_view and attachment.mime not in attachments.IMAGES:
            raise NotFound("There is no such file.")
        audit.record(
            session, AuditTag.STAFF_FILE_OPEN, f"ticket:{ticket.id}", now=parts.clock(), staff_id=person.id,
            file=attachment.number, way="view" if is_view else "download",
        )
    kind = attachment.mime if is_view and attachment.mime else "application/octet-stream"
    way = "inline" if is_view else "attachment"
    return Response(body, media_type=kind, headers={
        "content-disposition": f'{way}; filename="{attachments.file_name(ticket, attachment)}"',
        "content-security-policy": SANDBOX,
    })
