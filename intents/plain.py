"""The やさしい日本語 lint: what in a Japanese text a learner would stumble over. Authoring and CI only.

`lint` gives findings for one text, `lint_answer` for a whole base answer, `score` and `measure` the figures of the
quality bar. Rules E00 to E18 are errors and block; E19 and W01 to W22 are warnings; W14 is information.

An error may be let pass for one sentence, with a reason: `<!-- lint: allow E03 official name -->`, inside the
sentence or right before it (after the last sentence: for that one); in YAML such a text needs quotes. The command line
reports all of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any, Literal

from intents.plain_rules import RULES, Hit, ending, hard_words, term_spans
from intents.plain_text import Sentence, glosses, sentences
from intents.wordlevels import rows

Kind = Literal["body", "heading", "list", "button"]
Severity = Literal["error", "warning", "info"]
INFORMATION = frozenset(("W14",))
STRUCTURAL = frozenset(("E18", "E19", "W20", "W21", "W22"))  # not calibrated, so not in the score
MAX_SENTENCES, MAX_CHARACTERS = 8, 300


@dataclass(frozen=True)
class Finding:
    """One thing to rewrite.

    rule: its number, as E04. span: (start, end) in the author's text.
    message_ja, hint: for the author, what is wrong and what to write instead.
    """

    rule: str
    severity: Severity
    span: tuple[int, int]
    message_ja: str
    hint: str = ""


@dataclass(frozen=True)
class Measures:
    """Figures of a set of texts, per sentence; lengths in characters without spaces."""

    n_sentences: int
    mean_length: float
    p95_length: float
    mean_kanji: float
    mean_hard_words: float


@cache
def _messages() -> Mapping[str, tuple[str, str]]:
    return {rule: (message, hint) for rule, message, hint in rows("messages.tsv")}


def severity(rule: str) -> Severity:
    """How much a rule weighs: only errors block."""
    if rule in INFORMATION:
        return "info"
    return "error" if rule.startswith("E") and rule != "E19" else "warning"


def finding(rule: str, span: tuple[int, int], found: str = "", *, n: int = 0, better: str = "") -> Finding:
    """A finding with the words of its rule from `messages.tsv`."""
    message, hint = _messages()[rule]
    return Finding(rule, severity(rule), span, message.format(found=found, n=n), hint.format(better=better))


def lint(
    text: str,
    kind: Kind = "body",
    allow: Iterable[str] = (),
    *,
    values: Mapping[str, str] | None = None,
    full_sentences: bool | None = None,
) -> list[Finding]:
    """Find everything in a text that is not やさしい日本語.

    text: one paragraph, heading, list item or button label; white space in it never counts.
    allow: words that count as easy here, for instance the name of an office.
    values: dict of placeholder → text as shown; one without a value counts as a short number.
    full_sentences: whether each sentence must end in です・ます・ください; by default only in body text.

    Returns the findings in the order of the text. What stands between 〈 〉 is checked as a list item of its own.
    """
    easy = frozenset(allow)
    must_end = kind == "body" if full_sentences is None else full_sentences
    found = [f for s in sentences(text, values) for f in _lint_sentence(s, easy, must_end=must_end)]
    for start, gloss in glosses(text):
        for f in lint(gloss, "list", easy, values=values):
            span = (f.span[0] + start, f.span[1] + start)
            found.append(Finding(f.rule, f.severity, span, f.message_ja, f.hint))
    return sorted(found, key=lambda f: (f.span, f.rule))


def _lint_sentence(sentence: Sentence, easy: frozenset[str], *, must_end: bool) -> Iterator[Finding]:
    passed = {a.rule for a in sentence.allowances if a.reason}
    for rule in RULES:
        for hit in rule(sentence, easy) if must_end or rule is not ending else ():
            if hit.rule not in passed:
                yield _as_finding(sentence, hit)
    for allowance in sentence.allowances:
        if not allowance.reason:
            yield finding("E00", (allowance.at, allowance.at + 1), allowance.rule)


def _as_finding(sentence: Sentence, hit: Hit) -> Finding:
    return finding(hit.rule, sentence.span(hit.start, hit.end), hit.found, n=hit.n, better=hit.better)


def answer_texts(answer: Mapping[str, Any]) -> list[tuple[str, Kind, str]]:
    """The texts of an answer in the order in which a resident reads them: (field, kind, text).

    answer: the `answer` mapping of a base file: title, now, steps, perhaps warning.

    Fields are called as `now` or `steps[2]`, counted from 1; what is empty is left out.
    """
    texts: list[tuple[str, Kind, str]] = [
        ("title", "heading", answer.get("title") or ""),
        ("now", "body", answer.get("now") or ""),
        *((f"steps[{n}]", "list", step) for n, step in enumerate(answer.get("steps") or [], 1)),
        ("warning", "body", answer.get("warning") or ""),
    ]
    return [found for found in texts if found[2]]


def lint_answer(
    answer: Mapping[str, Any], *, values: Mapping[str, str] | None = None, allow: Iterable[str] = ()
) -> list[tuple[str, Finding]]:
    """Find everything in one base answer; the title is a heading, steps are list items and still full sentences.

    Returns (field, finding) pairs; findings about the answer as a whole (E19, W21) come last.
    """
    easy = frozenset(allow)
    found = [
        (field, f)
        for field, kind, text in answer_texts(answer)
        for f in lint(text, kind, easy, values=values, full_sentences=kind != "heading")
    ]
    return [*found, *_unglossed(answer, values), *_too_long(answer, values)]


def _unglossed(answer: Mapping[str, Any], values: Mapping[str, str] | None) -> Iterator[tuple[str, Finding]]:
    seen: set[str] = set()
    for field, kind, text in answer_texts(answer):
        for sentence in sentences(text, values) if kind != "heading" else ():
            for start, end in term_spans(sentence.text):
                term = sentence.text[start:end]
                if term not in seen and not sentence.is_glossed(end):
                    yield field, finding("E19", sentence.span(start, end), term)
                seen.add(term)


def _too_long(answer: Mapping[str, Any], values: Mapping[str, str] | None) -> Iterator[tuple[str, Finding]]:
    parts = [s for _, kind, text in answer_texts(answer) if kind != "heading" for s in sentences(text, values)]
    n_characters = sum(s.n_characters for s in parts)
    if len(parts) > MAX_SENTENCES or n_characters > MAX_CHARACTERS:
        yield "answer", finding("W21", (0, 0), str(n_characters), n=len(parts))


def score(findings: Iterable[Finding]) -> int:
    """Twice the errors plus the warnings, of the calibrated rules only (no structural rules, no information)."""
    weight = {"error": 2, "warning": 1, "info": 0}
    return sum(weight[f.severity] for f in findings if f.rule not in STRUCTURAL)


def measure(texts: Iterable[str], *, values: Mapping[str, str] | None = None) -> Measures:
    """Measure texts, each sentence counting once; all zero when there is none."""
    return measure_sentences([s for text in texts for s in sentences(text, values)])


def measure_sentences(parts: Sequence[Sentence]) -> Measures:
    """Measure sentences that have been cut already."""
    if not parts:
        return Measures(0, 0.0, 0.0, 0.0, 0.0)
    lengths = sorted(s.n_characters for s in parts)
    return Measures(
        n_sentences=len(parts),
        mean_length=fmean(lengths),
        p95_length=float(lengths[max(0, -(-95 * len(lengths) // 100) - 1)]),
        mean_kanji=fmean(s.n_kanji for s in parts),
        mean_hard_words=fmean(len(hard_words(s, frozenset())) for s in parts),
    )
