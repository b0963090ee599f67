"""One encrypted file, written and read as a stream of lines, in which any change, cut or addition is found.

Header, then a fresh key sealed with the ring, then chunks of the compressed lines: AES-256-GCM, each under its own
counter, the last one marked as such. So a chunk cannot be changed, moved, left out or put in from another file, and a
file that was cut short has no last chunk.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.sealing import Sealer, SealingError, new_key

HEADER = b"KOBAN BACKUP 1\n"
KEY_CONTEXT = "backup key"
CHUNK_BYTES = 1 << 20
_LENGTH_BYTES = 4
_MORE, _LAST = b"more", b"last"


class SealedFileError(Exception):
    """The file is not ours, was changed or cut short, or its key is not in the ring."""


class SealedWriter:
    """Writes lines into a new file that only its owner may read; `close` makes it whole."""

    def __init__(self, path: Path, sealer: Sealer) -> None:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: BinaryIO = os.fdopen(opened, "wb")
        key = new_key()
        self._cipher = AESGCM(key)
        self._packer = zlib.compressobj()
        self._waiting = bytearray()
        self._n_chunks = 0
        self._file.write(HEADER)
        self._put(sealer.seal(key, KEY_CONTEXT))

    def _put(self, value: bytes) -> None:
        self._file.write(len(value).to_bytes(_LENGTH_BYTES, "big") + value)

    def _chunk(self, value: bytes, mark: bytes) -> None:
        self._put(self._cipher.encrypt(self._n_chunks.to_bytes(12, "big"), value, HEADER + mark))
        self._n_chunks += 1

    def write(self, line: bytes) -> None:
        """Add a line, without its end."""
        self._add(self._packer.compress(line + b"\n"))

    def _add(self, packed: bytes) -> None:
        self._waiting += packed
        while len(self._waiting) > CHUNK_BYTES:
            self._chunk(bytes(self._waiting[:CHUNK_BYTES]), _MORE)
            del self._waiting[:CHUNK_BYTES]

    def close(self) -> None:
        """Write what is left and wait until it is on the disk."""
        self._add(self._packer.flush())
        self._chunk(bytes(self._waiting), _LAST)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def abandon(self) -> None:
        """Close without making it whole."""
        self._file.close()


def read_lines(path: Path, sealer: Sealer) -> Iterator[bytes]:
    """Return the lines of a file. Raises SealedFileError at the first thing that is wrong, at the latest at the end."""
    with path.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            raise SealedFileError("this is no backup of Koban, or one of a newer version")
        try:
            cipher = AESGCM(sealer.open(_take(file), KEY_CONTEXT))
        except SealingError as error:
            raise SealedFileError("the key with which it was made is not in KOBAN_KEYS") from error
        unpacker = zlib.decompressobj()
        rest = b""
        for chunk in _chunks(file, cipher):
            *lines, rest = (rest + unpacker.decompress(chunk)).split(b"\n")
            yield from lines
        if rest or not unpacker.eof:
            raise SealedFileError("it ends in the middle of a line")


def _take(file: BinaryIO) -> bytes:
    length = int.from_bytes(file.read(_LENGTH_BYTES), "big")
    if length > 2 * CHUNK_BYTES:
        raise SealedFileError("it was changed")
    value = file.read(length)
    if len(value) != length or not length:
        raise SealedFileError("it was cut short")
    return value


def _chunks(file: BinaryIO, cipher: AESGCM) -> Iterator[bytes]:
    number = 0
    while True:
        sealed = _take(file)
        for mark in (_MORE, _LAST):
            try:
                value = cipher.decrypt(number.to_bytes(12, "big"), sealed, HEADER + mark)
            except InvalidTag:
                continue
            break
        else:
            raise SealedFileError("it was changed")
        yield value
        if mark == _LAST:
            break
        number += 1
    if file.read(1):
        raise SealedFileError("something was added at its end")
