"""Terms whose translation is locked, so that one thing has one name in everything a resident reads.

They are in terms.yaml: the words that the curated answers use, in each language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from intents.schema import BASE_TAG, CORE_TAGS

FILE = Path(__file__).with_name("terms.yaml")


@dataclass(frozen=True)
class Term:
    """One thing. ja: how Japanese writes it; by_tag: dict of tag → forms, the one to write first."""

    ja: tuple[str, ...]
    by_tag: Mapping[str, tuple[str, ...]]

    def forms(self, tag: str) -> tuple[str, ...]:
        """Return what counts as this term in a language; nothing where no form is locked."""
        return self.ja if tag in ("ja", BASE_TAG) else self.by_tag.get(tag, ())


@dataclass(frozen=True)
class Found:
    """A term in a Japanese text, from `start` to `end`, in the spelling of the text."""

    term: Term
    words: str
    start: int
    end: int


@cache
def terms() -> tuple[Term, ...]:
    """Return every locked term. Raises ValueError when the file is wrong: a term without Japanese or an unknown tag."""
    rows = yaml.safe_load(FILE.read_text("utf-8"))["terms"]
    made = []
    for row in rows:
        by_tag = {tag: tuple(forms) for tag, forms in row.items() if tag != "ja"}
        if not row.get("ja") or not set(by_tag) <= set(CORE_TAGS) or not all(all(forms) for forms in by_tag.values()):
            raise ValueError(f"{FILE.name}: {row}")
        made.append(Term(tuple(row["ja"]), by_tag))
    return tuple(made)


@cache
def _pattern() -> tuple[re.Pattern[str], Mapping[str, Term]]:
    by_words = {words: term for term in terms() for words in term.ja}
    longest_first = sorted(by_words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))), by_words


def find(japanese: str) -> list[Found]:
    """Return the terms of a Japanese text, in order; of two that overlap the longer one."""
    pattern, by_words = _pattern()
    return [
        Found(by_words[match.group()], match.group(), match.start(), match.end())
        for match in pattern.finditer(japanese)
    ]


def contains(text: str, forms: tuple[str, ...]) -> bool:
    """Tell whether a text has one of the forms, however it is written large or small or broken into lines."""
    plain = _plain(text)
    return any(_plain(form) in plain for form in forms)


def _plain(text: str) -> str:
    return " ".join(text.replace("\u200b", "").casefold().split())
