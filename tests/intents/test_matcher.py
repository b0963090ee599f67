"""Ranking: always full, always ordered, the same for the same words however they are typed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents import encoder, features
from intents.encoder_top import TOP_FILE, load_top
from intents.examples import training_examples
from intents.matcher import BOT_REQUESTS, MODEL_FILE, OUT_OF_SCOPE, SMALLTALK, Matcher, fingerprint
from intents.normalise import clean, fold
from intents.romaji import loose_kana, romaji_to_kana, to_hiragana
from intents.training import examples_fingerprint

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher.load(ROOT)


def test_the_model_knows_every_topic_and_every_request_about_the_bot(matcher: Matcher) -> None:
    topics = {path.stem for path in (ROOT / "intents" / "topics").glob("*/*.yaml") if path.parent.name != "bot"}
    assert topics | BOT_REQUESTS | SMALLTALK | {OUT_OF_SCOPE} == set(matcher.labels)


def test_the_trained_files_are_small_enough_to_keep_in_git() -> None:
    sizes = [(ROOT / name).stat().st_size for name in (MODEL_FILE, TOP_FILE)]
    assert max(sizes) < 10_000_000


def test_the_model_was_trained_on_the_utterances_as_they_are(matcher: Matcher) -> None:
    assert matcher.fingerprint == examples_fingerprint(training_examples(ROOT)), "run `python -m intents train`"


def test_the_model_fits_the_encoder_that_is_shipped(matcher: Matcher) -> None:
    assert matcher.encoder_name == encoder.engine_name(load_top(ROOT / TOP_FILE))


@given(text=st.text(max_size=200), n=st.integers(1, 10))
def test_a_ranking_is_always_full_and_best_first(matcher: Matcher, text: str, n: int) -> None:
    ranked = matcher.rank(text, n)
    assert len(ranked) == n
    assert len({one.intent_id for one in ranked}) == n
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    assert all(0.0 <= one.score <= 1.0 for one in ranked)


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "🚲" * 5000, "a" * 100_000, "\u202e\u200b"])
def test_hostile_text_is_ranked_like_any_other(matcher: Matcher, text: str) -> None:
    assert len(matcher.rank(text)) == 5


def test_words_alone_find_a_plain_request(matcher: Matcher) -> None:
    assert matcher.rank("xin chào")[0].intent_id == "greeting"
    assert "stolen_bicycle" in [one.intent_id for one in matcher.rank("mất xe đạp rồi", 3)]


def test_the_encoder_helps_where_there_is_one(matcher: Matcher) -> None:
    engine = encoder.load(ROOT)
    if engine is None:
        pytest.skip("no encoder on this machine: its wheel exists for Linux on x86-64 only")
    text = "somebody took my bike from the station parking"
    assert "stolen_bicycle" in [one.intent_id for one in matcher.rank(text, 3, vector=engine.encode(text))]


def test_a_vector_is_a_unit_and_long_text_is_cut() -> None:
    engine = encoder.load()
    if engine is None:
        pytest.skip("no encoder on this machine: its wheel exists for Linux on x86-64 only")
    for text in ("", "\ud800\x00", "財布", "word " * 20_000):
        assert np.linalg.norm(engine.encode(text)) == pytest.approx(1.0, abs=1e-3)
    assert len(encoder.prepare("word " * 20_000)) <= encoder.MAX_CHARS


def test_case_width_marks_and_repeats_do_not_change_the_words() -> None:
    assert clean("ＨＥＬＰ  meeee!!!") == clean("help me!")
    assert clean("can’t") == "can't"
    assert fold(clean("Cướp Đường")) == "cuop duong"
    assert clean("110") == "110"
    assert clean("a\ud800\x00\u200bb") == "a b"


def test_romaji_and_kana_are_one() -> None:
    assert romaji_to_kana("jitensha ga nusumareta") == ("じてんしゃ が ぬすまれた", 1.0)
    assert romaji_to_kana("kyō wa shinjuku e itta")[0] == "きょう わ しんじゅく え いった"
    assert romaji_to_kana("bicycle")[1] == 0.0
    assert to_hiragana("ジテンシャ") == "じてんしゃ"
    assert loose_kana("がっこう へ") == loose_kana("がこへ")
    kana, latin = (features.forms(text)[-1] for text in ("ジテンシャ ガ", "jitensha ga"))
    assert kana == latin


def test_a_fingerprint_follows_every_text_and_their_order() -> None:
    assert fingerprint(["a", "b"]) == fingerprint(["a", "b"])
    assert len({fingerprint(["a", "b"]), fingerprint(["b", "a"]), fingerprint(["ab"]), fingerprint([])}) == 4
