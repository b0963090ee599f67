"""The outbox: claimed once, in lanes, settled, and taken back from the dead."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select, update

from storage import chats, deliveries, notices
from storage.database import Database
from storage.deliveries import Settlement
from storage.models import Chat, Delivery, DeliveryStatus, Lane, Notice, NoticeStatus
from storage.sealing import Sealer
from tests.conftest import A_MONDAY
from tests.factories import make_chat, make_notice

ALL_LANES = (Lane.DANGER, Lane.ANSWER, Lane.NOTICE)


async def queue_answers(database: Database, sealer: Sealer, n: int, *, lane: Lane = Lane.ANSWER) -> list[int]:
    async with database.transaction() as session:
        chat = await make_chat(session, sealer=sealer)
        return [
            await deliveries.add(session, chat_id=chat.id, lane=lane, payload_sealed=b"x", now=A_MONDAY)
            for _ in range(n)
        ]


async def claim(database: Database, process: str = "p", limit: int = 100) -> list[deliveries.ClaimedDelivery]:
    async with database.transaction() as session:
        return await deliveries.claim(session, process_id=process, lanes=ALL_LANES, limit=limit, now=A_MONDAY)


async def status_of(database: Database, delivery_id: int) -> Delivery:
    async with database.reading() as session:
        found = await session.get(Delivery, delivery_id)
        assert found is not None
        return found


async def send_notice(database: Database, sealer: Sealer, n_chats: int, **values: object) -> int:
    async with database.transaction() as session:
        for _ in range(n_chats):
            await make_chat(session, sealer=sealer, subscribed=True)
        notice = await make_notice(session, status=NoticeStatus.SENDING, **values)  # type: ignore[arg-type]
        await notices.expand(session, notice, now=A_MONDAY)
        return notice.id


async def test_a_delivery_is_claimed_by_one_of_four_workers(database: Database, sealer: Sealer) -> None:
    ids = await queue_answers(database, sealer, 40)
    taken = await asyncio.gather(*(claim(database, f"p{number}", 15) for number in range(4)))
    claimed = [item.id for batch in taken for item in batch]
    assert sorted(claimed) == sorted(set(claimed))
    assert set(claimed) <= set(ids)
    assert len(claimed) == 40


async def test_danger_goes_before_answers_and_answers_before_notices(database: Database, sealer: Sealer) -> None:
    await send_notice(database, sealer, 1)
    answer = await queue_answers(database, sealer, 1)
    card = await queue_answers(database, sealer, 1, lane=Lane.DANGER)
    assert [item.id for item in await claim(database)][:2] == card + answer


async def test_a_sent_delivery_loses_its_words(database: Database, sealer: Sealer) -> None:
    [delivery_id] = await queue_answers(database, sealer, 1)
    await claim(database)
    async with database.transaction() as session:
        await deliveries.settle(session, [
            Settlement(delivery_id, DeliveryStatus.SENT, A_MONDAY, telegram_message_id=7)
        ])
    row = await status_of(database, delivery_id)
    assert (row.status, row.payload_sealed, row.telegram_message_id) == (DeliveryStatus.SENT, None, 7)


async def test_a_delayed_delivery_keeps_its_words_and_waits(database: Database, sealer: Sealer) -> None:
    [delivery_id] = await queue_answers(database, sealer, 1)
    await claim(database)
    later = A_MONDAY + timedelta(seconds=7)
    async with database.transaction() as session:
        await deliveries.settle(session, [
            Settlement(delivery_id, DeliveryStatus.QUEUED, A_MONDAY, not_before=later, may_be_repeated=True)
        ])
    assert await claim(database) == []
    async with database.transaction() as session:
        [again] = await deliveries.claim(session, process_id="p", lanes=ALL_LANES, limit=1, now=later)
    assert (again.payload_sealed, again.n_attempts) == (b"x", 2)
    assert (await status_of(database, delivery_id)).may_be_repeated


async def test_a_dead_process_gives_back_answers_and_leaves_notices_unknown(database: Database, sealer: Sealer) -> None:
    [answer] = await queue_answers(database, sealer, 1)
    await send_notice(database, sealer, 2)
    async with database.transaction() as session:
        await deliveries.beat(session, process_id="dead", role="bot", now=A_MONDAY)
    assert len(await claim(database, "dead")) == 3
    later = A_MONDAY + timedelta(seconds=10)
    async with database.transaction() as session:
        await deliveries.beat(session, process_id="alive", role="bot", now=later)
        silent = later - timedelta(seconds=4)
        assert await deliveries.release_silent(session, silent_since=silent, now=later) == 3
    row = await status_of(database, answer)
    assert (row.status, row.may_be_repeated) == (DeliveryStatus.QUEUED, True)
    async with database.reading() as session:
        rows = await session.scalars(select(Delivery.status).where(Delivery.notice_id.is_not(None)))
        assert set(rows) == {DeliveryStatus.UNKNOWN}


async def test_a_living_process_keeps_what_it_claimed(database: Database, sealer: Sealer) -> None:
    await queue_answers(database, sealer, 1)
    await claim(database, "alive")
    async with database.transaction() as session:
        await deliveries.beat(session, process_id="alive", role="bot", now=A_MONDAY)
        silent = A_MONDAY - timedelta(seconds=4)
        assert await deliveries.release_silent(session, silent_since=silent, now=A_MONDAY) == 0


async def test_a_paused_notice_is_not_claimed(database: Database, sealer: Sealer) -> None:
    notice_id = await send_notice(database, sealer, 2)
    async with database.transaction() as session:
        await session.execute(update(Notice).where(Notice.id == notice_id).values(status=NoticeStatus.PAUSED))
    assert await claim(database) == []


async def test_who_stopped_notices_or_blocked_the_bot_is_not_sent_to(database: Database, sealer: Sealer) -> None:
    await send_notice(database, sealer, 3)
    async with database.transaction() as session:
        ids = list(await session.scalars(select(Chat.id).order_by(Chat.id)))
        await chats.unsubscribe(session, ids[0])
        await chats.mark_blocked(session, ids[1])
    assert {item.chat_id: item.may_send for item in await claim(database)} == {
        ids[0]: False, ids[1]: False, ids[2]: True,
    }


async def test_an_expired_notice_is_not_sent(database: Database, sealer: Sealer) -> None:
    await send_notice(database, sealer, 1, expires_at=A_MONDAY - timedelta(seconds=1))
    assert [item.may_send for item in await claim(database)] == [False]


async def test_expanding_twice_is_once_and_follows_the_audience(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as session:
        wanted = await make_chat(session, sealer=sealer, locale="ne", municipality="a", subscribed=True)
        await make_chat(session, sealer=sealer, locale="ne", municipality="b", subscribed=True)
        await make_chat(session, sealer=sealer, locale="vi", municipality="a", subscribed=True)
        await make_chat(session, sealer=sealer, locale="ne", municipality="a", subscribed=False)
        notice = await make_notice(session, locales=["ne"], municipalities=["a"])
        for _ in range(2):
            await notices.expand(session, notice, now=A_MONDAY)
        assert list(await session.scalars(select(Delivery.chat_id))) == [wanted.id]
        notice.audience = {"locales": [], "municipalities": ["a"]}
        reach = await notices.audience_by_locale(session, notice)
        assert reach == {"ne": 1, "vi": 1}
