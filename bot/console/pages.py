"""Rendering: one Jinja2 environment for each language of staff, with the words, times and names that templates use.

Templates write `_("English source, {name}", name=…)`, the same strings as the Python code. Everything is escaped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from babel.dates import format_date, format_datetime, format_timedelta
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.filters import do_filesizeformat
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.console.auth import AUDIT_READERS, INTERPRETERS, RECOVERY_DECIDERS, TICKET_ROLES
from bot.console.delivery_errors import delivery_error
from bot.console.labels import DONE, LABELS
from bot.console.parts import CONSOLE_TAGS, ConsoleParts, parts_of, tag_of, words_of
from bot.errors import Refused
from bot.i18n import TOKYO, Strings, babel_locale
from storage.models import Role, Staff

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
FEWEST_SHOWN = 5  # a smaller count of residents could point at one of them


def load_templates(parts: ConsoleParts) -> Mapping[str, Environment]:
    """Return the environment of each language of staff."""
    return {tag: _environment(parts, tag) for tag in CONSOLE_TAGS}


def _environment(parts: ConsoleParts, tag: str) -> Environment:
    words = parts.words(tag)
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )

    def label(kind: str, value: str) -> str:
        known = LABELS[kind].get(value)
        return words(known) if known else value

    environment.globals.update({
        "_": words, "plural": words.plural, "tag": tag, "label": label, "static": static_url,
        "police": parts.deployment.name(tag), "is_demo": parts.deployment.is_demo,
        "language": lambda other: language_name(other, tag), "own_name": parts.screens.language_name,
        "direction": lambda other: direction(parts, other), "few": lambda n: few(n, words),
        "fewest_shown": FEWEST_SHOWN, "timedelta": timedelta,
        "delivery_error": lambda reason: delivery_error(reason, words),
        "error_words": lambda error: words(error.sentence, **error.values),
    })
    environment.filters.update({
        "moment": lambda at: moment(at, tag), "iso": lambda at: at.isoformat(timespec="seconds"),
        "local_input": local_input, "span": lambda delta: span(delta, tag), "filesize": filesize,
        "month": lambda day: format_date(day, "y年M月" if tag == "ja" else "MMMM y", locale=tag),
        "day": lambda day: format_date(day, "d日(E)" if tag == "ja" else "EEE d", locale=tag),
    })
    return environment


def render(request: Request, template: str, status: int = 200, **context: object) -> HTMLResponse:
    """Return a page in the language of whoever asks."""
    environment: Environment = request.app.state.templates[tag_of(request)]
    person: Staff | None = getattr(request.state, "staff", None)
    done = DONE.get(request.query_params.get("done", ""))
    shared = {
        "staff": person, "csrf": request.state.csrf, "path": request.scope["path"], "now": parts_of(request).clock(),
        "done": words_of(request)(done) if done else None, "menu": menu(person) if person else (), "error": None,
    }
    return HTMLResponse(environment.get_template(template).render(shared | context), status)


def menu(person: Staff) -> tuple[str, ...]:
    """Return the pages that this person's menu shows."""
    entries = [
        ("queue", person.role in TICKET_ROLES), ("interpreting", person.role in INTERPRETERS),
        ("notices", True), ("content", True),
        ("audit", person.role in AUDIT_READERS), ("staff", person.role == Role.ADMINISTRATOR),
        ("recoveries", person.role in RECOVERY_DECIDERS),
    ]
    return tuple(name for name, is_shown in entries if is_shown)


_ERROR_PAGES = (400, 403, 404, 405, 413, 500)


def render_error(request: Request, status: int, error: Refused | None = None) -> Response:
    """Return the page of an error. error: whose sentence is shown instead of the general one."""
    known = status if status in _ERROR_PAGES else 400 if status < 500 else 500
    return render(request, "error.html", status, code=known, error=error)


@cache
def static_url(name: str) -> str:
    """Return the address of a static file; it changes with the content, so that browsers may keep the file."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def moment(at: datetime, tag: str) -> str:
    """Return a date and time in Japan, short enough for a table."""
    return format_datetime(at, "y/MM/dd(E) HH:mm" if tag == "ja" else "d MMM y, HH:mm", tzinfo=TOKYO, locale=tag)


def span(delta: timedelta, tag: str) -> str:
    """Return a stretch of time in its largest unit, as a person says it."""
    text = format_timedelta(abs(delta), locale=tag, threshold=1.5)
    return text.replace(" ", "") if tag == "ja" else text


def filesize(n_bytes: int) -> str:
    """Return the size of a file with a unit that is written alike in every language."""
    return do_filesizeformat(n_bytes).replace("Bytes", "B")


def local_input(at: datetime | None) -> str:
    """Return a moment as a field of type datetime-local holds it, in Japan's time."""
    return at.astimezone(TOKYO).strftime("%Y-%m-%dT%H:%M") if at else ""


def parse_local(text: str) -> datetime | None:
    """Read a field of type datetime-local, in Japan's time; None when it is empty. Raises ValueError."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None or not 2000 <= at.year < 2200:
        raise ValueError("not a local date and time")
    return at.replace(tzinfo=TOKYO)


def language_name(tag: str | None, reader: str) -> str:
    """Return the name of a language for staff; やさしい日本語 is called by its name."""
    if tag is None:
        return "–"
    if tag == "ja-simple":
        return "やさしい日本語" if reader == "ja" else "Plain Japanese"
    return str(babel_locale(tag).get_display_name(reader) or tag)


def direction(parts: ConsoleParts, tag: str | None) -> str:
    """Return the direction of a language's writing, for the attribute `dir`; auto while the language is unknown."""
    if tag is None:
        return "auto"
    locale = parts.screens.catalogue.locales.get(tag)
    return locale.direction if locale else "auto"


def few(n: int, words: Strings) -> str:
    """Return a count of residents, hidden while it is small enough to point at somebody."""
    _ = words
    return _("fewer than {n}", n=FEWEST_SHOWN) if 0 < n < FEWEST_SHOWN else f"{n:,}"
