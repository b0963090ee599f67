"""Pictures and leaflets of notices: what is taken, which one a language gets, and how it is tied to the approval.

A file is told by its content, never by its name, which is not kept.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import NotFound, WrongState
from bot.notice_rules import EDITORS, require_role, require_state
from bot.outgoing import MAX_CAPTION_UNITS, utf16_length
from intents.schema import BASE_TAG
from storage import audit, notice_files
from storage.audit import AuditTag
from storage.models import FileKind, Notice, NoticeFile, NoticeStatus, NoticeText, Staff

MAX_PICTURE = 5 * 1024 * 1024
MAX_LEAFLET = 10 * 1024 * 1024
MAX_ALT = 300
# Source: Bot API, sendPhoto: at most 10 MB; width and height together 10,000, the ratio 20 (2026-11-27)
MAX_SIDES = 10_000
MAX_RATIO = 20
PICTURES = {"image/jpeg": "jpg", "image/png": "png"}
PDF = "application/pdf"
_PDF_END = 2048  # bytes at the end in which a PDF says that it is whole
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a notice without its content."""

    id: int
    kind: str
    tag: str
    mime: str
    alt: str
    n_bytes: int
    sha256: str

    @property
    def name(self) -> str:
        """The name under which residents get it."""
        return f"{self.kind}-{self.tag}.{PICTURES.get(self.mime, 'pdf')}"


async def of_notice(session: AsyncSession, notice_id: int) -> tuple[Attached, ...]:
    """Return the files of a notice."""
    return tuple(
        Attached(row.id, row.kind, row.tag, row.mime, row.alt, row.n_bytes, row.sha256)
        for row in await notice_files.files_of(session, notice_id)
    )


def choose(files: Sequence[Attached], *tags: str) -> list[Attached]:
    """Return the picture and the leaflet of the first of these languages that has one, or those of the base."""
    found = []
    for kind in (FileKind.PICTURE, FileKind.LEAFLET):
        by_tag = {file.tag: file for file in files if file.kind == kind}
        if file := next((by_tag[tag] for tag in (*tags, BASE_TAG) if tag in by_tag), None):
            found.append(file)
    return found


async def add(
    session: AsyncSession, notice: Notice, editor: Staff, tag: str, content: bytes, alt: str, *, now: datetime
) -> None:
    """Attach a file to a draft, in the place of the one of its kind and language. Takes back a review.

    Raises WrongState with what is wrong with it.
    """
    require_role(editor, EDITORS)
    require_state(notice, (NoticeStatus.DRAFT,))
    kind, mime = _judge(content)
    if not 1 <= len(alt.strip()) <= MAX_ALT:
        raise WrongState("Say in words what the file shows, in at most {n} characters.", n=MAX_ALT)
    file = NoticeFile(
        notice_id=notice.id, tag=tag, kind=kind, mime=mime, alt=" ".join(alt.split()), n_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(), content=content, added_at=now,
    )
    await notice_files.put(session, file)
    _changed(session, notice, editor, AuditTag.STAFF_NOTICE_FILE_ADD, file, now=now)


async def remove(session: AsyncSession, notice: Notice, editor: Staff, file_id: int, *, now: datetime) -> None:
    """Take a file of a draft away. Raises NotFound."""
    require_role(editor, EDITORS)
    require_state(notice, (NoticeStatus.DRAFT,))
    file = await notice_files.get(session, notice.id, file_id)
    if file is None:
        raise NotFound("There is no such file.")
    await session.delete(file)
    _changed(session, notice, editor, AuditTag.STAFF_NOTICE_FILE_REMOVE, file, now=now)


def _changed(
    session: AsyncSession, notice: Notice, editor: Staff, tag: AuditTag, file: NoticeFile, *, now: datetime
) -> None:
    notice.revision += 1
    notice.updated_at, notice.author_id = now, editor.id
    audit.record(session, tag, f"notice:{notice.id}", now=now, staff_id=editor.id, revision=notice.revision,
                 locale=file.tag, kind=file.kind, sha256=file.sha256)


def most_messages(texts: Mapping[str, NoticeText], files: Sequence[Attached]) -> int:
    """Return how many messages one resident gets at most: files, and the words where they do not fit under one."""
    n_files = len({file.kind for file in files})
    is_long = any(utf16_length(f"{text.title}{text.body}") > MAX_CAPTION_UNITS // 2 for text in texts.values())
    return n_files + 1 if is_long or n_files == 0 else n_files


def fingerprint(notice: Notice, texts: Mapping[str, NoticeText], files: Sequence[Attached]) -> str:
    """Return the SHA-256 of what an approver approves: every word and file, for whom, and how urgent."""
    what = {
        "kind": notice.kind, "urgency": notice.urgency, "missing": notice.missing, "audience": notice.audience,
        "texts": sorted((text.tag, text.title, text.body) for text in texts.values()),
        "files": sorted((file.tag, file.kind, file.alt, file.sha256) for file in files),
    }
    return hashlib.sha256(json.dumps(what, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _judge(content: bytes) -> tuple[FileKind, str]:
    """Return the kind and the media type of a file. Raises WrongState."""
    if not content:
        raise WrongState("Choose a file first.")
    if content.startswith(b"%PDF-"):
        if len(content) > MAX_LEAFLET:
            raise WrongState("A leaflet has at most {n} MB.", n=MAX_LEAFLET // 1024**2)
        if b"%%EOF" not in content[-_PDF_END:]:
            raise WrongState("This PDF is not whole. Save it again and attach that file.")
        if b"/Encrypt" in content:
            raise WrongState("This PDF is locked with a password. Attach one that everybody can open.")
        return FileKind.LEAFLET, PDF
    mime = "image/png" if content.startswith(b"\x89PNG\r\n\x1a\n") else "image/jpeg"
    sides = _sides_of_png(content) if mime == "image/png" else _sides_of_jpeg(content)
    if sides is None:
        raise WrongState("Only JPEG and PNG pictures and PDF leaflets can be attached.")
    if len(content) > MAX_PICTURE:
        raise WrongState("A picture has at most {n} MB.", n=MAX_PICTURE // 1024**2)
    if sum(sides) > MAX_SIDES or min(sides) == 0 or max(sides) > MAX_RATIO * min(sides):
        raise WrongState("Telegram does not take a picture that large or that narrow. Make it smaller.")
    return FileKind.PICTURE, mime


def _sides_of_png(content: bytes) -> tuple[int, int] | None:
    if content[12:16] != b"IHDR" or len(content) < 24 or b"IEND" not in content[-12:]:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return int(width), int(height)


def _sides_of_jpeg(content: bytes) -> tuple[int, int] | None:
    """Return width and height from the frame of a JPEG; None when it is none, or is not whole."""
    if not content.startswith(b"\xff\xd8\xff") or b"\xff\xd9" not in content[-64:]:
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        if content[at + 1] in _START_OF_FRAME:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None
