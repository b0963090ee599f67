"""Checks on how residents say things: training utterances, danger examples, and the development set kept apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import yaml

from intents.catalogue import Catalogue
from intents.errors import Problem
from intents.loading import Report, read_mapping

STYLES = ("short", "question", "story", "rough")
MINIMUM = {"short": 2, "question": 3, "story": 6, "rough": 3}
MINIMUM_BOT = 6  # lines of a request about the bot, in any style
DANGER_KEYS = ("police_now", "medical_fire_now", "crisis_now", "lookalikes", "out_of_scope")
_IGNORED = re.compile(r"[\W_]+")

# (file, line, intent or part) of a sentence
Place = tuple[str, int, str]


def sentence_key(text: str) -> str:
    """What makes two sentences the same: letters and digits, whatever the case, the width and the punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _IGNORED.sub(" ", folded).strip() or folded.strip()


def utterance_problems(root: Path, catalogue: Catalogue, *, only: str | None = None) -> Iterator[Problem]:
    """Problems of every utterance and danger file, and of sentences that stand in two places.

    only: the utterance files of this intent alone.
    """
    report = Report(root)
    for tag in sorted(path.name for path in (root / "locales").iterdir() if path.is_dir()):
        seen: dict[str, Place] = {}
        folder = root / "locales" / tag / "utterances"
        paths = [folder / f"{only}.yaml"] if only else sorted(folder.glob("*.yaml"))
        for path in paths:
            if path.is_file():
                _utterance_file(path, report, catalogue, seen, is_partial=only is not None)
        if only is None:
            _held_out(root / "tests/utterances" / f"{tag}.yaml", report, seen)
            _danger_file(root / "locales" / tag / "danger.yaml", report)
    yield from report.problems


def _remember(seen: dict[str, Place], text: str, place: Place, report: Report, *, what: str) -> None:
    key = sentence_key(text)
    first = seen.setdefault(key, place)
    if first is not place:
        report.add(place[0], place[1], f"`{text}` stands also at {first[0]}:{first[1]} ({first[2]}); {what}",
                   code="duplicate")


def _utterance_file(
    path: Path, report: Report, catalogue: Catalogue, seen: dict[str, Place], *, is_partial: bool
) -> None:
    fields = read_mapping(path, report)
    if fields is None:
        return
    intent = catalogue.intents.get(path.stem)
    if intent is None and not is_partial and not any(
        problem.path.endswith(f"/{path.stem}.yaml") for problem in catalogue.problems
    ):
        report.add(path, 1, f"there is no intent `{path.stem}`; rename or remove the file", code="unknown_id")
    fields.only(STYLES)
    counts = dict.fromkeys(STYLES, 0)
    name = report.name_of(path)
    for style in STYLES:
        for text, line in fields.texts(style, required=False):
            counts[style] += 1
            _remember(seen, text, (name, line, path.stem), report, what="a sentence belongs to one intent, once")
    is_bot = intent is not None and intent.kind != "content"
    if is_bot:
        if sum(counts.values()) < MINIMUM_BOT:
            report.add(path, 1, f"{sum(counts.values())} lines; write at least {MINIMUM_BOT}", severity="warning",
                       code="count")
        return
    short = [f"{style} {n} of {MINIMUM[style]}" for style, n in counts.items() if n < MINIMUM[style]]
    if short:
        report.add(path, 1, f"too few utterances: {', '.join(short)}", severity="warning", code="count")


def _danger_file(path: Path, report: Report) -> None:
    if not path.is_file():
        return
    fields = read_mapping(path, report)
    if fields is None:
        return
    fields.only(DANGER_KEYS)
    seen: dict[str, Place] = {}
    name = report.name_of(path)
    for part in DANGER_KEYS:
        for text, line in fields.texts(part, required=False):
            _remember(seen, text, (name, line, part), report, what="a sentence belongs to one part, once")


def _held_out(path: Path, report: Report, seen: dict[str, Place]) -> None:
    """The development set must not hold a sentence that is trained on, whatever the layout of its file."""
    if not path.is_file():
        return
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)(path.read_text(encoding="utf-8"))
    try:
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        report.add(path, 1, f"is not valid YAML: {error}", code="yaml")
        return
    finally:
        loader.dispose()
    for scalar in _scalars(node):
        first = seen.get(sentence_key(scalar.value))
        if first is not None:
            report.add(path, scalar.start_mark.line + 1, f"`{scalar.value}` is trained on at {first[0]}:{first[1]}; "
                       "the development set must stay apart", code="duplicate")


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Every value of a file, without the keys."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _scalars(value)
