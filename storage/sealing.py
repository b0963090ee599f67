"""Encryption of what people write: AES-256-GCM, with keys that live outside the database.

A sealed value is `key id (4 bytes) + nonce (12 bytes) + ciphertext`. The context (such as `ticket:12`) is
authenticated, so a value copied into another row does not open. Old keys stay in the ring for reading until everything
is sealed anew.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
ID_BYTES = 4
_NONCE_BYTES = 12


class SealingError(Exception):
    """A sealed value cannot be opened: its key is not in the ring, or it was changed or moved."""


def new_key() -> bytes:
    """Return a fresh random key of 32 bytes."""
    return os.urandom(KEY_BYTES)


class Sealer:
    """Seals and opens values with a ring of keys.

    keys: 32 bytes each; the first one seals, all of them open.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError("a key ring holds at least one key, and each key has 32 bytes")
        self._ciphers = {hashlib.sha256(b"koban key id" + key).digest()[:ID_BYTES]: AESGCM(key) for key in keys}
        self._current = next(iter(self._ciphers))
        self.lookup_key = hashlib.sha256(b"koban lookup" + keys[-1]).digest()

    @property
    def current_id(self) -> bytes:
        """The first bytes of everything that is sealed now."""
        return self._current

    def use_lookup_key(self, key: bytes) -> None:
        """Use the key for fingerprints that the database keeps (storage/fingerprints.py)."""
        self.lookup_key = key

    def seal(self, value: bytes, context: str) -> bytes:
        """Encrypt a value for one place, named by its context."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._current + nonce + self._ciphers[self._current].encrypt(nonce, value, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt a value sealed for this context. Raises SealingError when it does not belong here."""
        cipher = self._ciphers.get(sealed[:ID_BYTES])
        if cipher is None:
            raise SealingError("sealed with a key that is not in the ring")
        nonce = sealed[ID_BYTES : ID_BYTES + _NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[ID_BYTES + _NONCE_BYTES :], context.encode())
        except InvalidTag as error:
            raise SealingError("changed, or moved from another place") from error

    def seal_text(self, value: str, context: str) -> bytes:
        """Encrypt text; a lone surrogate, which Telegram never sends but a hostile client may, is replaced."""
        return self.seal(value.encode("utf-8", "replace"), context)

    def open_text(self, sealed: bytes, context: str) -> str:
        """Decrypt text sealed by `seal_text`."""
        return self.open(sealed, context).decode("utf-8")

    def seals_with_current_key(self, sealed: bytes) -> bool:
        """Tell whether a value is already sealed with the first key of the ring."""
        return sealed[:ID_BYTES] == self._current

    def lookup(self, value: str) -> str:
        """Return the keyed fingerprint (64 hex digits) by which a Telegram chat id is found without being stored.

        It comes from the oldest key, so adding a key in front does not change it; once a database keeps it
        (storage/fingerprints.py), removing the oldest one does not either.
        """
        return hmac.new(self.lookup_key, value.encode(), hashlib.sha256).hexdigest()
