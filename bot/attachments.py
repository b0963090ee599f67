"""Files of a consultation: which are taken, and what becomes of them. They are fetched by bot/telegram/fetcher.py.

A file is told by its first bytes, never by what it calls itself, and is sealed with the key of its ticket. Nothing here
or in the console reads further into it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.incoming import Incoming, Kind
from storage import attachments, tickets
from storage.models import Attachment, AttachmentState, Message, Ticket
from storage.sealing import Sealer

MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 20  # of one consultation
MAX_IN_A_DAY = 40  # of one chat, over all its consultations: one that is taken back makes no room
KINDS = frozenset({Kind.PHOTO, Kind.VOICE, Kind.DOCUMENT})
IMAGES = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp"}
SUFFIXES = IMAGES | {
    "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/wav": "wav", "video/mp4": "mp4", "application/pdf": "pdf",
    "image/heic": "heic", "image/avif": "avif", "audio/mp4": "m4a", "video/quicktime": "mov",
}
# What shares its container with MP4, by the brand in its first box: an iPhone sends its photographs as HEIC, its films
# as MOV and its recordings as M4A. Source: the register of brands at mp4ra.org, read 2026-11-27.
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "image/heic"),
    b"avif": "image/avif", b"avis": "image/avif", b"M4A ": "audio/mp4", b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
TOO_LARGE, TOO_MANY, OTHER_KIND, GONE = "too_large", "too_many", "kind", "gone"


def kind_of(content: bytes) -> str | None:
    """Return the media type that a file has by its first bytes; None for a kind that we do not take."""
    for begin, mime in (
        (b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"), (b"OggS", "audio/ogg"), (b"ID3", "audio/mpeg"), (b"%PDF-", "application/pdf"),
    ):
        if content.startswith(begin):
            return mime
    if content[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(content[8:12])
    if content[4:8] == b"ftyp":
        return _BRANDS.get(content[8:12], "video/mp4")
    return "audio/mpeg" if len(content) > 1 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2 else None


async def refusal(session: AsyncSession, ticket: Ticket, incoming: Incoming, *, now: datetime) -> str | None:
    """Return why a file is not taken, as far as it is known before it is fetched; None when it is."""
    if incoming.kind not in KINDS or incoming.file_id is None:
        return OTHER_KIND
    if (incoming.file_size or 0) > MAX_BYTES:
        return TOO_LARGE
    is_full = await attachments.count(session, ticket.id) >= MAX_FILES
    if is_full or await attachments.count_since(session, ticket, since=now - timedelta(days=1)) >= MAX_IN_A_DAY:
        return TOO_MANY
    return None


async def add(
    session: AsyncSession, ticket: Ticket, message: Message, incoming: Incoming, *, sealer: Sealer, now: datetime
) -> Attachment:
    """Note down a file that is to be fetched, with the message that brought it."""
    assert incoming.file_id is not None
    return await attachments.add(
        session, ticket, message, kind=incoming.kind, file_id=incoming.file_id, ring=sealer, now=now
    )


async def keep(
    session: AsyncSession, attachment_id: int, content: bytes, *, sealer: Sealer, now: datetime
) -> tuple[Attachment, Ticket] | None:
    """Seal a file that was fetched, or refuse it by what it is.

    Returns the file, with what became of it, and its ticket; None when it was erased while it was on its way.
    """
    found = await attachments.waiting(session, attachment_id)
    if found is None:
        return None
    attachment, ticket = found
    mime = kind_of(content)
    if len(content) > MAX_BYTES or mime is None:
        attachments.settle(attachment, AttachmentState.REFUSED, now=now,
                           reason=TOO_LARGE if len(content) > MAX_BYTES else OTHER_KIND)
        return attachment, ticket
    attachment.mime, attachment.n_bytes, attachment.sha256 = mime, len(content), hashlib.sha256(content).hexdigest()
    attachments.put_content(session, attachment, tickets.sealer_of(ticket, sealer), content)
    attachments.settle(attachment, AttachmentState.KEPT, now=now)
    return attachment, ticket


def file_name(ticket: Ticket, attachment: Attachment) -> str:
    """Return the name under which staff save a file: the receipt number and a count, nothing of the sender's."""
    return f"{ticket.receipt}-{attachment.number}.{SUFFIXES.get(attachment.mime or '', 'bin')}"
