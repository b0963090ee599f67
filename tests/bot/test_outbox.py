"""The outbox: order in a chat, chats side by side, and what each failure leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import DeliveryError
from bot.outbox import MAX_ATTEMPTS, Outbox, queue
from bot.outgoing import Address, Outgoing, plain
from storage import deliveries, notices
from storage.database import Database
from storage.models import Chat, ChatState, Delivery, DeliveryStatus, Lane, NoticeStatus, Subscription
from storage.sealing import Sealer
from tests.conftest import Clock, eventually
from tests.factories import make_chat, make_notice


class Wire:
    """Takes the place of the sender: remembers what was sent, and fails as a test says."""

    def __init__(self) -> None:
        self.sent: list[tuple[Address, str]] = []
        self.failures: dict[str, list[DeliveryError]] = {}
        self.stuck: set[str] = set()
        self.n_stuck = 0
        self.released = asyncio.Event()

    async def __call__(self, address: Address, outgoing: Outgoing, lane: Lane) -> int:
        if outgoing.text in self.stuck:
            self.n_stuck += 1
            await self.released.wait()
        if pending := self.failures.get(outgoing.text):
            raise pending.pop(0)
        self.sent.append((address, outgoing.text))
        return len(self.sent)


@pytest.fixture
def wire() -> Wire:
    return Wire()


async def no_notice(notice_id: int, locale: str) -> Outgoing | None:
    return plain(f"notice in {locale}") if locale != "ne" else None


@pytest.fixture
async def outbox(database: Database, sealer: Sealer, wire: Wire, clock: Clock) -> Outbox:
    return Outbox(database, sealer, wire, no_notice, process_id="p", clock=clock, jitter=lambda: 0.5)


async def write(database: Database, sealer: Sealer, clock: Clock, address: int, *texts: str) -> None:
    async with database.transaction() as session:
        chat = await make_chat(session, sealer=sealer, address=address)
        for text in texts:
            await queue(session, chat, plain(text), lane=Lane.ANSWER, sealer=sealer, now=clock())


async def rows(database: Database) -> list[Delivery]:
    async with database.reading() as session:
        return list(await session.scalars(select(Delivery).order_by(Delivery.id)))


async def test_looking_when_nothing_is_due_waits_for_no_writer(database: Database, outbox: Outbox) -> None:
    """It looks four times a second; on SQLite a write lock for that would stand in the way of answers."""
    async with database.transaction():
        async with asyncio.timeout(5):
            assert await outbox.claim_due() == 0


async def test_a_chats_messages_go_out_in_order_and_are_settled(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    await write(database, sealer, clock, 1, "one", "two", "three")
    await outbox.deliver_all()
    assert wire.sent == [(1, "one"), (1, "two"), (1, "three")]
    assert {row.status for row in await rows(database)} == {DeliveryStatus.SENT}


async def test_a_delay_of_one_message_delays_those_behind_it_and_no_other_chat(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    wire.failures["one"] = [DeliveryError("Too Many Requests", retry_after=7)]
    await write(database, sealer, clock, 1, "one", "two")
    await write(database, sealer, clock, 2, "other")
    await outbox.deliver_all()
    assert wire.sent == [(2, "other")]
    clock.advance(seconds=6)
    await outbox.deliver_all()
    assert wire.sent == [(2, "other")]
    clock.advance(seconds=1)
    await outbox.deliver_all()
    assert wire.sent == [(2, "other"), (1, "one"), (1, "two")]


async def test_a_temporary_failure_is_tried_again_and_given_up_at_last(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    wire.failures["one"] = [DeliveryError("Bad Gateway") for _ in range(MAX_ATTEMPTS)]
    await write(database, sealer, clock, 1, "one")
    for _ in range(MAX_ATTEMPTS):
        await outbox.deliver_all()
        clock.advance(hours=1)
    [row] = await rows(database)
    assert (row.status, row.error, row.n_attempts) == (DeliveryStatus.FAILED, "Bad Gateway", MAX_ATTEMPTS)
    assert wire.sent == []


async def test_the_wait_grows_with_each_attempt(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    wire.failures["one"] = [DeliveryError("Bad Gateway") for _ in range(4)]
    await write(database, sealer, clock, 1, "one")
    waits = []
    for _ in range(4):
        await outbox.deliver_all()
        [row] = await rows(database)
        waits.append((row.not_before - clock()).total_seconds())
        clock.now = row.not_before
    assert waits == [1, 2, 4, 8]


async def test_a_blocked_bot_ends_the_subscriptions_and_marks_the_chat(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    wire.failures["one"] = [DeliveryError("Forbidden: bot was blocked by the user", permanent=True, is_blocked=True)]
    async with database.transaction() as session:
        await make_chat(session, sealer=sealer, address=1, subscribed=True)
    await write(database, sealer, clock, 1, "one")
    await outbox.deliver_all()
    async with database.reading() as session:
        chat = await session.scalar(select(Chat))
        assert chat is not None
        assert chat.state == ChatState.BLOCKED
        assert (await session.scalars(select(Subscription))).all() == []
    assert [row.status for row in await rows(database)] == [DeliveryStatus.FAILED]


async def test_an_answer_that_may_have_arrived_is_sent_again_and_marked(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    wire.failures["one"] = [DeliveryError("Timed out", may_be_delivered=True)]
    await write(database, sealer, clock, 1, "one")
    await outbox.deliver_all()
    clock.advance(seconds=5)
    await outbox.deliver_all()
    [row] = await rows(database)
    assert (row.status, row.may_be_repeated) == (DeliveryStatus.SENT, True)


async def send_notice(
    database: Database, sealer: Sealer, clock: Clock, *, locales: tuple[str, ...] = ("vi",)
) -> int:
    async with database.transaction() as session:
        for number, locale in enumerate(locales):
            await make_chat(session, sealer=sealer, address=500 + number, locale=locale, subscribed=True)
        notice = await make_notice(session, status=NoticeStatus.SENDING)
        await notices.expand(session, notice, now=clock())
        return notice.id


async def test_a_notice_that_may_have_arrived_is_unknown_and_not_sent_again(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    wire.failures["notice in vi"] = [DeliveryError("Timed out", may_be_delivered=True)]
    await send_notice(database, sealer, clock)
    await outbox.deliver_all()
    clock.advance(hours=1)
    await outbox.deliver_all()
    assert [row.status for row in await rows(database)] == [DeliveryStatus.UNKNOWN]
    assert wire.sent == []


async def test_a_language_without_a_text_is_skipped_and_says_why(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    await send_notice(database, sealer, clock, locales=("vi", "ne"))
    await outbox.deliver_all()
    assert [text for _address, text in wire.sent] == ["notice in vi"]
    assert sorted((row.status, row.error) for row in await rows(database) if row.error) == [
        (DeliveryStatus.SKIPPED, "no text in this language")
    ]


async def test_words_sealed_with_a_lost_key_are_skipped_and_stop_nothing_else(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    await write(database, sealer, clock, 1, "lost")
    async with database.transaction() as session:
        await session.execute(update(Delivery).values(payload_sealed=b"not ours at all, and long enough to try"))
    await write(database, sealer, clock, 2, "fine")
    await outbox.deliver_all()
    assert wire.sent == [(2, "fine")]
    assert [row.status for row in await rows(database)] == [DeliveryStatus.SKIPPED, DeliveryStatus.SENT]


async def test_what_is_sent_and_not_settled_yet_counts_as_in_flight(
    database: Database, sealer: Sealer, wire: Wire, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = Outbox(database, sealer, wire, no_notice, process_id="p", clock=clock, notices_in_flight=3)
    await send_notice(database, sealer, clock, locales=("vi", "ne", *("vi",) * 7))
    settle, may_settle = deliveries.settle, asyncio.Event()

    async def settle_late(session: AsyncSession, settlements: Sequence[deliveries.Settlement]) -> None:
        await may_settle.wait()
        await settle(session, settlements)

    monkeypatch.setattr(deliveries, "settle", settle_late)
    running = asyncio.create_task(outbox.run())
    await eventually(lambda: len(wire.sent) == 2)
    for _ in range(5):
        outbox.wake()
        await asyncio.sleep(0.02)
    assert [row.status for row in await rows(database)].count(DeliveryStatus.SENDING) == 3, "unknown after a kill"
    may_settle.set()
    await eventually(lambda: len(wire.sent) == 8)
    await outbox.stop()
    await running
    assert {row.status for row in await rows(database)} == {DeliveryStatus.SENT, DeliveryStatus.SKIPPED}


async def test_what_cannot_be_prepared_is_put_back_and_tried_again(
    database: Database, sealer: Sealer, wire: Wire, clock: Clock
) -> None:
    failures = [RuntimeError("the database went away"), RuntimeError("again")]

    async def render(notice_id: int, locale: str) -> Outgoing | None:
        if failures:
            raise failures.pop()
        return await no_notice(notice_id, locale)

    outbox = Outbox(database, sealer, wire, render, process_id="p", clock=clock, jitter=lambda: 0.5)
    await send_notice(database, sealer, clock, locales=("vi", "vi", "vi"))
    await outbox.deliver_all()
    assert sorted(row.status for row in await rows(database)) == ["queued", "queued", "sent"]
    clock.advance(seconds=2)
    await outbox.deliver_all()
    assert {row.status for row in await rows(database)} == {DeliveryStatus.SENT}
    assert len(wire.sent) == 3


async def test_the_loop_sends_what_others_queue_and_settles_when_it_stops(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    running = asyncio.create_task(outbox.run())
    await write(database, sealer, clock, 1, "one")
    outbox.wake()
    await eventually(lambda: bool(wire.sent))
    await outbox.stop()
    await running
    assert [row.status for row in await rows(database)] == [DeliveryStatus.SENT]


async def test_a_job_handed_over_is_sent_without_a_claim(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Wire, clock: Clock
) -> None:
    async with database.transaction() as session:
        chat = await make_chat(session, sealer=sealer, address=9)
        job = await queue(
            session, chat, plain("hello"), lane=Lane.ANSWER, sealer=sealer, now=clock(), process_id="p"
        )
    outbox.hand_over([job])
    await outbox.deliver_all()
    assert wire.sent == [(9, "hello")]
    assert [row.status for row in await rows(database)] == [DeliveryStatus.SENT]


async def test_an_answer_goes_out_while_every_notice_in_flight_is_stuck(
    database: Database, sealer: Sealer, wire: Wire, clock: Clock
) -> None:
    wire.stuck = {"notice in vi"}
    outbox = Outbox(database, sealer, wire, no_notice, process_id="p", clock=clock, notices_in_flight=2)
    await send_notice(database, sealer, clock, locales=("vi", "vi", "vi"))
    running = asyncio.create_task(outbox.run())
    await eventually(lambda: wire.n_stuck == 2)
    await write(database, sealer, clock, 9000, "answer")
    outbox.wake()
    await eventually(lambda: (9000, "answer") in wire.sent)
    wire.stuck = set()
    wire.released.set()
    await eventually(lambda: len(wire.sent) == 4)
    await outbox.stop()
    await running
