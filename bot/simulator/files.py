"""Files: kept in memory, named by file_id, downloaded by file_path; and a few samples made here."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from random import Random

from bot.simulator.errors import bad_request
from bot.simulator.models import Json

MAX_DOWNLOAD = 20 * 1024 * 1024
MAX_UPLOAD = 50 * 1024 * 1024
MAX_PHOTO = 10 * 1024 * 1024
# Width and height together, and one to the other. Source: Bot API, sendPhoto (2026-11-27)
MAX_SIDES, MAX_RATIO = 10_000, 20
_FOLDERS = {"photo": "photos", "document": "documents", "voice": "voice", "sticker": "stickers"}
_PREFIX = {"photo": "AgACAgI", "document": "BQACAgI", "voice": "AwACAgI", "sticker": "CAACAgI"}


@dataclass(frozen=True)
class StoredFile:
    """One file. kind: photo, document, voice or sticker."""

    file_id: str
    unique_id: str
    kind: str
    name: str
    mime: str
    path: str
    content: bytes

    def as_file(self) -> Json:
        """Return the Bot API's File, without its path."""
        return {"file_id": self.file_id, "file_unique_id": self.unique_id, "file_size": len(self.content)}


class Files:
    """All files of one bot.

    keep_bytes: when more is held, the oldest files are forgotten.
    """

    def __init__(self, rng: Random, keep_bytes: int) -> None:
        self._rng = rng
        self._keep_bytes = keep_bytes
        self._held = 0
        self._by_id: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}
        self._count = 0

    def add(self, kind: str, content: bytes, *, name: str, mime: str) -> StoredFile:
        """Store a file and give it an id; raises a 400 ApiError when it is empty or too large."""
        if not content:
            raise bad_request("file must be non-empty")
        if len(content) > (MAX_PHOTO if kind == "photo" else MAX_UPLOAD):
            raise bad_request("file is too big")
        if kind == "photo":
            sides = image_size(content)
            if sides is None:
                raise bad_request("IMAGE_PROCESS_FAILED")
            if sum(sides) > MAX_SIDES or max(sides) > MAX_RATIO * min(sides):
                raise bad_request("PHOTO_INVALID_DIMENSIONS")
        self._count += 1
        suffix = re.sub(r"[^A-Za-z0-9]", "", name.rpartition(".")[2])[:8] if "." in name else "bin"
        stored = StoredFile(
            file_id=f"{_PREFIX[kind]}{self._rng.getrandbits(160):040x}",
            unique_id=f"AQAD{self._rng.getrandbits(48):012x}",
            kind=kind,
            name=name.replace("/", "_").replace("\\", "_")[:120] or "file",
            mime=mime if re.fullmatch(r"[\w.+-]+/[\w.+-]+", mime) else "application/octet-stream",
            path=f"{_FOLDERS[kind]}/file_{self._count}.{suffix or 'bin'}",
            content=content,
        )
        self._by_id[stored.file_id] = self._by_path[stored.path] = stored
        self._held += len(content)
        while self._held > self._keep_bytes and len(self._by_id) > 1:
            oldest = self._by_id.pop(next(iter(self._by_id)))
            self._by_path.pop(oldest.path, None)
            self._held -= len(oldest.content)
        return stored

    def get(self, file_id: str) -> StoredFile | None:
        """Return the file with this id, or None."""
        return self._by_id.get(file_id)

    def by_path(self, path: str) -> StoredFile | None:
        """Return the file with this file_path, or None; one too large to download is not given out."""
        stored = self._by_path.get(path)
        return stored if stored and len(stored.content) <= MAX_DOWNLOAD else None


def describe(stored: StoredFile) -> Json:
    """Return the field of a Message that carries this file, for example {"photo": […]}."""
    base = stored.as_file()
    if stored.kind == "photo":
        width, height = image_size(stored.content) or (1, 1)
        return {"photo": [base | {"width": width, "height": height}]}
    if stored.kind == "voice":
        return {"voice": base | {"duration": voice_seconds(stored.content), "mime_type": stored.mime}}
    if stored.kind == "sticker":
        width, height = image_size(stored.content) or (512, 512)
        kind = {"width": width, "height": height, "is_animated": False, "is_video": False, "type": "regular"}
        return {"sticker": base | kind}
    return {"document": base | {"file_name": stored.name, "mime_type": stored.mime}}


def image_size(content: bytes) -> tuple[int, int] | None:
    """Return (width, height) in pixels of a PNG, GIF, JPEG or WebP image, or None for anything else."""
    if content[:8] == b"\x89PNG\r\n\x1a\n" and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return int(width), int(height)
    if content[:6] in (b"GIF87a", b"GIF89a") and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return int(width), int(height)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return 512, 512
    return _jpeg_size(content) if content[:2] == b"\xff\xd8" else None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return int(width), int(height)
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None


def voice_seconds(content: bytes) -> int:
    """Return the length of an Ogg Opus recording from its last page, or 1 when it cannot be told."""
    last = content.rfind(b"OggS")
    if last < 0 or last + 14 > len(content):
        return 1
    samples = int.from_bytes(content[last + 6 : last + 14], "little")
    return max(1, min(round(samples / 48_000), 3600))


def sample_png(width: int = 320, height: int = 200, colour: tuple[int, int, int] = (94, 129, 172)) -> bytes:
    """Return a small PNG of one colour with a lighter diagonal."""
    light = tuple(min(255, part + 60) for part in colour)
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            rows.extend(light if (x + y) % 40 < 8 else colour)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def sample_voice(seconds: int = 2) -> bytes:
    """Return a silent Ogg Opus recording, which browsers really play.

    Source: RFC 7845 (Ogg encapsulation of Opus) and RFC 6716 (0xF8 0xFF 0xFE is a silent 20 ms frame).
    """
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 5) + b"koban" + struct.pack("<I", 0)
    pages = _ogg_page(2, 0, 0, [head]) + _ogg_page(0, 0, 1, [tags])
    for second in range(seconds):
        kind = 4 if second == seconds - 1 else 0
        pages += _ogg_page(kind, (second + 1) * 48_000, second + 2, [b"\xf8\xff\xfe"] * 50)
    return pages


def _ogg_page(kind: int, granule: int, sequence: int, packets: list[bytes]) -> bytes:
    header = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, granule, 1, sequence, 0, len(packets))
    page = bytearray(header + bytes(len(p) for p in packets) + b"".join(packets))
    page[22:26] = struct.pack("<I", _ogg_crc(bytes(page)))
    return bytes(page)


def _ogg_crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = ((crc << 1) ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc
