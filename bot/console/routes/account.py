"""One's own account: first set-up, password, language, signing out everywhere."""

from __future__ import annotations

import io

import qrcode
import qrcode.image.svg
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import accounts
from bot.console.pages import render
from bot.console.parts import CONSOLE_TAGS, ConsoleParts, form_of, parts_of, staff_of
from bot.errors import NotFound, Refused, WrongState
from storage import audit, links
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import Staff

CODE_MINUTES = 15


async def show(request: Request) -> Response:
    """Show the account. One without an authenticator gets its secret now, confirmed by its first code."""
    return await page(request)


async def page(
    request: Request, status: int = 200, *, error: Refused | None = None, code: str = "", calendar_url: str = ""
) -> Response:
    """Return the page. code, calendar_url: made just now, and shown this once."""
    parts = parts_of(request)
    async with parts.database.transaction() as session:
        person = await _own(request, session)
        link = await links.of(session, person.id)
        if person.totp_sealed is None:
            person.totp_sealed, person.totp_last_step = accounts.new_totp(parts.sealer, person.id), 0
    is_ready = accounts.is_set_up(person)
    return render(
        request, "account/page.html", status, person=person, is_ready=is_ready, tags=CONSOLE_TAGS, error=error,
        secret=None if is_ready else accounts.totp_secret(person, parts.sealer),
        section=parts.deployment.section(person.section_id), station=parts.deployment.station(person.station_id),
        least=accounts.MIN_PASSWORD, has_chat=link.chat_id is not None, has_calendar=link.calendar_hash is not None,
        code=code, code_minutes=CODE_MINUTES, calendar_url=calendar_url,
    )


async def totp_picture(request: Request) -> Response:
    """Return the authenticator's QR code as SVG, until its first code was typed."""
    parts = parts_of(request)
    async with parts.database.reading() as session:
        person = await _own(request, session)
    if person.totp_sealed is None or accounts.is_set_up(person):
        raise HTTPException(404)
    picture = qrcode.make(
        accounts.totp_url(person, parts.sealer, issuer=_issuer(parts)), image_factory=qrcode.image.svg.SvgPathFillImage
    )
    drawn = io.BytesIO()
    picture.save(drawn)
    return Response(drawn.getvalue(), media_type="image/svg+xml")


def _issuer(parts: ConsoleParts) -> str:
    return f"Koban {parts.deployment.name('en')}".replace(":", " ")


async def set_up(request: Request) -> Response:
    """Set the first password, and confirm the authenticator by a code."""
    parts, form = parts_of(request), form_of(request)
    now = parts.clock()
    try:
        accounts.require_good_password(staff_of(request), form("password"), form("again"))
        password_hash = await accounts.hash_password(form("password"))
        async with parts.database.transaction() as session:
            person = await _own(request, session)
            if accounts.is_set_up(person):
                raise WrongState("Your account has a password already.")
            step = accounts.totp_step(person, parts.sealer, form("code"), now=now)
            if step is None or not await staff_rows.spend_totp_step(session, person.id, step):
                raise WrongState("The code is not right. Look at the authenticator and type the newest one.")
            person.password_hash = password_hash
            _record(session, person, parts, what="setup")
    except Refused as error:
        return await page(request, 409, error=error)
    return RedirectResponse("/account?done=account", 303)


async def change_password(request: Request) -> Response:
    """Change the password; every other session of this person ends."""
    parts, form = parts_of(request), form_of(request)
    try:
        if not await accounts.check_password(staff_of(request).password_hash, form("current")):
            raise WrongState("The present password is not right.")
        accounts.require_good_password(staff_of(request), form("password"), form("again"))
        password_hash = await accounts.hash_password(form("password"))
        async with parts.database.transaction() as session:
            person = await _own(request, session)
            person.password_hash = password_hash
            await staff_rows.close_other_sessions(session, person.id, keep=request.state.session_hash)
            _record(session, person, parts, what="password")
    except Refused as error:
        return await page(request, 409, error=error)
    return RedirectResponse("/account?done=password", 303)


async def choose_locale(request: Request) -> Response:
    """Choose the language of the console."""
    parts, form = parts_of(request), form_of(request)
    if form("locale") in CONSOLE_TAGS:
        async with parts.database.transaction() as session:
            (await _own(request, session)).locale = form("locale")
    return RedirectResponse("/account?done=save", 303)


async def sign_out_everywhere(request: Request) -> Response:
    """End every session of this person, this one too."""
    parts = parts_of(request)
    async with parts.database.transaction() as session:
        person = await _own(request, session)
        await staff_rows.close_sessions_of(session, person.id)
        audit.record(session, AuditTag.STAFF_SESSION_CLOSE, f"staff:{person.id}", now=parts.clock(),
                     staff_id=person.id, way="everywhere")
    return RedirectResponse("/login", 303)


async def _own(request: Request, session: AsyncSession) -> Staff:
    person = await session.get(Staff, staff_of(request).id)
    if person is None:
        raise NotFound("There is no such account.")
    return person


def _record(session: AsyncSession, person: Staff, parts: ConsoleParts, *, what: str) -> None:
    audit.record(session, AuditTag.STAFF_ACCOUNT_CHANGE, f"staff:{person.id}", now=parts.clock(), staff_id=person.id,
                 what=what)
