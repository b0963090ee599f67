"""Whoever has the whole database has no word of a consultation and no address of a resident."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from bot import consultation
from bot.deployment import load_deployment
from bot.i18n import ROOT, load_strings
from bot.simulator import people
from storage import attachments, tickets
from storage.database import Database
from storage.models import Attachment, AttachmentState, Base, Chat, Delivery, DeliveryStatus, Role, Ticket
from storage.sealing import Sealer
from tests.factories import make_staff
from tests.journeys.conftest import KEY, Koban, running_koban
from tests.journeys.searching import dump_of, shapes_of

pytestmark = pytest.mark.slow

RESIDENT = 7_345_198_002
NAME = "Quirinius"
STORY = "Zebrawagen gestohlen hinter Kaufhaus Mondschein, Täter heißt Xaverius, Fernsprecher 090-7361-5524"
EDITED = "Zebrawagen gestohlen hinter Kaufhaus Sonnenschein"
MORE = "Ich wohne in Quittenweg siebzehn und habe Angst"
REPLY = "Bitte kommen Sie morgen zur Wache Lindwurm"
NOTE = "Verdacht auf Hehlerei durch Obsthändler"
FILED = "Quittung der Firma Quastenflosser über dreitausend Yen"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def koban_on(
    request: pytest.FixtureRequest, sqlite_url: str, postgres_template: str | None
) -> AsyncIterator[tuple[Koban, Database]]:
    """A running Koban on either database."""
    if request.param == "postgres" and postgres_template is None:
        pytest.skip("TEST_DATABASE_URL is not set")
    url = sqlite_url if request.param == "sqlite" else str(postgres_template)
    database = Database(url)
    if request.param == "postgres":
        async with database.transaction() as session:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            names = ", ".join(table.name for table in Base.metadata.sorted_tables)
            await session.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    async with running_koban(url) as koban:
        await koban.start()
        yield koban, database
    await database.close()


def secrets() -> list[str]:
    """Every word of the consultation that is long enough to mean something, and who the resident is to Telegram."""
    spoken = " ".join((STORY, EDITED, MORE, REPLY, NOTE, FILED))
    words = [word for word in re.findall(r"[\w-]+", spoken) if len(word) >= 5]
    return [*words, str(RESIDENT), NAME, "090-7361-5524"]


async def until_a_file_is_kept(database: Database) -> None:
    """Wait for what is fetched in the background."""
    async with asyncio.timeout(20):
        while True:
            async with database.reading() as session:
                if await session.scalar(select(Attachment.id).where(Attachment.state == AttachmentState.KEPT)):
                    return
            await asyncio.sleep(0.1)


async def test_a_dump_holds_no_word_of_a_consultation_and_no_chat_id(koban_on: tuple[Koban, Database]) -> None:
    koban, database = koban_on
    resident = koban.resident(RESIDENT, "en")
    koban.state.add_resident(NAME, "en", id=RESIDENT, last_name=NAME, username=NAME)
    await resident.answer_to(lambda: resident.write("/start"))
    await resident.press("lang:en")
    sent: dict[str, int] = {}

    def write(words: str) -> None:
        sent[words] = resident.write(words)["message_id"]

    await resident.answer_to(lambda: resident.write("/staff"))
    await resident.press("t:agree")
    await resident.answer_to(lambda: write(STORY))
    await resident.press("m:99201")
    await resident.answer_to(lambda: write(MORE))
    await resident.answer_to(lambda: people.edit_text(koban.state, resident.id, sent[STORY], EDITED))
    letter = b"%PDF-1.7 " + FILED.encode()
    stored = koban.state.files.add("document", letter, name="Quastenflosser.pdf", mime="application/pdf")
    await resident.answer_to(lambda: people.send_file(koban.state, resident.id, stored))
    await until_a_file_is_kept(database)

    sealer, now = Sealer([base64.b64decode(KEY)]), datetime.now(UTC)
    async with database.transaction() as session:
        ticket = (await session.scalars(select(Ticket))).one()
        chat = (await session.scalars(select(Chat))).one()
        officer = await make_staff(session, role=Role.OPERATOR)
        await consultation.claim(session, ticket, officer, now=now)
        await consultation.add_note(session, ticket, officer, NOTE, sealer=sealer, now=now)
        await consultation.reply(
            session, ticket, chat, officer, REPLY, last_seen=ticket.n_messages, strings=load_strings()["en"],
                deployment=load_deployment(ROOT / "bot/deployments/demo.yaml"),
            sealer=sealer, now=now,
        )
    assert any(needle in dump_of(database) for needle in [b"stolen_bicycle", b"resident:ticket:open"])
    while_waiting = dump_of(database)
    await resident.until(lambda messages: any("Lindwurm" in message["text"] for message in messages))
    afterwards = dump_of(database)
    async with database.reading() as session:
        bodies = [body for view in await tickets.messages(session, ticket, ring=sealer) for _at, body in view.revisions]
        assert {STORY, EDITED, MORE, REPLY, NOTE} <= set(bodies), "the consultation is not in this database"
        file = await attachments.kept(session, ticket, 1)
        assert file is not None
        assert await attachments.content(session, ticket, file, ring=sealer) == letter
        assert DeliveryStatus.SENT in set(await session.scalars(select(Delivery.status)))
    for dumped in (while_waiting, afterwards):
        assert [word for word in secrets() for shape in shapes_of(word) if shape in dumped] == []


@pytest.mark.parametrize("shape", sorted(shapes_of("Mondschein")))
def test_the_search_would_find_a_word_in_every_shape(shape: bytes) -> None:
    written = b" ".join((
        b"xx Mondschein", "Mondschein".encode("utf-16-le"), b"a Mondschein".hex().encode(),
        b"a Mondschein".hex().upper().encode(), b"mondschein",
        *(base64.b64encode(b"a" * n + b"Mondschein im Wald") for n in range(3)),
    ))
    assert shape in written
