"""One consultation from the first word to erasure and restore: what the resident does, and what is done with records.

The staff's part is in the tests: over HTTP in tests/journeys/test_whole_consultation.py, with the keyboard in Chromium
in tests/console/test_browser_whole.py. It begins on a Monday at 10:00 in Japan; the tests move the clock.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import select

from bot import backups, ledger, records
from bot.__main__ import main
from bot.i18n import TOKYO, load_strings
from bot.simulator import people
from storage.database import Database
from storage.models import Chat, NoticeText, Process, Ticket, TicketStatus
from storage.sealing import Sealer
from tests.journeys.conftest import KEY, PATIENCE, Koban, Resident, running_koban
from tests.journeys.moved_clock import MovedClock
from tests.journeys.searching import dump_of, readable, rows_of_consultations, shapes_of

MONDAY = datetime(2026, 11, 30, 10, 0, tzinfo=TOKYO)
UNSAFE = MONDAY.replace(hour=11, minute=57)
SAFE = MONDAY.replace(hour=12, minute=1)
SLOT = 2  # bot.safety.SLOTS: 12:00 to 15:00
LATE = (MONDAY + timedelta(days=1)).replace(hour=13, minute=45)  # eight duty hours after Monday noon, and safe

JAPANESE = "12月1日の午後3時に、警察署へ来てください。"
READ_IN_JAPANESE = "夫が毎晩、私の携帯を見ています。"
NOTE = "子どもがいる世帯です。夜は電話をしないでください。"
RETURN_NOTE = "保護命令の有無を確認してから、もう一度お願いします。"
SECOND_NOTE = "保護命令はありません。子どもの支援をお願いします。"


@dataclass(frozen=True)
class Words:
    """What is said in one language. reply: in the officer's own words; translated: of JAPANESE."""

    story: str
    edited: str
    reply: str
    translated: str
    more: str

    def all(self) -> list[str]:
        """Every sentence of the consultation, in both languages."""
        return [self.story, self.edited, self.reply, self.translated, self.more, JAPANESE, READ_IN_JAPANESE, NOTE,
                RETURN_NOTE, SECOND_NOTE]


CASES = {
    "vi": Words(
        "Chồng tôi đọc điện thoại của tôi mỗi tối.", "Chồng tôi đọc điện thoại của tôi mỗi tối và mỗi sáng.",
        "Chị có thể nói chuyện an toàn không?", "Ngày 1 tháng 12, lúc 15:00, hãy đến sở cảnh sát.",
        "Hôm nay anh ấy mang máy tính của tôi đi.",
    ),
    "ne": Words(
        "श्रीमानले हरेक रात मेरो फोन हेर्छन्।", "श्रीमानले हरेक रात र हरेक बिहान मेरो फोन हेर्छन्।",
        "के तपाईं सुरक्षित रूपमा कुरा गर्न सक्नुहुन्छ?", "डिसेम्बर १, १५:०० मा प्रहरी कार्यालयमा आउनुहोस्।",
        "आज उनले मेरो कम्प्युटर लिएर गए।",
    ),
    "pt-BR": Words(
        "Meu marido olha o meu celular todas as noites.", "Meu marido olha o meu celular todas as noites e manhãs.",
        "Você pode falar com segurança?", "Venha à delegacia em 1 de dezembro às 15h.",
        "Hoje ele levou o meu computador.",
    ),
}


@dataclass
class Play:
    """One run. folder: where the ledger and the backup are, beside the database."""

    koban: Koban
    database: Database
    clock: MovedClock
    folder: Path
    tag: str
    resident: Resident
    sealer: Sealer = field(default_factory=lambda: Sealer([base64.b64decode(KEY)]))
    ticket_id: int = 0
    receipt: str = ""
    story_id: int = 0

    @property
    def words(self) -> Words:
        """What is said in this language."""
        return CASES[self.tag]

    @property
    def path(self) -> str:
        """The address of the consultation in the console."""
        return f"/tickets/{self.ticket_id}"

    def says(self, sentence: str, **values: object) -> str:
        """A sentence of the bot in the resident's language."""
        return load_strings()[self.tag](sentence, **values)

    async def until(self, look: Callable[[], Awaitable[Any]], seconds: float = PATIENCE) -> Any:
        """Look again and again until there is something."""
        async with asyncio.timeout(seconds):
            while not (found := await look()):  # noqa: ASYNC110 - rows have no event
                await asyncio.sleep(0.1)
        return found

    async def ticket(self) -> Ticket:
        """The consultation as it is now."""
        async with self.database.reading() as session:
            return await session.get_one(Ticket, self.ticket_id)

    # What the resident does.

    async def begin(self) -> None:
        """Ask for staff about domestic violence, by buttons; a message is safe from 12 to 15 only."""
        resident = self.resident
        await resident.answer_to(lambda: resident.write("/start"))
        await resident.press(f"lang:{self.tag}")
        await resident.answer_to(lambda: resident.write("/menu"))
        for button in ("menu:crime", "a:domestic_violence", "staff:domestic_violence", "t:agree", "sc:on"):
            await resident.press(button)
        await resident.tap(f"sc:h:{SLOT}")
        await resident.until(lambda messages: "✅" in str(messages[-1].get("reply_markup")))
        await resident.press("sc:done")
        await resident.answer_to(lambda: self._write_story())
        await resident.press("m:99201")
        ticket = await self.until(self._submitted)
        self.ticket_id, self.receipt = ticket.id, ticket.receipt
        await resident.until(lambda messages: self.receipt in messages[-1]["text"])
        async with self.database.reading() as session:
            chat = await session.get_one(Chat, ticket.chat_id)
        assert (ticket.topic, ticket.section_id, chat.safe_contact) == ("domestic_violence", "jinshin", True)

    def _write_story(self) -> None:
        self.story_id = self.resident.write(self.words.story)["message_id"]

    async def _submitted(self) -> Ticket | None:
        async with self.database.reading() as session:
            return await session.scalar(select(Ticket).where(Ticket.status == TicketStatus.OPEN))

    async def nothing_comes_until_it_is_safe(self) -> None:
        """A reply waits: the outbox looks again at 11:57 and sends nothing; at 12:01 a word about nothing comes."""
        before = self.resident.received()
        self.clock.set(UNSAFE)
        await self.until(self._has_looked)
        assert self.resident.received() == before
        self.clock.set(SAFE)
        await self.resident.until(lambda messages: len(messages) > len(before))
        self._is_an_envelope(self.resident.received()[len(before) :])

    async def _has_looked(self) -> bool:
        async with self.database.reading() as session:
            seen = await session.scalar(select(Process.seen_at))
        return seen is not None and seen >= UNSAFE + timedelta(seconds=2)

    def _is_an_envelope(self, messages: list[dict[str, Any]]) -> None:
        assert [each["text"] for each in messages] == [self.says("There is something new here.")]

    async def an_envelope_comes(self, before: int) -> None:
        """Something came by itself; it says nothing of what it is. before: how many messages there were."""
        await self.resident.until(lambda messages: len(messages) > before)
        self._is_an_envelope(self.resident.received()[before:])

    async def show(self, words: str) -> str:
        """Open the envelope: the words take its place, covered. Returns the whole text."""
        message_id = await self.resident.tap("sc:show:")
        await self.resident.until(lambda messages: any(words in each["text"] for each in messages))
        shown = next(each for each in self.resident.received() if words in each["text"])
        assert shown["message_id"] == message_id
        assert shown["entities"][0]["type"] == "spoiler"
        return shown["text"]

    async def read_the_translated_reply(self) -> None:
        """The label says who translated; a button shows the Japanese."""
        text = await self.show(self.words.translated)
        assert self.says("An interpreter translated this from Japanese.") in text
        original = await self.resident.press("t:ja:")
        assert JAPANESE in original["text"]

    async def edit(self) -> None:
        """Change the first message, which staff have read."""
        resident = self.resident
        n_before = self._n_received()
        people.edit_text(self.koban.state, resident.id, self.story_id, self.words.edited)
        await resident.until(lambda _messages: self._n_received() > n_before)

    def _n_received(self) -> int:
        """How often the bot confirmed without a word about what."""
        return sum(each["text"] == self.says("✓ Received.") for each in self.resident.received())

    async def write_more(self) -> None:
        """Write again, so that the time runs."""
        n_before = self._n_received()
        self.resident.write(self.words.more)
        await self.resident.until(lambda _messages: self._n_received() > n_before)
        row = await self.ticket()
        assert row.promised_at is not None
        assert row.promised_at < LATE

    async def wait_in_vain(self) -> None:
        """Nobody opens it until the time is over: it is escalated, and the resident is told so."""
        before = len(self.resident.received())
        self.clock.set(LATE)
        await self.until(self._is_escalated)
        await self.an_envelope_comes(before)
        told = await self.resident.press("sc:show")
        late = "It is still with us, and the staff now see it marked as late. You do not need to send it again."
        assert self.says(late) in told["text"]

    async def _is_escalated(self) -> bool:
        return (await self.ticket()).escalated_at is not None

    async def erase(self) -> str:
        """Erase everything; returns the number of the proof."""
        resident, chat = self.resident, self.koban.state.chats[self.resident.id].messages
        await resident.answer_to(lambda: resident.write("/delete"))
        await resident.tap("del:yes")
        await self.koban.state.until(lambda: len(chat) == 1 or None, PATIENCE)  # the words in Telegram's chat went too
        found = re.search(r"E-[\w-]+", resident.last()["text"])
        assert found is not None
        return found.group()

    # What is done with records.

    async def command(self, *arguments: str) -> str:
        """Run a command of `koban` that must succeed, with the moved clock; returns what it prints."""
        printed = io.StringIO()
        with (
            mock.patch.dict(os.environ, self.koban.environment(), clear=True), redirect_stdout(printed),
            mock.patch.object(records, "datetime", self.clock.datetime_type()),
        ):
            code = await asyncio.to_thread(main, arguments)
        assert code == 0, printed.getvalue()
        return printed.getvalue()

    async def back_up(self) -> None:
        """Make a backup while the consultation is under way; it holds every word."""
        printed = await self.command("backup", str(self.folder / "koban.backup"))
        assert "It was read back and is whole." in printed
        text = await readable(self.database, self.sealer)
        assert [words for words in self.words.all() if words not in text] == []

    async def restore(self, proof: str) -> None:
        """Put the backup back: the erasure is done again from the ledger. proof: the number of the erasure."""
        lines = [line for line in ledger.read([self.ledger]) if isinstance(line, ledger.ErasureLine)]
        assert [line.receipt for line in lines] == [proof]
        await self._would_come_back_without_the_ledger()
        await self.koban.stop()
        self.clock.set(LATE + timedelta(minutes=10))
        printed = await self.command("restore", str(self.folder / "koban.backup"), "--force")
        assert "Erased again: the data of 1 residents." in printed
        await self.nothing_is_left()
        await self.koban.start()
        told = await self.resident.answer_to(lambda: self.resident.write("/delete"))
        assert proof in told["text"]
        assert "The audit is as it was written" in await self.command("audit", "check")

    @property
    def ledger(self) -> Path:
        """The file outside the database."""
        return self.folder / "ledger.jsonl"

    async def is_in_ledger(self, proof: str) -> None:
        """Wait until the erasure is written outside the database."""
        async def look() -> bool:
            return proof in (self.ledger.read_text() if self.ledger.exists() else "")

        await self.until(look)

    async def _would_come_back_without_the_ledger(self) -> None:
        """The same backup in another database, with an empty ledger, has every word: the search can find them."""
        shutil.copy(self.folder / "empty.db", self.folder / "other.db")
        other = Database(f"sqlite:///{self.folder / 'other.db'}")
        await backups.restore(other, self.sealer, self.folder / "koban.backup",
                              ledgers=[self.folder / "other.jsonl"], now=self.clock())
        text = await readable(other, self.sealer)
        await other.close()
        assert [words for words in self.words.all() if words not in text] == []

    async def nothing_is_left(self) -> None:
        """No row and no word of the consultation is in the database, as it is and with the keys."""
        assert set((await rows_of_consultations(self.database)).values()) == {0}
        text = await readable(self.database, self.sealer)
        dumped = dump_of(self.database)
        async with self.database.reading() as session:  # the year's campaigns are drafts with texts of their own
            public = " ".join(await session.scalars(select(NoticeText.title + " " + NoticeText.body))).lower()
        for sentence in self.words.all():
            assert sentence not in text
            words = [word for word in sentence.split() if len(word) >= 5 and word.lower() not in public]
            for word in (sentence, *words):
                assert [shape for shape in shapes_of(word) if shape in dumped] == [], word


@asynccontextmanager
async def playing(tag: str, database_url: str, folder: Path, *, resident_id: int) -> AsyncIterator[Play]:
    """A Koban of its own, on a Monday at 10:00; answers by words alone: no text has to be understood here."""
    clock = MovedClock(folder / "clock")
    clock.set(MONDAY)
    path = Path(database_url.removeprefix("sqlite:///"))
    shutil.copy(path, folder / "empty.db")
    async with running_koban(database_url) as koban:
        koban.module = "tests.journeys.moved_clock"
        koban.settings = {
            "TEST_CLOCK": str(clock.path), "KOBAN_ENCODER": "off", "KOBAN_LEDGER": str(folder / "ledger.jsonl"),
        }
        await koban.start()
        database = Database(database_url)
        yield Play(koban, database, clock, folder, tag, koban.resident(resident_id, tag.lower()))
        await database.close()
