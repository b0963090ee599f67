"""What a locale writes in its own way: moments and lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.event_texts import Invitation, lines_of
from bot.i18n import load_strings

AT = datetime(2026, 12, 19, 5, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "said"),
    [("en", "Sat, Dec 19 14:30"), ("my", "ဒီဇင်ဘာ 19 စနေ 14:30"), ("km", "សៅរ៍ 19 ធ្នូ 14:30"),
     ("ja-simple", "12月19日（土）午後2時30分")],
)
def test_a_moment_names_the_month_so_that_it_is_understood(tag: str, said: str) -> None:
    assert load_strings()[tag].moment(AT) == said


@pytest.mark.parametrize(
    ("tag", "said"), [("en", "Vietnamese, Nepali"), ("my", "ဗီယက်နမ်၊ နီပေါ"), ("ja-simple", "ベトナム語、ネパール語")]
)
def test_the_languages_of_an_event_stand_in_a_list_of_the_readers_kind(tag: str, said: str) -> None:
    invitation = Invitation(1, "公民館", AT, AT, languages=("vi", "ne"))
    assert list(lines_of(invitation, load_strings()[tag]))[-1].endswith(said)
