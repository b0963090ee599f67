"""Pictures and leaflets of a notice: attach one to the draft, remove it, look at it.

They are the police's own and public, so pages show pictures; a PDF is saved, not opened in the console.
"""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from bot import notice_files
from bot.console.parts import form_of, parts_of, path_id
from bot.console.routes.files import SANDBOX
from bot.console.routes.notices import save_and
from bot.errors import NotFound, WrongState
from storage import notice_files as rows
from storage.models import Notice, Staff

_LARGEST_ID = 2**31 - 1


async def attach(request: Request) -> Response:
    """Save the draft and attach a file to it; a file that is refused leaves everything typed on the page."""
    parts, form = parts_of(request), form_of(request)
    now = parts.clock()

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        if form("file_tag") not in parts.screens.offered_tags:
            raise WrongState("Choose the language of the file.")
        await notice_files.add(
            session, notice, person, form("file_tag"), form.files.get("file", b""), form("file_alt"), now=now
        )

    return await save_and(request, f"/notices/{path_id(request)}/edit?done=file#files-title", deed)


async def remove(request: Request) -> Response:
    """Save the draft and take a file of it away."""
    now, file_id = parts_of(request).clock(), _file_id(request)

    async def deed(session: AsyncSession, notice: Notice, person: Staff) -> None:
        await notice_files.remove(session, notice, person, file_id, now=now)

    return await save_and(request, f"/notices/{path_id(request)}/edit?done=file-remove#files-title", deed)


async def show(request: Request) -> Response:
    """Give a picture to a page, or a PDF to be saved."""
    async with parts_of(request).database.reading() as session:
        file = await rows.get(session, path_id(request), _file_id(request))
        found = await rows.content(session, file.id) if file is not None else None
    if file is None or found is None:
        raise NotFound("There is no such file.")
    is_picture = file.mime in notice_files.PICTURES
    way = "inline" if is_picture else "attachment"
    suffix = notice_files.PICTURES.get(file.mime, "pdf")
    return Response(found[0], media_type=file.mime, headers={
        "content-disposition": f'{way}; filename="notice-{file.notice_id}-{file.tag}.{suffix}"',
        "content-security-policy": SANDBOX,
    })


def _file_id(request: Request) -> int:
    return min(int(request.path_params["file"]), _LARGEST_ID)
