"""Staff accounts, for administrators: list, add, disable, and a new one-time link."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import accounts, recoveries
from bot.console.pages import render
from bot.console.parts import CONSOLE_TAGS, ConsoleParts, Form, form_of, parts_of, path_id, staff_of
from bot.errors import NotFound, Refused, WrongState
from storage import audit
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import Role, Staff
from storage.translations import languages_of


async def show(request: Request) -> Response:
    """Show every account and the form for a new one."""
    return await _page(request)


async def _page(
    request: Request, status: int = 200, *, error: Refused | None = None, link: str | None = None,
    link_for: str = "", form: Form | None = None,
) -> Response:
    parts = parts_of(request)
    async with parts.database.reading() as session:
        people = await staff_rows.everyone(session)
    return render(
        request, "staff/page.html", status, people=people, roles=tuple(Role), sections=parts.deployment.sections,
        stations=parts.deployment.stations, tags=CONSOLE_TAGS, error=error, link=link, link_for=link_for,
        form=form or Form({}), section_of=parts.deployment.section, station_of=parts.deployment.station,
        is_set_up=accounts.is_set_up, languages_of=languages_of,
        interpretable=interpretable(parts), reasons=tuple(recoveries.Reason),
    )


async def add(request: Request) -> Response:
    """Add an account and show its one-time link, which is not shown again."""
    parts, form = parts_of(request), form_of(request)
    section, station = form("section") or None, form("station") or None
    try:
        if form("role") not in set(Role):
            raise WrongState("Choose a role.")
        is_known = (section is None or parts.deployment.section(section)) and (
            station is None or parts.deployment.station(station)
        )
        if not is_known:
            raise WrongState("Choose a section or a station of the list.")
        async with parts.database.transaction() as session:
            person = await accounts.add_staff(
                session, username=form("username"), display_name=form("display_name"), role=Role(form("role")),
                section_id=section, station_id=station, now=parts.clock(), by=staff_of(request),
                locale=form("locale") if form("locale") in CONSOLE_TAGS else CONSOLE_TAGS[0],
            )
            link = await _link(request, session, person)
    except Refused as error:
        return await _page(request, 409, error=error, form=form)
    return await _page(request, link=link, link_for=person.display_name)


async def new_link(request: Request) -> Response:
    """Show a new one-time link for an account that is not set up yet; one in use takes a second person."""
    parts = parts_of(request)
    async with parts.database.transaction() as session:
        person = await _other(request, session)
        if person.disabled_at is not None:
            raise WrongState("This account is disabled.")
        if accounts.is_set_up(person):
            raise WrongState("This account is in use: ask for its recovery, which takes a second person.")
        await accounts.begin_anew(session, person)
        link = await _link(request, session, person)
        _record(request, session, person, what="link")
    return await _page(request, link=link, link_for=person.display_name)


async def ask_recovery(request: Request) -> Response:
    """Ask for the recovery of an account; a second person decides on the page of recoveries."""
    parts = parts_of(request)
    try:
        async with parts.database.transaction() as session:
            person = await _other(request, session)
            await recoveries.ask(session, person, staff_of(request), form_of(request)("reason"), now=parts.clock())
    except Refused as error:
        return await _page(request, 409, error=error)
    return RedirectResponse("/recoveries?done=recovery-ask", 303)


async def disable(request: Request) -> Response:
    """Close an account; it stays for the audit, its sessions end at once, and colleagues can take what it had."""
    parts = parts_of(request)
    async with parts.database.transaction() as session:
        person = await _other(request, session)
        person.disabled_at = parts.clock()
        await staff_rows.close_sessions_of(session, person.id)
        await accounts.let_go(session, person, now=parts.clock(), by=staff_of(request))
        _record(request, session, person, what="disable")
    return RedirectResponse("/staff?done=staff", 303)


async def enable(request: Request) -> Response:
    """Open a closed account again."""
    async with parts_of(request).database.transaction() as session:
        person = await _other(request, session)
        person.disabled_at = None
        _record(request, session, person, what="enable")
    return RedirectResponse("/staff?done=staff", 303)


async def set_languages(request: Request) -> Response:
    """Record which languages a person interprets."""
    parts = parts_of(request)
    chosen = [tag for tag in interpretable(parts) if tag in form_of(request).every("language")]
    async with parts.database.transaction() as session:
        person = await _other(request, session)
        person.languages = ",".join(chosen)
        _record(request, session, person, what="languages", languages=chosen)
    return RedirectResponse("/staff?done=languages", 303)


def interpretable(parts: ConsoleParts) -> tuple[str, ...]:
    """Return the languages that residents are answered in and staff may not read: all but Japanese."""
    return tuple(tag for tag in parts.screens.offered_tags if tag.split("-")[0] != "ja")


async def _other(request: Request, session: AsyncSession) -> Staff:
    """Return the account in the path, which is not the administrator's own."""
    person = await session.get(Staff, path_id(request))
    if person is None:
        raise NotFound("There is no such account.")
    if person.id == staff_of(request).id:
        raise WrongState("You cannot change your own account here.")
    return person


async def _link(request: Request, session: AsyncSession, person: Staff) -> str:
    parts = parts_of(request)
    token = await staff_rows.add_login_link(session, person.id, expires_at=parts.clock() + accounts.LINK_LIFETIME)
    return accounts.login_link_url(parts.settings, token)


def _record(request: Request, session: AsyncSession, person: Staff, *, what: str, **detail: object) -> None:
    audit.record(session, AuditTag.STAFF_ACCOUNT_CHANGE, f"staff:{person.id}", now=parts_of(request).clock(),
                 staff_id=staff_of(request).id, what=what, **detail)
