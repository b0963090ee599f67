"""Under each number stand the languages that are really spoken, and whether the resident's own is among them."""

from __future__ import annotations

from datetime import date

import pytest

from bot.conversation import Parts
from bot.line_breaks import keep_together

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(("tag", "is_said"), [("my", True), ("vi", False)])
def test_a_number_without_the_residents_language_says_so(parts: Parts, tag: str, is_said: bool) -> None:
    answer = parts.screens.answer("hate_discrimination", tag, today=TODAY, furigana=False)
    assert answer is not None
    contact = answer.text[answer.text.index("外国語人権相談ダイヤル"):]
    said = keep_together(parts.screens.words(tag)("not in your language"))
    assert (said in contact.split("📞")[0]) is is_said


@pytest.mark.parametrize(("tag", "hours"), [
    ("en", "Mon–Fri 9:00 AM–12:00 PM, 1:00 PM–4:00 PM (closed"),
    ("vi", "T2–T6 09:00–12:00, 13:00–16:00 (nghỉ"),
    ("zh-Hans", "周一至周五 09:00–12:00、13:00–16:00（"),
    ("zh-Hant", "週一至週五 上午9:00–中午12:00、下午1:00–下午4:00（"),
])
def test_hours_name_the_days_once_and_as_the_language_writes_them(parts: Parts, tag: str, hours: str) -> None:
    shown = parts.screens.catalogue.shown_contacts(("isa_local",), tag)
    assert shown[0].hours.startswith(hours)


@pytest.mark.parametrize(("tag", "languages"), [
    ("vi", "Tiếng Anh, tiếng Trung, tiếng Hàn, "),
    ("zh-Hant", "英語、中文、韓語、"),
    ("en", "English, Chinese, Korean, "),
])
def test_languages_are_listed_as_the_language_writes_them(parts: Parts, tag: str, languages: str) -> None:
    shown = parts.screens.catalogue.shown_contacts(("yorisoi",), tag)
    assert shown[0].languages_text.startswith(languages)


@pytest.mark.parametrize(("tag", "note"), [("zh-Hant", "0120-279-338 （"), ("ne", "0120-279-338 (")])
def test_a_remark_behind_a_number_has_the_brackets_of_the_language(parts: Parts, tag: str, note: str) -> None:
    answer = parts.screens.answer("living_support", tag, today=TODAY, furigana=False)
    assert answer is not None
    assert note in answer.text


def test_a_sum_of_money_is_written_in_plain_words(parts: Parts) -> None:
    for tag, sum_of_money in (("en", "300,000 yen"), ("ko", "300,000엔"), ("vi", "300.000 yên")):
        answer = parts.screens.answer("knives_weapons", tag, today=TODAY, furigana=False)
        assert answer is not None
        assert sum_of_money in answer.text
