"""Texts in two languages: sealed, claimed once, gone with the consultation."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from storage import erasures, translations
from storage.database import Database
from storage.models import Chat, Message, Role, Ticket, TicketStatus, Translation, TranslationKind, TranslationStatus
from storage.sealing import Sealer, SealingError
from tests.conftest import A_MONDAY
from tests.factories import make_staff, make_ticket


async def a_request(database: Database, sealer: Sealer, *, locale: str = "vi") -> tuple[int, int]:
    """Return the ids of a translation and of an interpreter."""
    async with database.transaction() as session:
        ticket = await make_ticket(session, sealer=sealer)
        person = await make_staff(session, role=Role.INTERPRETER)
        person.languages = "vi,th"
        row = await translations.add(
            session, ticket, TranslationKind.REPLY, TranslationStatus.ASKED, locale=locale, author_id=person.id,
            ring=sealer, now=A_MONDAY, japanese="警察署に来てください。", note=None,
        )
        return row.id, person.id


async def n_rows(database: Database) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Translation)) or 0


async def test_words_are_sealed_with_the_tickets_key_and_open_only_in_their_place(
    database: Database, sealer: Sealer
) -> None:
    first, _person = await a_request(database, sealer)
    second, _person = await a_request(database, sealer)
    async with database.transaction() as session:
        row, other = await translations.get(session, first), await translations.get(session, second)
        assert row is not None
        assert other is not None
        ticket = await session.get(Ticket, row.ticket_id)
        assert ticket is not None
        view = translations.opened(row, ticket, ring=sealer)
        assert (view.original, view.translated, view.note) == ("警察署に来てください。", None, None)
        assert "警察署".encode() not in (row.japanese_sealed or b"")
        row.foreign_sealed = row.japanese_sealed
        with pytest.raises(SealingError):
            translations.opened(row, ticket, ring=sealer)
        with pytest.raises(SealingError):
            translations.opened(other, ticket, ring=sealer)
        with pytest.raises(ValueError, match="no body"):
            translations.put(row, ticket, ring=sealer, body="x")
        await session.rollback()


async def test_of_twenty_interpreters_at_once_one_gets_the_request(database: Database, sealer: Sealer) -> None:
    request, _person = await a_request(database, sealer)
    async with database.transaction() as session:
        people = [(await make_staff(session, role=Role.INTERPRETER)).id for _ in range(20)]

    async def take(person: int) -> bool:
        async with database.transaction() as session:
            return await translations.claim(session, request, person, now=A_MONDAY)

    won = await asyncio.gather(*map(take, people))
    assert sum(won) == 1
    async with database.reading() as session:
        row = await translations.get(session, request)
        assert row is not None
        assert row.interpreter_id == people[won.index(True)]


@pytest.mark.parametrize(("status", "languages", "n"), [
    (TicketStatus.OPEN, {"vi", "th"}, 1), (TicketStatus.ANSWERED, {"vi"}, 1), (TicketStatus.OPEN, {"th"}, 0),
    (TicketStatus.OPEN, set(), 0), (TicketStatus.CLOSED, {"vi"}, 0), (TicketStatus.WITHDRAWN, {"vi"}, 0),
])
async def test_requests_are_those_of_the_language_in_consultations_under_way(
    database: Database, sealer: Sealer, status: TicketStatus, languages: set[str], n: int
) -> None:
    await a_request(database, sealer)
    async with database.transaction() as session:
        (await session.scalars(select(Ticket))).one().status = status
    async with database.reading() as session:
        assert len((await session.execute(translations.requests(languages, 0))).all()) == n


async def test_only_interpreters_who_can_sign_in_count(database: Database, sealer: Sealer) -> None:
    _request, person = await a_request(database, sealer)
    async with database.transaction() as session:
        assert await translations.interpreted(session) == {"vi", "th"}
        operator = await make_staff(session)
        operator.languages = "ne"
        (await session.get_one(type(operator), person)).disabled_at = A_MONDAY
    async with database.reading() as session:
        assert await translations.interpreted(session) == frozenset()


async def test_an_erasure_takes_translations_with_it(database: Database, sealer: Sealer) -> None:
    await a_request(database, sealer)
    async with database.transaction() as session:
        chat = (await session.scalars(select(Chat))).one()
        row = (await session.scalars(select(Translation))).one()
        row.message_id = await session.scalar(select(Message.id))  # must not hold the erasure up
        await session.flush()
        await erasures.erase(session, chat, now=A_MONDAY + timedelta(hours=1), keep_update_id=0)
    assert await n_rows(database) == 0
