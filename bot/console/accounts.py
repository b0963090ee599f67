"""Staff accounts: adding one, passwords (Argon2id), authenticator codes (TOTP), one-time login links."""

from __future__ import annotations

import asyncio
import hmac
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.ext.asyncio import AsyncSession
from zxcvbn import zxcvbn

from bot.config import Settings
from bot.errors import WrongState
from storage import audit, tickets, translations
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import Role, Staff
from storage.sealing import Sealer

NO_PASSWORD = "!"  # noqa: S105 - no hash looks like this, so nothing matches it
LINK_LIFETIME = timedelta(hours=24)
MIN_PASSWORD = 12
MAX_PASSWORD = 200
_GUESSED_LENGTH = 72  # longer ones take zxcvbn too long
_LEAST_SCORE = 3  # of 0 to 4: at least 10^8 guesses. Source: zxcvbn's README, read 2026-11-27.
TOTP_STEP_S = 30
_DRIFT = (-1, 0, 1)  # steps that a phone's clock may be off

_hasher = PasswordHasher()
# A hash takes 64 MiB and a core for a while: two at once, so that a flood of logins cannot starve the pages.
_hashing = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


async def add_staff(
    session: AsyncSession,
    *,
    username: str,
    display_name: str,
    role: Role,
    now: datetime,
    section_id: str | None = None,
    station_id: str | None = None,
    locale: str = "ja",
    by: Staff | None = None,
) -> Staff:
    """Add an account that can sign in by a one-time link only, until it has a password and an authenticator.

    by: the administrator who adds it; None from the command line.

    Raises WrongState when the name is taken or not usable.
    """
    username = username.strip().lower()
    if not username.isascii() or not username.replace("-", "").replace(".", "").isalnum() or len(username) > 64:
        raise WrongState("A user name has letters, digits, dots and hyphens only.")
    if not display_name.strip() or len(display_name) > 100:
        raise WrongState("Write the name that colleagues see.")
    if await staff_rows.by_username(session, username):
        raise WrongState("The user name {name} is taken.", name=username)
    person = Staff(
        username=username, display_name=display_name.strip(), role=role, section_id=section_id, station_id=station_id,
        password_hash=NO_PASSWORD, locale=locale, created_at=now,
    )
    session.add(person)
    await session.flush()
    audit.record(session, AuditTag.STAFF_ACCOUNT_ADD, f"staff:{person.id}", now=now, staff_id=by.id if by else None,
                 role=role)
    return person


async def begin_anew(session: AsyncSession, person: Staff) -> None:
    """Remove password and authenticator and end every session, so that only a new one-time link signs in."""
    person.password_hash, person.totp_sealed, person.totp_last_step = NO_PASSWORD, None, 0
    await staff_rows.end_login(session, person.id)
    await staff_rows.close_sessions_of(session, person.id)
    await staff_rows.forget_links_of(session, person.id)


async def let_go(session: AsyncSession, person: Staff, *, now: datetime, by: Staff) -> None:
    """Give back to their desks what a person has who cannot come back for it: consultations, texts to interpret.

    Closed consultations too: one that is opened again would be with somebody who is gone.
    """
    for ticket_id in await tickets.let_go_of(session, person.id, now=now):
        audit.record(session, AuditTag.STAFF_TICKET_RELEASE, f"ticket:{ticket_id}", now=now, staff_id=by.id,
                     of=person.id)
    for translation_id, ticket_id in await translations.let_go_of(session, person.id, now=now):
        audit.record(session, AuditTag.STAFF_TRANSLATION_RELEASE, f"ticket:{ticket_id}", now=now, staff_id=by.id,
                     translation=translation_id, of=person.id)


def login_link_url(settings: Settings, token: str) -> str:
    """Return the address of a one-time login link."""
    return f"{settings.console_url}/login/link/{token}"


def is_set_up(person: Staff) -> bool:
    """Tell whether the account has a password and an authenticator whose first code was right."""
    return person.password_hash != NO_PASSWORD and person.totp_sealed is not None and person.totp_last_step > 0


async def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password, made off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, _hasher.hash, password)


async def check_password(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is right; takes as long when there is no account or no password yet."""
    return await asyncio.get_running_loop().run_in_executor(_hashing, _verify, password_hash, password[:MAX_PASSWORD])


def _verify(password_hash: str | None, password: str) -> bool:
    known = password_hash if password_hash != NO_PASSWORD else None
    try:
        return _hasher.verify(known or _hash_of_nothing(), password) and bool(known)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hash_of_nothing() -> str:
    return _hasher.hash("nobody has this password")


def require_good_password(person: Staff, password: str, again: str) -> None:
    """Raise WrongState with what is to be done better."""
    if password != again:
        raise WrongState("The two passwords differ.")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise WrongState("A password has {least} to {most} characters.", least=MIN_PASSWORD, most=MAX_PASSWORD)
    told = [person.username, person.display_name, "koban", "police", "keisatsu"]
    # zxcvbn knows the common passwords, names and words of several languages, and patterns such as qwerty or 2026.
    guessed = zxcvbn(password[:_GUESSED_LENGTH], user_inputs=told)
    is_plain = password.isdecimal() or len(set(password)) < 5 or person.username in password.lower()
    if is_plain or guessed["score"] < _LEAST_SCORE:
        raise WrongState("This password is too easy to guess.")


def new_totp(sealer: Sealer, staff_id: int) -> bytes:
    """Return a fresh authenticator secret, sealed for this account."""
    return sealer.seal_text(pyotp.random_base32(), staff_rows.totp_context(staff_id))


def totp_url(person: Staff, sealer: Sealer, *, issuer: str) -> str:
    """Return the otpauth address that an authenticator reads as a QR code. Raises ValueError without a secret."""
    return _totp(person, sealer).provisioning_uri(name=person.username, issuer_name=issuer)


def totp_secret(person: Staff, sealer: Sealer) -> str:
    """Return the secret in groups of four, to be typed where a camera is not allowed."""
    secret = _totp(person, sealer).secret
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def totp_step(person: Staff, sealer: Sealer, code: str, *, now: datetime) -> int | None:
    """Return the time step whose code this is, if it is right and newer than the last one used.

    The caller records the step (`storage.staff.spend_totp_step`), so that a code works once.
    """
    digits = "".join(code.split())
    if person.totp_sealed is None or not digits.isascii() or not digits.isdecimal():
        return None
    totp = _totp(person, sealer)
    current = int(now.timestamp()) // TOTP_STEP_S
    found = None
    for step in (current + drift for drift in _DRIFT):
        is_right = hmac.compare_digest(totp.generate_otp(step), digits)
        if is_right and step > person.totp_last_step:
            found = step
    return found


def _totp(person: Staff, sealer: Sealer) -> pyotp.TOTP:
    if person.totp_sealed is None:
        raise ValueError("this account has no authenticator")
    return pyotp.TOTP(sealer.open_text(person.totp_sealed, staff_rows.totp_context(person.id)), interval=TOTP_STEP_S)
