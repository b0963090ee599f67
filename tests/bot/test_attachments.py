"""Files that a resident sends during a consultation: noted down with its message, within limits, and never silently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from bot import attachments
from bot.attachments import MAX_BYTES, MAX_FILES, MAX_IN_A_DAY, SUFFIXES, kind_of
from bot.incoming import Kind
from storage.database import Database
from storage.models import Attachment, AttachmentContent, Message, Ticket
from tests.bot.conftest import Talk, Talker, meanings, take_back
from tests.conftest import Clock


async def under_way(someone: Talk) -> None:
    for data in ("staff:stolen_bicycle", "t:agree", "t:skip", "m:99201"):
        await someone.tap(data)


async def n_of(database: Database, table: type[Attachment | Message | AttachmentContent]) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize("kind", [Kind.PHOTO, Kind.VOICE, Kind.DOCUMENT])
async def test_a_file_is_noted_down_with_its_caption(database: Database, talk: Talker, kind: Kind) -> None:
    someone = await talk("vi")
    await under_way(someone)
    [said] = await someone.do(kind, file_id="F", file_size=9, text="chỗ này")
    assert "t:status" in meanings([said])
    async with database.reading() as session:
        row = await session.scalar(select(Attachment))
    assert row is not None
    assert (row.kind, row.number, row.state) == (kind, 1, "waiting")
    assert row.file_id_sealed is not None
    assert row.file_id_sealed != b"F"


async def test_a_file_is_an_answer_to_what_happened(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("staff:stolen_bicycle")
    await someone.tap("t:agree")
    [asked] = await someone.do(Kind.PHOTO, file_id="F")
    assert "m:skip" in meanings([asked])
    assert await n_of(database, Attachment) == 1


@pytest.mark.parametrize("what", [
    {"kind": Kind.DOCUMENT, "file_id": "F", "file_size": MAX_BYTES + 1}, {"kind": Kind.STICKER, "file_id": "F"},
    {"kind": Kind.OTHER},
])
async def test_what_is_not_taken_is_said_and_its_words_are_kept(
    database: Database, talk: Talker, what: dict[str, object]
) -> None:
    someone = await talk("vi")
    await under_way(someone)
    said = await someone.do(**what)  # type: ignore[arg-type]
    assert len(said) == 1
    assert await n_of(database, Attachment) == await n_of(database, Message) == 0
    assert len(await someone.do(**what, text="chỗ này")) == 2  # type: ignore[arg-type]
    assert await n_of(database, Message) == 1


async def test_there_are_so_many_and_no_more(database: Database, talk: Talker, clock: Clock) -> None:
    someone = await talk("vi")
    for n_before in (0, MAX_FILES):
        await under_way(someone)
        for _ in range(MAX_FILES + 1):
            await someone.do(Kind.PHOTO, file_id="F")
        assert await n_of(database, Attachment) == n_before + MAX_FILES
        await someone.tap(await take_back(someone))
    await under_way(someone)
    await someone.do(Kind.PHOTO, file_id="F")
    assert await n_of(database, Attachment) == MAX_IN_A_DAY
    clock.advance(days=2)
    await someone.do(Kind.PHOTO, file_id="F")
    assert await n_of(database, Attachment) == MAX_IN_A_DAY + 1


async def test_nothing_is_kept_before_consent_or_outside_a_consultation(database: Database, talk: Talker) -> None:
    someone = await talk("vi")
    await someone.do(Kind.PHOTO, file_id="F")
    await someone.tap("staff:stolen_bicycle")
    await someone.do(Kind.PHOTO, file_id="F")
    assert await n_of(database, Attachment) == 0


async def test_the_export_names_no_hash_of_a_file_that_is_not_kept(talk: Talker) -> None:
    someone = await talk("vi")
    await someone.tap("staff:stolen_bicycle")
    await someone.tap("t:agree")
    await someone.do(Kind.PHOTO, file_id="F")
    [export] = await someone.do(Kind.COMMAND, text="export")
    assert "📎 photo: –" in export.text
    assert "SHA-256" not in export.text


async def test_the_export_names_a_file_and_erasure_takes_it(database: Database, talk: Talker, clock: Clock) -> None:
    someone = await talk("vi")
    await under_way(someone)
    await someone.do(Kind.PHOTO, file_id="F")
    async with database.transaction() as session:
        row = await session.scalar(select(Attachment))
        assert row is not None
        kept = await attachments.keep(session, row.id, b"%PDF-1.7", sealer=someone.parts.sealer, now=clock())
    assert kept is not None
    [export] = await someone.do(Kind.COMMAND, text="export")
    assert f"application/pdf, 8 B, SHA-256 {kept[0].sha256}" in export.text
    await someone.tap("del:yes")
    assert await n_of(database, Attachment) == await n_of(database, AttachmentContent) == 0
    async with database.reading() as session:
        assert await session.scalar(select(Ticket)) is None


@pytest.mark.parametrize(("brand", "suffix"), [
    (b"heic", "heic"), (b"mif1", "heic"), (b"avif", "avif"), (b"M4A ", "m4a"), (b"qt  ", "mov"), (b"isom", "mp4"),
])
def test_what_a_phone_keeps_in_the_container_of_mp4_is_called_what_it_is(brand: bytes, suffix: str) -> None:
    mime = kind_of(b"\x00\x00\x00\x18ftyp" + brand + b"\x00\x00\x00\x00mif1heic")
    assert mime is not None
    assert SUFFIXES[mime] == suffix


@given(st.binary(max_size=64))
def test_any_bytes_are_a_known_kind_or_none(content: bytes) -> None:
    assert kind_of(content) in (None, *SUFFIXES)
