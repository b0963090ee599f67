"""Files of consultations: rows that say what there is, and their sealed content in rows of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage import tickets
from storage.models import Attachment, AttachmentContent, AttachmentState, Message, Ticket, TicketStatus
from storage.sealing import Sealer

LEASE = timedelta(minutes=5)  # for which a process that fetches a file has it for itself


@dataclass(frozen=True, slots=True)
class Fetch:
    """A file that this process may fetch now."""

    id: int
    file_id: str
    n_attempts: int


async def add(
    session: AsyncSession, ticket: Ticket, message: Message, *, kind: str, file_id: str, ring: Sealer, now: datetime
) -> Attachment:
    """Note down a file to fetch; its number is the ticket's next one."""
    attachment = Attachment(
        ticket_id=ticket.id, message_id=message.id, number=await count(session, ticket.id) + 1, kind=kind,
        file_id_sealed=tickets.sealer_of(ticket, ring).seal_text(file_id, f"file of message:{message.id}"),
        not_before=now, created_at=now,
    )
    session.add(attachment)
    await session.flush()
    return attachment


async def count(session: AsyncSession, ticket_id: int) -> int:
    """Return how many files a ticket has, whatever became of them."""
    query = select(func.count()).select_from(Attachment).where(Attachment.ticket_id == ticket_id)
    return await session.scalar(query) or 0


async def count_since(session: AsyncSession, ticket: Ticket, *, since: datetime) -> int:
    """Return how many files the ticket's chat has sent since then, in all its consultations."""
    query = (
        select(func.count()).select_from(Attachment).join(Ticket, Ticket.id == Attachment.ticket_id)
        .where(Ticket.chat_id == ticket.chat_id, Attachment.created_at >= since)
    )
    return await session.scalar(query) or 0


async def of_ticket(session: AsyncSession, ticket_id: int) -> dict[int, list[Attachment]]:
    """Return the files of a ticket by the id of the message that brought them."""
    found: dict[int, list[Attachment]] = {}
    query = select(Attachment).where(Attachment.ticket_id == ticket_id).order_by(Attachment.number)
    for attachment in await session.scalars(query):
        found.setdefault(attachment.message_id, []).append(attachment)
    return found


async def kept(session: AsyncSession, ticket: Ticket, number: int) -> Attachment | None:
    """Return a file of a ticket that can be opened."""
    found: Attachment | None = await session.scalar(select(Attachment).where(
        Attachment.ticket_id == ticket.id, Attachment.number == number, Attachment.state == AttachmentState.KEPT
    ))
    return found


async def content(session: AsyncSession, ticket: Ticket, attachment: Attachment, *, ring: Sealer) -> bytes | None:
    """Return the bytes of a file."""
    sealed = await session.scalar(
        select(AttachmentContent.content_sealed).where(AttachmentContent.attachment_id == attachment.id)
    )
    return None if sealed is None else tickets.sealer_of(ticket, ring).open(sealed, f"attachment:{attachment.id}")


def put_content(session: AsyncSession, attachment: Attachment, sealer: Sealer, body: bytes) -> None:
    """Keep the bytes of a file. sealer: the ticket's own."""
    sealed = sealer.seal(body, f"attachment:{attachment.id}")
    session.add(AttachmentContent(attachment_id=attachment.id, content_sealed=sealed))


def settle(attachment: Attachment, state: AttachmentState, *, now: datetime, reason: str | None = None) -> None:
    """Record what became of a file; Telegram's handle of it is forgotten."""
    attachment.state, attachment.reason, attachment.settled_at, attachment.file_id_sealed = state, reason, now, None


async def any_due(session: AsyncSession, *, now: datetime) -> bool:
    """Tell whether a file waits to be fetched."""
    query = select(Attachment.id).where(Attachment.state == AttachmentState.WAITING, Attachment.not_before <= now)
    return await session.scalar(query.limit(1)) is not None


async def claim(session: AsyncSession, *, ring: Sealer, limit: int, now: datetime) -> list[Fetch]:
    """Take files that are due to be fetched; nobody else tries them for a while."""
    due = (
        select(Attachment.id)
        .where(Attachment.state == AttachmentState.WAITING, Attachment.not_before <= now)
        .order_by(Attachment.id).limit(limit)
    )
    if session.get_bind().dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    taken = await session.execute(
        update(Attachment).where(Attachment.id.in_(due.scalar_subquery()))
        .values(not_before=now + LEASE, n_attempts=Attachment.n_attempts + 1)
        .returning(Attachment.id).execution_options(synchronize_session=False)
    )
    ids = [row.id for row in taken]
    if not ids:
        return []
    rows = await session.execute(
        select(Attachment, Ticket).join(Ticket, Ticket.id == Attachment.ticket_id).where(Attachment.id.in_(ids))
        .order_by(Attachment.id)
    )
    return [
        Fetch(
            attachment.id,
            tickets.sealer_of(ticket, ring).open_text(
                attachment.file_id_sealed or b"", f"file of message:{attachment.message_id}"
            ),
            attachment.n_attempts,
        )
        for attachment, ticket in rows
    ]


async def waiting(session: AsyncSession, attachment_id: int) -> tuple[Attachment, Ticket] | None:
    """Return a file that is being fetched and its ticket, both held; None when it is not wanted any more."""
    row = (await session.execute(
        select(Attachment, Ticket).join(Ticket, Ticket.id == Attachment.ticket_id)
        .where(Attachment.id == attachment_id, Attachment.state == AttachmentState.WAITING,
               Ticket.status != TicketStatus.WITHDRAWN)
        .with_for_update()
    )).first()
    return None if row is None else (row[0], row[1])


async def try_again(session: AsyncSession, attachment_id: int, *, at: datetime) -> None:
    """Let a file be fetched again at this time."""
    await session.execute(
        update(Attachment).where(Attachment.id == attachment_id, Attachment.state == AttachmentState.WAITING)
        .values(not_before=at)
    )
