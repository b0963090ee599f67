"""A resident's message, from Telegram to the answer, over HTTP, with real kills."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import date

import pytest
from sqlalchemy import func, select

from bot.i18n import ROOT
from bot.simulator import files, people
from intents.catalogue import load_catalogue
from storage.database import Database
from storage.models import Delivery, DeliveryStatus, Update, UpdateStatus
from tests.journeys.conftest import Koban, running_koban

pytestmark = pytest.mark.slow

TODAY = date(2026, 11, 24)


def title(intent_id: str, tag: str) -> str:
    answer = load_catalogue(ROOT, strict=False).answer(intent_id, tag, today=TODAY)
    assert answer is not None
    assert answer.tag == tag
    return answer.title


@pytest.mark.parametrize(("text", "tag"), [
    ("mất xe đạp", "vi"), ("मेरो साइकल चोरी भयो", "ne"), ("roubaram minha bicicleta na estação", "pt-BR"),
])
async def test_a_stolen_bicycle_is_answered_in_the_residents_language(koban: Koban, text: str, tag: str) -> None:
    resident = koban.resident(5001)
    resident.write(text)
    wanted = title("stolen_bicycle", tag)  # a softly worded card may come before it
    await resident.until(lambda messages: any(wanted in message["text"] for message in messages))


async def test_danger_is_answered_first_and_names_the_number(koban: Koban) -> None:
    resident = koban.resident(5002, "vi")
    answer = await resident.answer_to(lambda: resident.write("Có người đang phá cửa nhà tôi, cầm dao, cứu với"))
    assert "110" in answer["text"]
    assert answer["text"].startswith("🚨")


async def test_hostile_and_unusual_messages_are_answered_and_stop_nothing(koban: Koban) -> None:
    resident = koban.resident(5003, "en")
    for text in ("x" * 4096, "<b>&lt;not html", "‮‏שלום\u200b\u200d", "🏴‍☠️" * 300, "/unknown_command", "110", "    a"):
        answer = await resident.answer_to(lambda text=text: resident.write(text))
        assert answer["text"]
    for kind in ("sticker", "voice", "document", "photo"):
        content = files.sample_voice() if kind == "voice" else files.sample_png()
        stored = koban.state.files.add(kind, content, name="x", mime="application/octet-stream")
        answer = await resident.answer_to(
            lambda stored=stored: people.send_file(koban.state, resident.id, stored, caption="")
        )
        assert answer["text"]
    answer = await resident.answer_to(lambda: people.send_contact(koban.state, resident.id, "000", "x"))
    assert answer["text"]


async def test_a_kill_with_two_hundred_waiting_loses_none_and_doubles_only_those_in_flight(sqlite_url: str) -> None:
    async with running_koban(sqlite_url) as koban:
        await koban.start()
        residents = [koban.resident(6000 + number, "vi") for number in range(200)]
        for resident in residents:
            resident.write("mất xe đạp")
        await koban.state.until(lambda: sum(bool(each.received()) for each in residents) >= 20 or None, 30)
        await koban.kill()
        n_before = sum(len(each.received()) for each in residents)
        assert n_before < 200, "the kill came too late to show anything"
        await koban.start()
        await koban.state.until(lambda: all(each.received() for each in residents) or None, 60)
        await asyncio.sleep(1)
        counts = Counter(len(each.received()) for each in residents)
        database = Database(sqlite_url)
        async with database.reading() as session:
            n_perhaps_repeated = await session.scalar(
                select(func.count()).select_from(Delivery).where(Delivery.may_be_repeated)
            )
            statuses = set(await session.scalars(select(Delivery.status)))
            updates = set(await session.scalars(select(Update.status)))
        await database.close()
    n_doubled = sum(n - 1 for n, count in counts.items() for _ in range(count))
    assert n_doubled <= (n_perhaps_repeated or 0)
    assert statuses == {DeliveryStatus.SENT}
    assert updates == {UpdateStatus.DONE}


async def left_by_a_stop(koban: Koban, url: str, *, n_residents: int) -> list[str]:
    """Let residents write at once, stop at the first answer; returns in which status each delivery is then."""
    residents = [koban.resident(7000 + number, "vi") for number in range(n_residents)]
    for resident in residents:
        resident.write("mất xe đạp")
    await koban.state.until(lambda: any(each.received() for each in residents) or None, 20)
    assert await koban.stop() == 0
    database = Database(url)
    async with database.reading() as session:
        left = list(await session.scalars(select(Delivery.status)))
    await database.close()
    return left


async def test_a_clean_stop_answers_what_was_fetched(sqlite_url: str) -> None:
    async with running_koban(sqlite_url) as koban:
        await koban.start()
        assert set(await left_by_a_stop(koban, sqlite_url, n_residents=30)) == {DeliveryStatus.SENT}


async def test_a_stop_under_load_leaves_nothing_behind_as_on_its_way(sqlite_url: str) -> None:
    """What the handler answers after the signal goes out, or is given back; else it would go out again at the start."""
    async with running_koban(sqlite_url) as koban:
        await koban.start()
        left = set(await left_by_a_stop(koban, sqlite_url, n_residents=320))
    assert DeliveryStatus.SENT in left
    assert left <= {DeliveryStatus.SENT, DeliveryStatus.QUEUED}
