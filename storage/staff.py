"""Staff accounts, their browser sessions and one-time login links. Tokens are kept as hashes only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import LoginLink, Section, Staff, StaffSession, Station


def hash_token(token: str) -> str:
    """Return the hash under which a random token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


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


async def add_login_link(session: AsyncSession, staff_id: int, *, expires_at: datetime) -> str:
    """Make a link that signs in once; returns its token."""
    token = secrets.token_urlsafe(32)
    session.add(LoginLink(token_hash=hash_token(token), staff_id=staff_id, expires_at=expires_at))
    return token


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
