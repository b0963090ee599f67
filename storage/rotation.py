"""Sealing anew with the newest key of the ring, so that the old ones can go.

Words of a consultation are sealed with the ticket's own key, so only that key is wrapped anew. It works in batches that
are committed one by one, beside running processes; a rotation that was broken off goes on with what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, LargeBinary, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage import fingerprints
from storage.chats import ADDRESS
from storage.database import Database
from storage.deliveries import OUTBOX
from storage.models import Base, Chat, Delivery, RingSecret, Staff, Ticket, Update
from storage.sealing import ID_BYTES, Sealer, SealingError
from storage.staff import totp_context
from storage.tickets import key_context
from storage.updates import INBOX


@dataclass(frozen=True)
class SealedColumn:
    """A column sealed with the ring. names: what the context is made of, besides the primary key."""

    table: type[Base]
    key: str
    column: str
    context: Callable[[Any], str]
    names: Sequence[str] = ()

    @property
    def name(self) -> str:
        """`table.column`."""
        return f"{self.table.__tablename__}.{self.column}"


SEALED_WITH_THE_RING = (
    SealedColumn(RingSecret, "name", "value_sealed", lambda row: fingerprints.context(row.name)),
    SealedColumn(Chat, "id", "address_sealed", lambda _row: ADDRESS),
    SealedColumn(Ticket, "id", "key_sealed", lambda row: key_context(row.receipt), ("receipt",)),
    SealedColumn(Staff, "id", "totp_sealed", lambda row: totp_context(row.id)),
    SealedColumn(Update, "update_id", "payload_sealed", lambda _row: INBOX),
    SealedColumn(Delivery, "id", "payload_sealed", lambda _row: OUTBOX),
)
SEALED_WITH_A_TICKETS_KEY = frozenset({
    "revisions.body_sealed", "transfers.note_sealed", "transfers.answer_sealed", "merges.reason_sealed",
    "attachments.file_id_sealed", "attachment_contents.content_sealed",
    "translations.japanese_sealed", "translations.foreign_sealed", "translations.back_sealed",
    "translations.note_sealed",
})

PUBLIC = frozenset({"notice_files.content"})  # sent to everybody who asked for notices, so not sealed


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did. unopened: values whose key is not in the ring, by column."""

    n_sealed: int
    n_left: int
    unopened: dict[str, int]


def _is_old(where: SealedColumn, sealer: Sealer) -> ColumnElement[bool]:
    column = where.table.__table__.columns[where.column]
    return func.substr(column, 1, ID_BYTES, type_=LargeBinary()) != sealer.current_id


async def count_old(session: AsyncSession, sealer: Sealer) -> int:
    """Return how many values are sealed with a key that is not the newest."""
    counts = [
        await session.scalar(select(func.count()).select_from(where.table).where(_is_old(where, sealer)))
        for where in SEALED_WITH_THE_RING
    ]
    return sum(count or 0 for count in counts)


async def rotate(
    database: Database, sealer: Sealer, *, batch: int = 500, told: Callable[[int], None] = lambda n: None
) -> Rotated:
    """Seal everything anew that is not sealed with the newest key.

    told: called after each batch with the number of values looked at.
    """
    n_sealed = 0
    unopened: dict[str, int] = {}
    for where in SEALED_WITH_THE_RING:
        last: Any = None
        while True:
            async with database.transaction() as session:
                rows = await _old_rows(session, where, sealer, after=last, limit=batch)
                fresh = []
                for row in rows:
                    last, old = row[0], row[1]
                    try:
                        opened = sealer.open(old, where.context(row))
                    except SealingError:
                        unopened[where.name] = unopened.get(where.name, 0) + 1
                        continue
                    fresh.append({"the_key": last, "old": old, "new": sealer.seal(opened, where.context(row))})
                if fresh:
                    await _write(session, where, fresh)
            n_sealed += len(fresh)
            told(len(rows))
            if len(rows) < batch:
                break
    async with database.reading() as session:
        return Rotated(n_sealed, await count_old(session, sealer), unopened)


async def _old_rows(
    session: AsyncSession, where: SealedColumn, sealer: Sealer, *, after: Any, limit: int
) -> Sequence[Any]:
    columns = where.table.__table__.columns
    key = columns[where.key]
    query = select(key, columns[where.column], *(columns[name] for name in where.names)).where(_is_old(where, sealer))
    if after is not None:
        query = query.where(key > after)
    return (await session.execute(query.order_by(key).limit(limit))).all()


async def _write(session: AsyncSession, where: SealedColumn, fresh: Sequence[dict[str, Any]]) -> None:
    """Put the new values in, each only where the old one still is: a running process may have changed it since."""
    table = where.table.__table__
    column = table.columns[where.column]
    await (await session.connection()).execute(
        update(table)  # type: ignore[arg-type]
        .where(table.columns[where.key] == bindparam("the_key"), column == bindparam("old"))
        .values({where.column: bindparam("new")}),
        list(fresh),
    )
