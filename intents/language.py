"""Which language is a message in? Scripts first, then words, then a statistical guess, then what we knew before.

`detect` never decides for the resident: it may be unsure, and the conversation then asks with buttons.

What each layer is for: scripts settle km my th ko si bn ur and kana; figures of characters and pairs settle kanji;
letters and words settle Cyrillic, Devanagari and Latin together with py3langid (`language_letters`); langdetect only
takes certainty away (`_second_opinion`). `python -m intents evaluate --language TABLE` prints the figures.
"""

import re

from intents import language_letters, language_second
from intents.language_letters import PY3, Detection
from intents.language_tags import MORE_TAGS, TAGS, canonical
from intents.normalise import clean, without_links

__all__ = ["TAGS", "Detection", "canonical", "detect", "load"]

MAX_CHARS = 400
_SCRIPTS = {
    "latin": "a-zà-öø-ÿāăąćčďđēęěğīįıłńňōőœřśşšťũūůűųźżžơưạ-ỹ",
    "kana": "\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff",
    "han": "\u3005\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f",
    "ko": "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
    "cyrillic": "\u0400-\u052f",
    "devanagari": "\u0900-\u0963\u0971-\u097f",
    "th": "\u0e01-\u0e4e",
    "km": "\u1780-\u17d3",
    "my": "\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9fe",
    "si": "\u0d80-\u0df4",
    "bn": "\u0980-\u09fe",
    "ur": "\u0620-\u06d3\u06d5-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc",
}
_SCRIPT_RUNS = {name: re.compile(f"[{ranges}]+") for name, ranges in _SCRIPTS.items()}
_NON_LATIN = re.compile("[\u0370-\uffff\U00010000-\U0002fa1f]")
_CLIENT, _CLIENT_ENGLISH, _PREVIOUS, _CHOSEN = 4.0, 1.0, 4.0, 5.0
"""What each hint is worth, in log units. An English Telegram says little: many residents never change it."""
_SECOND_BELOW = 0.95


def load() -> None:
    """Read every table now rather than at the first message (about half a second)."""
    language_letters.load()


def _priors(client: str | None, previous: str | None, chosen: str | None) -> dict[str, float]:
    """Return the bonus of each tag that we had reason to expect, in log units."""
    bonus: dict[str, float] = {}
    for tag, weight in ((client, _CLIENT), (previous, _PREVIOUS), (chosen, _CHOSEN)):
        known = canonical(tag)
        if known is None:
            continue
        known = "ja" if known in MORE_TAGS else known
        if tag is client and known == "en" and weight == _CLIENT:
            weight = _CLIENT_ENGLISH
        bonus[known] = max(bonus.get(known, 0.0), weight)
    return bonus


def detect(
    text: str, *, client: str | None = None, previous: str | None = None, chosen: str | None = None
) -> Detection:
    """Say which language a message is written in.

    text: as sent; the first 400 characters are read.
    client: the language of the resident's Telegram, a weak hint when English.
    previous: the language of their last message of three words or more.
    chosen: the language they picked by button.
    """
    body = clean(without_links(text[: MAX_CHARS * 2]), MAX_CHARS)
    prior = _priors(client, previous, chosen)
    return _second_opinion(body, _first_opinion(body, prior), prior)


def _second_opinion(body: str, found: Detection, prior: dict[str, float]) -> Detection:
    """Take certainty away where langdetect is nearly certain of something else and nothing else supports the guess.

    Measured on the development sample, no prior: of the 63 sure answers between 0.85 and 0.95 among languages that
    it knows, 5 are wrong; this makes 1 of them unsure, and 18 right ones. Adding its probabilities to the scores
    changes nothing (of 127 unsure messages 86 are right without, 88 with the best of six weights), and deciding alone
    it reaches 69.8 where the layers reach 98.1. So it may only turn a guess into a question, at a first message of a
    chat, and costs 3 ms on one message in fifty.
    """
    if (
        not (found.sure and found.tag in PY3 and found.confidence < _SECOND_BELOW)
        or prior.get(found.tag, 0.0) > _CLIENT_ENGLISH
    ):
        return found
    if language_second.disagrees(body, PY3[found.tag]):
        return Detection(found.tag, min(found.confidence, 0.7), False, found.letters)
    return found


def _first_opinion(body: str, prior: dict[str, float]) -> Detection:
    """Route a cleaned message to the layer that its letters ask for."""
    if body.isascii() or not _NON_LATIN.search(body):
        return language_letters.latin(body, prior)
    counts = {name: sum(map(len, runs.findall(body))) for name, runs in _SCRIPT_RUNS.items()}
    counts = {name: n for name, n in counts.items() if n}
    latin = counts.pop("latin", 0)
    if not counts:
        return language_letters.latin(body, prior)
    cjk = counts.get("kana", 0) + counts.get("han", 0)
    best = max(counts, key=lambda name: cjk if name in ("kana", "han") else counts[name])
    n = cjk if best in ("kana", "han") else counts[best]
    words_of_script = n / 2.5 if best in ("kana", "han", "th", "km", "my") else len(_SCRIPT_RUNS[best].findall(body))
    if latin and (latin_words := len(_SCRIPT_RUNS["latin"].findall(body))) >= 2 and latin_words > 2.0 * words_of_script:
        return language_letters.latin(body, prior)
    if best in ("kana", "han"):
        return language_letters.chinese_or_japanese(body, counts.get("kana", 0), counts.get("han", 0), prior)
    if best == "cyrillic":
        return language_letters.cyrillic(body, prior)
    if best == "devanagari":
        return language_letters.devanagari(body, prior)
    return Detection(best, 0.99, True, n)
