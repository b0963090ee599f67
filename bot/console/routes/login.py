"""Signing in and out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console import auth
from bot.console.gate import session_cookie, set_form_cookie, set_session_cookie
from bot.console.pages import render
from bot.console.parts import CONSOLE_TAGS, form_of, parts_of, staff_of
from bot.errors import WrongState
from storage import audit
from storage import staff as staff_rows
from storage.audit import AuditTag


def safe_next(path: str) -> str:
    """Return where to go after signing in: a path of this console, otherwise the first page."""
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_ours else "/"


async def show(request: Request) -> Response:
    """Show the login form."""
    return _form(request, next_path=safe_next(request.query_params.get("next", "/")))


async def sign_in(request: Request) -> Response:
    """Check name, password and code."""
    form, parts = form_of(request), parts_of(request)
    next_path = safe_next(form("next") or "/")
    try:
        token = await auth.sign_in(
            parts, request.app.state.unknown_names, form("username"), form("password"), form("code")
        )
    except WrongState as error:
        return _form(request, 403, next_path=next_path, error=error, username=form("username"))
    response = RedirectResponse(next_path, 303)
    set_session_cookie(response, parts, token)
    return response


def _form(request: Request, status: int = 200, *, next_path: str, **context: object) -> Response:
    response = render(
        request, "login/form.html", status, next_path=next_path, tags=CONSOLE_TAGS, **({"username": ""} | context)
    )
    set_form_cookie(response, parts_of(request), request.state.csrf)
    return response


async def show_link(request: Request) -> Response:
    """Show a button. Opening the page spends nothing, so a link preview does not use the link up."""
    response = render(request, "login/link.html")
    set_form_cookie(response, parts_of(request), request.state.csrf)
    return response


async def use_link(request: Request) -> Response:
    """Spend the link and sign in."""
    parts = parts_of(request)
    try:
        token = await auth.sign_in_by_link(parts, str(request.path_params["token"]))
    except WrongState as error:
        response: Response = render(request, "login/link.html", 403, error=error)
        set_form_cookie(response, parts, request.state.csrf)
        return response
    response = RedirectResponse("/", 303)
    set_session_cookie(response, parts, token)
    return response


async def sign_out(request: Request) -> Response:
    """End this session."""
    parts, person = parts_of(request), staff_of(request)
    async with parts.database.transaction() as session:
        await staff_rows.close_session(session, request.cookies[session_cookie(parts)])
        audit.record(session, AuditTag.STAFF_SESSION_CLOSE, f"staff:{person.id}", now=parts.clock(),
                     staff_id=person.id)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(session_cookie(parts), secure=parts.is_secure, httponly=True, samesite="strict")
    return response
