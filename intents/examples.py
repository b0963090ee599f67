"""The examples that models learn from and are measured on: utterances, danger examples, the development set."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from intents.matcher import OUT_OF_SCOPE

STYLES = ("short", "question", "story", "rough")
DANGERS = ("police_now", "medical_fire_now", "crisis_now")
CALM = "none"
CURATED = "curated"
_PLACEHOLDER = re.compile(r"\{[a-z0-9_]+\}")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Example:
    """One message and what it means.

    intent: an intent id, `out_of_scope`, or None where the message is about danger and no intent is claimed.
    danger: a danger class, `none`, or None where the message says nothing certain about danger.
    tag: the folder it comes from; style: one of STYLES, a danger class, `lookalikes`, `out_of_scope`,
    or CURATED for the words of an answer.
    """

    text: str
    intent: str | None
    danger: str | None
    tag: str
    style: str


def _read(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8") as stream:
        content = yaml.load(stream, Loader=_LOADER)  # noqa: S506 - both loaders are the safe one
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a mapping is needed")
    return content


def _lines(content: dict[str, Any], key: str) -> list[str]:
    return [str(line) for line in content.get(key) or [] if str(line).strip()]


def _danger_examples(content: dict[str, Any], tag: str) -> Iterator[Example]:
    for kind in DANGERS:
        for text in _lines(content, kind):
            yield Example(text, None, kind, tag, kind)
    for text in _lines(content, "lookalikes"):
        yield Example(text, None, CALM, tag, "lookalikes")
    for text in _lines(content, OUT_OF_SCOPE):
        yield Example(text, OUT_OF_SCOPE, CALM, tag, OUT_OF_SCOPE)


def _curated_examples(root: Path) -> Iterator[Example]:
    """Yield the curated answers' own words: they name each topic in every language."""
    base = sorted((root / "intents" / "topics").glob("*/*.yaml"))
    for path in [*base, *sorted((root / "locales").glob("*/intents/*.yaml"))]:
        answer = _read(path).get("answer")
        if not isinstance(answer, dict):
            continue
        tag = path.parent.parent.name if path.parent.name == "intents" else "ja-simple"
        texts = [answer.get("title"), answer.get("now"), *(answer.get("steps") or [])]
        for text in texts:
            if isinstance(text, str) and (plain := _PLACEHOLDER.sub(" ", text).strip()):
                yield Example(plain, path.stem, None, tag, CURATED)


def _seed_examples(root: Path) -> Iterator[Example]:
    """Yield the lines of intents/data/seeds/<tag>/: more situations than the utterances name."""
    for path in sorted((root / "intents" / "data" / "seeds").glob("*/*.yaml")):
        tag = path.parent.name
        if path.stem == "danger":
            yield from _danger_examples(_read(path), tag)
            continue
        for intent, lines in _read(path).items():
            for text in lines:
                yield Example(str(text), str(intent), CALM, tag, "story" if len(str(text)) > 60 else "question")


def training_examples(root: Path) -> list[Example]:
    """Return every example under locales/ and the seeds, in a stable order.

    Raises ValueError or yaml.YAMLError where a file cannot be read, naming it.
    """
    out: list[Example] = []
    for folder in sorted((root / "locales").iterdir()):
        for path in sorted((folder / "utterances").glob("*.yaml")):
            content = _read(path)
            for style in STYLES:
                out.extend(Example(text, path.stem, CALM, folder.name, style) for text in _lines(content, style))
        if (path := folder / "danger.yaml").exists():
            out.extend(_danger_examples(_read(path), folder.name))
    out.extend(_seed_examples(root))
    out.extend(_curated_examples(root))
    return out


def development_examples(root: Path) -> list[Example]:
    """Return every example of tests/utterances/, which nothing is ever trained on."""
    out: list[Example] = []
    for path in sorted((root / "tests" / "utterances").glob("*.yaml")):
        content = _read(path)
        for intent, styles in (content.get("intents") or {}).items():
            for style in STYLES:
                out.extend(Example(text, str(intent), CALM, path.stem, style) for text in _lines(styles, style))
        merged = {**content, **(content.get("danger") or {})}
        out.extend(_danger_examples(merged, path.stem))
    return out
