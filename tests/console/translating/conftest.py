"""An office with a machine translator that is on, and drafts of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from bot.console.app import ConsoleParts
from bot.translation.libretranslate import LibreTranslate
from bot.translation.machine import Machine
from storage.models import Ticket
from tests.bot.translators import FakeLibre, FakeTranslator, serving
from tests.console.conftest import Browser, Office, text_of

SAYING = "月曜の午後3時に警察署へ来てください。電話は03-1234-5678です。"
VIETNAMESE = "Hãy đến sở cảnh sát lúc 15:00 thứ Hai. Điện thoại [#1]."
BACK = "月曜の15時に警察署に来てください。電話[#1]。"
SENT = VIETNAMESE.replace("[#1]", "03-1234-5678")


@pytest.fixture
def fake() -> Iterator[FakeTranslator]:
    with serving(FakeLibre()) as made:
        made.words = {
            ("ja", "vi", SAYING.replace("03-1234-5678", "[#1]")): VIETNAMESE, ("vi", "ja", VIETNAMESE): BACK,
        }
        yield made


@pytest.fixture
async def office(parts: ConsoleParts, fake: FakeTranslator) -> AsyncIterator[Office]:
    """People and browsers, and a machine translator that is on."""
    machine = Machine(LibreTranslate(fake.url, FakeLibre.key), timeout_s=3)
    await machine.languages()
    made = Office(replace(parts, machine=machine))
    yield made
    for client in made.clients:
        await client.aclose()


async def a_draft(office: Office, browser: Browser, ticket: Ticket, body: str = SAYING) -> str:
    """Have a reply translated by machine; returns the address of its draft."""
    answer = await browser.post(f"/tickets/{ticket.id}/translate", {"body": body, "last_seen": 1})
    assert answer.status_code == 303, text_of(answer.text)
    return answer.headers["location"]
