"""What a resident is told while the database is away: the danger card, or the numbers and a plain word."""

from __future__ import annotations

import pytest

from bot.conversation import Parts, respond_without_database
from bot.incoming import Incoming, Kind
from bot.line_breaks import keep_together
from intents import danger as dangers
from intents.danger import Danger
from tests.bot.conftest import INTRUDER

_AWAY = (
    "Something in this bot does not work right now. Your message is kept and will be answered as soon as it works "
    "again. In danger call {emg_110} (police) or {emg_119} (fire, ambulance)."
)


@pytest.mark.parametrize("client", INTRUDER)
def test_the_card_is_there_without_a_database(parts: Parts, client: str) -> None:
    incoming = Incoming(1, 1, Kind.TEXT, 1, text=INTRUDER[client], language_code=client)
    [card] = respond_without_database(incoming, parts)
    assert "110" in card.text


def test_without_a_database_danger_that_only_the_models_hear_gets_its_card(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "he is in the kitchen again with the big scissors, I hid the kids in the bathroom"
    assert not dangers.assess(words).firm, "no phrase says it"
    incoming = Incoming(1, 1, Kind.TEXT, 1, text=words, language_code="en")
    [card] = respond_without_database(incoming, parts)
    assert card.text == parts.screens.danger_card(Danger.POLICE_NOW, "en").text

    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("no model")

    monkeypatch.setattr(parts.understander, "understand", broken)
    assert "119" in respond_without_database(incoming, parts)[0].text


def test_without_a_database_any_other_message_gets_the_numbers_and_a_plain_word(parts: Parts) -> None:
    incoming = Incoming(1, 1, Kind.TEXT, 1, text="mất xe đạp", language_code="vi")
    messages = respond_without_database(incoming, parts)
    assert "119" in messages[0].text
    assert parts.screens.words("vi")("Menu") not in messages[1].text
    assert messages[1].text == parts.screens.words("vi")(_AWAY, **parts.screens.numbers)
    assert len(messages) == 2


@pytest.mark.parametrize(("client", "tag"), [("zh-hant", "zh-Hant"), ("ko", "ko"), ("my", "my"), ("ne", "ne")])
@pytest.mark.parametrize("words", ["/start", "ok"])
def test_without_a_database_words_of_no_language_get_that_of_the_phone(
    parts: Parts, client: str, tag: str, words: str
) -> None:
    incoming = Incoming(1, 1, Kind.TEXT, 1, text=words, language_code=client)
    away = parts.screens.words(tag)(_AWAY, **parts.screens.numbers)
    assert respond_without_database(incoming, parts)[1].text == keep_together(away)


def test_the_emergency_button_works_without_a_database(parts: Parts) -> None:
    for data in ("sos", *(f"sos:{danger}" for danger in Danger), "sos:nonsense"):
        incoming = Incoming(1, 1, Kind.BUTTON, 1, data=data, language_code="ne")
        assert respond_without_database(incoming, parts)[0].text
