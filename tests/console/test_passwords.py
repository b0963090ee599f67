"""Which passwords are taken: long enough, and not one that a guesser tries first."""

from __future__ import annotations

import time

import pytest

from bot.console.accounts import require_good_password
from bot.errors import WrongState
from storage.models import Staff

PERSON = Staff(username="yamada", display_name="山田 Hanako")


@pytest.mark.parametrize("password", [
    "123456789012", "passwordpassword", "password123456", "P@ssw0rd123456", "qwertyuiop[]", "iloveyouiloveyou",
    "abcdefghijklmnop", "aaaaaaaaaaaa", "1qaz2wsx3edc", "trustno1trustno1", "policepolice1",
    "yamada-2026-11", "hanakohanako", "20261127202611", "short", "x" * 201,
])
def test_what_a_guesser_tries_first_is_refused(password: str) -> None:
    with pytest.raises(WrongState):
        require_good_password(PERSON, password, password)


@pytest.mark.parametrize("password", [
    "correct horse battery", "雨のち晴れ-傘は駅に忘れた", "vJ7-tq0Lw2e9", "mizuho river 4 lanterns", "k" + "ab3-" * 49,
])
def test_a_long_phrase_or_a_random_word_is_taken(password: str) -> None:
    require_good_password(PERSON, password, password)


def test_a_long_password_is_judged_quickly() -> None:
    phrase = "seven herons wait below the old stone bridge at Mizuho, " * 3
    started = time.process_time()
    require_good_password(PERSON, phrase, phrase)
    assert time.process_time() - started < 1
