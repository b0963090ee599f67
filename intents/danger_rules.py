"""The small language in which danger phrases are written, and its compiler.

A file `intents/data/danger/<tag>.txt` has sections; each line of a section is one pattern.

- `word` stands for itself, `word*` for every word that begins so.
- `(a|b c|d*)` is one of these, `(a|b)?` may be absent.
- `~` is a gap of up to about five words within a clause; `~~` may cross into the next sentence.
- Sections: `[police_now]`, `[medical_fire_now]`, `[crisis_now]`; the same with `soft` before; and the guards
  `[idiom]` (cut out before anything is looked for), `[fiction]`, `[asking]`, `[past]`, `[negated]` and `[now]`.

Patterns are compared with text from `normalise`, and are normalised in the same way themselves.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

GUARDS = ("idiom", "fiction", "asking", "past", "negated", "now")
_TOKEN = re.compile(r"\([^)]*\)\??|\S+")
_GAP = r"[^.!?。！？।។။…\n]{0,32}?"
_WIDE_GAP = r".{0,70}?"


@dataclass(frozen=True)
class Rule:
    """One compiled pattern.

    section: what a hit means: a danger class, `soft` and a class, or a guard.
    literals: at least one of these must be in the text, or the pattern cannot match.
    """

    section: str
    pattern: re.Pattern[str]
    literals: tuple[str, ...]


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


def compile_rule(line: str, section: str, writing: Writing) -> Rule:
    """Return the rule that one normalised line stands for.

    Raises ValueError where the line has no word that must be present.
    """
    out: list[str] = []
    best: tuple[str, ...] = ()
    for token in _TOKEN.findall(line):
        if token in ("~", "~~"):
            out.append(_GAP if token == "~" else _WIDE_GAP)
            continue
        optional = token.endswith(")?")
        alternatives = token.strip("()?").split("|") if token.startswith("(") else [token]
        body = "(?:" + "|".join(_alternative(a.strip(), writing) for a in alternatives) + ")"
        between = bool(out) and out[-1] not in (_GAP, _WIDE_GAP)
        if optional:
            out.append(f"(?:{writing.join if between else ''}{body})?")
            continue
        literals = tuple(a.strip().rstrip("*").split()[0] for a in alternatives)
        if min(map(len, literals)) > min(map(len, best), default=0):
            best = literals
        out.append((writing.join if between else "") + body)
    if not best:
        raise ValueError(f"no word that must be present: {line}")
    return Rule(section, re.compile("".join(out), re.DOTALL), best)


def read_rules(path: Path, writing: Writing, normalise: Callable[[str], str]) -> Iterator[Rule]:
    """Yield the rules of one file.

    normalise: what the text will have gone through when it is compared.
    """
    section = ""
    for raw in path.read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        yield compile_rule(normalise(line), section, writing)


class RuleSet:
    """All rules of one language, behind a filter that leaves most of them unread for most messages."""

    def __init__(self, rules: list[Rule]) -> None:
        self._by_literal: dict[str, list[int]] = {}
        self._rules = rules
        for i, rule in enumerate(rules):
            for literal in rule.literals:
                self._by_literal.setdefault(literal, []).append(i)

    def candidates(self, text: str) -> list[Rule]:
        """Return the rules that may match, in the order of the file."""
        wanted: set[int] = set()
        for literal, owners in self._by_literal.items():
            if literal in text:
                wanted.update(owners)
        return [self._rules[i] for i in sorted(wanted)]
