"""Readings: every row of our own tables, a held-out set written by others, placeholders, and what is reported."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents.furigana import annotate, furigana
from intents.plain_readings import NUMBER, counted, number
from intents.ruby import Segment, as_chat, as_markup, as_plain, unread
from intents.wordlevels import hiragana, rows

READINGS = rows("readings.tsv")
COUNTERS = rows("counters.tsv")
HELD_OUT = Path(__file__).parents[2].parent / "shared" / "yasashii" / "furigana_heldout_gifu.tsv"


def reads_as(segments: list[Segment], start: int, end: int, reading: str) -> bool:
    """Whether text[start:end] is read so; of a longer word, whether it begins, ends or goes on with it."""
    at, whole = 0, ""
    before = after = False
    for segment in segments:
        first, at = at, at + len(segment.base)
        if at <= start or first >= end:
            continue
        if segment.ruby is None:
            whole += segment.base[max(0, start - first) : end - first]
        else:
            whole += segment.ruby
            before, after = before or first < start, after or at > end
    whole, wanted = hiragana(whole.replace(" ", "")), hiragana(reading)
    if before and after:
        return wanted in whole
    return whole.endswith(wanted) if before else whole.startswith(wanted) if after else whole == wanted


@pytest.mark.parametrize("row", READINGS, ids=[row[0] for row in READINGS])
def test_a_word_in_context_is_read_right(row: list[str]) -> None:
    _, _, sentence, start, target, readings = row
    segments = furigana(sentence)
    assert as_plain(segments) == sentence
    assert any(reads_as(segments, int(start), int(start) + len(target), one) for one in readings.split("/"))


def test_all_two_hundred_and_forty_two_words_are_there() -> None:
    assert len(READINGS) == 242
    assert len(COUNTERS) == 239


@pytest.mark.parametrize(("surface", "readings"), COUNTERS, ids=[row[0] for row in COUNTERS])
def test_a_number_with_its_counter_is_one_unit_read_right(surface: str, readings: str) -> None:
    text = f"4月{surface}" if surface.endswith("日") else surface
    segments = furigana(text)
    assert (segments[-1].base, segments[-1].ruby in readings.split("/")) == (surface, True)


def test_ninety_nine_of_a_hundred_unseen_readings_are_right() -> None:
    if not HELD_OUT.exists():
        pytest.skip(f"{HELD_OUT} is not there: the held-out set is not part of the project")
    wrong, n = [], 0
    for line in HELD_OUT.read_text(encoding="utf-8").splitlines()[1:]:
        text, spans = line.split("\t")
        segments = furigana(text.translate({ord("{"): "（", ord("}"): "）"}))
        for span in spans.split(";"):
            start, surface, reading = span.split(":")
            n += 1
            if not reads_as(segments, int(start), int(start) + len(surface), reading):
                wrong.append((surface, reading, text))
    assert n == 649
    assert len(wrong) <= 0.01 * n, wrong


@pytest.mark.parametrize(
    ("text", "chat"),
    [
        ("振り込まないで", "振（ふ）り込（こ）まないで"),
        ("空き巣", "空（あ）き巣（す）"),
        ("受理番号と 交通 安全", "受理番号（じゅりばんごう）と 交通（こうつう） 安全（あんぜん）"),
        ("闇バイトと 在留カード", "闇（やみ）バイトと 在留（ざいりゅう）カード"),
        ("3か月", "3か月（さんかげつ）"),
        ("１４日以内に", "１４日以内（じゅうよっかいない）に"),
        ("4月1日に 1日 休む", "4月（しがつ）1日（ついたち）に 1日（いちにち） 休（やす）む"),
        ("午後5時15分", "午後（ごご）5時（ごじ）15分（じゅうごふん）"),
        ("110番号と 3分の1", "110番号（ばんごう）と 3分（ぶん）の1"),
        ("#9110と 0120-110-110です", "#9110と 0120-110-110です"),
        ("110番と 119番", "110番（ひゃくとおばん）と 119番（ひゃくじゅうきゅうばん）"),
        ("板（ナンバー）が", "板（いた）（ナンバー）が"),
        ("PCR検査", "PCR検査（けんさ）"),
        ("箱に 入れて ください", "箱（はこ）に 入（い）れて ください"),
        ("店に 入れません", "店（みせ）に 入（はい）れません"),
        ("カードの 表と 時間の 表", "カードの 表（おもて）と 時間（じかん）の 表（ひょう）"),
        ("一週間に 一回", "一週間（いっしゅうかん）に 一回（いっかい）"),
        ("https://example.jp/ を 見る", "https://example.jp/ を 見（み）る"),
        ("ひらがなと カタカナと ABC", "ひらがなと カタカナと ABC"),
    ],
)
def test_readings_stand_where_a_reader_expects_them(text: str, chat: str) -> None:
    assert as_chat(furigana(text)) == chat


def test_the_authors_own_reading_wins() -> None:
    assert as_markup(furigana("{方|かた}と {明日|あす}")) == "{方|かた}と {明日|あす}"


@pytest.mark.parametrize(
    ("text", "values", "markup"),
    [
        ("{emg_110}番に", {"emg_110": "110"}, "{emg_110}{番|ひゃくとおばん}に"),
        ("{card_days}日以内に", {"card_days": "14"}, "{card_days}{日以内|じゅうよっかいない}に"),
        ("{n}人で", {"n": "2"}, "{n}{人|ふたり}で"),
        ("{n}人で", {"n": "3"}, "{n}{人|さんにん}で"),
        ("{tell}に 電話", {"tell": "0570-013-904"}, "{tell}に {電話|でんわ}"),
        ("{emg_110}に 電話", {"emg_110": "110"}, "{emg_110}に {電話|でんわ}"),
        ("{day}から 始まる", {"day": "2027{年|ねん}4{月|がつ}{1日|ついたち}"}, "{day}から {始|はじ}まる"),
        ("{fee}以内", {"fee": "5,000{円|えん}"}, "{fee}{以内|いない}"),
        ("レベル{n}が", {"n": "3"}, "レベル{n}が"),
        ("{unknown}番に", {}, "{unknown}{番|ばん}に"),
    ],
)
def test_a_placeholder_stays_and_is_read_with_its_value(text: str, values: dict[str, str], markup: str) -> None:
    assert as_markup(annotate(text, values).segments) == markup


def test_a_homograph_that_nothing_decides_is_reported_with_its_rule() -> None:
    problems = annotate("そこを 通って、間です。").problems
    assert problems
    assert {problem.kind for problem in problems} == {"ambiguous"}
    assert all(problem.rule for problem in problems)


def test_a_homograph_that_the_author_has_read_is_not_reported() -> None:
    assert annotate("その {他|ほか}です。").problems == ()


def test_a_word_of_no_dictionary_is_an_error_and_gets_no_reading() -> None:
    found = annotate("彁です。")
    assert [(problem.kind, problem.surface) for problem in found.problems] == [("oov", "彁")]
    assert unread(found.segments) == ["彁です。"]


@pytest.mark.parametrize(
    ("n", "reading"),
    [
        (0, "れい"),
        (14, "じゅうよん"),
        (300, "さんびゃく"),
        (608, "ろっぴゃくはち"),
        (1000, "せん"),
        (8800, "はっせんはっぴゃく"),
        (10000, "いちまん"),
        (3_000_000, "さんびゃくまん"),
        (100_000_000, "いちおく"),
        (10_010_000, "いっせんいちまん"),
    ],
)
def test_numbers_are_read_aloud(n: int, reading: str) -> None:
    assert number(n) == reading


@pytest.mark.parametrize("text", ["13月", "0月", "10つ", "0つ"])
def test_what_is_no_number_with_a_counter_is_not_read_as_one(text: str) -> None:
    found = NUMBER.fullmatch(text)
    assert found is None or counted(found) is None


@given(st.integers(0, 10**12 - 1))
def test_every_number_has_a_reading_in_hiragana(n: int) -> None:
    assert set(number(n)) <= set("いちにさんよごろくなはきゅうじっひゃびぴせぜまおれ")


@given(st.sampled_from([row[2] for row in READINGS]), st.data())
def test_spaces_change_no_reading(sentence: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sentence)))
    spaced = sentence[:at] + " " + sentence[at:]

    def readings(text: str) -> str:
        return "".join(segment.ruby for segment in furigana(text) if segment.ruby)

    assert readings(spaced) == readings(sentence)
    assert as_plain(furigana(spaced)) == spaced
