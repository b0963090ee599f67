"""Notices over HTTP against the strict local server: the limit, a kill, two workers, lateness, answers meanwhile."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.simulator.stats import Stats
from storage import deliveries, notices
from storage.database import Database
from storage.models import Chat, Delivery, DeliveryStatus, Notice, NoticeStatus
from storage.sealing import Sealer
from tests.bench.tools import deployment_without_rest
from tests.factories import make_chat, make_notice
from tests.journeys.conftest import KEY, Koban, running_koban

pytestmark = pytest.mark.slow

FIRST = 20_000  # the first resident's id
RATE = 30
IN_FLIGHT = 30
FEW_REFUSED = 5  # none on a quiet machine, as the bench shows; on a busy one the way there takes longer at times


class Campaign:
    """A strict server, residents who want notices, and a Koban that is not started yet."""

    def __init__(self, koban: Koban, database: Database, deployment: Path) -> None:
        self.koban = koban
        self.database = database
        self.settings = {"KOBAN_DEPLOYMENT": str(deployment), "KOBAN_ENCODER": "off"}
        self.n_residents = 0

    async def residents(self, n: int) -> None:
        """Residents with a phone each."""
        sealer = Sealer([base64.b64decode(KEY)])
        async with self.database.transaction() as session:
            for number in range(n):
                self.koban.resident(FIRST + number, "vi")
                await make_chat(session, sealer=sealer, address=FIRST + number, locale="vi", subscribed=True)
        self.n_residents = n

    async def notice(self, **values: object) -> int:
        """A notice that is due now, or as the values say."""
        values = {"status": NoticeStatus.SCHEDULED, "send_at": datetime.now(UTC)} | values
        async with self.database.transaction() as session:
            return (await make_notice(session, **values)).id  # type: ignore[arg-type]

    async def state(self, notice_id: int) -> tuple[str, dict[str, int]]:
        """The notice's state, and its deliveries by state."""
        async with self.database.reading() as session:
            row = await session.get_one(Notice, notice_id)
            return row.status, await deliveries.count_by_status(session, notice_id)

    async def until_ended(self, notice_id: int, seconds: float = 120) -> dict[str, int]:
        """Wait until the notice has ended; returns its deliveries by state."""
        async with asyncio.timeout(seconds):
            while True:
                status, counts = await self.state(notice_id)
                if status in notices.ENDED:
                    return counts
                await asyncio.sleep(0.1)

    def received(self) -> list[int]:
        """How many messages each resident has."""
        return [len(self.koban.state.from_bot(FIRST + number)) for number in range(self.n_residents)]

    @property
    def stats(self) -> Stats:
        """What the server counted."""
        return self.koban.state.stats


@pytest.fixture
async def campaign(database: Database, tmp_path: Path) -> AsyncIterator[Campaign]:
    url = database.engine.url.render_as_string(hide_password=False)
    async with running_koban(url, limits=True) as koban:
        yield Campaign(koban, database, deployment_without_rest(tmp_path))


async def test_at_the_limit_nothing_is_lost_or_doubled(campaign: Campaign) -> None:
    await campaign.residents(150)
    notice_id = await campaign.notice()
    await campaign.koban.start(**campaign.settings)
    assert await campaign.until_ended(notice_id) == {"sent": 150}
    assert campaign.received() == [1] * 150
    assert campaign.stats.statuses[429] <= FEW_REFUSED
    assert campaign.stats.sliding_maximum <= RATE


async def test_a_kill_in_the_middle_loses_none_and_doubles_none(campaign: Campaign) -> None:
    await campaign.residents(150)
    notice_id = await campaign.notice()
    await campaign.koban.start(**campaign.settings)
    await campaign.koban.state.until(lambda: campaign.stats.n_delivered >= 40 or None, 120)
    await campaign.koban.kill()
    assert campaign.stats.n_delivered < 150, "the kill came too late to show anything"
    await campaign.koban.start(**campaign.settings)
    counts = await campaign.until_ended(notice_id)
    assert set(counts) <= {"sent", "unknown"}
    assert sum(counts.values()) == 150
    assert counts.get("unknown", 0) <= IN_FLIGHT
    received = campaign.received()
    assert max(received) == 1, "none came twice"
    async with campaign.database.reading() as session:
        known = {row.chat_id: row.status for row in await session.scalars(select(Delivery))}
        chats = list(await session.scalars(select(Chat.id).order_by(Chat.id)))
    missing = [chat_id for chat_id, n in zip(chats, received, strict=True) if n == 0]
    assert all(known[chat_id] == DeliveryStatus.UNKNOWN for chat_id in missing), "who got none is marked unknown"


async def test_two_workers_keep_to_the_limit_and_send_to_each_once(campaign: Campaign) -> None:
    await campaign.residents(150)
    await campaign.koban.start(**campaign.settings)
    await campaign.koban.start_beside("worker", **campaign.settings)
    async with asyncio.timeout(180):
        while True:
            async with campaign.database.reading() as session:
                if await deliveries.count_workers(session, seen_after=datetime.now(UTC) - timedelta(seconds=2)) == 2:
                    break
            await asyncio.sleep(0.1)
    await asyncio.sleep(1.5)  # each has counted the other
    notice_id = await campaign.notice()
    assert await campaign.until_ended(notice_id) == {"sent": 150}
    assert campaign.received() == [1] * 150
    assert campaign.stats.sliding_maximum <= RATE
    assert campaign.stats.statuses[429] <= FEW_REFUSED


async def test_what_was_due_while_the_process_was_down_goes_out_once_or_is_cancelled(campaign: Campaign) -> None:
    await campaign.residents(5)
    now = datetime.now(UTC)
    late = await campaign.notice(send_at=now - timedelta(hours=5), expires_at=now + timedelta(hours=1))
    expired = await campaign.notice(send_at=now - timedelta(hours=5), expires_at=now - timedelta(hours=1))
    await campaign.koban.start(**campaign.settings)
    assert await campaign.until_ended(late) == {"sent": 5}
    assert await campaign.state(expired) == ("expired", {})
    await campaign.koban.kill()
    await campaign.koban.start(**campaign.settings)
    await asyncio.sleep(2)
    assert campaign.received() == [1] * 5


async def test_an_answer_does_not_wait_for_a_notice(campaign: Campaign) -> None:
    await campaign.residents(200)
    asking = campaign.koban.resident(1234, "vi")
    await campaign.koban.start(**campaign.settings)
    await asking.answer_to(lambda: asking.write("mất xe đạp"))
    notice_id = await campaign.notice()
    await campaign.koban.state.until(lambda: campaign.stats.n_delivered >= 20 or None, 60)
    for _ in range(3):
        started = time.monotonic()
        await asking.answer_to(lambda: asking.write("mất xe đạp"))
        assert time.monotonic() - started < 3, "in the queue behind 150 notices it would be five seconds"
        assert (await campaign.state(notice_id))[0] == NoticeStatus.SENDING
        await asyncio.sleep(1)
    assert await campaign.until_ended(notice_id) == {"sent": 200}
    assert campaign.stats.statuses[429] <= FEW_REFUSED
