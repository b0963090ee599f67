"""Files of consultations: fetched once, told by their first bytes, sealed; the resident hears of what is not kept."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import select
from telegram import Bot

from bot import attachments
from bot.i18n import load_strings
from bot.incoming import Incoming, Kind
from bot.outgoing import Outgoing
from bot.simulator import files
from bot.simulator.faults import Fault
from bot.simulator.server import SimulatorServer
from bot.telegram.fetcher import MAX_ATTEMPTS, Fetcher
from storage import attachments as rows
from storage import tickets
from storage.attachments import LEASE
from storage.database import Database
from storage.models import Attachment, AttachmentContent, AttachmentState, AuditEntry, Author, Delivery, Ticket
from storage.sealing import Sealer
from tests.conftest import Clock
from tests.factories import make_ticket

PNG = files.sample_png(12, 9)


@dataclass
class Desk:
    """One consultation and the fetcher."""

    simulator: SimulatorServer
    database: Database
    sealer: Sealer
    fetcher: Fetcher
    clock: Clock
    ticket: Ticket

    async def receive(self, content: bytes, kind: str = "document", *, file_id: str | None = None) -> int:
        """The resident sends a file, as bot/intake.py notes it down."""
        stored = self.simulator.state.files.add(kind, content, name="x.exe", mime="application/x")
        incoming = Incoming(1, 1, Kind(kind), 5, file_id=file_id or stored.file_id)
        async with self.database.transaction() as session:
            ticket = await session.get(Ticket, self.ticket.id)
            assert ticket is not None
            message = await tickets.add_message(
                session, ticket, Author.RESIDENT, "", ring=self.sealer, now=self.clock()
            )
            added = await attachments.add(
                session, ticket, message, incoming, sealer=self.sealer, now=self.clock()
            )
            return added.id

    async def row(self, attachment_id: int) -> Attachment:
        async with self.database.reading() as session:
            found = await session.get(Attachment, attachment_id)
        assert found is not None
        return found

    async def opened(self, attachment_id: int) -> bytes | None:
        async with self.database.reading() as session:
            attachment = await session.get(Attachment, attachment_id)
            ticket = await session.get(Ticket, self.ticket.id)
            assert attachment is not None
            assert ticket is not None
            return await rows.content(session, ticket, attachment, ring=self.sealer)

    async def told(self) -> list[str]:
        async with self.database.reading() as session:
            sealed = list(await session.scalars(select(Delivery.payload_sealed)))
        return [Outgoing.from_json(self.sealer.open_text(each, "delivery")).text for each in sealed if each]


@pytest.fixture
async def desk(simulator: SimulatorServer, bot: Bot, database: Database, sealer: Sealer, clock: Clock) -> Desk:
    strings = load_strings()
    fetcher = Fetcher(bot, database, sealer, words=lambda tag: strings[tag], clock=clock)
    async with database.transaction() as session:
        ticket = await make_ticket(session, sealer=sealer)
    return Desk(simulator, database, sealer, fetcher, clock, ticket)


@pytest.mark.parametrize(("content", "kind", "mime"), [
    (PNG, "photo", "image/png"), (files.sample_voice(1), "voice", "audio/ogg"), (b"%PDF-1.7 x", "document",
                                                                                  "application/pdf"),
    (b"\0\0\0\x18ftypmp42" + b"\0" * 9, "document", "video/mp4"), (b"RIFF\0\0\0\0WEBPVP8 ", "document", "image/webp"),
])
async def test_a_file_is_fetched_sealed_and_told_by_its_first_bytes(
    desk: Desk, content: bytes, kind: str, mime: str
) -> None:
    attachment_id = await desk.receive(content, kind)
    assert await desk.fetcher.fetch_due() == 1
    row = await desk.row(attachment_id)
    assert (row.state, row.mime, row.n_bytes, row.file_id_sealed) == (AttachmentState.KEPT, mime, len(content), None)
    assert len(row.sha256 or "") == 64
    assert await desk.opened(attachment_id) == content
    async with desk.database.reading() as session:
        sealed = await session.scalar(select(AttachmentContent.content_sealed))
        assert sealed is not None
        assert content[:12] not in sealed
        assert "system:file:keep" in list(await session.scalars(select(AuditEntry.tag)))
    assert await desk.fetcher.fetch_due() == 0
    assert await desk.told() == []


@pytest.mark.parametrize("content", [
    b"MZ\x90\0 a program", b"<html><script>", b"PK\x03\x04 an office document", b"\x7fELF", b"GIF", b"RIFF", b"<svg",
])
async def test_another_kind_of_file_is_not_kept_and_the_resident_is_told(desk: Desk, content: bytes) -> None:
    attachment_id = await desk.receive(content)
    await desk.fetcher.fetch_due()
    row = await desk.row(attachment_id)
    assert (row.state, row.reason, row.file_id_sealed) == (AttachmentState.REFUSED, "kind", None)
    assert await desk.opened(attachment_id) is None
    assert len(await desk.told()) == 1


async def test_a_file_that_is_too_large_is_not_held_in_memory(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MAX_BYTES", 1000)
    large = await desk.receive(b"%PDF-" + b"x" * 2000)
    await desk.fetcher.fetch_due()
    assert (await desk.row(large)).reason == "too_large"
    assert len(await desk.told()) == 1


async def test_a_server_that_lies_about_the_size_is_cut_off(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = desk.simulator.state.files.add("document", b"%PDF-" + b"x" * 2000, name="x", mime="a/b")
    monkeypatch.setattr(attachments, "MAX_BYTES", 1000)
    monkeypatch.setattr(type(stored), "as_file", lambda self: {"file_id": self.file_id, "file_size": 5})
    large = await desk.receive(b"x", file_id=stored.file_id)
    await desk.fetcher.fetch_due()
    assert (await desk.row(large)).reason == "too_large"


async def test_when_telegram_is_away_the_file_is_fetched_later(desk: Desk) -> None:
    attachment_id = await desk.receive(PNG, "photo")
    desk.simulator.state.faults.add(Fault("getFile", code=500))
    await desk.fetcher.fetch_due()
    assert (await desk.row(attachment_id)).state == AttachmentState.WAITING
    assert await desk.fetcher.fetch_due() == 0
    desk.clock.advance(seconds=3)
    await desk.fetcher.fetch_due()
    assert (await desk.row(attachment_id)).state == AttachmentState.KEPT


async def test_it_is_given_up_in_the_end_and_the_resident_asked_to_send_it_again(desk: Desk) -> None:
    attachment_id = await desk.receive(PNG, "photo")
    for _ in range(MAX_ATTEMPTS):
        desk.simulator.state.faults.add(Fault("getFile", code=500))
        await desk.fetcher.fetch_due()
        desk.clock.advance(minutes=10)
    assert (await desk.row(attachment_id)).state == AttachmentState.FAILED
    assert len(await desk.told()) == 1


async def test_a_file_that_telegram_does_not_know_is_not_tried_again(desk: Desk) -> None:
    attachment_id = await desk.receive(PNG, "photo", file_id="unknown")
    await desk.fetcher.fetch_due()
    assert (await desk.row(attachment_id)).state == AttachmentState.FAILED


async def test_a_process_that_died_while_fetching_loses_nothing(desk: Desk) -> None:
    attachment_id = await desk.receive(PNG, "photo")
    async with desk.database.transaction() as session:
        assert len(await rows.claim(session, ring=desk.sealer, limit=9, now=desk.clock())) == 1
    assert await desk.fetcher.fetch_due() == 0, "another process has it"
    desk.clock.advance(seconds=LEASE.total_seconds())
    assert await desk.fetcher.fetch_due() == 1
    assert (await desk.row(attachment_id)).state == AttachmentState.KEPT


async def test_one_of_a_consultation_that_was_taken_back_or_erased_meanwhile_is_not_kept(desk: Desk) -> None:
    await desk.receive(PNG, "photo")
    async with desk.database.transaction() as session:
        ticket = await session.get(Ticket, desk.ticket.id)
        assert ticket is not None
        ticket.status = "withdrawn"
    await desk.fetcher.fetch_due()
    async with desk.database.reading() as session:
        assert await session.scalar(select(AttachmentContent.attachment_id)) is None


async def test_the_bytes_of_a_file_do_not_open_in_another_row(desk: Desk) -> None:
    from storage.sealing import SealingError

    first, second = await desk.receive(PNG, "photo"), await desk.receive(files.sample_png(5, 5), "photo")
    while await desk.fetcher.fetch_due():
        pass
    async with desk.database.transaction() as session:
        one, two = await session.get(AttachmentContent, first), await session.get(AttachmentContent, second)
        assert one is not None
        assert two is not None
        one.content_sealed, two.content_sealed = two.content_sealed, one.content_sealed
    with pytest.raises(SealingError):
        await desk.opened(first)
