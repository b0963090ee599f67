"""The words of the campaigns: the first ones in every core language, the same numbers, short, and plain."""

from __future__ import annotations

import re

import pytest

from bot import campaigns
from bot.i18n import ROOT
from bot.notice_texts import choose_text
from bot.plain_check import remarks
from intents.catalogue import load_catalogue
from storage.models import NoticeText

CORE = {"ja-simple", "en", "zh-Hans", "zh-Hant", "ko", "vi", "pt-BR", "es", "th", "id", "fil", "km", "my", "mn", "ne"}
FIRST = ("foreign_employment_month", "day_110", "day_9110", "spring_traffic", "autumn_traffic", "community_safety",
         "victim_month")
MAX_TITLE = 120  # characters
MAX_BODY = 400  # characters; a phone shows it whole


def numbers(text: str) -> set[str]:
    """The numbers of two digits or more: smaller ones are words in some languages."""
    return set(re.findall(r"\d{2,}", text))


@pytest.mark.parametrize("campaign_id", FIRST)
def test_the_first_campaigns_have_words_in_every_core_language(campaign_id: str) -> None:
    assert set(campaigns.words()[campaign_id]) == CORE


@pytest.mark.parametrize("campaign_id", sorted(campaigns.words()))
def test_every_language_says_the_same_numbers_in_few_words(campaign_id: str) -> None:
    base_title, base_body = campaigns.words()[campaign_id]["ja-simple"]
    for tag, (title, body) in campaigns.words()[campaign_id].items():
        assert numbers(body) == numbers(base_body), tag
        assert 0 < len(title) <= MAX_TITLE, tag
        assert len(body) <= MAX_BODY, tag
        assert len(body.split("\n\n")) == 2, "what it is about, then what to do"
        if tag != "ja-simple" and "〈" in base_title:  # the base explains an official name
            assert re.search(r"[（(][^（()）]*[一-龯][^（()）]*[)）]", title), f"{tag}: the Japanese name is missing"


@pytest.mark.parametrize("campaign_id", sorted(campaigns.words()))
async def test_the_japanese_body_is_plain(campaign_id: str) -> None:
    found = await remarks("", campaigns.words()[campaign_id]["ja-simple"][1])
    if found is None:
        pytest.skip("the packages of the check are not installed")
    assert [each for each in found if each.severity == "error"] == []


def test_a_language_without_words_of_its_own_gets_those_of_its_fallback() -> None:
    locales = load_catalogue(ROOT, strict=False).locales
    texts = {tag: NoticeText(notice_id=1, tag=tag, title=title, body=body, state="drafted")
             for tag, (title, body) in campaigns.words()["day_110"].items()}
    for tag in locales:
        assert choose_text(texts, tag, missing="fallback", locales=locales) is not None, tag
