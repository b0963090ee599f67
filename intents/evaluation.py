"""Measure understanding by language and style, and choose the thresholds from messages held out of training."""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from intents import language
from intents.examples import DANGERS, STYLES, Example
from intents.matcher import OUT_OF_SCOPE, Floats
from intents.understand import Understander, Understanding

CORE = ("ja", "en", "zh-Hans", "zh-Hant", "ko", "vi", "pt", "es", "th", "id", "fil", "km", "my", "mn", "ne")


@dataclass(frozen=True)
class Row:
    """One line of the table: figures in percent, None where there was nothing to measure.

    first, in_three: right intent first, in the first three. answered_outside: `answer` on out-of-scope messages.
    recall: danger messages with a firm card; soft: those with a soft one at least. false_alarms: look-alikes with
    a firm card.
    alarms_in_scope: ordinary in-scope messages with a firm card.
    """

    name: str
    n: int
    first: float | None
    in_three: float | None
    answered: float | None
    answered_wrong: float | None
    answered_outside: float | None
    recall: float | None
    soft: float | None
    false_alarms: float | None
    alarms_in_scope: float | None


def _share(flags: Sequence[bool]) -> float | None:
    return 100.0 * sum(flags) / len(flags) if flags else None


def row(name: str, results: Sequence[tuple[Example, Understanding]]) -> Row:
    """Return the figures of some understood messages."""
    scope = [(e, u) for e, u in results if e.intent is not None and e.intent != OUT_OF_SCOPE]
    outside = [u for e, u in results if e.intent == OUT_OF_SCOPE]
    danger = [u for e, u in results if e.style in DANGERS]
    alike = [u for e, u in results if e.style == "lookalikes"]
    decided = ("answer", "bot_request", "smalltalk")
    return Row(
        name=name,
        n=len(results),
        first=_share([u.intents[0].intent_id == e.intent for e, u in scope]),
        in_three=_share([e.intent in [r.intent_id for r in u.intents[:3]] for e, u in scope]),
        answered=_share([u.outcome in decided for _, u in scope]),
        answered_wrong=_share([u.intents[0].intent_id != e.intent for e, u in scope if u.outcome in decided]),
        answered_outside=_share([u.outcome in decided for u in outside]),
        recall=_share([u.danger is not None for u in danger]),
        soft=_share([(u.danger or u.soft_danger) is not None for u in danger]),
        false_alarms=_share([u.danger is not None for u in alike]),
        alarms_in_scope=_share([u.danger is not None for _, u in scope]),
    )


def table(
    understander: Understander, examples: Sequence[Example], *, progress: Callable[[int], None] | None = None
) -> list[Row]:
    """Return one row a language, one a style, and their mean over languages."""
    results: list[tuple[Example, Understanding]] = []
    for example in examples:
        results.append((example, understander.understand(example.text)))
        if progress:
            progress(1)
    tags: dict[str, list[tuple[Example, Understanding]]] = defaultdict(list)
    styles: dict[str, list[tuple[Example, Understanding]]] = defaultdict(list)
    for example, understood in results:
        tags[example.tag].append((example, understood))
        styles[example.style].append((example, understood))
    rows = [row(tag, tags[tag]) for tag in sorted(tags)]
    rows.append(mean_row(rows))
    rows.extend(row(style, styles[style]) for style in STYLES if style in styles)
    return rows


def mean_row(rows: Sequence[Row]) -> Row:
    """Return the unweighted mean over languages."""

    def mean(name: str) -> float | None:
        values = [value for value in (getattr(r, name) for r in rows) if value is not None]
        return sum(values) / len(values) if values else None

    names = [name for name in Row.__dataclass_fields__ if name not in ("name", "n")]
    return Row(name="macro", n=sum(r.n for r in rows), **{name: mean(name) for name in names})


def confusions(understander: Understander, examples: Sequence[Example], n: int = 25) -> list[tuple[int, str, str]]:
    """Return the pairs of intents most often taken for one another: how often, what it was, what was said."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for example in examples:
        if example.intent is not None and example.intent != OUT_OF_SCOPE:
            best = understander.understand(example.text).intents[0].intent_id
            if best != example.intent:
                counts[example.intent, best] += 1
    return sorted(((count, *pair) for pair, count in counts.items()), reverse=True)[:n]


@dataclass(frozen=True)
class LanguageRow:
    """Accuracy in percent under one kind of prior: over the core, its one and two words, and all languages."""

    prior: str
    core: float
    core_short: float
    everything: float


def language_rows(path: Path) -> list[LanguageRow]:
    """Return how often `language.detect` is right on a table of language, length bucket, source and text.

    Priors: none; right for 80 % of messages and English for the rest; right for 80 % and Japanese for the rest;
    always English.
    """
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    out = []
    for name, wrong, share in (
        ("none", None, 0.0),
        ("80 % right, else en", "en", 0.8),
        ("80 % right, else ja", "ja", 0.8),
        ("always en", "en", 0.0),
    ):
        chooser = random.Random(1)  # noqa: S311 - a simulation
        hits: dict[tuple[str, str], list[bool]] = defaultdict(list)
        for tag, bucket, _, text in lines:
            client = tag if chooser.random() < share else wrong
            found = language.detect(text, client=client).tag
            hits[tag, bucket].append(("pt" if found == "pt-BR" else found) == tag)
        tags = sorted({tag for tag, _ in hits})
        out.append(LanguageRow(name, _macro(hits, CORE), _macro(hits, CORE, "1-2"), _macro(hits, tags)))
    return out


def _macro(hits: dict[tuple[str, str], list[bool]], tags: Sequence[str], bucket: str | None = None) -> float:
    shares = []
    for tag in tags:
        flags = [flag for key, found in hits.items() if key[0] == tag and bucket in (None, key[1]) for flag in found]
        if flags:
            shares.append(sum(flags) / len(flags))
    return 100.0 * sum(shares) / len(shares) if shares else 0.0


def choose_settings(
    settings: dict[str, float],
    *,
    labels: Sequence[str],
    probabilities: Floats,
    words: Floats,
    truth: Sequence[str],
    wrong_share: float = 0.08,
) -> dict[str, float]:
    """Return the settings with the thresholds that held-out messages ask for.

    probabilities, words: one row a held-out message, from the full and from the words-only model. truth: what
    each meant.
    wrong_share: how many answers may be wrong, 0.0–1.0.
    """
    outside = list(labels).index(OUT_OF_SCOPE)
    answers = np.delete(probabilities, outside, axis=1)
    names = [label for label in labels if label != OUT_OF_SCOPE]
    best, score = answers.argmax(axis=1), answers.max(axis=1)
    right = np.array([names[b] == t for b, t in zip(best, truth, strict=True)])
    chosen = dict(settings)
    chosen["answer"] = _lowest(score, right, wrong_share, floor=0.45)
    sure = words.max(axis=1)
    word_right = np.array([labels[b] == t for b, t in zip(words.argmax(axis=1), truth, strict=True)])
    chosen["skip_encoder"] = max(0.9, _lowest(sure, word_right, 0.015, floor=0.9))
    return chosen


def _lowest(score: NDArray[np.float32], right: NDArray[np.bool_], wrong_share: float, *, floor: float) -> float:
    """Return the lowest threshold above which at most `wrong_share` of the messages are wrong."""
    for threshold in np.arange(floor, 0.995, 0.01):
        above = score >= threshold
        if above.any() and 1.0 - right[above].mean() <= wrong_share:
            return round(float(threshold), 3)
    return 0.995


def choose_danger_settings(
    settings: dict[str, float], *, chances: Floats, is_danger: NDArray[np.bool_], alarm_share: float = 0.04
) -> dict[str, float]:
    """Return the settings with the lowest firm threshold that keeps look-alikes quiet.

    chances: 1 less the probability of no danger, phrases included, one a held-out danger message or look-alike.
    """
    chosen = dict(settings)
    alike = np.sort(chances[~is_danger])
    at = int(np.ceil(len(alike) * (1.0 - alarm_share))) - 1
    chosen["danger_firm"] = (
        round(min(0.7, max(0.15, float(alike[max(at, 0)]) + 0.005)), 3) if len(alike) else settings["danger_firm"]
    )
    chosen["danger_soft"] = round(chosen["danger_firm"] / 2.5, 3)
    return chosen
