"""Changing the keys: everything is sealed anew, a broken-off change goes on, and the old key can go."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from sqlalchemy import LargeBinary, select, text

from bot.__main__ import main
from storage import attachments, chats, fingerprints, rotation, tickets
from storage.database import Database
from storage.models import Base, Delivery, Lane, RingSecret, Staff, Ticket, Update
from storage.sealing import Sealer, SealingError, new_key
from storage.staff import totp_context
from tests.conftest import A_MONDAY
from tests.factories import make_chat, make_file, make_staff, make_ticket

OLD, NEW = bytes(range(32)), bytes(range(1, 33))


async def _fill(database: Database, old: Sealer, n: int = 3) -> None:
    async with database.transaction() as session:
        await fingerprints.load(session, old)
        person = await make_staff(session)
        person.totp_sealed = old.seal_text("ABC", totp_context(person.id))
        await make_staff(session)  # not set up: nothing is sealed
        for number in range(n):
            chat = await make_chat(session, sealer=old, address=500 + number)
            ticket = await make_ticket(session, sealer=old, chat=chat, body=f"words {number}")
            await make_file(session, ticket, sealer=old, content=b"%PDF-1.7 a letter")
            session.add(Update(update_id=number, chat_lookup="x", payload_sealed=old.seal_text("u", "update"),
                               received_at=A_MONDAY))
            session.add(Delivery(chat_id=chat.id, lane=Lane.ANSWER, payload_sealed=old.seal_text("d", "delivery"),
                                 not_before=A_MONDAY, created_at=A_MONDAY))


async def test_after_a_change_the_new_key_alone_opens_and_finds_everything(database: Database) -> None:
    await _fill(database, Sealer([OLD]))
    done = await rotation.rotate(database, Sealer([NEW, OLD]), batch=2)
    assert (done.n_sealed, done.n_left, done.unopened) == (1 + 1 + 4 * 3, 0, {})
    alone = Sealer([NEW])
    async with database.transaction() as session:
        await fingerprints.load(session, alone)
        for number in range(3):
            chat = await chats.find(session, 500 + number, alone)
            assert chat is not None
            assert chats.address_of(chat, alone) == 500 + number
            ticket = await tickets.current_for(session, chat)
            assert ticket is not None
            assert (await tickets.messages(session, ticket, ring=alone))[0].body == f"words {number}"
            file = await attachments.kept(session, ticket, 1)
            assert file is not None
            assert await attachments.content(session, ticket, file, ring=alone) == b"%PDF-1.7 a letter"
        person = (await session.scalars(select(Staff).where(Staff.totp_sealed.is_not(None)))).one()
        assert alone.open_text(person.totp_sealed or b"", totp_context(person.id)) == "ABC"
        for update in await session.scalars(select(Update)):
            assert alone.open_text(update.payload_sealed or b"", "update") == "u"
        # Without what the database keeps, the chat would be a stranger's.
        assert Sealer([NEW]).lookup("500") != alone.lookup("500")


async def test_a_change_that_was_broken_off_goes_on_with_what_is_left(database: Database) -> None:
    await _fill(database, Sealer([OLD]))
    n_told = 0

    def stop_in_the_middle(n: int) -> None:
        nonlocal n_told
        n_told += n
        if n_told >= 6:
            raise KeyboardInterrupt

    ring = Sealer([NEW, OLD])
    with pytest.raises(KeyboardInterrupt):
        await rotation.rotate(database, ring, batch=2, told=stop_in_the_middle)
    async with database.reading() as session:
        assert await rotation.count_old(session, ring) == 14 - 6
    done = await rotation.rotate(database, ring, batch=2)
    assert (done.n_sealed, done.n_left) == (8, 0)
    assert (await rotation.rotate(database, ring)).n_sealed == 0


async def test_a_value_that_a_running_process_changed_meanwhile_is_not_overwritten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, ring = Sealer([OLD]), Sealer([NEW, OLD])
    await _fill(database, old, n=1)
    write = rotation._write

    async def write_late(session: object, where: rotation.SealedColumn, fresh: list[dict[str, object]]) -> None:
        if where.table is Delivery:  # sent in the meantime: its words are gone
            await session.execute(text("UPDATE deliveries SET payload_sealed = NULL"))  # type: ignore[attr-defined]
        await write(session, where, fresh)  # type: ignore[arg-type]

    monkeypatch.setattr(rotation, "_write", write_late)
    await rotation.rotate(database, ring)
    async with database.reading() as session:
        assert (await session.scalars(select(Delivery.payload_sealed))).one() is None


async def test_what_no_key_opens_is_counted_and_left_as_it_is(database: Database) -> None:
    await _fill(database, Sealer([OLD]), n=1)
    async with database.transaction() as session:
        await make_ticket(session, sealer=Sealer([new_key()]), chat=await make_chat(session, sealer=Sealer([OLD])))
    done = await rotation.rotate(database, Sealer([NEW, OLD]))
    assert (done.unopened, done.n_left) == ({"tickets.key_sealed": 1}, 1)


async def test_a_ring_without_the_key_of_the_database_is_refused_at_start(database: Database) -> None:
    async with database.transaction() as session:
        await fingerprints.load(session, Sealer([OLD]))
    with pytest.raises(SealingError):
        async with database.transaction() as session:
            await fingerprints.load(session, Sealer([NEW]))
    async with database.reading() as session:
        assert len(list(await session.scalars(select(RingSecret)))) == 1


def test_every_sealed_column_of_the_models_is_changed_or_named_as_a_tickets_own() -> None:
    sealed = {
        f"{table.name}.{column.name}" for table in Base.metadata.sorted_tables for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    ours = {each.name for each in rotation.SEALED_WITH_THE_RING}
    assert not ours & rotation.SEALED_WITH_A_TICKETS_KEY
    assert sealed - rotation.PUBLIC == ours | rotation.SEALED_WITH_A_TICKETS_KEY


def test_the_command_says_when_the_old_key_can_go(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    async def go(keys: list[bytes]) -> None:
        database = Database(sqlite_url)
        await _fill(database, Sealer(keys))
        await database.close()

    asyncio.run(go([OLD]))
    monkeypatch.setenv("KOBAN_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("KOBAN_KEYS", ",".join(base64.b64encode(key).decode() for key in (NEW, OLD)))
    assert main(["rotate-keys"]) == 0
    said = capsys.readouterr().out
    assert "14 values" in said
    assert "remove them from KOBAN_KEYS" in said
    monkeypatch.setenv("KOBAN_KEYS", base64.b64encode(NEW).decode())
    assert main(["rotate-keys"]) == 0
    monkeypatch.setenv("KOBAN_KEYS", base64.b64encode(OLD).decode())
    assert main(["rotate-keys"]) == 2


async def test_a_consultation_closed_long_ago_is_changed_too(database: Database) -> None:
    await _fill(database, Sealer([OLD]), n=1)
    async with database.transaction() as session:
        ticket = (await session.scalars(select(Ticket))).one()
        ticket.status, ticket.closed_at = "closed", A_MONDAY - timedelta(days=300)
    assert (await rotation.rotate(database, Sealer([NEW, OLD]))).n_left == 0
