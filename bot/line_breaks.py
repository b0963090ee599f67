"""Where a line must not break: Burmese has no spaces between words, and phones find the words with a dictionary.

The dictionary (that of ICU) knows few loanwords and breaks inside their syllables, and it leaves the `မ` that makes a
verb negative alone at the end of a line, so that the next line begins with the opposite of what is meant.
"""

from __future__ import annotations

import re

JOINER = "\u2060"  # Word joiner: shows nothing, and no line breaks beside it. Source: Unicode UAX #14, rule LB11.
_LOANWORDS = (
    "ချတ်", "အက်ပ်", "အကောင့်", "အီးမေးလ်", "ဟဲလ်မက်", "ဝက်ဘ်ဆိုက်", "ဟွန်ဒီ", "ဘယ်လ်ဂျီယံ", "ဘော့တ်",
    "မက်ဆေ့ချ်", "အင်ဒိုနီးရှား", "စပိန်", "နမူနာ",
)  # fmt: skip
_CONSONANT = "[\u1000-\u1021]"
_INSIDE = re.compile(f"(?<!^)(?={_CONSONANT})")
_JOINED = {word: _INSIDE.sub(JOINER, word) for word in _LOANWORDS}
_FOUND = re.compile(f"{'|'.join(_LOANWORDS)}|မ(?={_CONSONANT}(?![\u1037\u1039\u103a]))")


def keep_together(text: str) -> str:
    """Return text with joiners inside Burmese that must stay on one line; any other text as it is."""
    if "\u103a" not in text:  # the sign of a closed syllable: hardly a Burmese sentence is without
        return text
    return _FOUND.sub(lambda found: _JOINED.get(found[0], found[0] + JOINER), text)
