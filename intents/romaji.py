"""Japanese in Latin letters and in either kana, brought to one form, so that learners are understood as they type."""

import re
from functools import lru_cache

SYLLABLES = {
    "a": "あ", "i": "い", "u": "う", "e": "え", "o": "お", "ka": "か", "ki": "き", "ku": "く", "ke": "け",
    "ko": "こ", "ga": "が", "gi": "ぎ", "gu": "ぐ", "ge": "げ", "go": "ご", "sa": "さ", "shi": "し", "si": "し",
    "su": "す", "se": "せ", "so": "そ", "za": "ざ", "ji": "じ", "zi": "じ", "zu": "ず", "ze": "ぜ", "zo": "ぞ",
    "ta": "た", "chi": "ち", "ti": "ち", "tsu": "つ", "tu": "つ", "te": "て", "to": "と", "da": "だ",
    "di": "ぢ", "du": "づ", "dzu": "づ", "de": "で", "do": "ど", "na": "な", "ni": "に", "nu": "ぬ", "ne": "ね",
    "no": "の", "ha": "は", "hi": "ひ", "fu": "ふ", "hu": "ふ", "he": "へ", "ho": "ほ", "ba": "ば", "bi": "び",
    "bu": "ぶ", "be": "べ", "bo": "ぼ", "pa": "ぱ", "pi": "ぴ", "pu": "ぷ", "pe": "ぺ", "po": "ぽ", "ma": "ま",
    "mi": "み", "mu": "む", "me": "め", "mo": "も", "ya": "や", "yu": "ゆ", "yo": "よ", "ra": "ら", "ri": "り",
    "ru": "る", "re": "れ", "ro": "ろ", "wa": "わ", "wo": "を", "la": "ら", "li": "り", "lu": "る", "le": "れ",
    "lo": "ろ", "fa": "ふぁ", "fi": "ふぃ", "fe": "ふぇ", "fo": "ふぉ", "va": "ゔぁ", "vi": "ゔぃ", "vu": "ゔ",
    "ve": "ゔぇ", "vo": "ゔぉ", "she": "しぇ", "je": "じぇ", "che": "ちぇ", "thi": "てぃ", "dhi": "でぃ",
    "wi": "うぃ", "we": "うぇ",
}  # fmt: skip
_HEADS = {
    "ky": "き", "gy": "ぎ", "sy": "し", "zy": "じ", "jy": "じ", "ty": "ち", "cy": "ち", "dy": "ぢ", "ny": "に",
    "hy": "ひ", "by": "び", "py": "ぴ", "my": "み", "ry": "り", "ly": "り", "sh": "し", "j": "じ", "ch": "ち",
}  # fmt: skip
for _head, _kana in _HEADS.items():
    for _vowel, _small in {"a": "ゃ", "u": "ゅ", "o": "ょ"}.items():
        SYLLABLES.setdefault(_head + _vowel, _kana + _small)
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
            kana = SYLLABLES.get(word[i : i + size])
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


@lru_cache(maxsize=4)
def romaji_to_kana(cleaned: str) -> tuple[str, float]:
    """Return the text with every word that can be romaji in hiragana, and which share of the Latin letters that was.

    cleaned: text from `clean`. The share is 0.0–1.0; it says that the letters can be read as Japanese, not that
    they are.
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
