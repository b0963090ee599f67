"""The staff console: its explicit list of pages, and the application made of them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from bot.console.auth import (
    ADMINISTRATORS,
    AUDIT_READERS,
    EVERYONE,
    INTERPRETERS,
    NOTICE_APPROVERS,
    NOTICE_EDITORS,
    RATING_READERS,
    RECOVERY_DECIDERS,
    REVIEWERS,
    TICKET_ROLES,
    UnknownNames,
)
from bot.console.gate import Gate, add_headers
from bot.console.live import Hub
from bot.console.pages import STATIC, load_templates, render_error
from bot.console.parts import ConsoleParts, parts_of, staff_of
from bot.console.routes import (
    account,
    account_links,
    answers,
    audit,
    calendar,
    content,
    events,
    files,
    followups,
    interpreting,
    login,
    merges,
    notice_files,
    notices,
    queue,
    ratings,
    recoveries,
    start,
    tickets,
    transfers,
    translations,
)
from bot.console.routes import live as live_route
from bot.console.routes import staff as staff_pages
from bot.errors import NotFound, Refused
from storage.models import Role

__all__ = ["PAGES", "ConsoleParts", "Page", "create_app"]

log = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """One address. roles: who may open it; None only for what the gate leaves open before signing in."""

    method: str
    path: str
    endpoint: Endpoint
    roles: frozenset[Role] | None

    def route(self) -> Route:
        """Return the route, which refuses every other role."""
        return Route(self.path, self._for_roles(), methods=[self.method])

    def _for_roles(self) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            if self.roles is not None and staff_of(request).role not in self.roles:
                raise HTTPException(403)
            return await self.endpoint(request)

        return endpoint


PAGES = (
    Page("GET", "/healthz", start.health, None),
    Page("GET", "/login", login.show, None),
    Page("POST", "/login", login.sign_in, None),
    Page("GET", "/login/link/{token}", login.show_link, None),
    Page("POST", "/login/link/{token}", login.use_link, None),
    Page("POST", "/logout", login.sign_out, EVERYONE),
    Page("GET", "/", start.home, EVERYONE),
    Page("GET", "/live", live_route.stream, EVERYONE),
    Page("GET", "/queue", queue.show, TICKET_ROLES),
    Page("GET", "/tickets/{id:int}", tickets.show, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/claim", tickets.claim, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/release", tickets.release, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/reply", tickets.reply, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/insert", tickets.insert, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/note", tickets.note, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/close", tickets.close, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/reopen", tickets.reopen, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/transfer", transfers.ask, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/transfer/accept", transfers.accept, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/transfer/return", transfers.send_back, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/transfer/recall", transfers.recall, TICKET_ROLES),
    Page("GET", "/transfers", transfers.index, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/translate", translations.translate, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/interpret", translations.interpret, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/read", translations.read, TICKET_ROLES),
    Page("GET", "/translations", translations.index, TICKET_ROLES),
    Page("GET", "/translations/{id:int}", translations.show, TICKET_ROLES),
    Page("POST", "/translations/{id:int}/compare", translations.compare, TICKET_ROLES),
    Page("POST", "/translations/{id:int}/send", translations.send, TICKET_ROLES),
    Page("POST", "/translations/{id:int}/interpret", translations.ask_again, TICKET_ROLES),
    Page("POST", "/translations/{id:int}/approve", translations.approve, TICKET_ROLES),
    Page("POST", "/translations/{id:int}/alone", translations.send_alone, TICKET_ROLES),
    Page("POST", "/translations/{id:int}/back", translations.read_back, TICKET_ROLES),
    Page("POST", "/translations/{id:int}/refuse", translations.refuse, TICKET_ROLES),
    Page("POST", "/translations/{id:int}/discard", translations.discard, TICKET_ROLES),
    Page("GET", "/interpreting", interpreting.index, INTERPRETERS),
    Page("GET", "/interpreting/{id:int}", interpreting.show, INTERPRETERS),
    Page("POST", "/interpreting/{id:int}/claim", interpreting.claim, INTERPRETERS),
    Page("POST", "/interpreting/{id:int}/give-back", interpreting.give_back, INTERPRETERS),
    Page("POST", "/interpreting/{id:int}/hand-in", interpreting.hand_in, INTERPRETERS),
    Page("POST", "/interpreting/{id:int}/question", interpreting.send_back, INTERPRETERS),
    Page("POST", "/tickets/{id:int}/merge", merges.merge, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/unmerge", merges.undo, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/files/{file:int}", files.download, TICKET_ROLES),
    Page("POST", "/tickets/{id:int}/files/{file:int}/view", files.view, TICKET_ROLES),
    Page("GET", "/notices", notices.index, EVERYONE),
    Page("GET", "/notices/new", notices.new, NOTICE_EDITORS),
    Page("POST", "/notices", notices.create, NOTICE_EDITORS),
    Page("POST", "/notices/check", notices.check, NOTICE_EDITORS),
    Page("GET", "/notices/{id:int}", notices.show, EVERYONE),
    Page("GET", "/notices/{id:int}/edit", notices.edit, NOTICE_EDITORS),
    Page("POST", "/notices/{id:int}/edit", notices.save, NOTICE_EDITORS),
    Page("POST", "/notices/{id:int}/files", notice_files.attach, NOTICE_EDITORS),
    Page("POST", "/notices/{id:int}/files/{file:int}/remove", notice_files.remove, NOTICE_EDITORS),
    Page("GET", "/notices/{id:int}/files/{file:int}", notice_files.show, EVERYONE),
    Page("POST", "/notices/{id:int}/submit", notices.submit, NOTICE_EDITORS),
    Page("POST", "/notices/{id:int}/approve", notices.approve, NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/return", notices.send_back, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/schedule", notices.schedule, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/pause", notices.pause, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/resume", notices.resume, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("GET", "/notices/{id:int}/cancel", notices.ask_cancel, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/cancel", notices.cancel, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/quiet/ask", notices.ask_quiet, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/quiet/allow", notices.allow_quiet, NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/test", followups.test, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/correct", followups.correct, NOTICE_EDITORS),
    Page("POST", "/notices/{id:int}/repeat", followups.repeat, NOTICE_EDITORS),
    Page("GET", "/notices/{id:int}/withdraw", followups.ask_withdraw, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/withdraw", followups.withdraw, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("GET", "/notices/{id:int}/event", events.edit, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/event", events.save, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("GET", "/notices/{id:int}/event/cancel", events.ask_cancel, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("POST", "/notices/{id:int}/event/cancel", events.cancel, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("GET", "/notices/{id:int}/event/guests.csv", events.guests, NOTICE_EDITORS | NOTICE_APPROVERS),
    Page("GET", "/notices/calendar", calendar.show, EVERYONE),
    Page("GET", "/calendar/{token}.ics", calendar.feed, None),
    Page("POST", "/account/chat", account_links.new_code, EVERYONE),
    Page("POST", "/account/calendar", account_links.new_calendar, EVERYONE),
    Page("GET", "/content", content.show, EVERYONE),
    Page("GET", "/content/answers", answers.index, EVERYONE),
    Page("POST", "/content/answers", answers.approve_many, REVIEWERS),
    Page("GET", "/content/answers/{intent}/{tag}", answers.show, EVERYONE),
    Page("POST", "/content/answers/{intent}/{tag}/approve", answers.approve, REVIEWERS),
    Page("POST", "/content/answers/{intent}/{tag}/withdraw", answers.withdraw, REVIEWERS),
    Page("POST", "/content/answers/{intent}/{tag}/same", answers.say_same_meaning, REVIEWERS),
    Page("GET", "/ratings", ratings.show, RATING_READERS),
    Page("GET", "/audit", audit.show, AUDIT_READERS),
    Page("GET", "/staff", staff_pages.show, ADMINISTRATORS),
    Page("POST", "/staff", staff_pages.add, ADMINISTRATORS),
    Page("POST", "/staff/{id:int}/disable", staff_pages.disable, ADMINISTRATORS),
    Page("POST", "/staff/{id:int}/enable", staff_pages.enable, ADMINISTRATORS),
    Page("POST", "/staff/{id:int}/languages", staff_pages.set_languages, ADMINISTRATORS),
    Page("POST", "/staff/{id:int}/link", staff_pages.new_link, ADMINISTRATORS),
    Page("POST", "/staff/{id:int}/recover", staff_pages.ask_recovery, ADMINISTRATORS),
    Page("GET", "/recoveries", recoveries.show, RECOVERY_DECIDERS),
    Page("POST", "/recoveries/{id:int}/agree", recoveries.agree, RECOVERY_DECIDERS),
    Page("POST", "/recoveries/{id:int}/refuse", recoveries.refuse, RECOVERY_DECIDERS),
    Page("GET", "/account", account.show, EVERYONE),
    Page("GET", "/account/totp.svg", account.totp_picture, EVERYONE),
    Page("POST", "/account/setup", account.set_up, EVERYONE),
    Page("POST", "/account/password", account.change_password, EVERYONE),
    Page("POST", "/account/locale", account.choose_locale, EVERYONE),
    Page("POST", "/account/signout", account.sign_out_everywhere, EVERYONE),
)


class _KeptFiles(StaticFiles):
    """Static files, which browsers may keep: their addresses change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and b"v=" in scope.get("query_string", b""):
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def create_app(parts: ConsoleParts) -> Starlette:
    """Return the console as an ASGI application."""
    app = Starlette(
        routes=[*(page.route() for page in PAGES), Mount("/static", _KeptFiles(directory=STATIC), name="static")],
        middleware=[Middleware(Gate, parts=parts)],
        exception_handlers={HTTPException: _http_error, Refused: _refused, Exception: _failed},
    )
    app.state.parts = parts
    app.state.templates = load_templates(parts)
    app.state.unknown_names = UnknownNames()
    app.state.hub = Hub(parts)
    return app


async def _http_error(request: Request, error: Exception) -> Response:
    return render_error(request, error.status_code if isinstance(error, HTTPException) else 500)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return render_error(request, 404 if isinstance(error, NotFound) else 409, error)


def _without_secrets(request: Request) -> str:
    """Return the path for the log; a token in it may still sign somebody in, so only numbers stay."""
    path = str(request.scope["path"])
    for value in request.scope.get("path_params", {}).values():
        if isinstance(value, str):
            path = path.replace(value, "…")
    return path


async def _failed(request: Request, error: Exception) -> Response:
    log.error("a page failed: %s", _without_secrets(request), exc_info=error)
    response = render_error(request, 500)
    # This answer is made outside of the gate, which adds the headers otherwise.
    add_headers(MutableHeaders(raw=response.raw_headers), is_secure=parts_of(request).is_secure)
    return response
