"""Settings, secrets, and everything outside the project that has to answer: Telegram, the database, the disk."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.config import parse_keys, read_settings
from bot.doctor.patient import Check, Patient, State
from bot.duty import national_holidays, tokyo_day
from bot.errors import SettingsError
from bot.translation.machine import NotTranslated, machine_of
from intents.schema import BASE_TAG, CORE_TAGS
from storage import migrate
from storage.database import Database

TIMEOUT_SECONDS = 5.0
MIN_FREE_MB = 500
MAX_CLOCK_SECONDS = 30


def check_settings(patient: Patient) -> list[Check]:
    try:
        read_settings(patient.environment)
    except SettingsError as error:
        advice = "Mend the setting in the environment of the service; the README has the table."
        return [Check("settings", "error", problem, advice) for problem in error.problems]
    return [Check("settings", "ok", "every name is known and every value can be read")]


def check_keys(patient: Patient) -> Check:
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


async def check_token(patient: Patient) -> list[Check]:
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


def check_updates(patient: Patient) -> Check:
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


async def check_translator(patient: Patient) -> Check:
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


async def check_database(patient: Patient) -> list[Check]:
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


def check_disk(patient: Patient) -> Check:
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


def check_time_zone(_patient: Patient) -> Check:
    try:
        offset = datetime(2026, 7, 1, tzinfo=ZoneInfo("Asia/Tokyo")).utcoffset()
    except ZoneInfoNotFoundError:
        return Check("time zone", "error", "this machine has no data for Asia/Tokyo", "Run `pip install tzdata`.")
    year = tokyo_day(datetime.now(UTC)).year
    if offset is None or offset.total_seconds() != 9 * 3600 or not national_holidays(year + 1):
        return Check("time zone", "error", "the data of time zones or holidays is wrong",
                     "Run `pip install --upgrade tzdata holidays`.")
    return Check("time zone", "ok", f"Asia/Tokyo is known; {len(national_holidays(year))} holidays in {year}")
