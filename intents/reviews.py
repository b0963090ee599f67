"""What people have decided about texts, laid over the catalogue: an approval counts for one fingerprint only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from intents.catalogue import Catalogue
from intents.schema import BASE_TAG, AnswerText, Intent, Review, Translation
from intents.texts import fingerprint


@dataclass(frozen=True)
class Approval:
    """Somebody read exactly this text and found it right.

    rev: fingerprint of the text that was read (`text_rev`); base_rev: of the base that it was compared with.
    review_by: the day until which a base answer stands before it must be read again; None leaves the file's day.
    """

    intent_id: str
    tag: str
    rev: str
    base_rev: str
    by: str
    at: dt.date
    review_by: dt.date | None = None


@dataclass(frozen=True)
class SameMeaning:
    """Somebody said that a small correction of a base answer did not change what it means."""

    intent_id: str
    old_rev: str
    new_rev: str


def text_of(catalogue: Catalogue, intent_id: str, tag: str) -> AnswerText | None:
    """Return the words of an answer in one language, without any fallback; None where there are none."""
    if tag == BASE_TAG:
        intent = catalogue.intents.get(intent_id)
        return intent.base if intent is not None else None
    translation = catalogue.translations.get((tag, intent_id))
    return translation.text if translation is not None else None


def text_rev(catalogue: Catalogue, intent_id: str, tag: str) -> str | None:
    """Return the fingerprint of a text as it is now; None where there is none."""
    text = text_of(catalogue, intent_id, tag)
    if text is None:
        return None
    return catalogue.intents[intent_id].rev if tag == BASE_TAG else fingerprint(text, {})


def same_revs(intent: Intent, decisions: Iterable[SameMeaning]) -> frozenset[str]:
    """Return every fingerprint that means the same as the base answer does now, its own among them."""
    links = [(each.old_rev, each.new_rev) for each in decisions if each.intent_id == intent.id]
    found = {intent.rev}
    while more := {old for old, new in links if new in found} - found:
        found |= more
    return frozenset(found)


def with_reviews(
    catalogue: Catalogue, approvals: Iterable[Approval], same_meaning: Iterable[SameMeaning] = ()
) -> Catalogue:
    """Return the catalogue with the states that these decisions give its texts.

    catalogue: as read from the files, not one that carries decisions already.
    approvals: at most one for each intent and tag, those in effect. An approval of another text than there is now
    changes nothing.
    """
    same_meaning = list(same_meaning)
    found = {(each.tag, each.intent_id): each for each in approvals}
    revs = {intent.id: same_revs(intent, same_meaning) for intent in catalogue}
    intents = {intent.id: _intent(intent, found, revs[intent.id]) for intent in catalogue}
    translations = {
        key: _translation(each, intents[each.intent_id], found.get(key), revs[each.intent_id])
        for key, each in catalogue.translations.items()
    }
    return replace(catalogue, intents=MappingProxyType(intents), translations=MappingProxyType(translations))


def _intent(intent: Intent, found: Mapping[tuple[str, str], Approval], revs: frozenset[str]) -> Intent:
    approval = found.get((BASE_TAG, intent.id))
    if approval is None or approval.rev not in revs:
        return intent
    return replace(
        intent, review=Review("checked", approval.by, approval.at, intent.rev),
        review_by=approval.review_by or intent.review_by,
    )


def _translation(
    translation: Translation, intent: Intent, approval: Approval | None, revs: frozenset[str]
) -> Translation:
    if translation.source_rev in revs and translation.source_rev != intent.rev:
        translation = replace(translation, source_rev=intent.rev)
    if approval is None or approval.base_rev not in revs or approval.rev != fingerprint(translation.text, {}):
        return translation
    # Whoever approved it compared it with the base as it is now, whatever the file names.
    return replace(
        translation, state="checked", checked_by=approval.by, checked_at=approval.at, source_rev=intent.rev
    )
