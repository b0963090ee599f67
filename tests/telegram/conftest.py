"""One running bot: simulator, transport, sender, outbox, handler, inbox; only the conversation is made up."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from telegram import Bot

from bot.config import Settings
from bot.incoming import Incoming, Kind
from bot.outbox import Outbox
from bot.outgoing import Button, Outgoing, plain
from bot.replies import Response
from bot.simulator.models import Config, LimitSettings
from bot.simulator.server import SimulatorServer
from bot.simulator.state import State
from bot.telegram import reading
from bot.telegram.handlers import Handler
from bot.telegram.limiter import Limiter
from bot.telegram.receiver import Polling, Webhook
from bot.telegram.request import AiohttpRequest
from bot.telegram.sender import Sender, bot_for
from intents import danger
from storage import chats
from storage.database import Database
from storage.models import Chat, Delivery, Lane, Update, UpdateStatus
from storage.sealing import Sealer
from tests.conftest import eventually

CARD = "🆘 110"
AWAY = "Something does not work right now."
GONE = "Your message is not kept."
CRY = "HELP ME NOW"


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Conversation:
    """A made-up conversation: it repeats what it hears. Each function has the shape of bot.conversation's."""

    heard: list[Incoming] = field(default_factory=list)
    fails_on: dict[str, int] = field(default_factory=dict)  # text → how often it still fails
    toast: str | None = None
    buttons: tuple[Button, ...] = ()

    async def respond(
        self, session: AsyncSession, incoming: Incoming, parts: Any, *, now: datetime, understanding: Any
    ) -> tuple[Chat, Response]:
        chat, _ = await chats.get_or_create(session, incoming.address, sealer=parts.sealer, locale="vi", now=now)
        if incoming.kind is Kind.BLOCKED:
            await chats.mark_blocked(session, chat.id)
            return chat, Response()
        if self.fails_on.get(incoming.text, 0) > 0:
            self.fails_on[incoming.text] -= 1
            raise RuntimeError(f"a mistake in the code met: {incoming.text}")
        self.heard.append(incoming)
        words = incoming.text or incoming.data or incoming.kind.value
        if understanding == "danger":
            return chat, Response(messages=((Lane.DANGER, plain(CARD)),))
        rows = (self.buttons,) if self.buttons else ()
        return chat, Response(messages=((Lane.ANSWER, plain(f"you said {words}", *rows)),), toast=self.toast)

    def understand(self, incoming: Incoming, parts: Any) -> str | None:
        if incoming.kind not in (Kind.TEXT, Kind.PHOTO, Kind.EDIT) or not incoming.text:
            return None
        return "danger" if CRY in incoming.text else "words"

    def respond_without_database(
        self, incoming: Incoming, parts: Any, *, is_kept: bool = True
    ) -> tuple[Outgoing, ...]:
        return (plain(CARD if CRY in incoming.text else AWAY if is_kept else GONE),)


@dataclass(frozen=True)
class FakeParts:
    """Of the parts of a conversation only the key ring matters here."""

    sealer: Sealer
    asks_others: bool = False


@dataclass
class World:
    """Everything of one running bot."""

    simulator: SimulatorServer
    bot: Bot
    database: Database
    sealer: Sealer
    conversation: Conversation
    sender: Sender
    outbox: Outbox
    handler: Handler
    settings: Settings
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def state(self) -> State:
        return self.simulator.state

    def receiver(self, kind: type[Polling] | type[Webhook], **settings: Any) -> Polling | Webhook:
        return kind(
            self.bot, self.database, FakeParts(self.sealer), self.sender, self.handler,
            settings=self.settings.model_copy(update=settings), clock=utc_now,
        )

    def start(self, *parts: Any) -> None:
        self.tasks += [asyncio.create_task(part.run()) for part in parts]

    def said_to(self, chat_id: int) -> list[str]:
        """What the bot has said in a chat."""
        messages = self.state.chats[chat_id].messages.values() if chat_id in self.state.chats else ()
        return [each["text"] for each in messages if each.get("from", {}).get("is_bot")]

    async def rows(self) -> list[Update]:
        async with self.database.reading() as session:
            return list(await session.scalars(select(Update).order_by(Update.update_id)))

    async def deliveries(self) -> list[Delivery]:
        async with self.database.reading() as session:
            return list(await session.scalars(select(Delivery).order_by(Delivery.id)))

    async def quiet(self) -> None:
        """Wait until what was sent is recorded, so that stopping the outbox interrupts no transaction."""
        with contextlib.suppress(TimeoutError):
            await eventually(lambda: not self.outbox._tasks and not self.outbox._settlements, 2)
        async with self.database.sessions() as session, session.begin():
            await session.execute(text("SELECT 1"))  # waits for the writer before it
        await asyncio.sleep(0.02)

    async def all_handled(self) -> bool:
        return all(row.status != UpdateStatus.WAITING for row in await self.rows())

    def payload(self, row: Update) -> dict[str, Any]:
        assert row.payload_sealed is not None
        opened: dict[str, Any] = json.loads(self.sealer.open(row.payload_sealed, "update"))
        return opened


@pytest.fixture(autouse=True)
def the_cry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The danger rules are tested elsewhere; here one phrase asks for help."""
    cry = danger.Assessment(firm=danger.Danger.POLICE_NOW)
    monkeypatch.setattr(reading, "listen", lambda text: cry if CRY in text else danger.Assessment())


@pytest.fixture
def conversation() -> Conversation:
    return Conversation()


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[SimulatorServer]:
    """A Telegram that lets everything through and lives twenty times as fast; tests of the limits switch them on."""
    config = Config(limits=LimitSettings(enabled=False), time_scale=20, callback_lifetime=600, seed=1)
    async with SimulatorServer(config) as server:
        yield server


@pytest_asyncio.fixture
async def bot(simulator: SimulatorServer) -> AsyncIterator[Bot]:
    """The bot on our transport, with a short patience."""
    request = AiohttpRequest(connect_timeout=1, read_timeout=0.5, write_timeout=1)
    yield bot_for(simulator.token, simulator.url, request)
    await request.shutdown()


@pytest_asyncio.fixture
async def world(
    simulator: SimulatorServer, bot: Bot, sqlite_url: str, sealer: Sealer, conversation: Conversation
) -> AsyncIterator[World]:
    """A bot with everything but its receiver started by the test."""
    database = Database(sqlite_url)
    sender = Sender(bot, Limiter(rate=1000))

    async def no_notice(notice_id: int, locale: str) -> Outgoing | None:
        return None

    outbox = Outbox(database, sealer, sender.send, no_notice, process_id="test", clock=utc_now)
    handler = Handler(
        database, FakeParts(sealer), outbox, sender, process_id="test", clock=utc_now,
        respond=conversation.respond, understand=conversation.understand,
        respond_without_database=conversation.respond_without_database,
    )
    settings = Settings(
        telegram_token=SecretStr(simulator.token), telegram_api_url=simulator.url,
        telegram_webhook_secret=SecretStr("s3cret"), telegram_webhook_listen="127.0.0.1:0",
        telegram_webhook_url="http://127.0.0.1:1/hook",
    )
    made = World(simulator, bot, database, sealer, conversation, sender, outbox, handler, settings)
    made.start(outbox)
    yield made
    await handler.stop()
    await made.quiet()
    await outbox.stop()
    for task in made.tasks:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.wait([task])
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await database.close()
