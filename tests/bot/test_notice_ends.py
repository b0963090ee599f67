"""A notice that ends, stops or moves while its messages are on their way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot import events, notices
from bot.errors import DeliveryError
from bot.outbox import Outbox
from bot.outgoing import Address, Outgoing, plain
from storage import deliveries
from storage import notices as notice_rows
from storage.database import Database
from storage.models import (
    Delivery,
    Event,
    EventReply,
    Lane,
    Notice,
    NoticeKind,
    NoticePurpose,
    NoticeStatus,
    Role,
)
from storage.sealing import Sealer
from tests.conftest import Clock
from tests.factories import make_chat, make_notice, make_staff


class Meanwhile:
    """Takes the place of the sender. first: what happens while a message is on its way; then it fails as told."""

    def __init__(self) -> None:
        self.first: Callable[[], Awaitable[object]] | None = None
        self.error: DeliveryError | None = None
        self.sent: list[str] = []

    async def __call__(self, address: Address, outgoing: Outgoing, lane: Lane) -> int:
        if first := self.first:
            self.first = None
            await first()
        if self.error is not None:
            raise self.error
        self.sent.append(outgoing.text)
        return len(self.sent)


@pytest.fixture
def wire() -> Meanwhile:
    return Meanwhile()


@pytest.fixture
async def outbox(database: Database, sealer: Sealer, wire: Meanwhile, clock: Clock) -> Outbox:
    async def render(notice_id: int, locale: str) -> Outgoing:
        async with database.reading() as session:
            return plain((await session.get_one(Notice, notice_id)).purpose)

    return Outbox(database, sealer, wire, render, process_id="p", clock=clock, jitter=lambda: 0.5)


async def under_way(
    database: Database, sealer: Sealer, clock: Clock, *, n_chats: int = 1, expires_in: timedelta | None = None
) -> int:
    async with database.transaction() as session:
        for _ in range(n_chats):
            await make_chat(session, sealer=sealer, subscribed=True)
        notice = await make_notice(
            session, status=NoticeStatus.SENDING, expires_at=clock() + expires_in if expires_in else None
        )
        notice.expanded_at = clock()
        await notice_rows.expand(session, notice, now=clock())
        return notice.id


@pytest.mark.parametrize(("how", "left"), [("cancelled", "cancelled"), ("expired", "skipped")])
async def test_what_fails_after_its_notice_has_ended_does_not_wait_for_ever(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Meanwhile, clock: Clock, how: str, left: str
) -> None:
    notice_id = await under_way(database, sealer, clock, expires_in=timedelta(hours=1))

    async def end() -> None:
        async with database.transaction() as session:
            if how == "cancelled":
                person = await make_staff(session, role=Role.APPROVER)
                await notices.cancel(session, await notices.get(session, notice_id), person, now=clock())
            else:  # paused, with another message still queued, when its time is over
                await make_chat(session, sealer=sealer, subscribed=True)
                await notice_rows.expand(session, await notices.get(session, notice_id), now=clock())
                await notice_rows.move(session, notice_id, [NoticeStatus.SENDING], NoticeStatus.PAUSED)
        if how == "expired":
            clock.advance(hours=2)
            await notices.tick(database, now=clock())

    wire.first, wire.error = end, DeliveryError("Bad Gateway")
    await outbox.deliver_all()
    async with database.reading() as session:
        assert (await session.get_one(Notice, notice_id)).status == how
        counts = await deliveries.count_by_status(session, notice_id)
        assert counts == {left: sum(counts.values())}
        assert not list(await session.scalars(select(Delivery.id).where(Delivery.settled_at.is_(None))))


async def test_a_failure_that_is_recorded_late_undoes_nothing_that_is_known_since(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Meanwhile, clock: Clock
) -> None:
    """This process was silent for so long that another one took its claim and sent the message."""
    async with database.transaction() as session:
        chat = await make_chat(session, sealer=sealer)
        await deliveries.add(session, chat_id=chat.id, lane=Lane.ANSWER, now=clock(),
                             payload_sealed=sealer.seal_text(plain("hello").to_json(), deliveries.OUTBOX))

    async def another_sends() -> None:
        other = Outbox(database, sealer, wire, outbox._render_notice, process_id="q", clock=clock)
        async with database.transaction() as session:
            await deliveries.release_silent(session, silent_since=clock(), now=clock())
        await other.deliver_all()
        wire.error = DeliveryError("Bad Gateway")

    wire.first = another_sends
    await outbox.deliver_all()
    clock.advance(minutes=1)
    await outbox.deliver_all()
    async with database.reading() as session:
        assert list(await session.scalars(select(Delivery.status))) == ["sent"]


async def test_a_notice_put_off_at_the_last_moment_is_not_sent(
    database: Database, sealer: Sealer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tick had read that it is due; before it came to it (another notice was long), its time was changed."""
    async with database.transaction() as session:
        await make_chat(session, sealer=sealer, subscribed=True)
        notice = await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=clock())
    due = notice_rows.due

    async def due_and_then_put_off(session: object, **values: object) -> object:
        found = await due(session, **values)  # type: ignore[arg-type]
        async with database.transaction() as other:
            (await notices.get(other, notice.id)).send_at = clock() + timedelta(days=1)
        return found

    monkeypatch.setattr(notice_rows, "due", due_and_then_put_off)
    await notices.tick(database, now=clock())
    async with database.reading() as session:
        assert (await notices.get(session, notice.id)).status == NoticeStatus.SCHEDULED
        assert await deliveries.count_by_status(session, notice.id) == {}


async def an_event(database: Database, sealer: Sealer, clock: Clock, answer: str, *, seats: int | None = None) -> int:
    async with database.transaction() as session:
        chat = await make_chat(session, sealer=sealer)
        notice = await make_notice(session, status=NoticeStatus.DONE, kind=NoticeKind.EVENT)
        session.add(Event(notice_id=notice.id, place="公民館", starts_at=clock() + timedelta(hours=20), seats=seats,
                          ends_at=clock() + timedelta(hours=22), languages=[]))
        await session.flush()
        session.add(EventReply(notice_id=notice.id, chat_id=chat.id, answer=answer, answered_at=clock()))
        return notice.id


async def call_off(database: Database, notice_id: int, clock: Clock) -> None:
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.APPROVER)
        await events.cancel(session, await notices.get(session, notice_id), person, now=clock())


async def test_nobody_is_reminded_of_an_event_that_was_called_off(
    database: Database, sealer: Sealer, outbox: Outbox, wire: Meanwhile, clock: Clock
) -> None:
    """The reminder had waited: for the end of the night, or because Telegram had asked to wait."""
    notice_id = await an_event(database, sealer, clock, "coming")
    assert await events.remind(database, now=clock()) == 1
    await notices.tick(database, now=clock())
    await call_off(database, notice_id, clock)
    await notices.tick(database, now=clock())
    await outbox.deliver_all()
    assert wire.sent == [NoticePurpose.CANCELLATION]


async def test_no_seat_is_given_at_an_event_that_was_called_off_meanwhile(
    database: Database, sealer: Sealer, clock: Clock, parts: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice_id = await an_event(database, sealer, clock, "waiting", seats=1)
    found = events.events.with_free_seats

    async def found_and_then_called_off(session: object, **values: object) -> object:
        ids = await found(session, **values)  # type: ignore[arg-type]
        await call_off(database, notice_id, clock)
        return ids

    monkeypatch.setattr(events.events, "with_free_seats", found_and_then_called_off)
    screens = parts.screens  # type: ignore[attr-defined]
    assert await events.give_free_seats(database, screens=screens, sealer=sealer, now=clock()) == 0


async def test_while_telegram_asks_every_notice_to_wait_none_is_taken(
    database: Database, sealer: Sealer, wire: Meanwhile, outbox: Outbox, clock: Clock
) -> None:
    await under_way(database, sealer, clock, n_chats=60)
    wire.error = DeliveryError("Telegram asked to wait", retry_after=60, whole_lane=True)
    await outbox.deliver_all()
    async with database.reading() as session:
        assert sum(await session.scalars(select(Delivery.n_attempts))) == 30, "those that were in flight already"
    wire.error = None
    clock.advance(seconds=59)
    assert await outbox.claim_due() == 0
    clock.advance(seconds=2)
    await outbox.deliver_all()
    assert len(wire.sent) == 60
