"""What a notice does with an earlier message, against the strict local server: reply, replace, remove; and a file."""

from __future__ import annotations

import asyncio
import io
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console
from telegram import Bot

from bot import followups, notice_terminal, notices
from bot.error_watch import Trouble
from bot.errors import DeliveryError, WrongState
from bot.event_texts import Invitation, calendar_file
from bot.i18n import load_strings
from bot.notice_rules import NoticeLimits
from bot.notice_texts import withdrawn
from bot.outbox import Outbox
from bot.outgoing import About, Outgoing, plain
from bot.simulator.faults import Fault
from bot.simulator.server import SimulatorServer
from bot.telegram.limiter import Limiter
from bot.telegram.sender import Sender
from storage import deliveries
from storage.database import Database
from storage.models import Lane, NoticeStatus, Role
from storage.sealing import Sealer
from tests.conftest import Clock
from tests.factories import make_chat, make_notice, make_staff

RESIDENT = 7
TWO_DAYS_S = 48 * 3600


@pytest.fixture
def sender(simulator: SimulatorServer, bot: Bot) -> Sender:
    simulator.state.add_resident(id=RESIDENT, first_name="Linh", started=True)
    return Sender(bot, Limiter(rate=1000))


def texts(simulator: SimulatorServer, resident: int = RESIDENT) -> list[str]:
    return [each["text"] for each in simulator.state.from_bot(resident)]


async def first(sender: Sender, text: str = "first") -> int:
    message_id = await sender.send(RESIDENT, plain(text), Lane.NOTICE)
    assert message_id is not None
    return message_id


async def test_a_correction_answers_the_original(simulator: SimulatorServer, sender: Sender) -> None:
    earlier = await first(sender)
    await sender.send(RESIDENT, replace(plain("second"), about=About.REPLY, about_message_id=earlier), Lane.NOTICE)
    assert simulator.state.from_bot(RESIDENT)[-1]["reply_to_message"]["message_id"] == earlier
    await sender.send(RESIDENT, replace(plain("third"), about=About.REPLY, about_message_id=9999), Lane.NOTICE)
    assert texts(simulator) == ["first", "second", "third"], "without the original it still arrives"


async def test_a_repetition_takes_the_place_of_the_earlier_message(
    simulator: SimulatorServer, sender: Sender
) -> None:
    earlier = await first(sender)
    await sender.send(RESIDENT, replace(plain("again"), about=About.REPLACE, about_message_id=earlier), Lane.NOTICE)
    await sender.send(RESIDENT, replace(plain("more"), about=About.REPLACE, about_message_id=earlier), Lane.NOTICE)
    assert texts(simulator) == ["again", "more"]


async def test_a_withdrawal_removes_and_where_it_is_too_late_replaces(
    simulator: SimulatorServer, sender: Sender
) -> None:
    words = load_strings()["vi"]
    young, gone, old = await first(sender, "young"), await first(sender, "gone"), await first(sender, "old")

    def remove(message_id: int | None) -> Outgoing:
        return replace(withdrawn(words), about_message_id=message_id)

    assert await sender.send(RESIDENT, remove(young), Lane.NOTICE) is None
    simulator.state.chats[RESIDENT].messages.pop(gone)
    assert await sender.send(RESIDENT, remove(gone), Lane.NOTICE) is None
    simulator.state.clock.advance(TWO_DAYS_S + 1)
    assert await sender.send(RESIDENT, remove(old), Lane.NOTICE) == old
    assert await sender.send(RESIDENT, remove(old), Lane.NOTICE) == old, "saying it twice is once"
    assert texts(simulator) == [words("This notice was withdrawn. Please do not follow it.")]
    with pytest.raises(DeliveryError) as caught:
        await sender.send(RESIDENT, remove(None), Lane.NOTICE)
    assert caught.value.permanent


async def test_the_calendar_file_arrives_as_a_document(simulator: SimulatorServer, sender: Sender) -> None:
    at = datetime(2026, 12, 10, 1, 0, tzinfo=UTC)
    file = calendar_file(Invitation(5, "公民館", at, at + timedelta(hours=2)), "防犯教室", now=at)
    outgoing = replace(plain("Mở tệp này"), document=file)
    assert Outgoing.from_json(outgoing.to_json()) == outgoing
    assert await sender.send(RESIDENT, outgoing, Lane.ANSWER)
    message = simulator.state.from_bot(RESIDENT)[-1]
    assert (message["caption"], message["document"]["file_name"]) == ("Mở tệp này", "event-5.ics")
    assert message["document"]["mime_type"] == "text/calendar"


@pytest.fixture
async def notice_id(database: Database, sealer: Sealer, clock: Clock, simulator: SimulatorServer) -> int:
    """An approved notice and 30 residents who want it."""
    async with database.transaction() as session:
        for number in range(30):
            simulator.state.add_resident(id=100 + number, first_name="R", started=True)
            await make_chat(session, sealer=sealer, address=100 + number, subscribed=True)
        await make_staff(session, role=Role.APPROVER)
        return (await make_notice(session, status=NoticeStatus.APPROVED)).id


def outbox_of(
    database: Database, sealer: Sealer, bot: Bot, clock: Clock, stopped: list[Trouble] | None = None
) -> Outbox:
    async def render(notice_id: int, locale: str) -> Outgoing:
        async with database.reading() as session:
            notice = await notices.get(session, notice_id)
        return withdrawn(load_strings()[locale]) if notice.purpose == "withdrawal" else plain("📢 notice")

    async def stop(notice_id: int, trouble: Trouble) -> None:
        if stopped is not None:
            stopped.append(trouble)
        await notices.stop_for_errors(database, notice_id, now=clock(), **asdict(trouble))

    return Outbox(database, sealer, Sender(bot, Limiter(rate=1000)).send, render, process_id="p", clock=clock,
                  stop_notice=stop, jitter=lambda: 0.5)


LIMITS = NoticeLimits(("vi",), None, 30)


async def follow(
    database: Database, outbox: Outbox, notice_id: int, clock: Clock, *, username: str | None
) -> tuple[int, str]:
    """Run `koban notice send --watch` beside a worker, and return its code and what it wrote."""
    out = io.StringIO()
    screen = Console(file=out, width=100)

    is_over = asyncio.Event()

    async def work() -> None:
        while not is_over.is_set():
            await notices.tick(database, now=clock())
            await outbox.deliver_all()
            await asyncio.sleep(0.05)

    worker = asyncio.create_task(work())
    try:
        async with asyncio.timeout(60):
            code = await notice_terminal.send(database, notice_id, username=username, is_watched=True, limits=LIMITS,
                                              clock=clock, screen=screen)
    finally:
        is_over.set()
        await worker
    return code, out.getvalue()


async def test_a_notice_is_sent_and_watched_from_the_terminal_and_then_withdrawn(
    database: Database, sealer: Sealer, bot: Bot, clock: Clock, simulator: SimulatorServer, notice_id: int
) -> None:
    outbox = outbox_of(database, sealer, bot, clock)
    for username in (None, "nobody"):
        with pytest.raises(WrongState, match="--as"):
            await notice_terminal.send(database, notice_id, username=username, is_watched=True, limits=LIMITS,
                                       clock=clock)
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.PUBLISHER)
    code, said = await follow(database, outbox, notice_id, clock, username=person.username)
    assert code == 0
    assert "30 queued = 30 sent + 0 failed + 0 skipped + 0 unknown + 0 waiting" in said
    assert "No worker is running" in said, "no heartbeat was written in this test"
    assert all(texts(simulator, 100 + number) == ["📢 notice"] for number in range(30))
    async with database.transaction() as session:
        withdrawal = await followups.withdraw(session, await notices.get(session, notice_id), person, now=clock())
    await notices.tick(database, now=clock())
    await outbox.deliver_all()
    assert all(texts(simulator, 100 + number) == [] for number in range(30))
    async with database.reading() as session:
        assert await deliveries.count_ways(session, withdrawal) == {deliveries.REMOVED: 30}


@pytest.mark.parametrize(("role", "is_worker"), [("run", True), ("worker", True), ("bot+worker", True),
                                                 ("console", False), ("bot", False)])
async def test_the_terminal_knows_whether_a_worker_is_running(
    database: Database, clock: Clock, notice_id: int, role: str, is_worker: bool
) -> None:
    out = io.StringIO()
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.PUBLISHER)
        await deliveries.beat(session, process_id="p", role=role, now=clock())
    await notice_terminal.send(database, notice_id, username=person.username, is_watched=False, limits=LIMITS,
                               clock=clock, screen=Console(file=out, width=100))
    assert ("No worker is running" not in out.getvalue()) is is_worker
    assert "30 recipients at 30 a second: about 0:00:01" in out.getvalue()


async def test_a_server_that_keeps_failing_pauses_the_notice(
    database: Database, sealer: Sealer, bot: Bot, clock: Clock, simulator: SimulatorServer, notice_id: int
) -> None:
    stopped: list[Trouble] = []
    outbox = outbox_of(database, sealer, bot, clock, stopped)
    simulator.state.faults.add(Fault(method="sendMessage", code=502, times=1000))
    async with database.transaction() as session:
        person = await make_staff(session, role=Role.PUBLISHER)
    code, said = await follow(database, outbox, notice_id, clock, username=person.username)
    assert code == 1
    assert "It was stopped by itself" in said
    assert stopped
    assert stopped[0].n_errors >= 20
    async with database.reading() as session:
        notice = await notices.get(session, notice_id)
        assert (notice.status, notice.stopped_for["reason"]) == ("paused", "errors")  # type: ignore[index]
        assert await deliveries.count_by_status(session, notice_id) == {"queued": 30}, "nothing was lost"
