"""Base files as the plain-language tools see them: the answer, the values of its placeholders, its place on disk."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from intents.schema import BASE_TAG, AnswerText, Fact
from intents.texts import fingerprint, format_fact

ROOT = Path(__file__).parent
_RUBY_BLOCK = re.compile(r"^ruby:.*\n?(?:[ \t#\r\n-].*\n?|\n)*", re.MULTILINE)
_RUBY_REV = re.compile(r"^ruby:\s*# rev ([0-9a-f]{8})\b", re.MULTILINE)


@dataclass(frozen=True)
class BaseFile:
    """One intent file that has an answer.

    raw: the whole file, as typed.
    answer: the `answer` mapping: title, now, steps, perhaps warning.
    values: dict of placeholder → text as a Japanese reader sees it.
    ruby: the `ruby` mapping, empty when there is none.
    rev: fingerprint of the answer and its facts.
    ruby_rev: the fingerprint that the ruby block was made from, empty when it names none.
    """

    path: Path
    raw: str
    answer: Mapping[str, Any]
    values: Mapping[str, str]
    ruby: Mapping[str, Any]
    rev: str
    ruby_rev: str

    @property
    def name(self) -> str:
        """The path as people write it: from the project root."""
        return str(self.path.relative_to(ROOT.parent)) if self.path.is_relative_to(ROOT.parent) else str(self.path)

    @property
    def intent_id(self) -> str:
        return self.path.stem


class UnreadableFile(ValueError):
    """A base file that is no YAML mapping, or whose answer has another shape; the message names the file."""


def base_files(intents: Iterable[str] = (), root: Path = ROOT) -> list[BaseFile]:
    """The base files with an answer, in the order of their paths; files without one are left out.

    intents: intent ids or paths of files; all of them when empty.

    Raises UnreadableFile, also for an intent that does not exist.
    """
    wanted = list(intents)
    paths = sorted((root / "topics").rglob("*.yaml"))
    if wanted:
        by_id = {path.stem: path for path in paths}
        paths = [Path(name) if name.endswith(".yaml") else by_id.get(name, Path(name)) for name in wanted]
    numbers = _contact_numbers(root / "contacts.yaml")
    return [found for path in paths if (found := _read(path, numbers)) is not None]


def _read(path: Path, numbers: Mapping[str, str]) -> BaseFile | None:
    try:
        raw = path.read_bytes().decode("utf-8")
        content = yaml.load(raw, Loader=yaml.BaseLoader)  # noqa: S506 — BaseLoader makes only strings
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnreadableFile(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise UnreadableFile(f"{path}: no mapping")
    answer, facts = content.get("answer"), content.get("facts") or {}
    if not answer:
        return None
    if not _is_answer(answer) or not isinstance(facts, dict):
        raise UnreadableFile(f"{path}: `answer` needs texts for title and now, a list of texts for steps")
    typed = {key: Fact(fact["kind"], fact["value"]) for key, fact in facts.items()}
    words = AnswerText(answer["title"], answer["now"], tuple(answer.get("steps") or ()), answer.get("warning") or "")
    values = {**numbers, **{key: format_fact(fact, BASE_TAG) for key, fact in typed.items()}}
    ruby_rev = _RUBY_REV.search(raw)
    return BaseFile(
        path=path,
        raw=raw,
        answer=answer,
        values=values,
        ruby=content.get("ruby") or {},
        rev=fingerprint(words, typed),
        ruby_rev=ruby_rev[1] if ruby_rev else "",
    )


def with_ruby(file: BaseFile, ruby: Mapping[str, str | list[str]]) -> str:
    """The text of the file with this ruby block at its end, in place of one it had; the rest byte for byte."""
    newline = "\r\n" if "\r\n" in file.raw else "\n"
    rest = _RUBY_BLOCK.sub("", file.raw)
    rest += "" if rest.endswith("\n") else newline
    body = yaml.safe_dump(dict(ruby), allow_unicode=True, width=1000, sort_keys=False)
    lines = [f"ruby:  # rev {file.rev}, written by `python -m intents furigana --write`"]
    lines += ["  " + line for line in body.splitlines()]
    return rest + newline.join(lines) + newline


def _is_answer(answer: object) -> bool:
    if not isinstance(answer, dict):
        return False
    texts = [answer.get("title"), answer.get("now"), answer.get("warning") or ""]
    steps = answer.get("steps") or []
    return isinstance(steps, list) and all(isinstance(text, str) for text in [*texts, *steps])


def _contact_numbers(path: Path) -> dict[str, str]:
    """Dict of contact id → its first known number or address."""
    if not path.exists():
        return {}
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
    found: dict[str, str] = {}
    for contact_id, contact in content["contacts"].items():
        ways = (way.get(kind) for way in contact.get("numbers") or () for kind in ("phone", "url", "chat", "sms"))
        if number := next((way for way in ways if way), None):
            found[contact_id] = number
    return found
