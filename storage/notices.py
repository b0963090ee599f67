"""Notices, their texts, and the expansion of one into a delivery a chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, cast, exists, func, literal, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import (
    Chat,
    ChatState,
    Delivery,
    DeliveryStatus,
    Event,
    EventAnswer,
    EventReply,
    Lane,
    Notice,
    NoticePurpose,
    NoticeStatus,
    NoticeText,
    Subscription,
    Ticket,
    TicketStatus,
)

ENDED = (NoticeStatus.DONE, NoticeStatus.CANCELLED, NoticeStatus.EXPIRED)
# What becomes of a message that still waits when its notice has ended, and why.
ENDS_OF_NOTICES: Mapping[str, tuple[DeliveryStatus, str]] = {
    NoticeStatus.CANCELLED: (DeliveryStatus.CANCELLED, "the notice was cancelled"),
    NoticeStatus.EXPIRED: (DeliveryStatus.SKIPPED, "expired"),
}


async def locked(session: AsyncSession, notice_id: int) -> Notice | None:
    """Return a notice whose row nobody else changes until the end of the transaction."""
    found: Notice | None = await session.scalar(
        select(Notice).where(Notice.id == notice_id).with_for_update().execution_options(populate_existing=True)
    )
    return found


async def waiting_for_a_person(session: AsyncSession) -> list[Notice]:
    """Return the notices that may have stopped by themselves: paused, or approved again."""
    states = (NoticeStatus.PAUSED, NoticeStatus.APPROVED)
    return list(await session.scalars(select(Notice).where(Notice.status.in_(states)).order_by(Notice.id)))


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


def in_safe_contact() -> ColumnElement[bool]:
    """Tell, in a query of Chat, whether a notice could harm its owner: they asked for safe contact, or have a
    consultation under way about something that another person who reads the phone must not see.
    """
    current = (TicketStatus.INTAKE, TicketStatus.OPEN, TicketStatus.ANSWERED)
    return or_(
        Chat.safe_contact.is_(True),
        exists().where(Ticket.chat_id == Chat.id, Ticket.is_sensitive.is_(True), Ticket.status.in_(current)),
    )


def is_still_wanted() -> ColumnElement[bool]:
    """Tell, in a query of Delivery, its Notice and its Chat, whether the chat still wants what was queued for it.

    A withdrawal takes a message away and asks nobody. A message about an event goes to those who said that they come,
    whether or not they get other notices, and of one that was called off only that; everything else needs the
    subscription.
    """
    replied = (EventReply.notice_id == Notice.original_id, EventReply.chat_id == Delivery.chat_id)
    here = (EventAnswer.COMING, EventAnswer.WAITING)
    is_on = exists().where(Event.notice_id == Notice.original_id, Event.cancelled_at.is_(None))
    is_coming = exists().where(*replied, EventReply.answer == EventAnswer.COMING)
    has_replied = exists().where(*replied, EventReply.answer.in_(here))
    is_subscribed = exists().where(Subscription.chat_id == Delivery.chat_id, Subscription.kind == Notice.kind)
    return or_(
        Notice.purpose == NoticePurpose.WITHDRAWAL,
        ~in_safe_contact() & or_(
            and_(Notice.purpose == NoticePurpose.REMINDER, is_coming, is_on),
            and_(Notice.purpose == NoticePurpose.CHANGE, has_replied, is_on),
            and_(Notice.purpose == NoticePurpose.CANCELLATION, has_replied),
            and_(Notice.purpose.in_((NoticePurpose.NOTICE, NoticePurpose.REPEAT, NoticePurpose.CORRECTION)),
                 is_subscribed),
        ),
    )


def _subscribed(query: Select[Any], locales: Sequence[str], municipalities: Sequence[str], kind: str) -> Select[Any]:
    query = query.join(Subscription, Subscription.chat_id == Chat.id).where(
        Subscription.kind == kind, ~in_safe_contact()
    )
    if locales:
        query = query.where(Chat.state == ChatState.ACTIVE, Chat.locale.in_(locales))
    else:
        # Without the index on (state, locale …): nearly all chats are read, and their table is in their order already.
        query = query.where(Chat.state.concat("") == ChatState.ACTIVE)
    if municipalities:
        query = query.where(or_(Subscription.municipality.is_(None), Subscription.municipality.in_(municipalities)))
    return query


def _recipients(notice: Notice, query: Any) -> Any:
    """Narrow a query of chats to those that a notice is for; what follows from another goes to the same people."""
    locales, places = notice.audience.get("locales", ()), notice.audience.get("municipalities", ())
    if notice.purpose in (NoticePurpose.NOTICE, NoticePurpose.REPEAT):
        return _subscribed(query, locales, places, notice.kind)
    query = query.where(Chat.state == ChatState.ACTIVE)
    if notice.purpose in (NoticePurpose.CORRECTION, NoticePurpose.WITHDRAWAL):
        reached = [DeliveryStatus.SENT]
        if notice.purpose == NoticePurpose.CORRECTION:
            query = _subscribed(query, (), (), notice.kind)
            reached.append(DeliveryStatus.UNKNOWN)
        return query.join(
            Delivery, and_(Delivery.chat_id == Chat.id, Delivery.notice_id == notice.original_id,
                           _has_arrived(notice, reached))
        )
    answers = [EventAnswer.COMING]
    if notice.purpose != NoticePurpose.REMINDER:
        answers.append(EventAnswer.WAITING)
    return query.join(EventReply, EventReply.chat_id == Chat.id).where(
        EventReply.notice_id == notice.original_id, EventReply.answer.in_(answers), ~in_safe_contact()
    )


def _has_arrived(notice: Notice, reached: Sequence[DeliveryStatus]) -> ColumnElement[bool]:
    """Tell, in a query, whether a delivery of the original left something in its chat; a file before it counts too."""
    if notice.purpose == NoticePurpose.WITHDRAWAL:
        return or_(Delivery.status.in_(reached), Delivery.part_ids.is_not(None))
    return Delivery.status.in_(reached)


async def audience_by_locale(session: AsyncSession, notice: Notice) -> dict[str, int]:
    """Return how many chats a notice would reach if it went out now, by locale."""
    query = _recipients(notice, select(Chat.locale, func.count())).group_by(Chat.locale)
    return {row[0]: row[1] for row in await session.execute(query)}


async def expand(session: AsyncSession, notice: Notice, *, now: datetime) -> None:
    """Add one queued delivery for each chat that the notice is for, in one statement; twice is once."""
    stamp = literal(now, Delivery.created_at.type)
    target: Any = cast(null(), BigInteger)
    parts: Any = cast(null(), Delivery.part_ids.type)
    if notice.purpose in (NoticePurpose.CORRECTION, NoticePurpose.WITHDRAWAL):
        target, parts = Delivery.telegram_message_id, Delivery.part_ids  # of the original, which _recipients joins
    elif notice.purpose == NoticePurpose.REPEAT:
        earlier = Delivery.__table__.alias("earlier")
        target, parts = (
            select(column).where(
                earlier.c.notice_id == notice.original_id, earlier.c.chat_id == Chat.id
            ).scalar_subquery()
            for column in (earlier.c.telegram_message_id, earlier.c.part_ids)
        )
    rows = _recipients(notice, select(
        Chat.id, literal(str(Lane.NOTICE)), literal(notice.id), cast(null(), Delivery.payload_sealed.type),
        literal(str(DeliveryStatus.QUEUED)), literal(False), stamp, literal(0), stamp, target, parts,
    )).order_by(Chat.id)
    columns = [
        "chat_id", "lane", "notice_id", "payload_sealed", "status", "may_be_repeated", "not_before", "n_attempts",
        "created_at", "target_message_id", "target_part_ids",
    ]
    dialect = session.get_bind().dialect.name
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(Delivery)
    await session.execute(statement.from_select(columns, rows).on_conflict_do_nothing())


async def expand_into_channels(
    session: AsyncSession, notice: Notice, channels: Sequence[tuple[int, str]], *, now: datetime
) -> None:
    """Add one queued delivery for each channel; twice is once. channels: (chat, language), each chat once."""
    earlier = {row[0]: row for row in await session.execute(
        select(Delivery.chat_id, Delivery.telegram_message_id, Delivery.part_ids)
        .where(Delivery.notice_id == notice.original_id, Delivery.channel.is_not(None))
    )} if notice.original_id is not None else {}
    rows = [
        {"chat_id": chat_id, "lane": Lane.NOTICE, "notice_id": notice.id, "status": DeliveryStatus.QUEUED,
         "may_be_repeated": False, "not_before": now, "n_attempts": 0, "created_at": now, "channel": tag,
         "target_message_id": earlier[chat_id][1] if chat_id in earlier else None,
         "target_part_ids": earlier[chat_id][2] if chat_id in earlier else None}
        for chat_id, tag in channels
    ]
    if rows:
        dialect = session.get_bind().dialect.name
        statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(Delivery)
        await session.execute(statement.values(rows).on_conflict_do_nothing())


async def channels_reached(session: AsyncSession, notice: Notice) -> list[tuple[int, str]]:
    """Return the channels, as (chat, language), into which what follows from a notice goes: those that have it.

    Of a withdrawal only those whose message is known; a correction also goes where it may have arrived.
    """
    reached = [DeliveryStatus.SENT]
    if notice.purpose == NoticePurpose.CORRECTION:
        reached.append(DeliveryStatus.UNKNOWN)
    query = select(Delivery.chat_id, Delivery.channel).where(
        Delivery.notice_id == notice.original_id, Delivery.channel.is_not(None), _has_arrived(notice, reached)
    )
    return [(row[0], str(row[1])) for row in await session.execute(query.order_by(Delivery.channel))]


async def is_being_sent(session: AsyncSession, notice_id: int) -> bool:
    """Tell whether a message of this notice is on its way at this moment."""
    query = select(Delivery.id).where(Delivery.notice_id == notice_id, Delivery.status == DeliveryStatus.SENDING)
    return await session.scalar(query.limit(1)) is not None


async def add_once(session: AsyncSession, once_key: str, **values: Any) -> int | None:
    """Add a notice that must exist once only; returns its id, or None when it is there already."""
    dialect = session.get_bind().dialect.name
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(Notice)
    added = await session.execute(
        statement.values(once_key=once_key, revision=1, **values).on_conflict_do_nothing().returning(Notice.id)
    )
    return added.scalar_one_or_none()


async def related(session: AsyncSession, notice: Notice) -> list[Notice]:
    """Return the original of a notice and what follows from it, oldest first."""
    query = select(Notice).where(or_(Notice.original_id == notice.id, Notice.id == notice.original_id))
    return list(await session.scalars(query.order_by(Notice.id)))


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
        await cancel_queued(session, ids, NoticeStatus.EXPIRED, now=now)
        for notice_id in ids:
            await move(session, notice_id, [NoticeStatus.PAUSED], NoticeStatus.EXPIRED, finished_at=now)
    return ids


async def cancel_queued(
    session: AsyncSession, notice_ids: Sequence[int], end: NoticeStatus, *, now: datetime
) -> None:
    """Settle what is still queued of these notices. end: CANCELLED or EXPIRED."""
    status, reason = ENDS_OF_NOTICES[end]
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


async def between(session: AsyncSession, start: datetime, end: datetime) -> list[tuple[Notice, Event | None]]:
    """Return the notices that go out, or whose event begins, between two moments."""
    rows = await session.execute(
        select(Notice, Event).outerjoin(Event, Event.notice_id == Notice.id)
        .where(or_(and_(Notice.send_at >= start, Notice.send_at < end),
                   and_(Event.starts_at >= start, Event.starts_at < end)))
        .order_by(Notice.send_at, Notice.id)
    )
    return [(row[0], row[1]) for row in rows]
