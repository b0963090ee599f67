"""Rows for tests. Every argument has a default; a test names only what it is about."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

from sqlalchemy.ext.asyncio import AsyncSession

from bot import attachments
from bot.incoming import Incoming, Kind
from storage import chats, tickets
from storage.models import (
    Attachment,
    Author,
    Chat,
    DueKind,
    Notice,
    NoticeKind,
    NoticePurpose,
    NoticeStatus,
    NoticeText,
    Role,
    Section,
    Staff,
    Station,
    Subscription,
    Ticket,
    TicketStatus,
    Urgency,
)
from storage.sealing import Sealer
from tests.conftest import A_MONDAY

_numbers = count(1)


async def make_section(session: AsyncSession, section_id: str = "seian_yokushi") -> Section:
    """A desk; the same id twice is the same desk."""
    return await session.merge(Section(id=section_id, name_ja=f"{section_id}課", name_en=section_id, is_active=True))


async def make_station(session: AsyncSession, station_id: str = "minato") -> Station:
    """A station; the same id twice is the same station."""
    return await session.merge(Station(
        id=station_id, name_ja="みなと警察署", name_en="Minato Police Station", size="large", is_active=True
    ))


async def make_staff(
    session: AsyncSession, *, role: Role = Role.OPERATOR, section: str | None = "seian_yokushi",
    station: str | None = None, name: str | None = None, password_hash: str = "!", locale: str = "ja",
) -> Staff:
    """An account that cannot sign in until it is given a password."""
    number = next(_numbers)
    if section:
        await make_section(session, section)
    if station:
        await make_station(session, station)
    await session.flush()
    person = Staff(
        username=f"staff{number}", display_name=name or f"職員{number}", role=role, section_id=section,
        station_id=station, password_hash=password_hash, locale=locale, created_at=A_MONDAY,
    )
    session.add(person)
    await session.flush()
    return person


async def make_chat(
    session: AsyncSession, *, sealer: Sealer, address: int | None = None, locale: str = "vi",
    municipality: str | None = None, subscribed: bool = False,
) -> Chat:
    """A resident's chat."""
    chat, _ = await chats.get_or_create(
        session, address or 10_000 + next(_numbers), sealer=sealer, locale=locale, now=A_MONDAY
    )
    chat.municipality = municipality
    await session.flush()
    if subscribed:
        session.add_all(Subscription(chat_id=chat.id, kind=kind, municipality=municipality, created_at=A_MONDAY)
                        for kind in NoticeKind)
    await session.flush()
    return chat


async def make_ticket(
    session: AsyncSession, *, sealer: Sealer, chat: Chat | None = None, section: str = "seian_yokushi",
    station: str | None = None, status: TicketStatus = TicketStatus.OPEN, topic: str | None = "stolen_bicycle",
    body: str = "Xe đạp của tôi mất rồi.", claimed_by: Staff | None = None, priority: int = 0,
    now: datetime = A_MONDAY,
) -> Ticket:
    """A consultation with one message of the resident."""
    await make_section(session, section)
    if station:
        await make_station(session, station)
    await session.flush()
    chat = chat or await make_chat(session, sealer=sealer)
    ticket = await tickets.add(
        session, chat=chat, topic=topic, section_id=section, ring=sealer, now=now, priority=priority
    )
    ticket.station_id = station
    ticket.consent_version, ticket.consent_at = "test", now
    ticket.first_due_at = now + timedelta(hours=8)
    await tickets.add_message(
        session, ticket, Author.RESIDENT, body, ring=sealer, now=now, locale=chat.locale, telegram_message_id=1
    )
    ticket.status = status
    if status == TicketStatus.OPEN:
        ticket.due_at, ticket.due_kind = ticket.first_due_at, DueKind.FIRST
        ticket.warn_at = now + timedelta(hours=6.4)
    if claimed_by:
        ticket.claimed_by_id, ticket.claimed_at = claimed_by.id, now
    await session.flush()
    return ticket


async def make_file(
    session: AsyncSession, ticket: Ticket, *, sealer: Sealer, content: bytes = b"%PDF-1.7 a letter",
    now: datetime = A_MONDAY,
) -> Attachment:
    """A file that the resident sent, fetched and kept."""
    message = await tickets.add_message(session, ticket, Author.RESIDENT, "", ring=sealer, now=now, locale="vi")
    incoming = Incoming(1, 1, Kind.DOCUMENT, 3, file_id="F")
    attachment = await attachments.add(session, ticket, message, incoming, sealer=sealer, now=now)
    await attachments.keep(session, attachment.id, content, sealer=sealer, now=now)
    return attachment


async def make_notice(
    session: AsyncSession, *, status: NoticeStatus = NoticeStatus.DRAFT, author: Staff | None = None,
    texts: dict[str, str] | None = None, send_at: datetime | None = None, expires_at: datetime | None = None,
    locales: list[str] | None = None, municipalities: list[str] | None = None, missing: str = "fallback",
    kind: NoticeKind = NoticeKind.CAMPAIGN, urgency: Urgency = Urgency.ROUTINE,
) -> Notice:
    """A notice with texts: tag → body."""
    notice = Notice(
        name=f"お知らせ{next(_numbers)}", kind=kind, status=status, missing=missing, urgency=urgency,
        purpose=NoticePurpose.NOTICE,
        audience={"locales": locales or [], "municipalities": municipalities or []},
        author_id=author.id if author else None, send_at=send_at, expires_at=expires_at, created_at=A_MONDAY,
        updated_at=A_MONDAY,
    )
    session.add(notice)
    await session.flush()
    for tag, body in (texts or {"ja-simple": "お知らせです。", "vi": "Thông báo."}).items():
        session.add(NoticeText(notice_id=notice.id, tag=tag, title=f"{tag}", body=body, state="checked"))
    await session.flush()
    return notice
