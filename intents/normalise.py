"""Make one message comparable: the same words typed in different ways become the same text.

Everything here is cheap (microseconds a message) and survives anything Telegram can carry: lone surrogates, NULs, private-use
characters, a hundred thousand letters.
"""

import re
import unicodedata
from functools import lru_cache

MAX_CHARS = 4096
"""Longest text that is read at all. Source: Telegram's limit of a message text, Bot API `sendMessage`."""

_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u02bc": "'", "\u00b4": "'", "`": "'", "\u2032": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u301c": "~", "\uff5e": "~",
})  # fmt: skip
# Three or more of one character say no more than one does; digits are kept (110, 119, 1000).
_REPEATED = re.compile(r"([^\W\d]|[!?。.！？…~ー、,])\1{2,}")
_LINK = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+\.\S+|(?<!\w)[@#]\w+")
_EXTRA_LATIN = str.maketrans({"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe"})


def clip(text: str, limit: int = MAX_CHARS) -> str:
    """Return at most `limit` characters: the beginning and the end, since a long message often ends with its point.

    limit: characters, at least 8.
    """
    if len(text) <= limit:
        return text
    tail = limit // 4
    return text[: limit - tail - 1] + " " + text[-tail:]


def printable(text: str, limit: int = MAX_CHARS) -> str:
    """Return the text without what no reader can see: lone surrogates, controls, joiners and direction marks.

    limit: characters; the rest is left out as `clip` does.
    """
    text = clip(text, limit)
    if text.isascii():
        return _CONTROL.sub(" ", text)
    text = text.encode("utf-8", "ignore").decode("utf-8")
    return _INVISIBLE.sub("", _CONTROL.sub(" ", text))


def clean(text: str, limit: int = MAX_CHARS) -> str:
    """Return the form in which messages are compared: NFKC, lower case, plain quotes, single spaces, no long repeats.

    Marks (é, ờ, が) are kept; `fold` takes them off.
    """
    text = printable(text, limit)
    if text.isascii():
        text = text.replace("`", "'").lower()
    else:
        text = unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold()
        if "\u0307" in text:  # the dot that casefold leaves behind on a Turkish İ
            text = text.replace("i\u0307", "i")
        text = unicodedata.normalize("NFC", text)
    text = _REPEATED.sub(r"\1", text)
    return _SPACES.sub(" ", text).strip()


def without_links(text: str) -> str:
    """Return the text without addresses, e-mail addresses, @names and #tags, which speak no language."""
    return _LINK.sub(" ", text)


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    """Return one Latin letter without its marks; other letters as they are."""
    parts = unicodedata.normalize("NFD", character)
    if len(parts) > 1 and parts[0].isascii() and parts[0].isalpha():
        return parts[0]
    return character


def fold(cleaned: str) -> str:
    """Return the text without the marks of Latin letters (ã → a, ờ → o, đ → d); every other script stays as it is.

    cleaned: text from `clean`.
    """
    if cleaned.isascii():
        return cleaned
    return "".join([c if c < "\x80" else _bare(c) for c in cleaned.translate(_EXTRA_LATIN)])


_SYLLABLES = {
    "a": "あ", "i": "い", "u": "う", "e": "え", "o": "お",
    "ka": "か", "ki": "き", "ku": "く", "ke": "け", "ko": "こ", "ga": "が", "gi": "ぎ", "gu": "ぐ", "ge": "げ", "go": "ご",
    "sa": "さ", "shi": "し", "si": "し", "su": "す", "se": "せ", "so": "そ", "za": "ざ", "ji": "じ", "zi": "じ", "zu": "ず", "ze": "ぜ", "zo": "ぞ",
    "ta": "た", "chi": "ち", "ti": "ち", "tsu": "つ", "tu": "つ", "te": "て", "to": "と", "da": "だ", "di": "ぢ", "du": "づ", "dzu": "づ", "de": "で", "do": "ど",
    "na": "な", "ni": "に", "nu": "ぬ", "ne": "ね", "no": "の", "ha": "は", "hi": "ひ", "fu": "ふ", "hu": "ふ", "he": "へ", "ho": "ほ",
    "ba": "ば", "bi": "び", "bu": "ぶ", "be": "べ", "bo": "ぼ", "pa": "ぱ", "pi": "ぴ", "pu": "ぷ", "pe": "ぺ", "po": "ぽ",
    "ma": "ま", "mi": "み", "mu": "む", "me": "め", "mo": "も", "ya": "や", "yu": "ゆ", "yo": "よ",
    "ra": "ら", "ri": "り", "ru": "る", "re": "れ", "ro": "ろ", "wa": "わ", "wo": "を",
    "la": "ら", "li": "り", "lu": "る", "le": "れ", "lo": "ろ",
    "fa": "ふぁ", "fi": "ふぃ", "fe": "ふぇ", "fo": "ふぉ", "va": "ゔぁ", "vi": "ゔぃ", "vu": "ゔ", "ve": "ゔぇ", "vo": "ゔぉ",
    "she": "しぇ", "je": "じぇ", "che": "ちぇ", "thi": "てぃ", "dhi": "でぃ", "wi": "うぃ", "we": "うぇ",
}  # fmt: skip
for _head, _kana in {
    "ky": "き", "gy": "ぎ", "sy": "し", "zy": "じ", "jy": "じ", "ty": "ち", "cy": "ち", "dy": "ぢ", "ny": "に", "hy": "ひ", "by": "び", "py": "ぴ",
    "my": "み", "ry": "り", "ly": "り", "sh": "し", "j": "じ", "ch": "ち",
}.items():  # fmt: skip
    for _vowel, _small in {"a": "ゃ", "u": "ゅ", "o": "ょ"}.items():
        _SYLLABLES.setdefault(_head + _vowel, _kana + _small)
_LONG = str.maketrans(
    {"ā": "aa", "ī": "ii", "ū": "uu", "ē": "ee", "ō": "ou", "â": "aa", "î": "ii", "û": "uu", "ê": "ei", "ô": "ou"}
)
_LATIN_WORD = re.compile(r"[a-zāīūēōâîûêô'\-]+")
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


def _kana_word(word: str) -> str | None:
    """Return one romaji word in hiragana, or None where it cannot be Japanese."""
    word = word.translate(_LONG)
    out: list[str] = []
    i, n = 0, len(word)
    while i < n:
        c = word[i]
        if c in "'-":
            if c == "-" and out:
                out.append("ー")
            i += 1
            continue
        for size in (3, 2, 1):
            kana = _SYLLABLES.get(word[i : i + size])
            if kana is not None:
                out.append(kana)
                i += size
                break
        else:
            following = word[i + 1] if i + 1 < n else ""
            if c in "nm" and (not following or following not in "aiueoy"):
                if c == "m" and following not in "bpm":
                    return None
                out.append("ん")
                i += 2 if following == "'" or (c == "n" and following == "n" and i + 2 >= n) else 1
            elif (c == following and c in "kstpcgdbzjfhr") or (c == "t" and following == "c"):
                out.append("っ")
                i += 1
            else:
                return None
    return "".join(out)


def romaji_to_kana(cleaned: str) -> tuple[str, float]:
    """Return the text with every word that can be romaji written in hiragana, and which share of the Latin letters that was.

    cleaned: text from `clean`. The share is 0.0–1.0; it says that the letters can be read as Japanese, not that they are.
    """
    total = kept = 0

    def swap(match: re.Match[str]) -> str:
        nonlocal total, kept
        word = match.group()
        total += len(word)
        kana = _kana_word(word)
        if kana is None:
            return word
        kept += len(word)
        return kana

    text = _LATIN_WORD.sub(swap, cleaned)
    return text, (kept / total if total else 0.0)


def to_hiragana(cleaned: str) -> str:
    """Return the text with katakana written in hiragana."""
    return cleaned.translate(_KATAKANA)


_O_ROW = "おこごそぞとどのほぼぽもよろをょ"
_LONG_O = re.compile(f"(?<=[{_O_ROW}])[うお]|(?<=[うくぐすずつづぬふぶぷむゆるゅ])う|[ーっ]")


def loose_kana(hiragana: str) -> str:
    """Return hiragana as the ear of a learner keeps it: no spaces, no long vowels, no small っ (がっこう → がこ).

    Both sides of a comparison must go through it.
    """
    return _LONG_O.sub("", hiragana.replace(" ", ""))
