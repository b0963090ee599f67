"""Backup and restore: all or nothing, on both databases and from one to the other, and erased stays erased."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot import audit_check, backups, erasing, ledger
from bot.__main__ import main
from bot.errors import BackupError
from storage import audit, chats, tickets
from storage.audit import AuditTag
from storage.database import Database
from storage.dump import LEFT_OUT
from storage.models import (
    Attachment,
    AttachmentContent,
    Base,
    Chat,
    Delivery,
    DeliveryStatus,
    Erasure,
    Event,
    EventReply,
    Lane,
    LoginLink,
    Message,
    Notice,
    NoticeStatus,
    Process,
    StaffLink,
    StaffSession,
    Subscription,
    Ticket,
    Turn,
)
from storage.sealing import Sealer, new_key
from tests.bot.conftest import Talker
from tests.conftest import A_MONDAY, Clock
from tests.factories import make_chat, make_file, make_notice, make_staff, make_ticket

SECRET = "Tôi bị lừa ở chợ đêm"


@pytest.fixture
async def other(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A second, fresh SQLite database: another server."""
    shutil.copy(sqlite_template, tmp_path / "other.db")
    made = Database(f"sqlite:///{tmp_path / 'other.db'}")
    yield made
    await made.close()


class Shelf:
    """Where the backup and the ledger of a test are."""

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self.file = folder / "koban.backup"
        self.ledger = folder / "ledger.jsonl"
        self.sealer = sealer

    async def back_up(self, database: Database, **options: object) -> None:
        await backups.back_up(
            database, self.sealer, self.file, ledger_path=self.ledger, now=A_MONDAY, **options  # type: ignore[arg-type]
        )

    async def restore(self, database: Database, **options: object) -> backups.Restored:
        values = {"ledgers": [self.ledger], "now": A_MONDAY + timedelta(days=1)} | options
        return await backups.restore(database, self.sealer, self.file, **values)  # type: ignore[arg-type]


@pytest.fixture
def shelf(tmp_path: Path, sealer: Sealer) -> Shelf:
    """An empty shelf."""
    return Shelf(tmp_path, sealer)


async def _fill(database: Database, sealer: Sealer) -> None:
    async with database.transaction() as session:
        officer = await make_staff(session)
        chat = await make_chat(session, sealer=sealer, subscribed=True, municipality="minato")
        ticket = await make_ticket(session, sealer=sealer, chat=chat, body=SECRET, claimed_by=officer, station="minato")
        await make_file(session, ticket, sealer=sealer)
        notice = await make_notice(session, author=officer)
        session.add(StaffLink(staff_id=officer.id, chat_id=chat.id))
        await _invite(session, notice, chat)
        session.add(Turn(at=A_MONDAY, locale="vi", outcome="answer", helped=None))
        audit.record(session, AuditTag.STAFF_TICKET_READ, f"ticket:{ticket.id}", now=A_MONDAY, staff_id=officer.id)


async def _invite(session: AsyncSession, notice: Notice, chat: Chat) -> None:
    session.add(Event(notice_id=notice.id, place="公民館", latitude=33.6, longitude=143.5, seats=9, languages=["vi"],
                      starts_at=A_MONDAY + timedelta(days=9), ends_at=A_MONDAY + timedelta(days=9, hours=1)))
    await session.flush()
    session.add(EventReply(notice_id=notice.id, chat_id=chat.id, answer="coming", answered_at=A_MONDAY))


async def _rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    async with database.reading() as session:
        return {
            table.name: [tuple(row) for row in await session.execute(select(table).order_by(*table.primary_key))]
            for table in Base.metadata.sorted_tables if table.name not in LEFT_OUT
        }


def _without_restore(rows: dict[str, list[tuple[object, ...]]]) -> dict[str, list[tuple[object, ...]]]:
    return rows | {"audit_entries": rows["audit_entries"][:-1]}


async def test_every_row_comes_back_as_it_was(database: Database, sealer: Sealer, shelf: Shelf) -> None:
    await _fill(database, sealer)
    before = await _rows(database)
    assert all(before[name] for name in (
        "tickets", "revisions", "subscriptions", "notice_texts", "turns", "attachments", "attachment_contents",
        "event_replies", "staff_links",
    ))
    await shelf.back_up(database)
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM messages"))
        await make_ticket(session, sealer=sealer)
    await shelf.restore(database, force=True)
    assert _without_restore(await _rows(database)) == before
    async with database.transaction() as session:  # numbering goes on after what was loaded
        ticket = await make_ticket(session, sealer=sealer)
        assert ticket.id == 2
        assert (await tickets.messages(session, await session.get_one(Ticket, 1), ring=sealer))[0].body == SECRET
    verdict = await audit_check.check(database, shelf.ledger)
    assert (verdict.broken, verdict.head.number) == (None, len(before["audit_entries"]) + 1)


async def test_a_restored_audit_is_still_append_only_and_foreign_keys_still_hold(
    database: Database, sealer: Sealer, shelf: Shelf
) -> None:
    await _fill(database, sealer)
    await shelf.back_up(database)
    await shelf.restore(database, force=True)
    for statement in ("DELETE FROM audit_entries", "DELETE FROM chats WHERE id IN (SELECT chat_id FROM tickets)"):
        with pytest.raises(Exception, match=r"only added to|(?:FOREIGN KEY|foreign key)"):
            async with database.transaction() as session:
                await session.execute(text(statement))


async def test_a_backup_of_one_kind_of_database_goes_into_the_other(
    database: Database, other: Database, sealer: Sealer, shelf: Shelf
) -> None:
    await _fill(database, sealer)
    before = await _rows(database)
    await shelf.back_up(database)
    await shelf.restore(other)
    assert _without_restore(await _rows(other)) == before
    if not database.is_sqlite:
        shelf.file = shelf.file.with_name("second")
        await shelf.back_up(other)
        await shelf.restore(database, force=True)
        assert (await _rows(database))["tickets"] == before["tickets"]


async def test_the_file_shows_no_word_and_only_its_owner_reads_it(
    database: Database, sealer: Sealer, shelf: Shelf
) -> None:
    async with database.transaction() as session:
        await make_staff(session, name="山田花子")
    await shelf.back_up(database)
    raw = shelf.file.read_bytes()
    for word in ("山田花子", "staff", "display_name", "CREATE"):
        assert word.encode() not in raw
    assert shelf.file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in shelf.file.parent.glob("*.part")] == []


def _changed(raw: bytes) -> dict[str, bytes]:
    middle = len(raw) // 2
    return {
        "cut short": raw[:-1], "cut to its header": raw[:15], "empty": b"", "longer": raw + b"x",
        "one bit": raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :], "not ours": b"x" * 500,
    }


@pytest.mark.parametrize("damage", sorted(_changed(b"xx")))
async def test_a_damaged_file_changes_nothing(
    database: Database, sealer: Sealer, shelf: Shelf, damage: str
) -> None:
    await _fill(database, sealer)
    await shelf.back_up(database)
    shelf.file.write_bytes(_changed(shelf.file.read_bytes())[damage])
    before = await _rows(database)
    with pytest.raises(BackupError):
        await shelf.restore(database, force=True)
    assert await _rows(database) == before


async def test_a_file_in_many_pieces_cannot_lose_or_swap_one(
    database: Database, sealer: Sealer, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.sealed_file.CHUNK_BYTES", 400)
    await _fill(database, sealer)
    await shelf.back_up(database)
    raw = shelf.file.read_bytes()
    pieces, at = [], len(b"KOBAN BACKUP 1\n")
    start = at
    while at < len(raw):
        length = int.from_bytes(raw[at : at + 4], "big")
        pieces.append(raw[at : at + 4 + length])
        at += 4 + length
    assert len(pieces) > 5
    head = raw[:start]
    for wrong in ([*pieces[:3], *pieces[4:]], [*pieces[:2], pieces[3], pieces[2], *pieces[4:]], pieces[:-1],
                  [*pieces[:3], pieces[-1]]):
        shelf.file.write_bytes(head + b"".join(wrong))
        with pytest.raises(BackupError):
            await shelf.restore(database, force=True)
    shelf.file.write_bytes(raw)
    await shelf.restore(database, force=True)


async def test_it_opens_with_its_own_keys_only(database: Database, shelf: Shelf) -> None:
    await shelf.back_up(database)
    shelf.sealer = Sealer([new_key()])
    with pytest.raises(BackupError, match="KOBAN_KEYS"):
        await shelf.restore(database, force=True)


async def test_nothing_is_replaced_without_being_told_to(database: Database, sealer: Sealer, shelf: Shelf) -> None:
    await shelf.back_up(database)
    first = shelf.file.read_bytes()
    with pytest.raises(BackupError, match="--force"):
        await shelf.back_up(database)
    assert shelf.file.read_bytes() == first
    await _fill(database, sealer)
    before = await _rows(database)
    with pytest.raises(BackupError, match="--force"):
        await shelf.restore(database)
    assert await _rows(database) == before
    await shelf.back_up(database, force=True)
    assert shelf.file.read_bytes() != first


async def test_a_running_koban_is_not_pulled_from_under_its_feet(database: Database, shelf: Shelf) -> None:
    await shelf.back_up(database)
    async with database.transaction() as session:
        session.add(Process(id="p", role="worker", started_at=A_MONDAY, seen_at=A_MONDAY + timedelta(days=1)))
    with pytest.raises(BackupError, match="worker"):
        await shelf.restore(database, force=True)


async def test_a_restore_that_fails_in_the_middle_changes_nothing(
    database: Database, sealer: Sealer, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _fill(database, sealer)
    await shelf.back_up(database)
    before = await _rows(database)

    async def fail(*_arguments: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(backups, "_erase_again", fail)
    with pytest.raises(KeyboardInterrupt):
        await shelf.restore(database, force=True)
    after = await _rows(database)
    assert after["tickets"] == before["tickets"]
    assert after["audit_entries"][: len(before["audit_entries"])] == before["audit_entries"]


async def test_what_waited_to_be_sent_is_not_sent_again_and_nobody_stays_signed_in(
    database: Database, sealer: Sealer, shelf: Shelf
) -> None:
    async with database.transaction() as session:
        person = await make_staff(session)
        chat = await make_chat(session, sealer=sealer)
        session.add(Delivery(chat_id=chat.id, lane=Lane.ANSWER, payload_sealed=b"x", status=DeliveryStatus.QUEUED,
                             not_before=A_MONDAY, created_at=A_MONDAY))
        session.add(StaffSession(token_hash="t", staff_id=person.id, csrf_token="c", created_at=A_MONDAY,
                                 seen_at=A_MONDAY, expires_at=A_MONDAY + timedelta(days=9)))
        session.add(LoginLink(token_hash="t", staff_id=person.id, expires_at=A_MONDAY + timedelta(days=9)))
        await make_notice(session, status=NoticeStatus.SENDING)
        await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=A_MONDAY + timedelta(hours=1))
        await make_notice(session, status=NoticeStatus.SCHEDULED, send_at=A_MONDAY + timedelta(days=7))
    await shelf.back_up(database)
    done = await shelf.restore(database, force=True)
    assert (done.n_unknown, done.n_notices_stopped) == (1, 2)
    async with database.reading() as session:
        delivery = (await session.scalars(select(Delivery))).one()
        assert (delivery.status, delivery.payload_sealed) == (DeliveryStatus.UNKNOWN, None)
        statuses = list(await session.scalars(select(Notice.status).order_by(Notice.id)))
        assert statuses == [NoticeStatus.PAUSED, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED]
        for table in (StaffSession, LoginLink):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_what_a_resident_erased_stays_erased_after_a_restore_and_a_second_one(
    database: Database, talk: Talker, shelf: Shelf, clock: Clock, sealer: Sealer
) -> None:
    someone = await talk("vi", address=777)
    await someone.tap("sub:on")
    await someone.tap("staff:stolen_bicycle")
    await someone.tap("t:agree")
    await someone.say(SECRET)
    async with database.transaction() as session:
        await make_file(session, (await session.scalars(select(Ticket))).one(), sealer=sealer)
    bystander = await talk("vi", address=778)
    await bystander.tap("sub:on")
    async with database.transaction() as session:
        guest = await chats.find(session, 777, sealer)
        assert guest is not None
        session.add(StaffLink(staff_id=(await make_staff(session)).id, chat_id=guest.id))
        await _invite(session, await make_notice(session), guest)
    await shelf.back_up(database)
    clock.advance(hours=1)
    await someone.tap("del:yes")
    assert await erasing.keep_in_ledger(database, shelf.ledger) == 1
    assert str(777) not in shelf.ledger.read_text()

    for round_ in range(2):
        clock.advance(hours=1)
        done = await shelf.restore(database, force=True, now=clock())
        assert done.n_erased_again == 1, round_
        async with database.reading() as session:
            chat = await chats.find(session, 777, sealer)
            assert chat is not None
            for table in (Ticket, Message, Attachment, AttachmentContent):
                assert await session.scalar(select(func.count()).select_from(table)) == 0, table
            assert set(await session.scalars(select(Subscription.chat_id))) == set(
                await session.scalars(select(Chat.id).where(Chat.id != chat.id))
            )
            assert await session.scalar(select(func.count()).select_from(EventReply)) == 0
            assert (await session.scalars(select(StaffLink.chat_id))).all() == [None]
            assert (await session.scalars(select(Erasure))).one().n_tickets == 1
    assert (await audit_check.check(database, shelf.ledger)).broken is None


async def test_a_resident_who_came_back_after_erasing_keeps_what_is_new(
    database: Database, talk: Talker, shelf: Shelf, clock: Clock
) -> None:
    someone = await talk("vi", address=777)
    await someone.tap("del:yes")
    await erasing.keep_in_ledger(database, shelf.ledger)
    clock.advance(minutes=5)
    await someone.tap("staff:stolen_bicycle")
    await someone.tap("t:agree")
    await someone.say(SECRET)
    await shelf.back_up(database)
    done = await shelf.restore(database, force=True)
    assert done.n_erased_again == 0
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Ticket)) == 1


async def test_an_erasure_that_is_in_the_overwritten_database_only_is_not_lost(
    database: Database, talk: Talker, shelf: Shelf, clock: Clock
) -> None:
    someone = await talk("vi", address=777)
    await someone.tap("staff:stolen_bicycle")
    await shelf.back_up(database)
    clock.advance(hours=1)
    await someone.tap("del:yes")
    assert (await shelf.restore(database, force=True)).n_erased_again == 1


async def test_the_ledger_of_another_server_counts_too(
    database: Database, talk: Talker, shelf: Shelf, clock: Clock, tmp_path: Path
) -> None:
    someone = await talk("vi", address=777)
    await someone.tap("staff:stolen_bicycle")
    await shelf.back_up(database)
    clock.advance(hours=1)
    await someone.tap("del:yes")
    await erasing.keep_in_ledger(database, tmp_path / "elsewhere")
    done = await shelf.restore(database, force=True, ledgers=[shelf.ledger, tmp_path / "elsewhere"])
    assert done.n_erased_again == 1


async def test_the_proof_of_an_erasure_can_be_shown_again(talk: Talker, database: Database, clock: Clock) -> None:
    someone = await talk("en")
    await someone.tap("staff:stolen_bicycle")
    await someone.tap("t:agree")
    await someone.say("My bike is gone")
    asked, = await someone.tap("del")
    assert "Consultations: 1. Messages: 1." in asked.text
    told, = await someone.tap("del:yes")
    async with database.reading() as session:
        erasure = (await session.scalars(select(Erasure))).one()
    for shown in (told, (await someone.tap("del"))[0]):
        assert erasure.receipt in shown.text
        assert "Consultations: 1. Messages: 1." in shown.text


def test_the_commands_say_what_they_did(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"DATABASE_URL": sqlite_url, "LEDGER": str(tmp_path / "ledger"), "KEYS": "A" * 43 + "="}.items():
        monkeypatch.setenv(f"KOBAN_{name}", value)
    file = str(tmp_path / "file")
    sealer = Sealer([bytes(32)])

    async def fill() -> None:
        database = Database(sqlite_url)
        await _fill(database, sealer)
        await database.close()

    asyncio.run(fill())
    assert main(["backup", file]) == 0
    assert "1 consultations and 2 messages" in capsys.readouterr().out
    assert main(["backup", file]) == 1
    assert "--force" in capsys.readouterr().err
    assert main(["restore", file, "--check"]) == 0
    assert main(["restore", file]) == 1
    assert main(["restore", file, "--force"]) == 0
    assert "1 consultations" in capsys.readouterr().out
    assert main(["audit", "check"]) == 0
    assert isinstance(ledger.read([tmp_path / "ledger"])[0], ledger.RestoreLine)
