"""Which language is a message in? Scripts first, then words, then a statistical guess, then what we knew before.

`detect` never decides for the resident: it may be unsure, and the conversation then asks with buttons.

Measured on the development sample (`python -m intents evaluate` prints the current figures). What each layer is for:
scripts settle km my th ko si bn ur and kana; character and pair figures settle kanji; letters and words settle Cyrillic, Devanagari and
Latin together with py3langid; langdetect only takes certainty away (see `_second_opinion`).
"""

import math
import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from intents import language_han, language_second, language_words
from intents.normalise import clean, fold, romaji_to_kana, without_links

TAGS = (
    "ja", "en", "zh-Hans", "zh-Hant", "ko", "vi", "pt-BR", "es", "th", "id", "fil", "km", "my", "mn", "ne",
    "si", "bn", "uk", "ru", "tr", "hi", "ur",
)  # fmt: skip
"""What `detect` can answer. All Japanese, in whatever letters, is `ja`; the conversation answers it in `ja-simple`."""

MAX_CHARS = 400
_MORE_TAGS = ("ja-simple", "ja-Hira", "ja-Latn")
_SAME = {
    "pt": "pt-BR", "tl": "fil", "tgl": "fil", "in": "id", "cmn": "zh-Hans", "yue": "zh-Hant", "zh": "zh-Hans", "jp": "ja",
}  # fmt: skip
_TRADITIONAL = {"tw", "hk", "mo", "hant"}


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


def canonical(tag: str | None) -> str | None:
    """Return our tag for a tag that a client or a person wrote, or None where we do not know the language.

    tag: BCP 47, with hyphens or underscores, in any case: `zh-CN`, `pt_br`, `tl`.
    """
    if not tag or len(tag) > 35:
        return None
    parts = tag.strip().replace("_", "-").lower().split("-")
    head, rest = parts[0], set(parts[1:])
    if head in ("zh", "cmn"):
        return "zh-Hant" if rest & _TRADITIONAL and "hans" not in rest else "zh-Hans"
    if head == "ja":
        for more in _MORE_TAGS:
            if more.split("-")[1].lower() in rest:
                return more
        return "ja"
    head = _SAME.get(head, head)
    return head if head in TAGS else None


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
_WORD = re.compile(r"[^\W\d_]+(?:['\-][^\W\d_]+)*")
_DEVANAGARI_WORD = re.compile("[\u0900-\u0963\u0971-\u097f]+")

_CLIENT, _CLIENT_ENGLISH, _PREVIOUS, _CHOSEN = 4.0, 1.0, 4.0, 5.0
_PY3_WEIGHT, _WORD_WEIGHT = 0.6, 0.35
_LATIN = ("en", "vi", "pt-BR", "es", "id", "fil", "tr")
_PY3 = {"en": "en", "vi": "vi", "pt-BR": "pt", "es": "es", "id": "id", "fil": "tl", "tr": "tr",
        "mn": "mn", "ru": "ru", "uk": "uk", "ne": "ne", "hi": "hi"}  # fmt: skip
_COLUMN = {
    tag: language_words.COLUMNS.index("pt" if tag == "pt-BR" else tag)
    for tag in (*_LATIN, "mn", "ru", "uk", "ne", "hi")
}
_VI_PLAIN, _ROMAJI, _NE_LATIN = (language_words.COLUMNS.index(name) for name in ("vi-plain", "romaji", "ne-latin"))
_LATIN_COLUMNS = [_COLUMN[tag] for tag in _LATIN]
_ENGLISH_BETWEEN = 0.35
_SECOND_BELOW = 0.95
_HOME = 1.0
"""Nepali and Mongolian against Hindi, Russian and Ukrainian: many more of the residents we serve write the former."""
_HAN_ALONE = 1.0
"""Chinese where there is no kana at all: a Japanese message of several characters nearly always has some."""

_lock = threading.Lock()


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(sorted(set(_PY3.values())))
    return identifier


def load() -> None:
    """Read every table now rather than at the first message (about a second)."""
    with _lock:
        _identifier()
    language_words.load()
    language_han.load()


def _statistics(text: str, tags: tuple[str, ...]) -> dict[str, float]:
    """Return py3langid's log-likelihood of each tag, the best at 0."""
    found = dict(_identifier().rank(text))
    scores = {tag: float(found[_PY3[tag]]) for tag in tags}
    best = max(scores.values())
    return {tag: max(score - best, -60.0) for tag, score in scores.items()}


def _priors(client: str | None, previous: str | None, chosen: str | None) -> dict[str, float]:
    """Return the bonus of each tag that we had reason to expect, in log units."""
    bonus: dict[str, float] = {}
    for tag, weight in ((client, _CLIENT), (previous, _PREVIOUS), (chosen, _CHOSEN)):
        known = canonical(tag)
        if known is None:
            continue
        known = "ja" if known in _MORE_TAGS else known
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

    Measured on the development sample, no prior: of the 63 sure answers between 0.85 and 0.95 among languages it knows, 5 are wrong;
    this makes 1 of them unsure, and 18 right ones. Adding its probabilities to the scores changes nothing (86 of 127 unsure messages
    right without, 88 with the best of six weights), and deciding alone it reaches 69.8 where the layers reach 98.1. So it may only
    turn a guess into a question, at a first message of a chat, and costs 3 ms on one message in fifty.
    """
    if not (found.sure and found.tag in _PY3 and found.confidence < _SECOND_BELOW) or prior.get(found.tag, 0.0) > _CLIENT_ENGLISH:
        return found
    if language_second.disagrees(body, _PY3[found.tag]):
        return Detection(found.tag, min(found.confidence, 0.7), False, found.letters)
    return found


def _first_opinion(body: str, prior: dict[str, float]) -> Detection:
    """Route a cleaned message to the layer that its letters ask for."""
    if body.isascii() or not _NON_LATIN.search(body):
        return _latin(body, prior)
    counts = {name: sum(map(len, runs.findall(body))) for name, runs in _SCRIPT_RUNS.items()}
    counts = {name: n for name, n in counts.items() if n}
    latin = counts.pop("latin", 0)
    if not counts:
        return _latin(body, prior)
    cjk = counts.get("kana", 0) + counts.get("han", 0)
    best = max(counts, key=lambda name: cjk if name in ("kana", "han") else counts[name])
    n = cjk if best in ("kana", "han") else counts[best]
    words_of_script = n / 2.5 if best in ("kana", "han", "th", "km", "my") else len(_SCRIPT_RUNS[best].findall(body))
    if latin and (latin_words := len(_SCRIPT_RUNS["latin"].findall(body))) >= 2 and latin_words > 2.0 * words_of_script:
        return _latin(body, prior)
    if best in ("kana", "han"):
        return _chinese_or_japanese(body, counts.get("kana", 0), counts.get("han", 0), prior)
    if best == "cyrillic":
        return _cyrillic(body, prior)
    if best == "devanagari":
        return _devanagari(body, prior)
    return Detection(best, 0.99, True, n)


def _pick(
    scores: dict[str, float], prior: dict[str, float], *, letters: int, words: int, scale: float = 1.0
) -> Detection:
    """Return the best tag of `scores` plus `prior`, with the probability the margin stands for."""
    total = {tag: score + prior.get(tag, 0.0) for tag, score in scores.items()}
    best = max(total, key=total.__getitem__)
    mass = sum(math.exp(max(-40.0, (score - total[best]) * scale)) for score in total.values())
    confidence = min(0.99, 1.0 / mass)
    return Detection(best, confidence, confidence >= (0.75 if words > 3 else 0.85), letters)


def _chinese_or_japanese(body: str, kana: int, han: int, prior: dict[str, float]) -> Detection:
    """Decide by kana where there is any, else by how the characters are used."""
    if kana and (kana >= 3 or kana * 8 >= han):
        return Detection("ja", 0.99, True, kana + han)
    hans, hant = language_han.lead(body)
    # Neighbouring characters repeat each other's evidence, so a long line is less certain than its sum says.
    scores = {"ja": 0.0, "zh-Hans": 0.7 * hans + _HAN_ALONE, "zh-Hant": 0.7 * hant + _HAN_ALONE}
    return _pick(scores, prior, letters=han, words=max(1, han // 2), scale=0.8)


def _cyrillic(body: str, prior: dict[str, float]) -> Detection:
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
        "को",
        "मा",
        "लाई",
        "बाट",
        "सँग",
        "लागि",
        "के",
        "किन",
        "कसरी",
        "कहाँ",
        "कति",
        "अहिले",
        "आज",
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
        "दो",
        "चाहिए",
    ]
)
_NEPALI_ENDINGS = (
    "को",
    "लाई",
    "ले",
    "हरू",
    "हरु",
    "बाट",
    "सँग",
    "छन्",
    "नुहोस्",
    "नुहाेस्",
    "एको",
    "ेको",
    "नुस्",
    "दैन",
    "छु",
    "मा",
    "का",
    "ाइ",
    "िने",
    "ने",
    "्न",
    "्यो",
    "यो",
)
_HINDI_ENDINGS = ("ता", "ती", "ते", "ना", "ों", "ें", "ाएं", "िए", "िये", "ूंगा", "ेगा", "ाओ", "ियों", "ाँ", "ीं", "ाई")


def _devanagari(body: str, prior: dict[str, float]) -> Detection:
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
    r"(?:mashita|masen|masu|desu|deshita|mashou|masho|nasai|kudasai|shita|shite|teru|teiru|rareta|reta|nakatta|nai|takatta|tai|tta|tte|nda|nde|kute|kunai|chatta|chau)$"
)
_NEPALI_END = re.compile(
    r"^.{2,}(?:xa|xan|xu|xau|chha|chhan|chu|eko|eki|yeko|dina|didaina|daina|daixa|daicha|dai|nus|nos|nuhos|nna|unu|lai|haru|bata|sanga)$"
)
_STRONG = {
    "vi": re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]"),
    "pt-BR": re.compile("[ãõ]|ção|ções"),
    "es": re.compile("[ñ¿¡]"),
    "tr": re.compile("[ğış]"),
}


def _latin(body: str, prior: dict[str, float]) -> Detection:
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
    """Return by how much each language that people also type in plain Latin letters explains the words better than any other.

    In such messages English words stand among the others, so English counts for little where the language itself is heard.
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
