"""Searching a database for words: as whoever stole it sees it, and as whoever has the keys too."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from storage import tickets, transfers, translations
from storage.database import Database
from storage.models import Base, Ticket
from storage.rotation import SEALED_WITH_A_TICKETS_KEY, SEALED_WITH_THE_RING
from storage.sealing import Sealer


def dump_of(database: Database) -> bytes:
    """Everything that is in the database, as its own tools and as its own files show it."""
    url = make_url(database.url)
    if database.is_sqlite:
        import sqlite3

        path = Path(url.database or "")
        with sqlite3.connect(path) as connection:
            written = "\n".join(connection.iterdump()).encode()
        # Read by another process: closing a file here would drop the locks that this process has on it (fcntl).
        files = map(str, path.parent.glob(path.name + "*"))
        return written + subprocess.run(["cat", *files], capture_output=True, check=True).stdout
    program = shutil.which("pg_dump") or str(sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))[-1])
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return subprocess.run([program, "--no-owner", plain], capture_output=True, check=True, env=os.environ).stdout


def shapes_of(word: str) -> set[bytes]:
    """A word as it could be written: as it is, in UTF-16, escaped, in hexadecimal, in base64 at any offset."""
    raw = word.encode()
    shapes = {raw, word.encode("utf-16-le"), raw.hex().encode(), raw.hex().upper().encode(),
              word.encode("unicode_escape"), word.lower().encode()}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        shapes.add(coded[offset + 1 if offset else 0 : -1].encode())
    return {shape for shape in shapes if len(shape) >= 5}


async def readable(database: Database, sealer: Sealer) -> str:
    """Everything that the keys open: queues in and out, messages, transfers and translations."""
    found: list[str] = []
    async with database.reading() as session:
        for where in SEALED_WITH_THE_RING:
            columns = where.table.__table__.columns
            names = (where.key, where.column, *where.names)
            for row in await session.execute(select(*(columns[name] for name in names))):
                if row[1] is not None:
                    opened = sealer.open(row[1], where.context(row)).decode("utf-8", "replace")
                    found.append(_plain(opened))
        for ticket in await session.scalars(select(Ticket)):
            for message in await tickets.messages(session, ticket, ring=sealer):
                found += [body for _at, body in message.revisions]
            for transfer in await transfers.history(session, ticket, ring=sealer):
                found += [transfer.note, transfer.answer or ""]
            for view in await translations.of_ticket(session, ticket, ring=sealer):
                found += [view.japanese or "", view.foreign or "", view.back or "", view.note or ""]
    return "\n".join(found)


def _plain(opened: str) -> str:
    """A payload without the escapes of JSON."""
    try:
        return json.dumps(json.loads(opened), ensure_ascii=False)
    except ValueError:
        return opened


async def rows_of_consultations(database: Database) -> dict[str, int]:
    """How many rows there are in each table that holds words of a consultation."""
    names = {name.partition(".")[0] for name in SEALED_WITH_A_TICKETS_KEY} | {"tickets", "messages"}
    async with database.reading() as session:
        return {
            name: await session.scalar(select(func.count()).select_from(Base.metadata.tables[name])) or 0
            for name in sorted(names)
        }
