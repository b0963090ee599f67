"""Links of staff: the chat in which they test notices, the address of their calendar. Only hashes are kept."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Chat, ChatState, Staff, StaffLink
from storage.staff import hash_token


async def of(session: AsyncSession, staff_id: int) -> StaffLink:
    """Return the links of a member of staff; an empty row the first time."""
    link = await session.get(StaffLink, staff_id)
    if link is None:
        link = StaffLink(staff_id=staff_id)
        session.add(link)
        await session.flush()
    return link


async def chat_of(session: AsyncSession, staff_id: int) -> Chat | None:
    """Return the chat that this person linked, unless it blocked the bot."""
    found: Chat | None = await session.scalar(
        select(Chat).join(StaffLink, StaffLink.chat_id == Chat.id)
        .where(StaffLink.staff_id == staff_id, Chat.state == ChatState.ACTIVE)
    )
    return found


async def chats_of(session: AsyncSession, roles: Collection[str]) -> list[Chat]:
    """Return the chats that people with one of these roles linked, each once; of accounts in use only."""
    linked = (
        select(StaffLink.chat_id).join(Staff, Staff.id == StaffLink.staff_id)
        .where(Staff.disabled_at.is_(None), Staff.role.in_(roles))
    )
    query = select(Chat).where(Chat.id.in_(linked), Chat.state == ChatState.ACTIVE).order_by(Chat.id)
    return list(await session.scalars(query))


async def new_code(session: AsyncSession, staff_id: int, *, expires_at: datetime) -> str:
    """Make the code that links the chat in which it is written; an older one is no longer valid."""
    link = await of(session, staff_id)
    code = secrets.token_urlsafe(12)
    link.code_hash, link.code_expires_at = hash_token(code), expires_at
    return code


async def use_code(session: AsyncSession, code: str, chat_id: int, *, now: datetime) -> int | None:
    """Link a chat by a code, once; returns the person's id, or None when the code is not valid."""
    linked = await session.execute(
        update(StaffLink)
        .where(StaffLink.code_hash == hash_token(code), StaffLink.code_expires_at > now)
        .where(StaffLink.staff_id.in_(select(Staff.id).where(Staff.disabled_at.is_(None))))
        .values(chat_id=chat_id, code_hash=None, code_expires_at=None)
        .returning(StaffLink.staff_id)
    )
    return linked.scalar_one_or_none()


async def new_calendar(session: AsyncSession, staff_id: int) -> str:
    """Make the secret part of the calendar's address; an older address is no longer valid."""
    link = await of(session, staff_id)
    token = secrets.token_urlsafe(32)
    link.calendar_hash = hash_token(token)
    return token


async def calendar_owner(session: AsyncSession, token: str) -> Staff | None:
    """Return whose calendar this is; None when the address is not valid or the account is disabled."""
    found: Staff | None = await session.scalar(
        select(Staff).join(StaffLink, StaffLink.staff_id == Staff.id)
        .where(StaffLink.calendar_hash == hash_token(token), Staff.disabled_at.is_(None))
    )
    return found
