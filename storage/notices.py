"""Notices, their texts, and the expansion of one into a delivery a chat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import cast, func, literal, null, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import (
    Chat,
    ChatState,
    Delivery,
    DeliveryStatus,
    Lane,
    Notice,
    NoticeStatus,
    NoticeText,
    Subscription,
)

ENDED = (NoticeStatus.DONE, NoticeStatus.CANCELLED, NoticeStatus.EXPIRED)


async def texts_of(session: AsyncSession, notice_id: int) -> dict[str, NoticeText]:
    """Return the texts of a notice by locale tag."""
    texts = await session.scalars(select(NoticeText).where(NoticeText.notice_id == notice_id))
    return {text.tag: text for text in texts}


async def put_text(session: AsyncSession, notice_id: int, tag: str, *, title: str, body: str, state: str) -> None:
    """Add or replace the text of a notice in one locale."""
    if text := await session.get(NoticeText, (notice_id, tag)):
        text.title, text.body, text.state = title, body, state
    else:
        session.add(NoticeText(notice_id=notice_id, tag=tag, title=title, body=body, state=state))


async def due(session: AsyncSession, *, now: datetime) -> Sequence[int]:
    """Return the ids of scheduled notices whose time has come."""
    query = select(Notice.id).where(Notice.status == NoticeStatus.SCHEDULED, Notice.send_at <= now)
    return list(await session.scalars(query.order_by(Notice.send_at)))


async def move(
    session: AsyncSession, notice_id: int, sources: Sequence[NoticeStatus], target: NoticeStatus, **values: Any
) -> bool:
    """Change a notice's status if it has one of `sources`; whoever changes the row has done it."""
    moved = await session.execute(
        update(Notice)
        .where(Notice.id == notice_id, Notice.status.in_(sources))
        .values(status=target, **values)
        .returning(Notice.id)
    )
    return moved.first() is not None


def _audience(locales: Sequence[str], municipalities: Sequence[str], kind: str) -> Any:
    # Never to a phone that another person may read: a notice would show that its owner is in touch with the police.
    conditions = [Chat.state == ChatState.ACTIVE, Chat.safe_contact.is_(False), Subscription.kind == kind]
    if locales:
        conditions.append(Chat.locale.in_(locales))
    if municipalities:
        conditions.append(Chat.municipality.in_(municipalities))
    return conditions


async def audience_by_locale(
    session: AsyncSession, *, kind: str, locales: Sequence[str], municipalities: Sequence[str]
) -> dict[str, int]:
    """Return how many subscribed chats a notice would reach, by locale. Empty lists mean all."""
    query = (
        select(Chat.locale, func.count())
        .join(Subscription, Subscription.chat_id == Chat.id)
        .where(*_audience(locales, municipalities, kind))
        .group_by(Chat.locale)
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def expand(
    session: AsyncSession, notice_id: int, *, kind: str, locales: Sequence[str], municipalities: Sequence[str],
    now: datetime,
) -> None:
    """Add one queued delivery for each chat of the audience, in one statement; twice is once."""
    stamp = literal(now, Delivery.created_at.type)
    rows = (
        select(
            Chat.id, literal(str(Lane.NOTICE)), literal(notice_id), cast(null(), Delivery.payload_sealed.type),
            literal(str(DeliveryStatus.QUEUED)), literal(False), stamp, literal(0), stamp,
        )
        .join(Subscription, Subscription.chat_id == Chat.id)
        .where(*_audience(locales, municipalities, kind))
        .order_by(Chat.id)
    )
    columns = [
        "chat_id", "lane", "notice_id", "payload_sealed", "status", "may_be_repeated", "not_before", "n_attempts",
        "created_at",
    ]
    dialect = session.get_bind().dialect.name
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(Delivery)
    await session.execute(statement.from_select(columns, rows).on_conflict_do_nothing())


async def expiring(session: AsyncSession, *, now: datetime) -> list[int]:
    """Return the notices past their expiry that still have something queued."""
    left = select(Delivery.id).where(Delivery.notice_id == Notice.id, Delivery.status == DeliveryStatus.QUEUED).exists()
    query = select(Notice.id).where(
        Notice.status.in_([NoticeStatus.SENDING, NoticeStatus.PAUSED]), Notice.expires_at <= now, left
    )
    return list(await session.scalars(query))


async def skip_expired(session: AsyncSession, *, now: datetime) -> list[int]:
    """Skip what is still queued of notices past their expiry; a paused one ends as expired. Returns the notices."""
    ids = await expiring(session, now=now)
    if ids:
        await cancel_queued(session, ids, status=DeliveryStatus.SKIPPED, reason="expired", now=now)
        for notice_id in ids:
            await move(session, notice_id, [NoticeStatus.PAUSED], NoticeStatus.EXPIRED, finished_at=now)
    return ids


async def cancel_queued(
    session: AsyncSession, notice_ids: Sequence[int], *, status: DeliveryStatus, reason: str, now: datetime
) -> None:
    """Settle what is still queued of these notices."""
    await session.execute(
        update(Delivery)
        .where(Delivery.notice_id.in_(notice_ids), Delivery.status == DeliveryStatus.QUEUED)
        .values(status=status, error=reason, settled_at=now)
        .execution_options(synchronize_session=False)
    )


async def finished(session: AsyncSession) -> list[int]:
    """Return the notices being sent that have nothing left to send."""
    open_statuses = [DeliveryStatus.QUEUED, DeliveryStatus.SENDING]
    left = select(Delivery.id).where(Delivery.notice_id == Notice.id, Delivery.status.in_(open_statuses)).exists()
    query = select(Notice.id).where(Notice.status == NoticeStatus.SENDING, Notice.expanded_at.is_not(None), ~left)
    return list(await session.scalars(query))


async def listing(session: AsyncSession, *, limit: int = 200) -> list[Notice]:
    """Return notices: what is under way and coming first, then the newest."""
    is_ended = Notice.status.in_(ENDED)
    when = func.coalesce(Notice.send_at, Notice.created_at)
    return list(await session.scalars(select(Notice).order_by(is_ended, when).limit(limit)))
