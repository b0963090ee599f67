"""What the console is built from, and how a route reaches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlsplit

from starlette.requests import Request

from bot.answers import Screens
from bot.config import Settings
from bot.deployment import Deployment
from bot.errors import NotFound
from bot.i18n import TOKYO, Strings
from bot.translation.machine import Machine
from storage.database import Database
from storage.models import Staff
from storage.sealing import Sealer

CONSOLE_TAGS = ("ja", "en")
SESSION_LIFETIME = timedelta(hours=8)
_LARGEST_ID = 2**31 - 1  # of an INTEGER column; a larger number in a path is nobody's


@dataclass(frozen=True)
class ConsoleParts:
    """Everything that the pages need. clock: returns aware UTC time. machine: translates drafts; None: it is off."""

    database: Database
    sealer: Sealer
    strings: Mapping[str, Strings]
    deployment: Deployment
    screens: Screens
    settings: Settings
    clock: Callable[[], datetime]
    machine: Machine | None = None

    @property
    def is_secure(self) -> bool:
        """Tell whether staff open the console by https, so that cookies may demand it."""
        return self.settings.console_url.startswith("https://")

    @property
    def host(self) -> str:
        """The host, and the port if it is not the usual one, of the address that staff open."""
        return urlsplit(self.settings.console_url).netloc.lower()

    @property
    def idle_time(self) -> timedelta:
        """How long a session lasts without activity."""
        return timedelta(minutes=self.deployment.session_minutes)

    @property
    def today(self) -> date:
        """The day in Japan."""
        return self.clock().astimezone(TOKYO).date()

    def words(self, tag: str) -> Strings:
        """Return the console's strings in a language of staff; English where there are none."""
        return self.strings.get(tag) or self.strings["en"]


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a POST; a field that is not there is empty. files: dict of field → what was uploaded."""

    fields: Mapping[str, tuple[str, ...]]
    files: Mapping[str, bytes] = field(default_factory=dict)

    def __call__(self, name: str) -> str:
        """Return the first value of a field, with plain line breaks."""
        return self.fields.get(name, ("",))[0].replace("\r\n", "\n")

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, such as the checked boxes of a group."""
        return self.fields.get(name, ())

    def number(self, name: str) -> int:
        """Return a field as a number; -1 when it is none, which no row has."""
        text = self(name)
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def parts_of(request: Request) -> ConsoleParts:
    """Return the console's parts."""
    parts: ConsoleParts = request.app.state.parts
    return parts


def staff_of(request: Request) -> Staff:
    """Return who is signed in; the gate has set it on every page but the open ones."""
    person: Staff = request.state.staff
    return person


def form_of(request: Request) -> Form:
    """Return the fields of this POST, which the gate has read and checked."""
    form: Form = request.state.form
    return form


def tag_of(request: Request) -> str:
    """Return the language of this page: that of the person, or, before signing in, the one asked for."""
    person: Staff | None = getattr(request.state, "staff", None)
    wanted = person.locale if person is not None else request.query_params.get("locale", CONSOLE_TAGS[0])
    return wanted if wanted in CONSOLE_TAGS else CONSOLE_TAGS[0]


def words_of(request: Request) -> Strings:
    """Return the strings of this page's language."""
    return parts_of(request).words(tag_of(request))


def path_id(request: Request) -> int:
    """Return the id in the path. Raises NotFound for a number that no row can have."""
    wanted = int(request.path_params["id"])
    if wanted > _LARGEST_ID:
        raise NotFound("There is no such page, or it is not open to you.")
    return wanted


def is_live(request: Request) -> bool:
    """Tell whether a script asks for a fragment, or for news while the page is hidden; no person is active then."""
    is_hidden = request.scope["path"] == "/live" and request.query_params.get("on") == "news"
    return is_hidden or request.headers.get("x-koban-live") == "1"
