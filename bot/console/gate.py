"""What stands before every page: the host, the headers, the form, the session and its CSRF token.

Every path is refused without a session but those in `is_open`. A new page cannot forget it: a test walks all routes.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from collections.abc import AsyncGenerator
from datetime import timedelta
from urllib.parse import parse_qsl, quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.console import accounts
from bot.console.pages import render, render_error
from bot.console.parts import ConsoleParts, Form, is_live
from storage import staff as staff_rows
from storage.models import Staff, StaffSession

log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024  # a notice in every language, percent-encoded, is about half of it
MAX_UPLOAD = 24 * 1024 * 1024  # above the largest leaflet, so that a larger one is refused with the draft kept
MAX_FIELDS = 1000
TOUCH_EVERY = timedelta(seconds=60)
_SAFE = ("GET", "HEAD")
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# The fields of texts: replies and notes, interpreters' and translated texts, reasons; titles and words of notices.
_WRITTEN = ("body", "text", "foreign", "note", "reason")
_WRITTEN_IN_LANGUAGES = ("title:", "body:")
_WITHOUT_SETUP = ("/account", "/logout")

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
    "connect-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
))
SECURE_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def is_open(path: str) -> bool:
    """Tell whether a path needs no session."""
    return path in ("/login", "/healthz") or path.startswith(("/login/link/", "/static/", "/calendar/"))


def takes_file(path: str) -> bool:
    """Tell whether a form of this path may bring a file."""
    return re.fullmatch(r"/notices/[0-9]+/files", path) is not None


def session_cookie(parts: ConsoleParts) -> str:
    """Return the name of the session's cookie; with `__Host-` a browser takes it from this host by https only."""
    return "__Host-koban" if parts.is_secure else "koban"


def form_cookie(parts: ConsoleParts) -> str:
    """Return the name of the cookie that a form before signing in is compared with."""
    return "__Host-koban-form" if parts.is_secure else "koban-form"


def set_session_cookie(response: Response, parts: ConsoleParts, token: str) -> None:
    """Give the browser its session; it is gone when the browser is closed."""
    response.set_cookie(session_cookie(parts), token, secure=parts.is_secure, httponly=True, samesite="strict")


def set_form_cookie(response: Response, parts: ConsoleParts, token: str) -> None:
    """Give the browser what its form before signing in is compared with; Lax, so that a link from outside works."""
    response.set_cookie(form_cookie(parts), token, secure=parts.is_secure, httponly=True, samesite="lax")


def add_headers(headers: MutableHeaders, *, is_secure: bool) -> None:
    """Add the secure headers; what may be kept by the browser has said so itself."""
    for name, value in SECURE_HEADERS.items():
        if name == "content-security-policy" and headers.get(name, "").startswith("sandbox;"):
            continue  # what a resident sent has a stricter one of its own
        headers[name] = value
    headers.setdefault("cache-control", "no-store")
    if is_secure:
        headers["strict-transport-security"] = "max-age=31536000"


class Gate:
    """The middleware. Sets request.state.staff, .form, .csrf and .session_hash for the routes."""

    def __init__(self, app: ASGIApp, parts: ConsoleParts) -> None:
        self._app = app
        self._parts = parts
        self._hosts = _names_of(parts.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_headers(MutableHeaders(scope=message), is_secure=self._parts.is_secure)
            await send(message)

        request = Request(scope, receive)
        request.state.staff, request.state.csrf, request.state.form = None, "", Form({})
        refusal, receive = await self._admit(request, receive)
        await (refusal or self._app)(scope, receive, send_with_headers)

    async def _admit(self, request: Request, receive: Receive) -> tuple[Response | None, Receive]:
        path = request.scope["path"]
        if path != "/healthz" and not self._is_our_host(request.headers):
            return PlainTextResponse("This is not the address of the console.", 400), receive
        if request.method not in (*_SAFE, "POST"):
            return PlainTextResponse("Method not allowed", 405, {"allow": "GET, HEAD, POST"}), receive
        if request.method == "POST":
            is_upload = takes_file(path) and _kind_of(request.headers) == "multipart/form-data"
            if is_upload and not await self._find_session(request):
                return _ask_to_sign_in(request), receive  # nothing that large is read from a stranger
            body = await _read(receive, MAX_UPLOAD if is_upload else MAX_BODY)
            if body is None:
                return render_error(request, 413), receive
            fields = await _parse_upload(request.headers, body) if is_upload else _parse(request.headers, body)
            if fields is None:
                return render_error(request, 400), receive
            request.state.form, receive = fields, _replay(body)
        if is_open(path):
            return self._check_open_form(request), receive
        return await self._check_session(request), receive

    def _is_our_host(self, headers: Headers) -> bool:
        return headers.get("host", "").lower() in self._hosts

    def _check_open_form(self, request: Request) -> Response | None:
        """Compare a form before signing in with its cookie, and choose a token for the next one."""
        cookie = request.cookies.get(form_cookie(self._parts), "")
        request.state.csrf = cookie if len(cookie) >= 32 else secrets.token_urlsafe(32)
        if request.method in _SAFE:
            return None
        return None if _is_own_form(request, cookie) else render_error(request, 403)

    async def _find_session(self, request: Request) -> tuple[StaffSession, Staff] | None:
        parts = self._parts
        token = request.cookies.get(session_cookie(parts), "")
        found = None
        if token:
            async with parts.database.reading() as session:
                found = await staff_rows.find_session(session, token)
        return found if found is not None and is_valid(found[0], found[1], parts) else None

    async def _check_session(self, request: Request) -> Response | None:
        parts, now = self._parts, self._parts.clock()
        found = await self._find_session(request)
        if found is None:
            return _ask_to_sign_in(request)
        opened, person = found
        request.state.staff, request.state.csrf = person, opened.csrf_token
        request.state.session_hash = opened.token_hash
        if request.method not in _SAFE and not _is_own_form(request, opened.csrf_token):
            log.warning("form refused: no valid CSRF token", extra={"staff_id": person.id})
            # Perhaps a page of an earlier session, in which somebody wrote before signing in again elsewhere.
            return _give_back(request, 403) if _written(request) else render_error(request, 403)
        if not is_live(request) and now - opened.seen_at >= TOUCH_EVERY:
            async with parts.database.transaction() as session:
                await staff_rows.touch_session(session, opened.token_hash, now=now)
        must_set_up = not parts.deployment.is_demo and not accounts.is_set_up(person)
        if must_set_up and not request.scope["path"].startswith(_WITHOUT_SETUP):
            return RedirectResponse("/account", 303)
        return None


def is_valid(opened: StaffSession, person: Staff, parts: ConsoleParts) -> bool:
    """Tell whether a session still counts: not too old, not idle for too long, and the account is not disabled."""
    now = parts.clock()
    return opened.expires_at > now and opened.seen_at + parts.idle_time > now and person.disabled_at is None


def _names_of(host: str) -> frozenset[str]:
    """Return what browsers may call our host: the loopback has several names."""
    name, colon, port = host.rpartition(":") if host.rpartition(":")[2].isdecimal() else (host, "", "")
    return frozenset(f"{each}{colon}{port}" for each in (_LOOPBACK if name in _LOOPBACK else (name,)))


def _is_from_here(request: Request) -> bool:
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def _is_own_form(request: Request, expected: str) -> bool:
    if not _is_from_here(request):
        return False
    given = request.headers.get("x-csrf-token") or request.state.form("csrf")
    return len(expected) >= 32 and hmac.compare_digest(given.encode(), expected.encode())


def _ask_to_sign_in(request: Request) -> Response:
    """Send to the login page; a POST gets its words back, so that a long reply is not lost with the session."""
    if is_live(request) or request.scope["path"] == "/live":
        return PlainTextResponse("signed out", 401)
    if request.method == "POST":
        return _give_back(request, 401)
    path = request.scope["path"]
    query = request.scope.get("query_string", b"").decode("latin-1")
    wanted = f"{path}?{query}" if query else path
    return RedirectResponse("/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}", 303)


def _give_back(request: Request, status: int) -> Response:
    return render(request, "login/ended.html", status, body=_written(request))


def _written(request: Request) -> str:
    """Return what somebody wrote in a form of ours, and nothing else that is in it, such as a password."""
    form: Form = request.state.form
    names = [name for name in form.fields if name in _WRITTEN or name.startswith(_WRITTEN_IN_LANGUAGES)]
    return "\n\n".join(form(name) for name in names if form(name).strip()) if _is_from_here(request) else ""


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body; None when it is longer than the limit, in bytes."""
    parts: list[bytes] = []
    n_bytes = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        n_bytes += len(parts[-1])
        if n_bytes > limit:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)


def _parse(headers: Headers, body: bytes) -> Form | None:
    """Return the fields of a form; None when it is none."""
    if _kind_of(headers) not in ("application/x-www-form-urlencoded", ""):
        return None
    fields: dict[str, tuple[str, ...]] = {}
    try:
        for name, value in parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace"
        ):
            fields[name] = (*fields.get(name, ()), value.replace("\x00", ""))
    except ValueError:  # UnicodeDecodeError too
        return None
    return Form(fields)


def _kind_of(headers: Headers) -> str:
    return headers.get("content-type", "").split(";")[0].strip().lower()


async def _parse_upload(headers: Headers, body: bytes) -> Form | None:
    """Return the fields and the file of a form; None when it is none. The name of the file is not looked at."""

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    fields: dict[str, tuple[str, ...]] = {}
    files: dict[str, bytes] = {}
    try:
        form = await MultiPartParser(headers, stream(), max_files=1, max_fields=MAX_FIELDS).parse()
    except (MultiPartException, KeyError, ValueError):
        return None
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields[name] = (*fields.get(name, ()), value.replace("\x00", ""))
        else:
            files[name] = await value.read()
    await form.close()
    return Form(fields, files)


def _replay(body: bytes) -> Receive:
    """Return a channel that gives the body once more, for whoever reads it after us."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
