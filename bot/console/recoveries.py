"""Recovery of an account that cannot sign in any more: one person asks for it, a second one lets it happen.

Whoever holds the one-time link can sign in as that person, so nobody alone may make one for an account that is in use.
Both steps are in the audit, with both names.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from bot.console import accounts
from bot.errors import NotFound, WrongState
from storage import audit
from storage import recoveries as rows
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import Recovery, Staff

LIFETIME = timedelta(hours=24)


class Reason(StrEnum):
    """Why an account has to begin anew."""

    AUTHENTICATOR = "authenticator"
    PASSWORD = "password"  # noqa: S105 - the name of a reason
    BOTH = "both"
    MISUSE = "misuse"


async def ask(session: AsyncSession, person: Staff, by: Staff, reason: str, *, now: datetime) -> Recovery:
    """Ask for the recovery of somebody else's account; nothing changes until a second person agrees.

    Raises WrongState when it is one's own, closed, not in use yet, or asked for already.
    """
    if person.id == by.id:
        raise WrongState("You cannot change your own account here.")
    if person.disabled_at is not None:
        raise WrongState("This account is disabled.")
    if not accounts.is_set_up(person):
        raise WrongState("This account is not set up yet: make a new link.")
    if reason not in set(Reason):
        raise WrongState("Choose a reason.")
    if await rows.open_for(session, person.id, since=now - LIFETIME):
        raise WrongState("The recovery of this account was asked for already.")
    recovery = Recovery(staff_id=person.id, reason=reason, asked_by_id=by.id, asked_at=now)
    session.add(recovery)
    await session.flush()
    audit.record(session, AuditTag.STAFF_RECOVERY_ASK, _subject(person.id), now=now, staff_id=by.id, reason=reason,
                 recovery=recovery.id)
    return recovery


async def agree(session: AsyncSession, recovery_id: int, by: Staff, *, now: datetime) -> tuple[Staff, str]:
    """Let it happen: password and authenticator go, sessions end. Returns the person and the token of the link.

    Raises WrongState when the second person is the first one, or the one whose account it is, or when it was decided
    or is too old.
    """
    recovery = await _get(session, recovery_id)
    if recovery.asked_by_id == by.id:
        raise WrongState("You asked for this: another person has to agree.")
    if recovery.staff_id == by.id:
        raise WrongState("You cannot change your own account here.")
    await _decide(session, recovery, by, is_agreed=True, now=now)
    person = await session.get_one(Staff, recovery.staff_id)
    if person.disabled_at is not None:
        raise WrongState("This account is disabled.")
    await accounts.begin_anew(session, person)
    audit.record(session, AuditTag.STAFF_RECOVERY_AGREE, _subject(person.id), now=now, staff_id=by.id,
                 asked_by=recovery.asked_by_id, reason=recovery.reason, recovery=recovery.id)
    token = await staff_rows.add_login_link(session, person.id, expires_at=now + accounts.LINK_LIFETIME)
    return person, token


async def refuse(session: AsyncSession, recovery_id: int, by: Staff, *, now: datetime) -> None:
    """Refuse, or take back what one asked for. Raises WrongState when it was decided or is too old."""
    recovery = await _get(session, recovery_id)
    await _decide(session, recovery, by, is_agreed=False, now=now)
    audit.record(session, AuditTag.STAFF_RECOVERY_REFUSE, _subject(recovery.staff_id), now=now, staff_id=by.id,
                 asked_by=recovery.asked_by_id, recovery=recovery.id)


def _subject(staff_id: int) -> str:
    return f"staff:{staff_id}"


async def _get(session: AsyncSession, recovery_id: int) -> Recovery:
    recovery = await session.get(Recovery, recovery_id)
    if recovery is None:
        raise NotFound("There is no such recovery.")
    return recovery


async def _decide(session: AsyncSession, recovery: Recovery, by: Staff, *, is_agreed: bool, now: datetime) -> None:
    if not await rows.decide(session, recovery.id, by.id, is_agreed=is_agreed, since=now - LIFETIME, now=now):
        raise WrongState("This was decided already, or is older than a day. Ask for it again.")
