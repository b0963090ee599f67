"""How a process ends: nothing that it had taken stays behind as *sending*."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from bot import outbox as outbox_module
from bot.app import end_in_turn
from bot.errors import NOT_BEGUN
from bot.outbox import Outbox, queue
from bot.outgoing import Address, Outgoing, plain
from storage import notices
from storage.database import Database
from storage.models import Delivery, Lane, NoticeStatus
from storage.sealing import Sealer
from tests.conftest import Clock, eventually
from tests.factories import make_chat, make_notice


class Stuck:
    """Takes the place of the sender. hold: messages that wait; without_turn: those of them that wait for a turn."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.hold: set[str] = set()
        self.without_turn: set[str] = set()
        self.n_held = 0

    async def __call__(self, address: Address, outgoing: Outgoing, lane: Lane) -> int:
        if outgoing.text in self.hold:
            self.n_held += 1
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                if outgoing.text in self.without_turn:
                    error.add_note(NOT_BEGUN)
                raise
        await asyncio.sleep(0.01)
        self.sent.append(outgoing.text)
        return len(self.sent)


@pytest.fixture
def stuck() -> Stuck:
    return Stuck()


@pytest.fixture
async def outbox(database: Database, sealer: Sealer, stuck: Stuck, clock: Clock) -> Outbox:
    async def render(notice_id: int, locale: str) -> Outgoing:
        return plain(f"notice in {locale}")

    return Outbox(database, sealer, stuck, render, process_id="p", clock=clock)


async def test_what_is_handed_over_at_the_end_is_still_sent(
    database: Database, sealer: Sealer, outbox: Outbox, stuck: Stuck, clock: Clock
) -> None:
    """The handler goes on for seconds after it was told to stop; what it then answers needs an outbox."""
    told = asyncio.Event()

    async def stop_handling() -> None:
        told.set()

    async def handle() -> None:
        await told.wait()
        for number in range(5):
            await asyncio.sleep(0.05)
            async with database.transaction() as session:
                chat = await make_chat(session, sealer=sealer)
                job = await queue(session, chat, plain(f"answer {number}"), lane=Lane.ANSWER, sealer=sealer,
                                  now=clock(), process_id="p")
            outbox.hand_over([job])

    handling, sending = asyncio.create_task(handle()), asyncio.create_task(outbox.run())
    await end_in_turn([[(stop_handling, handling)], [(outbox.stop, sending)]])
    assert sorted(stuck.sent) == [f"answer {number}" for number in range(5)]
    async with database.reading() as session:
        assert set(await session.scalars(select(Delivery.status))) == {"sent"}


async def test_what_comes_to_no_end_is_given_back_and_says_what_is_known(
    database: Database, sealer: Sealer, outbox: Outbox, stuck: Stuck, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "FINISH_S", 0.2)
    stuck.hold = {"begun", "waits", "notice in vi", "notice in ne"}
    stuck.without_turn = {"waits", "notice in ne"}
    names: dict[int, str] = {}
    async with database.transaction() as session:
        for texts in (("begun", "behind it"), ("waits",)):
            chat = await make_chat(session, sealer=sealer)
            for text in texts:
                job = await queue(session, chat, plain(text), lane=Lane.ANSWER, sealer=sealer, now=clock())
                names[job.id] = text
        readers = [await make_chat(session, sealer=sealer, locale=tag, subscribed=True) for tag in ("vi", "ne")]
        notice = await make_notice(session, status=NoticeStatus.SENDING)
        await notices.expand(session, notice, now=clock())
    in_chat = {chat.id: f"notice in {chat.locale}" for chat in readers}
    running = asyncio.create_task(outbox.run())
    await eventually(lambda: stuck.n_held == 4)
    await outbox.stop()
    await running
    async with database.reading() as session:
        found = {
            names.get(row.id) or in_chat[row.chat_id]: (row.status, row.may_be_repeated, row.claimed_by)
            for row in await session.scalars(select(Delivery))
        }
    assert found == {
        "begun": ("queued", True, None), "behind it": ("queued", False, None), "waits": ("queued", False, None),
        "notice in vi": ("unknown", False, None), "notice in ne": ("queued", False, None),
    }
