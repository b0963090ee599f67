"""CPU of each stage of understanding a message, in this process, over real sentences of many languages."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import yaml
from rich.table import Table

from intents import danger, encoder, language
from intents.matcher import Matcher
from intents.understand import Understander

ROOT = Path(__file__).resolve().parents[2]
N_SENTENCES = 400


def sentences() -> list[str]:
    """Return sentences of every language that has utterances, in turn."""
    found = []
    for folder in sorted(ROOT.glob("locales/*/utterances")):
        texts = [
            text for path in sorted(folder.glob("*.yaml"))
            for lines in yaml.safe_load(path.read_text("utf-8")).values() for text in lines
        ]
        found.append(texts[:: max(1, len(texts) // 60)])
    return [text for group in zip(*found, strict=False) for text in group][:N_SENTENCES]


def cpu_ms(step: Callable[[str], object], texts: list[str]) -> float:
    """Return the mean CPU milliseconds of a step on a text, after a warm-up."""
    for text in texts[:20]:
        step(text)
    before = time.process_time()
    for text in texts:
        step(text)
    return (time.process_time() - before) / len(texts) * 1000


def table() -> Table:
    """Measure and return the table."""
    texts = sentences()
    by_words = Understander.load(ROOT, encoder="off")
    whole = Understander.load(ROOT)
    engine, matcher = encoder.load(ROOT), Matcher.load(ROOT)
    found = Table("stage", "CPU ms a message", title=f"understanding, {len(texts)} messages, one core")
    stages: list[tuple[str, Callable[[str], object]]] = [
        ("danger by words", danger.assess), ("language", language.detect),
        ("matching by words", matcher.rank), ("everything, words only", by_words.understand),
        ("everything, encoder where it is needed", whole.understand),
    ]
    if engine is not None:
        stages.insert(3, ("sentence encoder", engine.encode))
    for name, step in stages:
        found.add_row(name, f"{cpu_ms(step, texts):.2f}")
    return found
