"""What people decide about texts, laid over the catalogue."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import MappingProxyType

import pytest

from bot.i18n import ROOT
from intents.catalogue import Catalogue, load_catalogue
from intents.reviews import Approval, SameMeaning, text_rev, with_reviews
from intents.schema import BASE_TAG

DAY = dt.date(2026, 11, 26)
INTENT = "stolen_bicycle"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(ROOT, strict=False)


def approval(catalogue: Catalogue, tag: str, **changes: object) -> Approval:
    rev = text_rev(catalogue, INTENT, tag)
    assert rev is not None
    made = Approval(INTENT, tag, rev, catalogue.intents[INTENT].rev, "佐藤", DAY)
    return replace(made, **changes)  # type: ignore[arg-type]


def with_base(catalogue: Catalogue, rev: str) -> Catalogue:
    """The catalogue after somebody has edited the base of INTENT."""
    return replace(catalogue, intents=MappingProxyType(
        {**catalogue.intents, INTENT: replace(catalogue.intents[INTENT], rev=rev)}
    ))


@pytest.mark.parametrize("tag", [BASE_TAG, "vi"])
def test_an_approval_of_this_very_text_makes_it_checked(catalogue: Catalogue, tag: str) -> None:
    before = catalogue.answer(INTENT, tag, today=DAY)
    after = with_reviews(catalogue, [approval(catalogue, tag)]).answer(INTENT, tag, today=DAY)
    assert before is not None
    assert before.state == "drafted"
    assert after is not None
    assert after.state == "checked"
    assert (after.title, after.steps) == (before.title, before.steps)


@pytest.mark.parametrize("tag", [BASE_TAG, "vi"])
def test_an_approval_of_another_text_changes_nothing(catalogue: Catalogue, tag: str) -> None:
    after = with_reviews(catalogue, [approval(catalogue, tag, rev="00000000")]).answer(INTENT, tag, today=DAY)
    assert after is not None
    assert after.state == "drafted"


def test_a_translation_approved_beside_another_base_is_not_checked(catalogue: Catalogue) -> None:
    edited = with_base(catalogue, "12345678")
    after = with_reviews(edited, [approval(catalogue, "vi")]).answer(INTENT, "vi", today=DAY)
    assert after is not None
    assert after.stale
    assert after.state == "drafted"


def test_a_correction_without_change_of_meaning_keeps_approval_and_translation(catalogue: Catalogue) -> None:
    old = catalogue.intents[INTENT].rev
    edited = with_base(with_base(catalogue, "22222222"), "33333333")
    decisions = [SameMeaning(INTENT, old, "22222222"), SameMeaning(INTENT, "22222222", "33333333")]
    after = with_reviews(edited, [approval(catalogue, "vi"), approval(catalogue, BASE_TAG)], decisions)
    for tag in ("vi", BASE_TAG):
        answer = after.answer(INTENT, tag, today=DAY)
        assert answer is not None
        assert answer.state == "checked"
        assert not answer.stale
    unapproved = with_reviews(edited, [], decisions).answer(INTENT, "ne", today=DAY)
    assert unapproved is not None
    assert unapproved.state == "drafted"
    assert not unapproved.stale


def test_the_approval_of_a_base_may_prolong_it(catalogue: Catalogue) -> None:
    late = dt.date(2027, 12, 31)
    assert catalogue.answer(INTENT, BASE_TAG, today=late) is None, "an expired answer is not sent"
    prolonged = with_reviews(catalogue, [approval(catalogue, BASE_TAG, review_by=late)])
    assert prolonged.answer(INTENT, BASE_TAG, today=late) is not None


def test_hold_sends_only_what_was_approved(catalogue: Catalogue) -> None:
    assert catalogue.answer(INTENT, "vi", today=DAY, unchecked="hold") is None
    after = with_reviews(catalogue, [approval(catalogue, "vi")])
    answer = after.answer(INTENT, "vi", today=DAY, unchecked="hold")
    assert answer is not None
    assert answer.tag == "vi"
