"""The group of staff: told that something waits, at most every five minutes, by one worker, without a word of it."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass, field

import pytest

from bot import consultation, escalation
from bot.conversation import Parts
from bot.errors import DeliveryError
from bot.outgoing import Address, Outgoing
from bot.staff_group import StaffGroup
from storage.database import Database
from storage.models import Lane, Ticket, TicketStatus
from tests.conftest import Clock
from tests.factories import make_staff, make_ticket

GROUP = -1001234567890
URL = "https://koban.example"


@dataclass
class Telegram:
    """Takes what is sent, or fails."""

    said: list[tuple[Address, str, Lane]] = field(default_factory=list)
    error: DeliveryError | None = None

    async def send(self, address: Address, outgoing: Outgoing, lane: Lane) -> int | None:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        self.said.append((address, outgoing.text, lane))
        return 1


@pytest.fixture
def telegram() -> Telegram:
    return Telegram()


@pytest.fixture
async def group(database: Database, telegram: Telegram, clock: Clock) -> StaffGroup:
    """A group whose first look was taken: what was there before is no news."""
    made = a_worker(database, telegram, clock)
    assert not await made.tick()
    return made


def a_worker(database: Database, telegram: Telegram, clock: Clock) -> StaffGroup:
    return StaffGroup(database, telegram.send, address=GROUP, url=URL, clock=clock)


async def submitted(database: Database, parts: Parts, clock: Clock) -> Ticket:
    async with database.transaction() as session:
        ticket = await make_ticket(session, sealer=parts.sealer, status=TicketStatus.INTAKE, now=clock())
        consultation.submit(session, ticket, deployment=parts.deployment, now=clock())
    return ticket


async def claimed(database: Database, ticket: Ticket, clock: Clock) -> None:
    async with database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        await consultation.claim(session, row, await make_staff(session), now=clock())


async def test_a_new_consultation_is_told_without_a_word_of_it(
    database: Database, parts: Parts, clock: Clock, telegram: Telegram, group: StaffGroup
) -> None:
    assert not await group.tick(), "nothing waits"
    await submitted(database, parts, clock)
    assert await group.tick()
    [(address, text, lane)] = telegram.said
    assert (address, lane) == (GROUP, Lane.ANSWER)
    assert text == f"Koban：対応を待っている相談があります。コンソールを開いてください。\n{URL}"
    assert re.findall(r"[0-9]", text) == []


async def test_it_is_told_once_in_five_minutes_and_only_of_what_is_new(
    database: Database, parts: Parts, clock: Clock, telegram: Telegram, group: StaffGroup
) -> None:
    await submitted(database, parts, clock)
    assert await group.tick()
    clock.advance(seconds=10)
    await submitted(database, parts, clock)
    for _ in range(29):
        clock.advance(seconds=10)
        told = await group.tick()
    assert told, "the second one, five minutes after the first ping"
    assert len(telegram.said) == 2
    for _ in range(3):
        clock.advance(minutes=6)
        assert not await group.tick(), "both wait still, and were told of"


async def test_one_that_somebody_took_meanwhile_is_not_told(
    database: Database, parts: Parts, clock: Clock, telegram: Telegram, group: StaffGroup
) -> None:
    ticket = await submitted(database, parts, clock)
    await claimed(database, ticket, clock)
    assert not await group.tick()
    assert telegram.said == []


async def test_a_deadline_that_is_broken_is_told_though_somebody_has_it(
    database: Database, parts: Parts, clock: Clock, telegram: Telegram, group: StaffGroup
) -> None:
    ticket = await submitted(database, parts, clock)
    await claimed(database, ticket, clock)
    assert not await group.tick()
    clock.advance(days=3)
    await escalation.tick(database, screens=parts.screens, sealer=parts.sealer, now=clock())
    assert await group.tick()
    clock.advance(minutes=6)
    assert not await group.tick()
    assert len(telegram.said) == 1


async def test_what_was_there_before_the_first_look_is_no_news(
    database: Database, parts: Parts, clock: Clock, telegram: Telegram
) -> None:
    await submitted(database, parts, clock)
    workers = [a_worker(database, telegram, clock) for _ in range(3)]
    await asyncio.gather(*(each.tick() for each in workers))
    assert not await workers[0].tick()
    await submitted(database, parts, clock)
    assert await workers[1].tick()


async def test_of_several_workers_one_tells_it(
    database: Database, parts: Parts, clock: Clock, telegram: Telegram, group: StaffGroup
) -> None:
    workers = [group, *(a_worker(database, telegram, clock) for _ in range(5))]
    await submitted(database, parts, clock)
    assert sorted(await asyncio.gather(*(each.tick() for each in workers))) == [False] * 5 + [True]
    clock.advance(minutes=5)
    assert not any(await asyncio.gather(*(each.tick() for each in workers)))
    assert len(telegram.said) == 1


async def test_more_entries_than_one_look_reads_are_all_read(
    database: Database, parts: Parts, clock: Clock, group: StaffGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.pings._AT_ONCE", 2)
    for _ in range(4):
        await claimed(database, await submitted(database, parts, clock), clock)
    await submitted(database, parts, clock)
    assert await group.tick()


async def test_a_failure_is_logged_without_the_id_and_tried_again(
    database: Database, parts: Parts, clock: Clock, telegram: Telegram, group: StaffGroup,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await submitted(database, parts, clock)
    telegram.error = DeliveryError(f"no answer for {GROUP}")
    with caplog.at_level(logging.DEBUG):
        assert not await group.tick()
    assert "the group of staff could not be told" in caplog.text
    assert "1234567890" not in caplog.text
    telegram.error = None
    assert not await group.tick(), "not before five minutes are over"
    clock.advance(minutes=5)
    assert await group.tick()


async def test_a_group_that_the_bot_is_not_in_is_not_tried_again_until_something_new_comes(
    database: Database, parts: Parts, clock: Clock, telegram: Telegram, group: StaffGroup
) -> None:
    await submitted(database, parts, clock)
    telegram.error = DeliveryError("bot was kicked from the supergroup chat", permanent=True, is_blocked=True)
    assert not await group.tick()
    telegram.error = None
    clock.advance(minutes=6)
    assert not await group.tick()
    await submitted(database, parts, clock)
    assert await group.tick()
