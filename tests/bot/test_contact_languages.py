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


def test_a_sum_of_money_is_written_in_plain_words(parts: Parts) -> None:
    for tag, sum_of_money in (("en", "300,000 yen"), ("ko", "300,000엔"), ("vi", "300.000 yên")):
        answer = parts.screens.answer("knives_weapons", tag, today=TODAY, furigana=False)
        assert answer is not None
        assert sum_of_money in answer.text
