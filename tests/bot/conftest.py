"""Parts as they run: the real content, the real understanding, the demo deployment. Read once for all tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import select

from bot.answers import Screens
from bot.conversation import Parts, respond, understand
from bot.deployment import load_deployment, write_rows
from bot.i18n import ROOT, load_strings
from bot.incoming import Incoming, Kind
from bot.outbox import Outbox
from bot.outgoing import Address, Outgoing
from bot.replies import Response
from intents.cards import load_cards
from intents.catalogue import load_catalogue
from intents.understand import Understander
from storage.database import Database
from storage.models import Chat, Lane, Ticket
from storage.sealing import Sealer
from tests.conftest import Clock

INTRUDER = {
    "vi": "có người cầm dao trong nhà tôi", "en": "a man with a knife is in my house now",
    "zh-hans": "有人拿着刀在我家里", "pt-br": "tem um homem com uma faca dentro da minha casa",
    "ja": "知らない人が家の中にいます。ナイフを持っています", "ne": "मेरो घरभित्र छुरा लिएको मान्छे छ",
}


@pytest.fixture(scope="session")
def parts(sealer: Sealer) -> Parts:
    """Everything that deciding needs, by words alone, so that it is the same on every machine."""
    catalogue = load_catalogue(ROOT, strict=False)
    deployment = load_deployment(ROOT / "bot/deployments/demo.yaml", catalogue)
    screens = Screens(
        catalogue=catalogue.with_local_contacts(deployment.local_contacts), cards=load_cards(ROOT),
        strings=load_strings(), unchecked="label",
    )
    return Parts(screens, Understander.load(ROOT, encoder="off"), deployment, sealer)


class Talk:
    """One resident, and what the bot says to them."""

    def __init__(self, database: Database, parts: Parts, clock: Clock, address: int, language_code: str) -> None:
        self.database = database
        self.parts = parts
        self.clock = clock
        self.address = address
        self.language_code = language_code
        self.n_updates = 0
        self.last: Response = Response()

    async def do(self, kind: Kind, **values: object) -> list[Outgoing]:
        """Let the resident do something; returns the bot's messages."""
        self.n_updates += 1
        incoming = Incoming(
            update_id=self.address * 1000 + self.n_updates, address=self.address, kind=kind,
            language_code=self.language_code, **({"message_id": self.n_updates} | values),  # type: ignore[arg-type]
        )
        understanding = understand(incoming, self.parts)
        async with self.database.transaction() as session:
            _chat, self.last = await respond(
                session, incoming, self.parts, now=self.clock(), understanding=understanding
            )
        return [message for _lane, message in self.last.messages]

    async def say(self, text: str) -> list[Outgoing]:
        """Write a text."""
        return await self.do(Kind.TEXT, text=text)

    async def tap(self, data: str) -> list[Outgoing]:
        """Tap a button that means this."""
        return await self.do(Kind.BUTTON, data=data, callback_id="1")

    @property
    def lanes(self) -> list[Lane]:
        """The lanes of the last messages."""
        return [lane for lane, _message in self.last.messages]


Talker = Callable[..., Awaitable[Talk]]


@pytest.fixture
async def talk(database: Database, parts: Parts, clock: Clock) -> Talker:
    """Make residents: `someone = await talk("vi")`."""
    deployment = parts.deployment
    async with database.transaction() as session:
        await write_rows(session, deployment)

    async def make(language_code: str = "vi", address: int = 4242) -> Talk:
        return Talk(database, parts, clock, address, language_code)

    return make


async def take_back(someone: Talk) -> str:
    """What the button that takes the consultation back means."""
    said = await someone.tap("t:status")
    return next(data for data in meanings(said) if data.startswith("t:withdraw:"))


def meanings(messages: list[Outgoing]) -> list[str]:
    """What the buttons of messages mean."""
    return [button.data for message in messages for row in message.buttons for button in row if button.data]


class Phone:
    """What arrived at the phone, in place of the sender."""

    def __init__(self) -> None:
        self.got: list[Outgoing] = []

    async def __call__(self, address: Address, outgoing: Outgoing, lane: Lane) -> int:
        self.got.append(outgoing)
        return len(self.got) + 100


@pytest.fixture
def phone() -> Phone:
    return Phone()


async def render(notice_id: int, locale: str) -> Outgoing | None:
    return Outgoing("a notice of the police")


@pytest.fixture
async def outbox(database: Database, parts: Parts, phone: Phone, clock: Clock) -> AsyncIterator[Outbox]:
    made = Outbox(database, parts.sealer, phone, render, process_id="p", clock=clock, words=parts.screens.words)
    yield made
    await made.stop()


async def consult(someone: Talk, words: str = "Xe của tôi biến mất ở ga.") -> None:
    await someone.tap("staff:stolen_bicycle")
    await someone.tap("t:agree")
    await someone.say(words)
    await someone.tap("m:99201")


async def chat_of(database: Database) -> Chat:
    """The chat of a test that has one."""
    async with database.reading() as session:
        found = await session.scalar(select(Chat))
    assert found is not None
    return found


async def ticket_of(database: Database) -> Ticket:
    """The newest consultation."""
    async with database.reading() as session:
        found = await session.scalar(select(Ticket).order_by(Ticket.id.desc()))
    assert found is not None
    return found
