"""The ledger: what must outlive the database, in a file beside the backups that is only added to.

One JSON object a line. `head`: the newest audit entry at one time, so that a chain written anew or cut off shows.
`erasure`: a resident's data were erased, so that a restored backup loses them again. `restore`: a backup was put back,
so the chain was rightly cut to this entry. No line holds words or a Telegram id: residents are keyed fingerprints.

An operator makes the file append-only for the system too (`chattr +a`), and copies it away with the backups.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import LedgerError
from storage.audit import Head


@dataclass(frozen=True, slots=True)
class HeadLine:
    """The newest audit entry at one time."""

    at: datetime
    number: int
    hash: str

    @property
    def head(self) -> Head:
        """The entry."""
        return Head(self.number, self.hash)


@dataclass(frozen=True, slots=True)
class RestoreLine(HeadLine):
    """A backup was put back; its newest audit entry is this one."""


@dataclass(frozen=True, slots=True)
class ErasureLine:
    """The data of a chat up to this moment were erased. chat: its keyed fingerprint. n_…: how much went."""

    at: datetime
    receipt: str
    chat: str
    n_tickets: int
    n_messages: int


Line = HeadLine | RestoreLine | ErasureLine
_KINDS: dict[str, type[Line]] = {"head": HeadLine, "restore": RestoreLine, "erasure": ErasureLine}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def append(path: Path, lines: Sequence[Line]) -> None:
    """Add lines and wait until they are on the disk. Raises LedgerError when the file cannot be written."""
    if not lines:
        return
    written = "".join(
        json.dumps({"kind": _NAMES[type(line)], **asdict(line), "at": line.at.isoformat()}) + "\n" for line in lines
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(opened, _new_line_after_a_torn_one(opened) + written.encode())
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be written ({type(error).__name__})") from error


def _new_line_after_a_torn_one(opened: int) -> bytes:
    """Return what has to come first when a power cut left half a line at the end."""
    size = os.fstat(opened).st_size
    return b"\n" if size and os.pread(opened, 1, size - 1) != b"\n" else b""


def read(paths: Iterable[Path]) -> list[Line]:
    """Return the lines of one ledger, or of several. A line that cannot be read is left out if it is torn.

    Raises LedgerError that names the line when a whole line is not one of ours, or when a file cannot be read.
    A file that is not there yet has no lines.
    """
    lines: list[Line] = []
    for path in paths:
        try:
            written = path.read_text("utf-8").split("\n")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeError) as error:
            raise LedgerError(f"the ledger {path} cannot be read ({type(error).__name__})") from error
        for number, text in enumerate(written, start=1):
            if text.strip() and (line := _parse(text, path, number)):
                lines.append(line)
    return lines


def _parse(text: str, path: Path, number: int) -> Line | None:
    try:
        values = json.loads(text)
    except ValueError:
        if not text.endswith("}"):
            return None  # torn by a power cut; what it said was written again in the next line
        raise LedgerError(f"{path}:{number}: this is no line of a ledger") from None
    try:
        kind = _KINDS[values.pop("kind")]
        return kind(**values | {"at": datetime.fromisoformat(values["at"])})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LedgerError(f"{path}:{number}: this is no line of a ledger") from error


def heads_in_force(lines: Iterable[Line]) -> list[Head]:
    """Return the heads that the chain must still contain: a restore sets aside those after the backup."""
    heads: list[Head] = []
    for line in lines:
        if isinstance(line, RestoreLine):
            heads = [head for head in heads if head.number <= line.number]
        if isinstance(line, HeadLine):
            heads.append(line.head)
    return heads
