"""The contract of `koban understand`, and that nothing a stranger types can break it."""

import io
import json
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.redaction import redact
from intents.danger import Danger
from intents.language_tags import TAGS
from intents.matcher import BOT_REQUESTS
from intents.normalise import without_links
from intents.understand import Understander, run_lines, to_json

ROOT = Path(__file__).parents[2]
KEYS = ["danger", "language", "language_confidence", "outcome", "intents"]
OUTCOMES = {"answer", "choices", "bot_request", "smalltalk", "fallback"}


@pytest.fixture(scope="module")
def understander() -> Understander:
    return Understander.load(ROOT)


@pytest.fixture(scope="module")
def words_only() -> Understander:
    return Understander.load(ROOT, encoder="off")


def test_the_contract_has_its_keys_in_order_and_five_intents(understander: Understander) -> None:
    for text in ("Tôi bị mất ví", "", "asdkjh", "110"):
        found = to_json(understander.understand(text))
        assert list(found) == KEYS
        assert len(found["intents"]) == 5
        assert all(set(one) == {"id", "score"} for one in found["intents"])
        assert found["outcome"] in OUTCOMES
        json.dumps(found)


def test_danger_is_said_beside_the_intent(understander: Understander) -> None:
    found = understander.understand("There is a man with a knife in my kitchen")
    assert found.danger == Danger.POLICE_NOW
    assert to_json(found)["danger"] == "police_now"


def test_an_empty_message_is_a_fallback_in_no_language(understander: Understander) -> None:
    found = understander.understand("", language_code="vi", locale="vi")
    assert (found.danger, found.language, found.outcome) == (None, None, "fallback")


@pytest.mark.parametrize(("text", "outcome"), [("xin chào", "smalltalk"), ("cảm ơn nhiều nha", "smalltalk")])
def test_politeness_is_smalltalk(understander: Understander, text: str, outcome: str) -> None:
    assert understander.understand(text).outcome == outcome


def test_a_bot_request_names_itself(understander: Understander) -> None:
    found = understander.understand("Xoá hết dữ liệu của em đi")
    assert found.outcome == "bot_request"
    assert found.bot_request == found.intents[0].intent_id == "delete_data"


def test_choices_are_two_to_four_and_only_then(understander: Understander) -> None:
    for text in ("ví", "mất", "giúp em", "tiền", "police", "財布", "xe", "visa"):
        found = understander.understand(text)
        assert (len(found.choices) in (2, 3, 4)) == (found.outcome == "choices")
        assert (found.bot_request in BOT_REQUESTS) == (found.outcome == "bot_request")


def test_a_short_doubtful_message_asks_on_about_what_was_answered(understander: Understander) -> None:
    doubtful = replace(understander.understand("blorp?"), outcome="fallback", choices=())
    after = doubtful.following("license_conversion", n_chars=6)
    assert (after.outcome, after.choices) == ("choices", ("license_conversion",)), "nothing else is guessed at"
    doubtful = replace(doubtful, outcome="choices", choices=("stolen_bicycle", "lost_property"))
    after = doubtful.following("license_conversion", n_chars=6)
    assert after.choices[0] == "license_conversion"
    assert 2 <= len(after.choices) <= 4
    assert len(set(after.choices)) == len(after.choices)
    assert doubtful.following("license_conversion", n_chars=200) == doubtful, "a long message speaks for itself"
    border = replace(doubtful, soft_danger=Danger.CRISIS_NOW)
    assert border.following("license_conversion", n_chars=6) == border, "no question stands before the telephone"
    clear = replace(doubtful, outcome="answer")
    assert clear.following("license_conversion", n_chars=6) == clear


def test_everything_works_without_the_encoder(words_only: Understander) -> None:
    assert words_only.understand("mất xe đạp rồi").intents[0].intent_id == "stolen_bicycle"
    assert words_only.understand("I want to die").danger == Danger.CRISIS_NOW


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300))
def test_any_text_is_understood_as_something(words_only: Understander, text: str) -> None:
    found = to_json(words_only.understand(text))
    assert found["language"] is None or found["language"] in TAGS
    assert len(found["intents"]) == 5


@pytest.mark.parametrize(
    "text",
    ["\ud800", "\x00" * 50, "a" * 100_000, "死" * 100_000, "\u202e\u200d", "🏳️‍🌈" * 3000, "क्" * 50_000, "\U0010ffff"],
)
def test_hostile_text_is_understood_like_any_other(understander: Understander, text: str) -> None:
    assert len(understander.understand(text).intents) == 5


def test_lines_are_answered_in_order_one_for_one_and_a_broken_line_keeps_its_place() -> None:
    asked = [
        json.dumps({"text": "xin chào", "language_code": "vi", "locale": None}),
        "not json",
        "[]",
        json.dumps({"text": 7}),
        json.dumps({"text": "I want to die", "locale": "en"}),
        json.dumps({"text": "\ud800"}),
        json.dumps({"text": "a", "locale": 5}),
        "[" * 50_000,
        "",
    ]
    out = io.StringIO()
    run_lines(io.StringIO("\n".join(asked) + "\n"), out, ROOT, encoder="off")
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(answers) == len(asked)
    assert [("error" in answer) for answer in answers] == [False, True, True, True, False, False, True, True, True]
    assert answers[0]["language"] == "vi"
    assert answers[4]["danger"] == "crisis_now"
    for answer in answers:
        assert list(answer)[:5] == KEYS
        if "error" in answer:
            assert (answer["danger"], answer["outcome"], len(answer["intents"])) == (None, "fallback", 5)


@pytest.mark.parametrize("text", ["@" * 4096, "a@" * 2048, "@." * 2048, "a@b." * 1024, "+-" * 2048])
def test_no_row_of_signs_holds_the_others_up(text: str) -> None:
    """One such message took seconds, in which no card was sent to anybody."""
    begun = time.thread_time()
    without_links(text)
    redact(text)
    assert time.thread_time() - begun < 0.25


@pytest.mark.parametrize(("text", "left"), [
    ("write to a@b.jp now", "write to   now"), ("@a@b.jp x", "  x"), ("(http://a.b/c) #tag @name a@b", "(       a@b"),
])
def test_addresses_and_names_speak_no_language(text: str, left: str) -> None:
    assert " ".join(without_links(text).split()) == " ".join(left.split())
