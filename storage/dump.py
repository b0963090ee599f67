"""Every row of the database as lines of JSON, and back, on SQLite and PostgreSQL alike.

The tables are read from the database itself, so what is written is what is there at its revision; a backup of one kind
of database can be loaded into the other. Who is signed in and what runs is left out: it is not true any more later.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import JSON, Connection, DateTime, ForeignKeyConstraint, MetaData, Table, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import AddConstraint, DropConstraint

from storage import migrate
from storage.database import Database

FORMAT = 1
LEFT_OUT = frozenset({"alembic_version", "processes", "staff_sessions", "login_links"})
_ROWS_AT_ONCE = 500


class DumpError(Exception):
    """The lines are not a dump that this code can load; the reason is a sentence."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. head_*: the newest audit entry of the dump."""

    revision: str
    made_at: str
    database: str
    head_number: int
    head_hash: str
    format: int = FORMAT


HeaderOf = Callable[[AsyncConnection, str], Awaitable[Header]]


async def lines(database: Database, header: HeaderOf) -> AsyncIterator[bytes]:
    """Return header, tables with their rows, and the counts, as they were at one moment.

    header: awaited with the connection and the revision; returns the Header. Raises DumpError for an empty database.
    """
    revision = await migrate.current_revision(database)
    if revision is None:
        raise DumpError("the database is empty: there is nothing to back up")
    async with database.engine.connect() as plain:
        connection = await plain.execution_options(**(
            {"koban_read_only": True} if database.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        ))
        yield _line(asdict(await header(connection, revision)))
        counts: dict[str, int] = {}
        for table in await connection.run_sync(_tables):
            yield _line({"table": table.name, "columns": [column.name for column in table.columns]})
            counts[table.name] = 0
            found = await connection.stream(select(table).order_by(*table.primary_key.columns))
            async for row in found:
                counts[table.name] += 1
                yield _line([_pack(value) for value in row])
        yield _line({"rows": counts})
        await connection.rollback()


def _tables(connection: Connection) -> list[Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for name, table in sorted(metadata.tables.items()) if name not in LEFT_OUT]


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _pack(value: object) -> object:
    if isinstance(value, bytes | memoryview):
        return {"b": base64.b64encode(value).decode()}
    if isinstance(value, datetime):
        return {"t": (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    return {"j": value} if isinstance(value, dict | list) else value


def _unpack(value: object) -> object:
    if not isinstance(value, dict):
        return value
    (kind, packed), = value.items()
    if kind == "b":
        return base64.b64decode(packed)
    if kind == "t":
        return datetime.fromisoformat(packed)
    return date.fromisoformat(packed) if kind == "d" else packed


@dataclass(frozen=True, slots=True)
class Contents:
    """What a dump holds, after all of it was read."""

    header: Header
    n_rows: Mapping[str, int]


def read_header(line: bytes) -> Header:
    """Read the first line. Raises DumpError when this code cannot load what follows."""
    values = json.loads(line)
    if values.get("format") != FORMAT:
        raise DumpError("it was made by a newer Koban: restore it with that one")
    header = Header(**values)
    if not migrate.is_known(header.revision):
        raise DumpError(f"this Koban does not know the revision {header.revision} of its database: update Koban first")
    return header


def check(dump: Iterator[bytes]) -> Contents:
    """Read all lines without keeping them. Raises DumpError when they are not whole."""
    header = read_header(next(dump, b"{}"))
    n_rows: dict[str, int] = {}
    name = ""
    is_whole = False
    for line in dump:  # to the very end: only there does the file say that nothing was added to it
        value = json.loads(line)
        if isinstance(value, list):
            n_rows[name] += 1
        elif "table" in value:
            name = value["table"]
            n_rows[name] = 0
        else:
            is_whole = value["rows"] == n_rows
    if not is_whole:
        raise DumpError("rows are missing in it")
    return Contents(header, n_rows)


async def holds_rows(connection: AsyncConnection) -> bool:
    """Tell whether any table has a row."""
    for table in await connection.run_sync(_tables):
        if (await connection.execute(select(table).limit(1))).first() is not None:
            return True
    return False


async def load(connection: AsyncConnection, dump: Iterable[bytes], *, told: Callable[[int], None]) -> None:
    """Replace everything in the database by a dump, in the caller's transaction, and bring it up to date.

    told: called with the number of rows each time that some were written.
    """
    await connection.run_sync(_load, iter(dump), told)


def _load(connection: Connection, dump: Iterator[bytes], told: Callable[[int], None]) -> None:
    header = read_header(next(dump, b"{}"))
    _drop_everything(connection)
    migrate.upgrade_on(connection, header.revision)
    tables = {table.name: table for table in _tables(connection)}
    keys = _without_foreign_keys(connection, tables.values())
    table, columns = None, []
    for is_row, group in _grouped(dump):
        if not is_row:
            if "table" in group[0]:
                table, columns = _forgiving(tables[group[0]["table"]]), group[0]["columns"]
                connection.execute(table.delete())  # what a migration put in
            continue
        assert table is not None
        rows = [_fit(table, dict(zip(columns, map(_unpack, row), strict=True)), connection) for row in group]
        connection.execute(insert(table), rows)
        told(len(rows))
    for key in keys:
        connection.execute(AddConstraint(key))
    _set_sequences(connection, tables.values())
    migrate.upgrade_on(connection, "head")


def _grouped(dump: Iterator[bytes]) -> Iterator[tuple[bool, list[Any]]]:
    """Return single other lines, and rows by the hundreds."""
    rows: list[Any] = []
    for line in dump:
        value = json.loads(line)
        if isinstance(value, list):
            rows.append(value)
        if rows and (not isinstance(value, list) or len(rows) == _ROWS_AT_ONCE):
            yield True, list(islice(rows, _ROWS_AT_ONCE))
            rows.clear()
        if not isinstance(value, list):
            yield False, [value]


def _drop_everything(connection: Connection) -> None:
    metadata = MetaData()
    metadata.reflect(connection)
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
    cascade = "" if connection.dialect.name == "sqlite" else " CASCADE"
    for table in reversed(metadata.sorted_tables):
        connection.execute(text(f'DROP TABLE "{table.name}"{cascade}'))


def _without_foreign_keys(connection: Connection, tables: Iterable[Table]) -> list[ForeignKeyConstraint]:
    """Let rows come in any order: put the checks off (SQLite), or take them away and return them (PostgreSQL)."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        return []
    keys = [key for table in tables for key in table.foreign_key_constraints]
    for key in keys:
        connection.execute(DropConstraint(key))
    return keys


def _forgiving(table: Table) -> Table:
    """Let an absent JSON value be NULL where it may be, not the word null."""
    for column in table.columns:
        if isinstance(column.type, JSON) and column.nullable:
            column.type = JSON(none_as_null=True)
    return table


def _fit(table: Table, row: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """Give times the form that this database keeps them in."""
    if connection.dialect.name == "sqlite":
        for name, value in row.items():
            if isinstance(value, datetime) and isinstance(table.columns[name].type, DateTime):
                row[name] = value.replace(tzinfo=None)
    return row


def _set_sequences(connection: Connection, tables: Iterable[Table]) -> None:
    """Let PostgreSQL number on after the highest number loaded; SQLite does so by itself."""
    if connection.dialect.name == "sqlite":
        return
    for table in tables:
        for column in table.primary_key.columns:
            sequence = connection.scalar(
                select(func.pg_get_serial_sequence(table.name, column.name))
            )
            if sequence and (highest := connection.scalar(select(func.max(column)))) is not None:
                connection.execute(select(func.setval(sequence, highest)))
