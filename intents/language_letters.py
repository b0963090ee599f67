"""The layers of language detection: one function for each set of languages that share their letters."""

import math
import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from intents import language_han, language_words
from intents.normalise import fold
from intents.romaji import romaji_to_kana

_PY3_WEIGHT, _WORD_WEIGHT = 0.6, 0.35
"""How much a statistical log-likelihood and a word's log-frequency count. Chosen on the development sample."""
_WORD = re.compile(r"[^\W\d_]+(?:['\-][^\W\d_]+)*")
_DEVANAGARI_WORD = re.compile("[\u0900-\u0963\u0971-\u097f]+")
_LATIN = ("en", "vi", "pt-BR", "es", "id", "fil", "tr")
PY3 = {"en": "en", "vi": "vi", "pt-BR": "pt", "es": "es", "id": "id", "fil": "tl", "tr": "tr",
        "mn": "mn", "ru": "ru", "uk": "uk", "ne": "ne", "hi": "hi"}  # fmt: skip
_COLUMN = {
    tag: language_words.COLUMNS.index("pt" if tag == "pt-BR" else tag)
    for tag in (*_LATIN, "mn", "ru", "uk", "ne", "hi")
}
_VI_PLAIN, _ROMAJI, _NE_LATIN = (language_words.COLUMNS.index(name) for name in ("vi-plain", "romaji", "ne-latin"))
_LATIN_COLUMNS = [_COLUMN[tag] for tag in _LATIN]
_ENGLISH_BETWEEN = 0.35
_HOME = 1.0
"""Nepali and Mongolian against Hindi, Russian and Ukrainian: many more of the residents we serve write the former."""
_HAN_ALONE = 1.0
"""Chinese where there is no kana at all: a Japanese message of several characters nearly always has some."""

_lock = threading.Lock()


@dataclass(frozen=True)
class Detection:
    """What a message says about its language.

    tag: one of TAGS, or None where no letter speaks (110, an emoji, a link).
    confidence: 0.0–1.0, that `tag` is right.
    sure: whether to act on it without asking.
    letters: how many letters of the tag's script were read.
    """

    tag: str | None
    confidence: float
    sure: bool
    letters: int


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(sorted(set(PY3.values())))
    return identifier


def load() -> None:
    """Read every table now rather than at the first message."""
    with _lock:
        _identifier()
    language_words.load()
    language_han.load()


def _statistics(text: str, tags: tuple[str, ...]) -> dict[str, float]:
    """Return py3langid's log-likelihood of each tag, the best at 0."""
    found = dict(_identifier().rank(text))
    scores = {tag: float(found[PY3[tag]]) for tag in tags}
    best = max(scores.values())
    return {tag: max(score - best, -60.0) for tag, score in scores.items()}


def _pick(
    scores: dict[str, float], prior: dict[str, float], *, letters: int, words: int, scale: float = 1.0
) -> Detection:
    """Return the best tag of `scores` plus `prior`, with the probability the margin stands for."""
    total = {tag: score + prior.get(tag, 0.0) for tag, score in scores.items()}
    best = max(total, key=total.__getitem__)
    mass = sum(math.exp(max(-40.0, (score - total[best]) * scale)) for score in total.values())
    confidence = min(0.99, 1.0 / mass)
    return Detection(best, confidence, confidence >= (0.75 if words > 3 else 0.85), letters)


def chinese_or_japanese(body: str, kana: int, han: int, prior: dict[str, float]) -> Detection:
    """Decide by kana where there is any, else by how the characters are used."""
    if kana and (kana >= 3 or kana * 8 >= han):
        return Detection("ja", 0.99, True, kana + han)
    hans, hant = language_han.lead(body)
    # Neighbouring characters repeat each other's evidence, so a long line is less certain than its sum says.
    scores = {"ja": 0.0, "zh-Hans": 0.7 * hans + _HAN_ALONE, "zh-Hant": 0.7 * hant + _HAN_ALONE}
    return _pick(scores, prior, letters=han, words=max(1, han // 2), scale=0.8)


def cyrillic(body: str, prior: dict[str, float]) -> Detection:
    """Decide between Mongolian, Russian and Ukrainian by letters, words and statistics."""
    tags = ("mn", "ru", "uk")
    words = _WORD.findall(body)
    scores = {tag: score * _PY3_WEIGHT for tag, score in _statistics(body, tags).items()}
    found = language_words.evidence(words)
    for tag in tags:
        scores[tag] += _WORD_WEIGHT * float(found[:, _COLUMN[tag]].sum())
    # Mongolian has a short list: a word that neither of the others knows speaks for it.
    scores["mn"] += _HOME + _WORD_WEIGHT * 6.0 * int((found[:, [_COLUMN["ru"], _COLUMN["uk"]]].max(axis=1) == 0).sum())
    if any(c in body for c in "өү"):
        scores["mn"] += 20.0
    if any(c in body for c in "іїєґ"):
        scores["uk"] += 12.0
    if any(c in body for c in "ыэё"):
        scores["uk"] -= 8.0
    if any(c in body for c in "щ"):
        scores["mn"] -= 3.0
    return _pick(scores, prior, letters=sum(map(len, words)), words=len(words))


_NEPALI_WORDS = frozenset(
    [
        "छ",
        "छन्",
        "छैन",
        "छु",
        "छौ",
        "भयो",
        "भएको",
        "भए",
        "भन्ने",
        "भने",
        "मलाई",
        "मेरो",
        "म",
        "हामी",
        "हाम्रो",
        "तपाईं",
        "तपाईंको",
        "तिमी",
        "उनी",
        "उनले",
        "यो",
        "त्यो",
        "गर्न",
        "गर्ने",
        "गरेको",
        "गर्यो",
        "गर्छ",
        "गर्नुहोस्",
        "हुन्छ",
        "हुने",
        "हो",
        "होइन",
        "थियो",
        "थिए",
        "पनि",
        "र",
        "मा",
        "लाई",
        "बाट",
        "सँग",
        "लागि",
        "के",
        "किन",
        "कसरी",
        "कति",
        "अहिले",
        "हिजो",
        "भोलि",
        "धेरै",
        "अनि",
        "वा",
        "तर",
        "दिनु",
        "दिने",
        "दिएको",
        "हुनुहोस्",
        "हेर्नुहोस्",
        "राख्नुहोस्",
        "बन्द",
        "खोल्नुहोस्",
        "गरिदिनुस्",
        "गर्नुस्",
        "नमस्ते",
        "धन्यवाद",
        "कुनै",
        "सबै",
        "अर्को",
        "जस्तो",
        "एउटा",
        "दुईटा",
        "पैसा",
        "काम",
        "घर",
        "छोरा",
        "छोरी",
        "दाइ",
        "दिदी",
    ]
)
_HINDI_WORDS = frozenset(
    [
        "है",
        "हैं",
        "था",
        "थी",
        "थे",
        "में",
        "नहीं",
        "और",
        "का",
        "की",
        "के",
        "को",
        "से",
        "पर",
        "यह",
        "वह",
        "मैं",
        "मुझे",
        "मेरा",
        "मेरी",
        "मेरे",
        "आप",
        "आपका",
        "हम",
        "हमें",
        "तुम",
        "क्या",
        "क्यों",
        "कैसे",
        "कहाँ",
        "कब",
        "कौन",
        "कर",
        "करना",
        "करने",
        "किया",
        "करें",
        "रहा",
        "रही",
        "रहे",
        "गया",
        "गई",
        "गए",
        "हो",
        "हुआ",
        "हुई",
        "होता",
        "होती",
        "लिए",
        "साथ",
        "भी",
        "ही",
        "तो",
        "अब",
        "आज",
        "कल",
        "बहुत",
        "कुछ",
        "सब",
        "कोई",
        "एक",
        "दो",
        "इस",
        "उस",
        "ये",
        "वे",
        "जो",
        "अगर",
        "लेकिन",
        "चालू",
        "चाहिए",
    ]
)
_NEPALI_ENDINGS = (
    "को", "लाई", "ले", "हरू", "हरु", "बाट", "सँग", "छन्", "नुहोस्", "नुहाेस्", "एको", "ेको", "नुस्", "दैन", "छु", "मा", "का", "ाइ",
    "िने", "ने", "्न", "्यो", "यो",
)  # fmt: skip
_HINDI_ENDINGS = ("ता", "ती", "ते", "ना", "ों", "ें", "ाएं", "िए", "िये", "ूंगा", "ेगा", "ाओ", "ियों", "ाँ", "ीं", "ाई")


def devanagari(body: str, prior: dict[str, float]) -> Detection:
    """Decide between Nepali and Hindi by little words, endings and statistics."""
    words = _DEVANAGARI_WORD.findall(body)
    scores = {tag: score * _PY3_WEIGHT for tag, score in _statistics(body, ("ne", "hi")).items()}
    scores["ne"] += _HOME
    found = language_words.evidence(words)
    for word, hindi, nepali in zip(
        words, found[:, _COLUMN["hi"]].tolist(), found[:, _COLUMN["ne"]].tolist(), strict=True
    ):
        if word in _NEPALI_WORDS and word not in _HINDI_WORDS:
            scores["ne"] += 3.0
        elif word in _HINDI_WORDS:
            scores["hi"] += 2.5
        elif word.endswith(_NEPALI_ENDINGS) and len(word) > 3:
            scores["ne"] += 1.2
        elif word.endswith(_HINDI_ENDINGS) and len(word) > 3:
            scores["hi"] += 0.8
        scores["hi"] += 0.15 * hindi
        scores["ne"] += 0.15 * nepali + (0.0 if hindi else 1.0)
    return _pick(scores, prior, letters=sum(map(len, words)), words=len(words))


_ROMAJI_END = re.compile(
    "(?:mashita|masen|masu|desu|deshita|mashou|masho|nasai|kudasai|shita|shite|teru|teiru|rareta|reta|nakatta|nai"
    "|takatta|tai|tta|tte|nda|nde|kute|kunai|chatta|chau)$"
)
_NEPALI_END = re.compile(
    "^.{2,}(?:xa|xan|xu|xau|chha|chhan|chu|eko|eki|yeko|dina|didaina|daina|daixa|daicha|dai|nus|nos|nuhos|nna|unu"
    "|lai|haru|bata|sanga)$"
)
_STRONG = {
    "vi": re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]"),
    "pt-BR": re.compile("[ãõ]|ção|ções"),
    "es": re.compile("[ñ¿¡]"),
    "tr": re.compile("[ğış]"),
}


def latin(body: str, prior: dict[str, float]) -> Detection:
    """Decide among the languages in Latin letters, romaji, romanised Nepali and Vietnamese without marks among them."""
    words = _WORD.findall(body)
    letters = sum(map(len, words))
    if not letters:
        return Detection(None, 0.0, False, 0)
    found = language_words.evidence(words)
    sums = found.sum(axis=0)
    scores = {tag: score * _PY3_WEIGHT for tag, score in _statistics(body, _LATIN).items()}
    for tag in _LATIN:
        scores[tag] += _WORD_WEIGHT * float(sums[_COLUMN[tag]])
    for tag, sign in _STRONG.items():
        if n := len(sign.findall(body)):
            scores[tag] += 2.5 + 1.5 * n
    best = max(scores.values())
    for tag, lead in _without_marks(body, words, found):
        scores[tag] = max(scores.get(tag, -99.0), best + _WORD_WEIGHT * lead - 1.0)
    return _pick(scores, prior, letters=letters, words=len(words))


def _without_marks(body: str, words: list[str], found: Any) -> list[tuple[str, float]]:
    """Return how much better than the rest each language explains the words that people also type in bare letters.

    English words stand in such messages too, so English counts for little where the language itself is heard.
    """
    readings = [("ne", found[:, _NE_LATIN] + np.array([6.0 if _NEPALI_END.search(word) else 0.0 for word in words]))]
    _, share = romaji_to_kana(body)
    if share >= 0.6:
        endings = np.array([6.0 if len(word) > 4 and _ROMAJI_END.search(word) else 0.0 for word in words])
        readings.append(("ja", (found[:, _ROMAJI] + endings) * share))
    if body == fold(body):
        readings.append(("vi", found[:, _VI_PLAIN]))
    known = found[:, _LATIN_COLUMNS]
    out: list[tuple[str, float]] = []
    for tag, reading in readings:
        heard = reading > 0
        others = known.sum(axis=0)
        others[0] = float(known[heard, 0].sum() + _ENGLISH_BETWEEN * known[~heard, 0].sum())
        out.append((tag, float(reading.sum() - others.max())))
    return out
