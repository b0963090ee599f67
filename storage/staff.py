"""Staff accounts, their browser sessions and one-time login links. Tokens are kept as hashes only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import LoginLink, Section, Staff, StaffSession, Station


def hash_token(token: str) -> str:
    """Return the hash under which a random token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def totp_context(staff_id: int) -> str:
    """Return the context that an authenticator's secret is sealed for."""
    return f"staff totp:{staff_id}"


async def by_username(session: AsyncSession, username: str) -> Staff | None:
    """Return the account with this name, disabled ones too."""
    found: Staff | None = await session.scalar(select(Staff).where(Staff.username == username))
    return found


async def everyone(session: AsyncSession) -> list[Staff]:
    """Return all accounts by name."""
    return list(await session.scalars(select(Staff).order_by(Staff.username)))


async def names(session: AsyncSession) -> dict[int, str]:
    """Return id → name to show, of all accounts."""
    return {row.id: row.display_name for row in await session.execute(select(Staff.id, Staff.display_name))}


async def open_session(session: AsyncSession, staff_id: int, *, now: datetime, expires_at: datetime) -> str:
    """Sign a browser in and return its token."""
    token = secrets.token_urlsafe(32)
    session.add(StaffSession(
        token_hash=hash_token(token), staff_id=staff_id, csrf_token=secrets.token_urlsafe(32), created_at=now,
        seen_at=now, expires_at=expires_at,
    ))
    return token


async def find_session(session: AsyncSession, token: str) -> tuple[StaffSession, Staff] | None:
    """Return the session of a token and its staff, whether ended or not."""
    row = (await session.execute(
        select(StaffSession, Staff).join(Staff, Staff.id == StaffSession.staff_id)
        .where(StaffSession.token_hash == hash_token(token))
    )).first()
    return (row[0], row[1]) if row else None


async def close_session(session: AsyncSession, token: str) -> None:
    """Sign a browser out."""
    await session.execute(delete(StaffSession).where(StaffSession.token_hash == hash_token(token)))


async def close_sessions_of(session: AsyncSession, staff_id: int) -> None:
    """Sign one person out everywhere."""
    await session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))


async def close_other_sessions(session: AsyncSession, staff_id: int, *, keep: str) -> None:
    """Sign one person out everywhere but in one browser. keep: the hash of its token."""
    await session.execute(
        delete(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.token_hash != keep)
    )


async def add_login_link(session: AsyncSession, staff_id: int, *, expires_at: datetime) -> str:
    """Make a link that signs in once; returns its token."""
    token = secrets.token_urlsafe(32)
    session.add(LoginLink(token_hash=hash_token(token), staff_id=staff_id, expires_at=expires_at))
    return token


async def forget_links_of(session: AsyncSession, staff_id: int) -> None:
    """Let no older link of this person sign in any more."""
    await session.execute(delete(LoginLink).where(LoginLink.staff_id == staff_id))


async def use_login_link(session: AsyncSession, token: str, *, now: datetime) -> Staff | None:
    """Spend a login link; None when it is unknown, used, too old, or the account is disabled."""
    used = await session.execute(
        update(LoginLink)
        .where(LoginLink.token_hash == hash_token(token), LoginLink.used_at.is_(None), LoginLink.expires_at > now)
        .values(used_at=now)
        .returning(LoginLink.staff_id)
    )
    row = used.first()
    staff = await session.get(Staff, row.staff_id) if row else None
    return staff if staff and staff.disabled_at is None else None


async def put_sections(session: AsyncSession, sections: Iterable[Section], stations: Iterable[Station]) -> None:
    """Make the rows of sections and stations those of the deployment; others stay, inactive, for old tickets."""
    await session.execute(update(Section).values(is_active=False))
    await session.execute(update(Station).values(is_active=False))
    rows: list[Section | Station] = [*sections, *stations]
    for row in rows:
        row.is_active = True
        await session.merge(row)


async def begin_login(session: AsyncSession, person: Staff, *, retry_at: datetime | None, now: datetime) -> bool:
    """Count an attempt as failed before it is checked, so that attempts side by side cannot outrun the slow-down.

    retry_at: until when the next attempt has to wait if this one fails.
    Returns False when it is too early, or another attempt was counted since `person` was read.
    """
    counted = await session.execute(
        update(Staff)
        .where(Staff.id == person.id, Staff.n_failed_logins == person.n_failed_logins)
        .where(or_(Staff.retry_login_at.is_(None), Staff.retry_login_at <= now))
        .values(n_failed_logins=Staff.n_failed_logins + 1, retry_login_at=retry_at)
        .returning(Staff.id)
        .execution_options(synchronize_session=False)
    )
    return counted.first() is not None


async def end_login(session: AsyncSession, staff_id: int) -> None:
    """Forget the failed attempts, after one that was right."""
    await session.execute(update(Staff).where(Staff.id == staff_id).values(n_failed_logins=0, retry_login_at=None))


async def spend_totp_step(session: AsyncSession, staff_id: int, step: int) -> bool:
    """Use up an authenticator code; False when it, or a later one, was used before."""
    spent = await session.execute(
        update(Staff).where(Staff.id == staff_id, Staff.totp_last_step < step).values(totp_last_step=step)
        .returning(Staff.id)
    )
    return spent.first() is not None


async def touch_session(session: AsyncSession, token_hash: str, *, now: datetime) -> None:
    """Record that the person is still there."""
    await session.execute(update(StaffSession).where(StaffSession.token_hash == token_hash).values(seen_at=now))


async def forget_sessions(session: AsyncSession, *, now: datetime) -> None:
    """Remove sessions that are over, and login links that are too old."""
    await session.execute(delete(StaffSession).where(StaffSession.expires_at <= now))
    await session.execute(delete(LoginLink).where(LoginLink.expires_at <= now))
