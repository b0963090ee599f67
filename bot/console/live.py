"""What changed, for every open page: one watcher a process asks the database, and tells names and ids, never words.

Changes are read from tables that only grow (the audit, the revisions of messages), by their newest ids, so the question
costs the same whatever the queue's length.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from bot.console.auth import SEE_TICKETS_OF_SECTION, SEE_TICKETS_OF_STATION
from bot.console.parts import ConsoleParts
from storage import presence
from storage.audit import AuditTag
from storage.models import (
    AuditEntry,
    Author,
    Delivery,
    Message,
    Notice,
    NoticeStatus,
    Revision,
    Staff,
    Ticket,
    TicketStatus,
)

log = logging.getLogger(__name__)

EVERY_S = 1.0
_LOOK_BACK = 100  # ids: on PostgreSQL a lower id may be committed after a higher one
_AT_MOST = 500
_WAITING = 64  # events that a slow browser may lag behind; then one event says "everything"
_SENDING_EVERY = 3  # looks
QUEUE, NOTICES, NEWS, INTERPRETING, EVERYTHING = "queue", "notices", "news", "interpreting", "everything"
DRAFTS = "drafts"
_NO_CHANGE = (AuditTag.STAFF_TICKET_READ, AuditTag.STAFF_SESSION_OPEN, AuditTag.STAFF_SESSION_CLOSE,
              AuditTag.STAFF_SESSION_REFUSE)
# What moves the interpreters' list: their texts, and the ends and beginnings of consultations with such texts.
_IS_INTERPRETING = (
    AuditTag.STAFF_TRANSLATION_ASK, AuditTag.STAFF_TRANSLATION_CLAIM, AuditTag.STAFF_TRANSLATION_RELEASE,
    AuditTag.STAFF_TRANSLATION_HAND_IN, AuditTag.STAFF_TRANSLATION_RETURN, AuditTag.STAFF_TRANSLATION_DISCARD,
    AuditTag.STAFF_TICKET_CLOSE, AuditTag.STAFF_TICKET_REOPEN, AuditTag.RESIDENT_TICKET_CLOSE,
    AuditTag.RESIDENT_TICKET_WITHDRAW, AuditTag.RESIDENT_DATA_ERASE,
)
# What moves the staff's list of drafts beside that: how each goes on, who may see it, and how late it is.
_IS_DRAFTS = (
    *_IS_INTERPRETING, AuditTag.STAFF_TRANSLATION_MACHINE, AuditTag.STAFF_TRANSLATION_PROPOSE,
    AuditTag.STAFF_TRANSLATION_APPROVE, AuditTag.STAFF_TRANSLATION_REFUSE, AuditTag.STAFF_TRANSLATION_ALONE,
    AuditTag.STAFF_TICKET_REPLY, AuditTag.STAFF_TICKET_ACCEPT, AuditTag.STAFF_TICKET_MERGE,
    AuditTag.STAFF_TICKET_UNMERGE, AuditTag.SYSTEM_TICKET_WARN, AuditTag.SYSTEM_TICKET_ESCALATE,
)
_WORDS = "words"  # beside the tags: the resident wrote
_IS_NEWS = (AuditTag.RESIDENT_TICKET_OPEN, AuditTag.STAFF_TICKET_TRANSFER, AuditTag.STAFF_TICKET_RETURN,
            AuditTag.SYSTEM_TICKET_ESCALATE, AuditTag.STAFF_TRANSLATION_PROPOSE, AuditTag.STAFF_TRANSLATION_REFUSE)


def news_for(person: Staff) -> frozenset[str]:
    """Return the subjects that tell of something new in somebody's own folders."""
    found = {f"{NEWS}:staff:{person.id}"}
    if person.role in SEE_TICKETS_OF_SECTION and person.section_id is not None:
        found.add(f"{NEWS}:section:{person.section_id}")
    if person.role in SEE_TICKETS_OF_STATION and person.station_id is not None:
        found.add(f"{NEWS}:station:{person.station_id}")
    return frozenset(found)


@dataclass(eq=False)
class Listener:
    """One open page. subjects: what it shows, such as `queue`, `ticket:12`, `notice:3`, or what `news_for` names."""

    subjects: frozenset[str]
    events: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(_WAITING))

    def tell(self, changed: Iterable[str]) -> None:
        """Queue what concerns this page; when it lags too far behind, say that everything changed."""
        for subject in sorted(self.subjects.intersection(changed)):
            if self.events.full():
                while not self.events.empty():
                    self.events.get_nowait()
                self.events.put_nowait(EVERYTHING)
                return
            self.events.put_nowait(subject)


class Watcher:
    """Finds out what changed between one look and the next."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}
        self._told: dict[str, set[int]] = {}
        self._stood: dict[str, frozenset[object]] = {}
        self._n_looks = 0

    async def look(self, session: AsyncSession, watched: AbstractSet[str], *, now: datetime) -> set[str]:
        """Return the subjects that changed. watched: those whose deliveries, readers and sending are of interest."""
        self._n_looks += 1
        changed: set[str] = set()
        news: set[tuple[int, str]] = set()
        entries = select(AuditEntry.id, AuditEntry.subject, AuditEntry.tag).order_by(AuditEntry.id.desc())
        for subject, tag in await self._newer(session, "audit", entries, AuditEntry.id):
            if tag not in _NO_CHANGE:
                changed |= {subject, NOTICES if subject.startswith("notice:") else QUEUE}
            if tag in _IS_INTERPRETING:
                changed.add(INTERPRETING)
            if tag in _IS_DRAFTS:
                changed.add(DRAFTS)
            if tag in _IS_NEWS:
                news |= {(ticket_id, tag) for ticket_id in _ids({subject}, "ticket")}
        words = select(Revision.id, Message.ticket_id, Message.author).join(Message).order_by(Revision.id.desc())
        for ticket_id, author in await self._newer(session, "words", words, Revision.id):
            changed |= {f"ticket:{ticket_id}", QUEUE}
            if author == Author.RESIDENT:
                news.add((ticket_id, _WORDS))
        if news and any(subject.startswith(f"{NEWS}:") for subject in watched):
            changed |= await self._whose(session, news)
        stood = await self._states(session, watched, now=now)
        changed |= {name for name, state in stood.items() if self._stood.get(name, state) != state}
        self._stood = stood
        return changed

    async def _newer(
        self, session: AsyncSession, name: str, query: Select[*tuple[Any, ...]], column: InstrumentedAttribute[int]
    ) -> list[tuple[Any, ...]]:
        """Return the rows not told yet, without their ids; the first look only remembers where things stand."""
        known = self._newest.get(name)
        since = query.limit(_LOOK_BACK) if known is None else query.where(column > known - _LOOK_BACK).limit(_AT_MOST)
        rows = [tuple(row) for row in await session.execute(since)]
        fresh = [row[1:] for row in rows if known is not None and row[0] not in self._told[name]]
        self._told[name] = {row[0] for row in rows}
        self._newest[name] = max(known or 0, rows[0][0] if rows else 0)
        return fresh

    async def _whose(self, session: AsyncSession, news: AbstractSet[tuple[int, str]]) -> set[str]:
        """Return whom news of consultations concerns: who has it, the section and station, or where it is sent to."""
        found: set[str] = set()
        rows = await session.execute(
            select(Ticket.id, Ticket.claimed_by_id, Ticket.section_id, Ticket.station_id, Ticket.to_section_id,
                   Ticket.to_station_id)
            .where(Ticket.id.in_({ticket_id for ticket_id, _ in news}), Ticket.status != TicketStatus.INTAKE)
        )
        for row in rows:
            holder = {f"{NEWS}:staff:{row.claimed_by_id}"} if row.claimed_by_id is not None else set()
            desks = _desks(row.section_id, row.station_id)
            concerned = {
                _WORDS: holder, AuditTag.RESIDENT_TICKET_OPEN: desks, AuditTag.STAFF_TICKET_RETURN: holder or desks,
                AuditTag.STAFF_TICKET_TRANSFER: _desks(row.to_section_id, row.to_station_id),
                AuditTag.SYSTEM_TICKET_ESCALATE: holder | desks, AuditTag.STAFF_TRANSLATION_PROPOSE: desks,
                AuditTag.STAFF_TRANSLATION_REFUSE: holder,
            }
            for ticket_id, what in news:
                if ticket_id == row.id:
                    found |= concerned[what]
        return found

    async def _states(
        self, session: AsyncSession, watched: AbstractSet[str], *, now: datetime
    ) -> dict[str, frozenset[object]]:
        """Return how the deliveries of watched tickets stand and who has them open, and the watched notices."""
        found: dict[str, frozenset[object]] = {}
        if ticket_ids := _ids(watched, "ticket"):
            rows = await session.execute(
                select(Message.ticket_id, Delivery.status, func.count())
                .join(Delivery, Delivery.message_id == Message.id)
                .where(Message.ticket_id.in_(ticket_ids)).group_by(Message.ticket_id, Delivery.status)
            )
            for ticket_id, status, n in rows:
                found[f"ticket:{ticket_id}"] = found.get(f"ticket:{ticket_id}", frozenset()) | {(status, n)}
            for ticket_id, staff_ids in (await presence.present(session, ticket_ids, now=now)).items():
                found[f"ticket:{ticket_id}"] = found.get(f"ticket:{ticket_id}", frozenset()) | staff_ids
            for ticket_id in ticket_ids:
                found.setdefault(f"ticket:{ticket_id}", frozenset())
        if notice_ids := _ids(watched, "notice"):
            rows = await session.execute(
                select(Notice.id, Notice.status, Notice.updated_at).where(Notice.id.in_(notice_ids))
            )
            for notice_id, status, at in rows:
                # While it is being sent its counts move all the time; the page asks for them every few looks.
                turn = self._n_looks // _SENDING_EVERY if status == NoticeStatus.SENDING else 0
                found[f"notice:{notice_id}"] = frozenset({(status, at, turn)})
        return found


def _desks(section_id: str | None, station_id: str | None) -> set[str]:
    named = {"section": section_id, "station": station_id}
    return {f"{NEWS}:{kind}:{name}" for kind, name in named.items() if name is not None}


def _ids(watched: AbstractSet[str], kind: str) -> list[int]:
    return [int(subject.partition(":")[2]) for subject in watched if subject.startswith(f"{kind}:")]


class Hub:
    """Tells listeners what changed. The watcher runs while anybody listens."""

    def __init__(self, parts: ConsoleParts, *, every_s: float = EVERY_S) -> None:
        self._parts = parts
        self._every_s = every_s
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self._last_deeds: set[asyncio.Task[None]] = set()

    def finish(self, deed: Coroutine[Any, Any, None]) -> None:
        """Do what is left after a listener went; a failure is only logged."""
        task = asyncio.create_task(deed, name="console-goodbye")
        self._last_deeds.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._last_deeds.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a goodbye could not be written: %s", type(error).__name__)

    @asynccontextmanager
    async def listen(self, subjects: Iterable[str]) -> AsyncIterator[Listener]:
        """Listen to some subjects until the block ends."""
        listener = Listener(frozenset(subjects))
        self._listeners.add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="console-watcher")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _watch(self) -> None:
        watcher = Watcher()
        while True:
            watched = {subject for listener in self._listeners for subject in listener.subjects}
            try:
                async with self._parts.database.reading() as session:
                    changed = await watcher.look(session, watched, now=self._parts.clock())
            except Exception as error:  # the pages still work by hand; look again
                log.warning("the watcher cannot read the database: %s", type(error).__name__)
            else:
                for listener in self._listeners:
                    listener.tell(changed)
            await asyncio.sleep(self._every_s)
