"""What a translation must not change is compared, and what differs is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.i18n import ROOT
from bot.translation import glossary
from bot.translation.compare import compare, facts_of, numbers_of, segments
from intents.schema import BASE_TAG, CORE_TAGS

TRANSLATED = [tag for tag in CORE_TAGS if tag != BASE_TAG]
SAYING = (
    "11月30日（月曜）午後3時に警察署へ来てください。電話は03-1234-5678です。"
    "3万円と在留カードを持ってきてください。"
)


def lost(japanese: str, other: str, tag: str) -> list[str]:
    return [fact.words for fact in compare(japanese, other, tag).lost]


@pytest.mark.parametrize(("tag", "other"), [
    ("en", "Please come to the police station on Monday, November 30 at 3 p.m. The telephone number is 03-1234-5678. "
           "Bring 30,000 yen and your residence card."),
    ("vi", "Hãy đến Sở cảnh sát lúc 15:00 thứ Hai ngày 30 tháng 11. Điện thoại 03 1234 5678. "
           "Mang 30.000 yên và thẻ cư trú."),
    ("ne", "सोमबार नोभेम्बर ३०, १५:०० मा प्रहरी कार्यालयमा आउनुहोस्। फोन ०३-१२३४-५६७८। ३०,००० येन र आवास कार्ड ल्याउनुहोस्।"),
    ("zh-Hans", "请于11月30日星期一下午3点到警察署。电话03-1234-5678。请带3万日元和在留卡。"),
    ("ja", "11月30日（月曜日）の15時に警察署に来てください。電話番号は03-1234-5678です。"
           "30000円と在留カードをお持ちください。"),
])
def test_what_is_kept_is_not_marked(tag: str, other: str) -> None:
    found = compare(SAYING, other, tag)
    assert found.is_same, (found.lost, found.extra)


def test_each_thing_that_differs_is_named() -> None:
    found = compare(SAYING, "Please come to the police on Tuesday, November 13 at 4 p.m. Call 03-1234-5679. "
                            "Bring 3,000 yen and your alien card.", "en")
    assert [fact.words for fact in found.lost] == [
        "30", "月曜", "午後3時", "警察署", "03-1234-5678", "3万", "在留カード"]
    assert [fact.kind for fact in found.lost] == ["number", "date", "time", "term", "phone", "number", "term"]
    assert found.extra == ("4", "13", "3000", "0312345679")


@pytest.mark.parametrize(("japanese", "other", "tag", "expected"), [
    ("午前9時30分に", "at 9:30", "en", []), ("午前9時半に", "at 9:30", "en", []),
    ("午前9時半に", "at 9", "en", ["午前9時半"]),
    ("午後12時", "at 12", "en", []), ("午前0時", "at 12 a.m.", "en", []), ("令和8年", "in 2026", "en", []),
    ("#9110に", "call #9110", "en", []), ("#9110に", "call #9119", "en", ["9110"]),
    ("１１０番", "дугаар 110", "mn", []),
    ("https://x.example/a1 と a@b.example", "https://x.example/a1, a@b.example", "en", []),
    ("https://x.example/a1 と a@b.example", "https://x.example/a2", "en", ["https://x.example/a1", "a@b.example"]),
    ("交番へ", "go to the Koban", "en", []), ("交番へ", "go to the police box", "en", ["交番"]),
    ("警察安全相談", "Police advice\nline", "en", []), ("警察相談専用電話", "a telephone", "en", ["警察相談専用電話"]),
    ("5月", "en mayo", "es", []), ("5月", "en marzo", "es", ["5月"]), ("違反防止月間", "month", "en", []),
    ("弁護士", "ทนาย\u200bความ", "th", []), ("3日以内", "trong 3 ngày", "vi", []),
    ("0120-000-111", "0120 000 111", "vi", []),
])
def test_one_thing_at_a_time(japanese: str, other: str, tag: str, expected: list[str]) -> None:
    assert lost(japanese, other, tag) == expected


def test_a_term_without_a_locked_form_in_a_language_is_not_missed() -> None:
    assert facts_of("交番", "ru") == []


@pytest.mark.parametrize("text", ["30,000", "30.000", "30\u202f000", "３０,０００"])
def test_separators_of_thousands_do_not_matter(text: str) -> None:
    assert numbers_of(text) == {"30000"}


@given(st.text(alphabet="0123４५月日午前後時半万交番警察署令和年-+().,: a", max_size=40))
def test_any_text_can_be_compared_and_is_the_same_as_itself(text: str) -> None:
    facts = facts_of(text, "ja")
    assert "".join(words for words, _fact in segments(text, facts)) == text
    assert compare(text, text, "ja").extra == ()


@pytest.mark.parametrize("tag", TRANSLATED)
def test_every_locked_term_has_a_form_that_the_answers_use(tag: str) -> None:
    folder = ROOT / "locales" / tag
    said = "\n".join(path.read_text("utf-8") for path in [*folder.glob("intents/*.yaml"), folder / "contacts.yaml"])
    for term in glossary.terms():
        assert term.forms(tag), f"{term.ja[0]} has no form in {tag}"
        assert glossary.contains(said, term.forms(tag)), f"{term.ja[0]}: no answer in {tag} says {term.forms(tag)}"


def test_the_longer_of_two_terms_counts() -> None:
    assert [found.words for found in glossary.find("警察安全相談は警察署でも")] == ["警察安全相談", "警察署"]
