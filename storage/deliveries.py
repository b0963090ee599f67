"""The outbox: deliveries are queued in the transaction of what causes them, claimed, sent, settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Executable, Select, String, and_, bindparam, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import (
    Chat,
    ChatState,
    Delivery,
    DeliveryStatus,
    Lane,
    Message,
    Notice,
    NoticePurpose,
    NoticeStatus,
    Process,
    Subscription,
    Update,
    Urgency,
)
from storage.notices import ENDS_OF_NOTICES, is_still_wanted

OUTBOX = "delivery"
EVERYTHING_IN_ONE = "run"  # the role of a process that has all of them: a role has 16 letters
REMOVED, REPLACED = "removed", "replaced by a sentence"  # how a withdrawal was done, in Delivery.error


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this process may send now, with what sending needs."""

    id: int
    chat_id: int
    lane: str
    notice_id: int | None
    payload_sealed: bytes | None
    n_attempts: int
    address_sealed: bytes
    locale: str
    target_message_id: int | None
    may_send: bool
    message_id: int | None
    created_at: datetime
    safe_contact: bool
    safe_hours: int
    safe_days: str
    channel: str | None
    part_ids: str | None
    target_part_ids: str | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claimed delivery. `not_before` is set when it is queued again; part_ids: of files before it."""

    id: int
    status: DeliveryStatus
    settled_at: datetime
    error: str | None = None
    telegram_message_id: int | None = None
    not_before: datetime | None = None
    may_be_repeated: bool = False
    part_ids: str | None = None


def write_ids(ids: Sequence[int]) -> str | None:
    """Return Telegram's ids of messages as their column holds them."""
    return ",".join(map(str, ids)) or None


def read_ids(text: str | None) -> tuple[int, ...]:
    """Return the ids that `write_ids` wrote."""
    return tuple(map(int, text.split(","))) if text else ()


async def add(
    session: AsyncSession,
    *,
    chat_id: int,
    lane: Lane,
    payload_sealed: bytes,
    now: datetime,
    claimed_by: str | None = None,
    message_id: int | None = None,
    not_before: datetime | None = None,
) -> int:
    """Queue one message and return its id.

    not_before: when it may go at the earliest; None is now.

    claimed_by: the process that sends it right after the commit; without it the next claim takes it.
    """
    values = {
        "chat_id": chat_id, "lane": lane, "payload_sealed": payload_sealed, "message_id": message_id,
        "status": DeliveryStatus.SENDING if claimed_by else DeliveryStatus.QUEUED, "may_be_repeated": False,
        "claimed_by": claimed_by, "n_attempts": 1 if claimed_by else 0,
        "not_before": not_before or now, "created_at": now,
    }
    added = await session.execute(insert(Delivery).values(**values).returning(Delivery.id))
    return added.scalar_one()


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to queue."""

    chat_id: int
    lane: Lane
    payload_sealed: bytes


async def add_claimed(
    session: AsyncSession, news: Sequence[NewDelivery], *, claimed_by: str, now: datetime
) -> list[int]:
    """Queue messages that this process sends right after the commit, in one statement; returns their ids in order."""
    if not news:
        return []
    rows = [
        {"chat_id": new.chat_id, "lane": new.lane, "payload_sealed": new.payload_sealed,
         "status": DeliveryStatus.SENDING, "may_be_repeated": False, "claimed_by": claimed_by, "n_attempts": 1,
         "not_before": now, "created_at": now}
        for new in news
    ]
    # No two sealed texts are alike, so they say which id is whose: SQLite answers in an order of its own.
    added = await session.execute(insert(Delivery).returning(Delivery.payload_sealed, Delivery.id), rows)
    ids = {bytes(sealed): number for sealed, number in added if sealed is not None}
    return [ids[new.payload_sealed] for new in news]


async def any_due(session: AsyncSession, *, lanes: Sequence[Lane], now: datetime) -> bool:
    """Tell whether `claim` may find something to take."""
    return await session.scalar(_due_in(tuple(lanes)), {"now": now}) is not None


@cache  # making a statement costs more than running it
def _due_in(lanes: tuple[Lane, ...]) -> Select[int]:
    is_due = Delivery.not_before <= bindparam("now", type_=Delivery.not_before.type)
    query = select(Delivery.id).where(Delivery.status == DeliveryStatus.QUEUED, Delivery.lane.in_(lanes), is_due)
    return query.limit(1)


async def claim(
    session: AsyncSession, *, process_id: str, lanes: Sequence[Lane], limit: int, now: datetime, is_quiet: bool = False
) -> list[ClaimedDelivery]:
    """Take up to `limit` due deliveries by changing them; those of a paused or unfinished notice stay.

    is_quiet: it is night: only notices that a second person allowed for it, and what makes no sound.

    An urgent notice goes before every other. `may_send` is asked again at this moment: the chat is not blocked and, for
    a notice, still wants it and is not in safe contact, and the notice has not expired.
    """
    sending = select(Notice.id).where(Notice.status == NoticeStatus.SENDING)
    if is_quiet:
        sending = sending.where(
            or_(Notice.quiet_allowed_by_id.is_not(None), Notice.purpose == NoticePurpose.WITHDRAWAL)
        )
    groups = [sending]
    if Lane.NOTICE in lanes:
        urgent = sending.where(Notice.urgency == Urgency.URGENT)
        if await session.scalar(urgent.limit(1)) is not None:
            groups.insert(0, urgent)
    ids: list[int] = []
    for group in groups:
        if len(ids) < limit:
            ids += await _take(session, group, process_id=process_id, lanes=lanes, limit=limit - len(ids), now=now)
    if not ids:
        return []
    rows = await session.execute(_claimed(), {"ids": ids, "now": now})
    return [ClaimedDelivery(*tuple(row)) for row in rows]


@cache
def _claimed() -> Executable:
    is_fresh = or_(Notice.expires_at.is_(None), Notice.expires_at > bindparam("now", type_=Delivery.not_before.type))
    may_send = or_(
        (Chat.state == ChatState.ACTIVE) & or_(Delivery.notice_id.is_(None), is_still_wanted() & is_fresh),
        (Chat.state == ChatState.CHANNEL) & Delivery.channel.is_not(None) & is_fresh,
    )
    return (
        select(
            Delivery.id, Delivery.chat_id, Delivery.lane, Delivery.notice_id, Delivery.payload_sealed,
            Delivery.n_attempts, Chat.address_sealed, Chat.locale, Delivery.target_message_id,
            may_send.label("may_send"), Delivery.message_id, Delivery.created_at, Chat.safe_contact, Chat.safe_hours,
            Chat.safe_days, Delivery.channel, Delivery.part_ids, Delivery.target_part_ids,
        )
        .join(Chat, Chat.id == Delivery.chat_id).outerjoin(Notice, Notice.id == Delivery.notice_id)
        .where(Delivery.id.in_(bindparam("ids", expanding=True))).order_by(Delivery.lane, Delivery.id)
    )


async def _take(
    session: AsyncSession, notices: Select[int], *, process_id: str, lanes: Sequence[Lane], limit: int,
    now: datetime,
) -> list[int]:
    """Take due deliveries that are of no notice, or of one of these; returns their ids."""
    due = (
        select(Delivery.id)
        .where(Delivery.status == DeliveryStatus.QUEUED, Delivery.lane.in_(lanes), Delivery.not_before <= now)
        .where(or_(Delivery.notice_id.is_(None), Delivery.notice_id.in_(notices)))
        .order_by(Delivery.lane, Delivery.id)
        .limit(limit)
    )
    if session.get_bind().dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True, of=Delivery)
    taken = await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(due.scalar_subquery()))
        .values(status=DeliveryStatus.SENDING, claimed_by=process_id, n_attempts=Delivery.n_attempts + 1)
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    )
    return [row.id for row in taken]


async def settle(session: AsyncSession, settlements: Sequence[Settlement]) -> None:
    """Record what became of claimed deliveries; the words of one that is finished are removed.

    What is to be tried again is so only while it is still claimed: somebody else may know more by now. And not when
    its notice has ended meanwhile, since nobody would ever take it.
    """
    final = [_values(item) for item in settlements if item.status is not DeliveryStatus.QUEUED]
    again = [_values(item) for item in settlements if item.status is DeliveryStatus.QUEUED]
    ended = await _ended_notices(session, [item.id for item in settlements if item.status is DeliveryStatus.QUEUED])
    connection = await session.connection()
    table = Delivery.__table__
    shared: dict[str, Any] = {
        "status": bindparam("b_status"), "error": bindparam("b_error"), "claimed_by": None,
        "part_ids": func.coalesce(bindparam("b_part_ids", type_=String()), table.c.part_ids),
    }
    if final:
        done = shared | {
            "settled_at": bindparam("b_settled_at"), "telegram_message_id": bindparam("b_telegram_message_id"),
            "payload_sealed": None,
        }
        await connection.execute(update(table).where(table.c.id == bindparam("b_id")).values(**done), final)  # type: ignore[arg-type]
    if again:
        waiting = shared | {
            "not_before": bindparam("b_not_before"),
            "may_be_repeated": or_(table.c.may_be_repeated, bindparam("b_may_be_repeated")),
        }
        is_ours = (table.c.id == bindparam("b_id"), table.c.status == DeliveryStatus.SENDING)
        await connection.execute(update(table).where(*is_ours).values(**waiting), again)  # type: ignore[arg-type]
    for notice_id, status in ended:
        end, reason = ENDS_OF_NOTICES[status]
        of_notice = (Delivery.notice_id == notice_id, Delivery.id.in_([row["b_id"] for row in again]))
        await session.execute(
            update(Delivery).where(*of_notice, Delivery.status == DeliveryStatus.QUEUED)
            .values(status=end, error=reason, settled_at=again[0]["b_settled_at"])
            .execution_options(synchronize_session=False)
        )


async def _ended_notices(session: AsyncSession, ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return (id, status) of the notices of these deliveries that have ended; none of them ends until the commit."""
    if not ids:
        return []
    of_these = select(Delivery.notice_id).where(Delivery.id.in_(ids), Delivery.notice_id.is_not(None))
    rows = await session.execute(
        select(Notice.id, Notice.status).where(Notice.id.in_(of_these)).order_by(Notice.id).with_for_update(read=True)
    )
    return [(number, status) for number, status in rows if status in ENDS_OF_NOTICES]


def _values(item: Settlement) -> dict[str, Any]:
    return {
        "b_id": item.id, "b_status": item.status, "b_error": item.error, "b_settled_at": item.settled_at,
        "b_telegram_message_id": item.telegram_message_id, "b_not_before": item.not_before,
        "b_may_be_repeated": item.may_be_repeated, "b_part_ids": item.part_ids,
    }


async def beat(session: AsyncSession, *, process_id: str, role: str, now: datetime) -> None:
    """Say that this process is alive."""
    if process := await session.get(Process, process_id):
        process.seen_at = now
    else:
        session.add(Process(id=process_id, role=role, started_at=now, seen_at=now))


async def count_workers(session: AsyncSession, *, seen_after: datetime) -> int:
    """Return how many processes that send notices gave a sign of life since."""
    sends = or_(Process.role == EVERYTHING_IN_ONE, Process.role.contains("worker"))
    found = await session.scalar(select(func.count()).where(Process.seen_at > seen_after, sends))
    return found or 0


async def release_silent(session: AsyncSession, *, silent_since: datetime, now: datetime) -> int:
    """Take back what dead processes had claimed; returns how many deliveries.

    An answer or a reply goes out again (a lost one harms, a repeated one does not) and is marked as perhaps repeated.
    A notice becomes *unknown*: Telegram may have taken it, and a person decides.
    """
    await session.execute(delete(Process).where(Process.seen_at < silent_since))
    abandoned = (
        (Delivery.status == DeliveryStatus.SENDING)
        & (or_(Delivery.claimed_by.is_(None), Delivery.claimed_by.not_in(select(Process.id))))
    )
    notices = await session.execute(
        update(Delivery).where(abandoned, Delivery.notice_id.is_not(None))
        .values(status=DeliveryStatus.UNKNOWN, settled_at=now, error="the process died while sending")
        .returning(Delivery.id).execution_options(synchronize_session=False)
    )
    answers = await session.execute(
        update(Delivery).where(abandoned, Delivery.notice_id.is_(None))
        .values(status=DeliveryStatus.QUEUED, claimed_by=None, may_be_repeated=True)
        .returning(Delivery.id).execution_options(synchronize_session=False)
    )
    return len(notices.all()) + len(answers.all())


async def count_by_status(session: AsyncSession, notice_id: int) -> dict[str, int]:
    """Return how many deliveries of a notice to residents are in each status; its channels are not counted."""
    query = select(Delivery.status, func.count()).where(
        Delivery.notice_id == notice_id, Delivery.channel.is_(None)
    ).group_by(Delivery.status)
    return {row[0]: row[1] for row in await session.execute(query)}


async def into_channels(session: AsyncSession, notice_id: int) -> list[Delivery]:
    """Return the deliveries of a notice into channels, in the order of their languages."""
    query = select(Delivery).where(Delivery.notice_id == notice_id, Delivery.channel.is_not(None))
    return list(await session.scalars(query.order_by(Delivery.channel)))


async def wake_waiting(session: AsyncSession, chat_id: int, *, now: datetime) -> None:
    """Let a chat's waiting messages be looked at again: its safe hours changed. The outbox holds what must wait."""
    await session.execute(
        update(Delivery)
        .where(Delivery.chat_id == chat_id, Delivery.status == DeliveryStatus.QUEUED, Delivery.notice_id.is_(None))
        .values(not_before=now)
        .execution_options(synchronize_session=False)
    )


async def cancel_replies(session: AsyncSession, ticket_id: int, *, reason: str, now: datetime) -> None:
    """Settle the replies of a ticket that still wait: the resident does not want them any more."""
    of_ticket = select(Message.id).where(Message.ticket_id == ticket_id)
    await session.execute(
        update(Delivery)
        .where(Delivery.message_id.in_(of_ticket), Delivery.status == DeliveryStatus.QUEUED)
        .values(status=DeliveryStatus.CANCELLED, error=reason, settled_at=now, payload_sealed=None)
        .execution_options(synchronize_session=False)
    )


async def recent_telegram_ids(session: AsyncSession, chat: Chat, *, since: datetime) -> set[int]:
    """Return the messages of a chat since a moment by Telegram's ids: what the bot sent, and what the resident did."""
    ours = (
        select(Delivery.telegram_message_id)
        .where(Delivery.chat_id == chat.id, Delivery.status == DeliveryStatus.SENT, Delivery.settled_at >= since,
               Delivery.telegram_message_id > 0)
    )
    theirs = (
        select(Update.message_id)
        .where(Update.chat_lookup == chat.address_lookup, Update.received_at >= since, Update.message_id.is_not(None))
    )
    return {number for query in (ours, theirs) for number in await session.scalars(query) if number is not None}


async def next_waiting(session: AsyncSession, ticket_id: int) -> dict[int, datetime]:
    """Return when each waiting reply of a ticket may go at the earliest, by the id of its message."""
    rows = await session.execute(
        select(Delivery.message_id, Delivery.not_before)
        .join(Message, Message.id == Delivery.message_id)
        .where(Message.ticket_id == ticket_id, Delivery.status == DeliveryStatus.QUEUED)
    )
    return {message_id: at for message_id, at in rows if message_id is not None}
async def count_ways(session: AsyncSession, notice_id: int) -> dict[str, int]:
    """Return how many messages of a finished withdrawal were removed, and how many replaced by a sentence."""
    query = select(Delivery.error, func.count()).where(
        Delivery.notice_id == notice_id, Delivery.status == DeliveryStatus.SENT, Delivery.channel.is_(None)
    ).group_by(Delivery.error)
    return {row[0] or "": row[1] for row in await session.execute(query)}


async def count_by_group(session: AsyncSession, notice: Notice) -> dict[str, dict[str, tuple[int, int]]]:
    """Return `locale` and `area` → group → (chats, those to which the notice was sent).

    area: the municipality for which the chat asked for this kind of notice, or else its own; "" when neither is known.
    """
    area = func.coalesce(Subscription.municipality, Chat.municipality, "")
    is_sent = case((Delivery.status == DeliveryStatus.SENT, 1), else_=0)
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for name, group in (("locale", Chat.locale), ("area", area)):
        rows = await session.execute(
            select(group, func.count(), func.sum(is_sent))
            .select_from(Delivery).join(Chat, Chat.id == Delivery.chat_id)
            .outerjoin(Subscription, and_(Subscription.chat_id == Chat.id, Subscription.kind == notice.kind))
            .where(Delivery.notice_id == notice.id, Delivery.channel.is_(None)).group_by(group)
        )
        found[name] = {row[0]: (row[1], int(row[2])) for row in rows}
    return found
