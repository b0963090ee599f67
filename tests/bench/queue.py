"""How long the queue's page takes with 100,000 consultations: `python -m tests.bench.queue [DATABASE_URL]`.

Asks the real console over ASGI: routes, gate, queries, templates. Without a URL it makes an SQLite file of its own; a
PostgreSQL database must be empty. Prints, for each kind of list in milliseconds, the median, the slowest, and the
processor time of this process.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import insert, text

from bot.answers import Screens
from bot.config import Settings
from bot.console.app import ConsoleParts, create_app
from bot.deployment import Deployment, load_deployment, write_rows
from bot.i18n import ROOT, load_strings
from intents.cards import load_cards
from intents.catalogue import load_catalogue
from storage import chats, migrate
from storage import staff as staff_rows
from storage.database import Database
from storage.models import Role, Staff, Ticket
from storage.sealing import Sealer

N_TICKETS = 100_000
N_ASKED = 12
NOW = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8080"
LISTS = {
    "all": "/queue", "mine": "/queue?folder=mine", "unassigned": "/queue?folder=unassigned",
    "late": "/queue?folder=late", "section": "/queue?folder=section", "incoming": "/queue?folder=incoming",
    "language": "/queue?locale=mn", "topic and place": "/queue?topic=stalking&municipality=99302",
    "search": "/queue?q=ベトナム 自転車", "search, nothing": "/queue?q=zzz", "ended": "/queue?state=ended",
    "ended, rare": "/queue?state=ended&locale=mn&municipality=99302", "every state": "/queue?state=any",
    "live": "/queue",
}


def rows_of(deployment: Deployment, topics: list[str], *, share_current: float, holder: int) -> list[dict[str, object]]:
    """Return tickets without chats; the seed is fixed."""
    dice = random.Random(5)
    locales = ["vi", "zh-Hans", "pt-BR", "ne", "fil", "id", "my", "en", "ja-simple"] * 9 + ["mn", "km"]
    sections, places = [each.id for each in deployment.sections], deployment.municipalities
    rows = []
    for number in range(N_TICKETS):
        is_current = dice.random() < share_current
        status = dice.choice(["open", "answered"]) if is_current else dice.choice(["closed"] * 9 + ["withdrawn"])
        priority = dice.choice([0] * 8 + [50, 100, 130])
        place = dice.choice(places)
        created = NOW - timedelta(minutes=dice.randrange(1, 60 * 24 * (20 if is_current else 700)))
        due = created + timedelta(hours=dice.randrange(8, 600)) if status == "open" else None
        rank = {"open": -priority, "answered": 100_000 - priority}.get(status)
        rows.append({
            "receipt": chats.new_code("K", 3) + "-" + chats.new_code("", 4) + str(number)[-3:], "status": status,
            "topic": dice.choice(topics), "locale": dice.choice(locales), "municipality": place.code,
            "section_id": dice.choice(sections), "station_id": place.station_id, "priority": priority,
            "is_sensitive": priority == 130, "claimed_by_id": holder if dice.random() < 0.002 else None,
            "n_messages": 1, "key_sealed": b"x" * 61, "created_at": created, "updated_at": created,
            "first_due_at": created + timedelta(hours=8), "due_at": due, "due_kind": "first" if due else None,
            "queue_rank": rank, "escalated_at": None, "closed_at": None if is_current else created,
        })
    return rows


async def fill(database: Database, parts: ConsoleParts, share_current: float) -> dict[str, str]:
    """Make the tables, the staff and the tickets; returns the session token of each reader."""
    await migrate.upgrade(database)
    tokens = {}
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM tickets"))
        await write_rows(session, parts.deployment)
        for name, role, section, station in (
            ("office", Role.PROMOTION_OFFICE, "seian_yokushi", None),
            ("operator", Role.OPERATOR, "seian_yokushi", "hoshimi"),
        ):
            person = await staff_rows.by_username(session, name) or Staff(
                username=name, display_name=name, role=role, section_id=section, station_id=station,
                password_hash="$x", totp_sealed=b"x", totp_last_step=1, created_at=NOW,
            )
            session.add(person)
            await session.flush()
            until = NOW + timedelta(hours=8)
            tokens[name] = await staff_rows.open_session(session, person.id, now=NOW, expires_at=until)
        topics = [intent.id for intent in parts.screens.catalogue]
        rows = rows_of(parts.deployment, topics, share_current=share_current, holder=person.id)
        for start in range(0, len(rows), 5000):
            await session.execute(insert(Ticket), rows[start : start + 5000])
    async with database.engine.connect() as connection:
        await connection.exec_driver_sql("COMMIT")
        await connection.exec_driver_sql("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE tickets")
        await connection.exec_driver_sql("BEGIN")
    return tokens


async def measure(parts: ConsoleParts, tokens: dict[str, str]) -> None:
    """Ask for every list as every reader, and print what it took."""
    transport = httpx.ASGITransport(app=create_app(parts))
    for reader, token in tokens.items():
        async with httpx.AsyncClient(transport=transport, base_url=URL, cookies={"koban": token}) as client:
            asked = {name: (path, {"x-koban-live": "1"} if name == "live" else {}) for name, path in LISTS.items()}
            path = "/queue"
            for _ in range(20):  # twenty pages on
                page = (await client.get(path)).text
                if 'rel="next"' not in page:
                    break
                path = page.split('" rel="next"')[0].rpartition('href="')[2].replace("&amp;", "&")
            asked["page 20"] = (path, {})
            for name, (address, headers) in asked.items():
                took, cpu_began = [], time.process_time()
                for _ in range(N_ASKED):
                    began = time.perf_counter()
                    answer = await client.get(address, headers=headers)
                    took.append((time.perf_counter() - began) * 1000)
                    assert answer.status_code == 200, name
                cpu = (time.process_time() - cpu_began) * 1000 / N_ASKED
                print(f"  {reader:9} {name:16} median {statistics.median(took):6.0f}   slowest {max(took):6.0f}   "
                      f"processor {cpu:6.0f}", flush=True)


async def main(arguments: list[str]) -> None:
    """Measure with a usual share of consultations under way, then with every one of them."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(arguments[0] if arguments else f"sqlite:///{Path(folder) / 'koban.db'}")
        strings = load_strings(ROOT)
        screens = Screens(catalogue=load_catalogue(ROOT, strict=False), cards=load_cards(ROOT), strings=strings)
        parts = ConsoleParts(
            database=database, sealer=Sealer([bytes(32)]), strings=strings, screens=screens,
            deployment=load_deployment(ROOT / "bot/deployments/demo.yaml"), settings=Settings(console_url=URL),
            clock=lambda: NOW,
        )
        for share in (0.05, 1.0):
            tokens = await fill(database, parts, share)
            print(f"{database.engine.dialect.name}: {N_TICKETS:,} consultations, {share:.0%} under way")
            await measure(parts, tokens)
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
