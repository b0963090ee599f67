"""Measure understanding by language and style, and choose the thresholds from messages held out of training."""

import csv
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from intents import language
from intents.danger import lifted
from intents.examples import DANGERS, STYLES, Example
from intents.matcher import OUT_OF_SCOPE, Floats
from intents.understand import Understander, Understanding

CORE = ("ja", "en", "zh-Hans", "zh-Hant", "ko", "vi", "pt", "es", "th", "id", "fil", "km", "my", "mn", "ne")


@dataclass(frozen=True)
class Row:
    """One line of the table: figures in percent, None where there was nothing to measure.

    first, in_three: right intent first, in the first three. answered: messages that got an answer at once; precision:
    how many of those answers were right. outside: out-of-scope messages that got an answer.
    recall: danger messages with a card; soft: those with a softly worded one at least. alarms: look-alikes with a
    card; alarms_in_scope: ordinary messages with a card. language: right without any hint.
    """

    name: str
    n: int
    first: float | None
    in_three: float | None
    answered: float | None
    precision: float | None
    outside: float | None
    recall: float | None
    soft: float | None
    alarms: float | None
    alarms_in_scope: float | None
    language: float | None


FIGURES = tuple(field.name for field in fields(Row))[2:]
LESS_IS_BETTER = ("outside", "alarms", "alarms_in_scope")
_MEASURED_ON_SCOPE = ("first", "in_three", "answered", "precision", "alarms_in_scope")


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
        precision=_share([u.intents[0].intent_id == e.intent for e, u in scope if u.outcome in decided]),
        outside=_share([u.outcome in decided for u in outside]),
        recall=_share([u.danger is not None for u in danger]),
        soft=_share([(u.danger or u.soft_danger) is not None for u in danger]),
        alarms=_share([u.danger is not None for u in alike]),
        alarms_in_scope=_share([u.danger is not None for _, u in scope]),
        language=_share([u.language == _language_of(e.tag) for e, u in results]),
    )


def _language_of(tag: str) -> str:
    return "ja" if tag.split("-")[0] == "ja" else tag


Results = list[tuple[Example, Understanding]]
_understander: Understander | None = None


def _start(root: Path, engine: Literal["auto", "off"]) -> None:
    global _understander
    _understander = Understander.load(root, encoder=engine)


def _understand(texts: list[str]) -> list[Understanding]:
    assert _understander is not None
    return [_understander.understand(text) for text in texts]


def understand_all(
    root: Path, examples: Sequence[Example], *, encoder: Literal["auto", "off"] = "auto", workers: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Results:
    """Return every example with what it is understood as, worked out in `workers` processes."""
    chunks = [list(examples[i : i + 50]) for i in range(0, len(examples), 50)]
    results: Results = []
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(root, encoder)) as pool:
        texts = [[example.text for example in chunk] for chunk in chunks]
        for chunk, understood in zip(chunks, pool.map(_understand, texts), strict=True):
            results.extend(zip(chunk, understood, strict=True))
            if progress:
                progress(len(chunk))
    return results


def table(results: Results) -> list[Row]:
    """Return one row a language, their unweighted mean, and one row a style."""
    tags: dict[str, Results] = defaultdict(list)
    styles: dict[str, Results] = defaultdict(list)
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

    return Row(name="macro", n=sum(r.n for r in rows), **{name: mean(name) for name in FIGURES})


def write_figures(path: Path, rows: Sequence[Row]) -> None:
    """Write a table as CSV, one decimal a figure, an empty cell where nothing was measured."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["name", "n", *FIGURES])
        for each in rows:
            figures = (getattr(each, name) for name in FIGURES)
            writer.writerow([each.name, each.n, *("" if figure is None else f"{figure:.1f}" for figure in figures)])


def worse_than(path: Path, rows: Sequence[Row], *, tolerance: float = 1.0) -> list[str]:
    """Return a sentence for each figure that is worse than the written one.

    tolerance: points that a figure may lose; in a row of few messages two of them may always change.
    """
    now = {each.name: each for each in rows}
    found: list[str] = []
    with path.open(encoding="utf-8", newline="") as stream:
        for written in csv.DictReader(stream):
            current = now.get(written["name"])
            if current is None:
                found.append(f"{written['name']}: is not measured any more")
                continue
            for name in FIGURES:
                if not written[name]:
                    continue
                figure = getattr(current, name)
                lost = float(written[name]) - (figure if figure is not None else 0.0)
                lost = -lost if name in LESS_IS_BETTER else lost
                few = 0.0 if name in _MEASURED_ON_SCOPE or name == "language" or current.name == "macro" else 8.0
                if lost > max(tolerance, few) + 0.05:
                    found.append(f"{written['name']}: {name} was {written[name]}, is now {figure or 0.0:.1f}")
    return found


def confusions(results: Results, n: int = 25) -> list[tuple[int, str, str]]:
    """Return the pairs of intents most often taken for one another: how often, what it was, what was said."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for example, understood in results:
        if example.intent is not None and example.intent != OUT_OF_SCOPE:
            best = understood.intents[0].intent_id
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
    settings: dict[str, float], *, labels: Sequence[str], probabilities: Floats, words: Floats, truth: Sequence[str],
    weights: Floats | None = None, wrong_share: float = 0.1, outside_share: float = 0.04,
) -> dict[str, float]:
    """Return the settings with the thresholds that held-out messages ask for.

    probabilities, words: one row a held-out message, from both models together and from the words alone. truth: what
    each meant. weights: how much each counts.
    wrong_share: how many answers may be wrong, outside_share: how many out-of-scope messages may get one; 0.0–1.0.
    """
    outside = list(labels).index(OUT_OF_SCOPE)
    counts = np.ones(len(truth), dtype=np.float32) if weights is None else weights
    answers = np.delete(probabilities, outside, axis=1)
    names = [label for label in labels if label != OUT_OF_SCOPE]
    best, score, apart = answers.argmax(axis=1), answers.max(axis=1), probabilities[:, outside]
    right = np.array([names[b] == t for b, t in zip(best, truth, strict=True)])
    in_scope = np.array([t != OUT_OF_SCOPE for t in truth])
    is_open = (apart < settings["answer_outside"]) & (apart <= np.maximum(score, settings["outside"]))
    chosen = dict(settings)
    chosen["answer"] = 0.995
    for threshold in (n / 100 for n in range(30, 100)):
        given = is_open & (score >= threshold)
        wrong = _weighted(~right[given & in_scope], counts[given & in_scope])
        if wrong <= wrong_share and _weighted(given[~in_scope], counts[~in_scope]) <= outside_share:
            chosen["answer"] = threshold
            break
    sure = words.max(axis=1)
    word_right = np.array([labels[b] == t for b, t in zip(words.argmax(axis=1), truth, strict=True)])
    chosen["skip_encoder"] = max(0.9, _lowest(sure, word_right, 0.015, floor=0.9))
    return chosen


def _weighted(flags: NDArray[np.bool_], weights: Floats) -> float:
    return float(weights[flags].sum() / weights.sum()) if len(flags) else 0.0


def _lowest(score: Floats, right: NDArray[np.bool_], wrong_share: float, *, floor: float) -> float:
    """Return the lowest threshold above which at most `wrong_share` of the messages are wrong."""
    for threshold in (n / 100 for n in range(round(floor * 100), 100)):
        above = score >= threshold
        if above.any() and 1.0 - right[above].mean() <= wrong_share:
            return threshold
    return 0.995


@dataclass(frozen=True)
class DangerSample:
    """Held-out messages for the thresholds of danger.

    chances: of danger, by the classifier; phrases: 2 where the phrases are firm, 1 where soft, else 0.
    kinds: `danger`, `alike` or `ordinary`.
    """

    chances: Floats
    phrases: NDArray[np.int64]
    kinds: NDArray[np.str_]


def choose_danger_settings(
    settings: dict[str, float], sample: DangerSample, *, prefix: str = "", alike_share: float = 0.05,
    ordinary_share: float = 0.03, soft_share: float = 0.05, least_lift: float = 0.0,
) -> tuple[dict[str, float], float]:
    """Return the settings under which most dangers are seen while look-alikes and ordinary messages stay quiet.

    prefix: of the names of the settings. alike_share, ordinary_share: how many of them may get a card, 0.0–1.0.
    soft_share: how many ordinary messages may get a softly worded one at least. least_lift: of firm phrases, 0.0–1.0.
    The second value is the share of dangers that are seen.
    """
    danger, alike, ordinary = (sample.kinds == kind for kind in ("danger", "alike", "ordinary"))
    best: tuple[float, float, dict[str, float]] | None = None
    for firm_lift in (each for each in (0.0, 0.2, 0.4, 0.6, 0.8) if each >= least_lift):
        for soft_lift in (0.0, 0.1, 0.2):
            lifts = np.array([0.0, soft_lift, firm_lift], dtype=np.float32)[sample.phrases]
            chances = lifted(sample.chances, lifts)
            for firm in (n / 200 for n in range(8, 192)):
                cards = chances >= firm
                alarms = _share_of(cards, alike)
                if alarms > alike_share or _share_of(cards, ordinary) > ordinary_share:
                    continue
                found = (_share_of(cards, danger), -alarms)
                if best is None or found > best[:2]:
                    best = (*found, {
                        "danger_phrase": firm_lift, "danger_soft_phrase": soft_lift,
                        "danger_firm": firm, "danger_soft": _soft(chances[ordinary], firm, soft_share),
                    })
                break
    if best is None:
        return settings, 0.0
    return settings | {prefix + name: value for name, value in best[2].items()}, best[0]


def _soft(ordinary: Floats, firm: float, share: float) -> float:
    """Return the lowest threshold that at most this share of ordinary messages reach; never above the firm one."""
    quiet = float(np.quantile(ordinary, 1.0 - share)) if len(ordinary) else 0.0
    return round(min(firm, max(quiet + 0.005, firm / 2)), 3)


def _share_of(flags: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(flags[among].mean()) if among.any() else 0.0
