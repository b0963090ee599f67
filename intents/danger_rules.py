"""The small language in which danger phrases are written, and its compiler.

A file `intents/data/danger/<tag>.txt` has sections; each line of a section is one pattern.

- `word` stands for itself, `word*` for every word that begins so.
- `(a|b c|d*)` is one of these, `(a|b)?` may be absent.
- `~` is a gap of up to about five words within a clause; `~~` may cross into the next sentence.
- `+` before a line: only for text with its marks; `-`: only for text without (Vietnamese).
- Sections: `[police_now]`, `[medical_fire_now]`, `[crisis_now]`; the same with `soft` before; and the guards
  `[idiom]` (cut out before anything is looked for), `[fiction]`, `[asking]`, `[past]`, `[negated]` and `[now]`.

Patterns are compared with text from `normalise`, and are normalised in the same way themselves.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

GUARDS = ("idiom", "fiction", "asking", "past", "negated", "now")
_TOKEN = re.compile(r"\([^)]*\)\??|\S+")
_WORD_SIGNS = re.compile(r"(?:[^\W_]|[\u0900-\u0963\u0971-\u097f])+")
_LONGEST = 6
_GAP = r"[^.!?。！？।။។…\n]{0,32}?"
_GAPS = {"~": _GAP, "~~": r".{0,70}?"}


@dataclass(frozen=True)
class Rule:
    """One compiled pattern.

    tag: the language it is written in. section: what a hit means: a danger class, `soft` and a class, or a guard.
    source: the regular expression. needs: for each group that must be there, how its alternatives begin; the
    pattern cannot match without one of each.
    """

    tag: str
    section: str
    source: str
    needs: tuple[frozenset[str], ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """The regular expression, compiled when a message first comes near it: all at once would take a second."""
        return _compiled(self.source)


@cache
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source, re.DOTALL)


@dataclass(frozen=True)
class Writing:
    """How the words of a language stand on the line.

    start, end: what must hold at the beginning and at the end of a word, as regular expressions without width.
    join: what stands between two words.
    """

    start: str = r"(?<!\w)"
    end: str = r"(?!\w)"
    join: str = r"[^\w.!?。！？]{1,3}"


SPACED = Writing()
PREFIXED = Writing(start=r"(?<![^\W_])", end="", join=r"[^\n]{0,3}?[\s,]{1,2}")
UNSPACED = Writing(start="", end="", join=r"[\s,、，]?")


def _alternative(text: str, writing: Writing) -> str:
    """Return one alternative as a regular expression."""
    open_end = text.endswith("*")
    words = [re.escape(word) for word in text.rstrip("*").split()]
    tail = r"\w*" if open_end and writing.end else ("" if open_end else writing.end)
    return writing.start + writing.join.join(words) + tail


def compile_rule(line: str, section: str, writing: Writing, tag: str = "") -> Rule:
    """Return the rule that one normalised line stands for.

    Raises ValueError where the line has no word that must be present.
    """
    out: list[str] = []
    needs: list[frozenset[str]] = []
    for token in _TOKEN.findall(line):
        if token in _GAPS:
            out.append(_GAPS[token])
            continue
        optional = token.endswith(")?")
        alternatives = [a.strip() for a in (token.strip("()?").split("|") if token.startswith("(") else [token])]
        body = "(?:" + "|".join(_alternative(a, writing) for a in alternatives) + ")"
        between = bool(out) and out[-1] not in _GAPS.values()
        if optional:
            out.append(f"(?:{writing.join if between else ''}{body})?")
            continue
        needs.append(frozenset(_beginning(a, writing) for a in alternatives))
        out.append((writing.join if between else "") + body)
    if not needs:
        raise ValueError(f"no word that must be present: {line}")
    return Rule(tag, section, "".join(out), tuple(needs))


def _beginning(alternative: str, writing: Writing) -> str:
    """Return what a text must contain for an alternative to match: its longest word, then `*` if more may follow."""
    words: list[str] = _WORD_SIGNS.findall(alternative)
    if not words:
        raise ValueError(f"no letter in: {alternative}")
    word = max(words, key=len)
    if not writing.end:
        return word[:_LONGEST]
    more = alternative.endswith(word + "*") or len(word) > _LONGEST
    return word[:_LONGEST] + "*" if more else word


def read_rules(path: Path, writing: Writing, normalise: Callable[[str], str], *, skip: str = "-") -> Iterator[Rule]:
    """Yield the rules of one file.

    normalise: what the text will have gone through when it is compared.
    skip: the sign of the lines to leave out: `+` begins lines for text with its marks only, `-` for text without.
    """
    section = ""
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith(("#", skip)):
            continue
        line = line.lstrip("+-")
        if line.startswith("["):
            section = line.strip("[]")
            continue
        yield compile_rule(normalise(line), section, writing, path.stem)


class RuleSet:
    """Rules that read the same form of a text, behind an index that leaves nearly all of them unread."""

    def __init__(self, rules: list[Rule], writing: Writing) -> None:
        self._rules = rules
        self._writing = writing
        self._owners: dict[str, list[tuple[int, int]]] = {}
        self._complete = [(1 << len(rule.needs)) - 1 for rule in rules]
        for i, rule in enumerate(rules):
            for group, beginnings in enumerate(rule.needs):
                for beginning in beginnings:
                    self._owners.setdefault(beginning, []).append((i, 1 << group))

    def warm(self, pause_s: float = 0.0) -> None:
        """Compile every pattern. pause_s: rest after each, so that a thread beside keeps nobody waiting."""
        for rule in self._rules:
            _compiled(rule.source)
            time.sleep(pause_s)

    def candidates(self, text: str) -> dict[str, list[Rule]]:
        """Return the rules that may match, by language."""
        seen: dict[int, int] = {}
        for piece in self._pieces(text):
            for i, group in self._owners.get(piece, ()):
                seen[i] = seen.get(i, 0) | group
        found: dict[str, list[Rule]] = {}
        for i in sorted(i for i, groups in seen.items() if groups == self._complete[i]):
            found.setdefault(self._rules[i].tag, []).append(self._rules[i])
        return found

    def _pieces(self, text: str) -> set[str]:
        """Return everything in the text that a beginning could be."""
        if self._writing is UNSPACED:
            return {text[i : i + n] for i in range(len(text)) for n in range(1, _LONGEST + 1)}
        words = set(_WORD_SIGNS.findall(text))
        if self._writing is PREFIXED:
            return {word[:n] for word in words for n in range(1, _LONGEST + 1)}
        return words | {word[:n] + "*" for word in words for n in range(1, _LONGEST + 1)}
