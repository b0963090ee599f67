"""The danger cards are there in every core language, say the right numbers, and need nothing but their files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from intents.cards import CARD_KINDS, card_text, load_cards
from intents.errors import CardsError
from intents.schema import CORE_TAGS

ROOT = Path(__file__).resolve().parents[2]
MESSAGE_LIMIT = 4096


def copy_cards(target: Path) -> Path:
    (target / "intents").mkdir()
    for name in ("contacts.yaml", "danger_cards.yaml"):
        shutil.copy(ROOT / "intents" / name, target / "intents" / name)
    for tag in CORE_TAGS:
        for name in ("locale.yaml", "danger_cards.yaml"):
            if (ROOT / "locales" / tag / name).is_file():
                (target / "locales" / tag).mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / "locales" / tag / name, target / "locales" / tag / name)
    return target


def test_every_core_language_has_its_own_cards() -> None:
    cards = load_cards(ROOT, strict=True)
    assert not cards.problems
    assert [cards.tag_for(tag) for tag in CORE_TAGS] == list(CORE_TAGS)


@pytest.mark.parametrize("tag", CORE_TAGS)
@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("police_now", ["110"]),
        ("medical_fire_now", ["119"]),
        ("crisis_now", ["119", "0120-279-338", "0120-279-226", "0800-300-8355", " 2"]),
    ],
)
def test_a_card_gives_its_numbers_and_japanese_to_show(tag: str, kind: str, numbers: list[str]) -> None:
    card = load_cards(ROOT, strict=True).card(kind, tag, furigana=True)
    text = card_text(card, soft=True)
    for number in numbers:
        assert number in text
    assert "{" not in text
    assert "}" not in text
    assert len(card.lines) <= 10
    assert len(text.encode("utf-16-le")) // 2 < MESSAGE_LIMIT
    assert "ください" in card.say_ja
    assert card.say_romaji.isascii() or set(card.say_romaji) & set("āīūēō")
    assert text.startswith(card.soft_prefix)


def test_the_crisis_card_states_the_hours_and_the_languages_that_are_really_spoken() -> None:
    text = card_text(load_cards(ROOT).card("crisis_now", "vi"))
    assert "10:00–22:00" in text
    assert "tiếng Nepal" in text
    assert "Tiếng Khmer" not in text


def test_each_language_is_named_in_japanese_on_its_card() -> None:
    cards = load_cards(ROOT)
    assert "ベトナム語" in cards.card("police_now", "vi").say_ja
    assert "べとなむご" in cards.card("police_now", "vi").say_reading
    assert len({cards.card("police_now", tag).say_ja for tag in CORE_TAGS}) == len(CORE_TAGS) - 1  # one Chinese


def test_a_language_without_cards_gets_the_nearest_and_nobody_gets_none() -> None:
    cards = load_cards(ROOT)
    assert cards.card("police_now", "ur").tag == "en"
    assert cards.card("police_now", "ja-Latn").tag == "ja-simple"
    assert cards.card("police_now", "no-such").tag == "en"
    assert cards.card("police_now", None).tag == "en"


def test_plain_japanese_cards_have_furigana_on_request() -> None:
    cards = load_cards(ROOT)
    assert "電話（でんわ）" in card_text(cards.card("police_now", "ja-simple", furigana=True))
    assert "（でんわ）" not in card_text(cards.card("police_now", "ja-simple"))


def test_the_cards_load_from_their_files_alone(tmp_path: Path) -> None:
    cards = load_cards(copy_cards(tmp_path), strict=True)
    assert {card.kind for card in cards} == set(CARD_KINDS)


def test_loading_the_cards_imports_no_database_and_no_network_library() -> None:
    code = (
        "import sys; from pathlib import Path; from intents.cards import load_cards; load_cards(Path('.'));"
        "print([m for m in ('sqlalchemy', 'aiohttp', 'telegram', 'numpy', 'intents.catalogue', 'bot', 'storage')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("old", "new"),
    [("{emg_110}", "110"), ("{emg_110}", "{labour_dial}"), ("police_now:", "police_later:"), ("button:", "buton:")],
)
def test_a_broken_translation_falls_back_and_is_reported(tmp_path: Path, old: str, new: str) -> None:
    root = copy_cards(tmp_path)
    path = root / "locales/vi/danger_cards.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    cards = load_cards(root)
    assert cards.card("police_now", "vi").tag == "en"
    assert any(problem.path == "locales/vi/danger_cards.yaml" for problem in cards.problems)
    with pytest.raises(CardsError):
        load_cards(root, strict=True)


def test_without_the_base_cards_loading_refuses(tmp_path: Path) -> None:
    root = copy_cards(tmp_path)
    (root / "intents/danger_cards.yaml").write_text("state: drafted\n", encoding="utf-8")
    with pytest.raises(CardsError):
        load_cards(root)
