"""Sealing: what is sealed opens only in its place and with its key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.sealing import Sealer, SealingError, new_key


@given(st.binary(max_size=500))
def test_what_is_sealed_opens_again(value: bytes) -> None:
    sealer = Sealer([bytes(32)])
    assert sealer.open(sealer.seal(value, "here"), "here") == value


def test_a_value_moved_to_another_place_does_not_open() -> None:
    sealer = Sealer([new_key()])
    with pytest.raises(SealingError):
        sealer.open(sealer.seal(b"secret", "ticket:1"), "ticket:2")


def test_a_changed_value_does_not_open() -> None:
    sealer = Sealer([new_key()])
    sealed = bytearray(sealer.seal(b"secret", "here"))
    sealed[-1] ^= 1
    with pytest.raises(SealingError):
        sealer.open(bytes(sealed), "here")


def test_a_new_key_in_front_still_opens_the_old_and_finds_the_same_chats() -> None:
    old, new = new_key(), new_key()
    before, after = Sealer([old]), Sealer([new, old])
    sealed = before.seal(b"secret", "here")
    assert after.open(sealed, "here") == b"secret"
    assert not after.seals_with_current_key(sealed)
    assert after.lookup("42") == before.lookup("42")
    with pytest.raises(SealingError):
        Sealer([new]).open(sealed, "here")


def test_the_sealed_bytes_do_not_contain_the_words() -> None:
    assert b"secret" not in Sealer([new_key()]).seal(b"secret words", "here")


@pytest.mark.parametrize("keys", [[], [b"short"]])
def test_a_ring_without_a_proper_key_is_refused(keys: list[bytes]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys)


def test_lone_surrogates_do_not_break_sealing() -> None:
    sealer = Sealer([new_key()])
    assert sealer.open_text(sealer.seal_text("a\ud800b", "here"), "here") == "a?b"
