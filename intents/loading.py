"""Read one YAML file into plain values, remembering the line of each and writing down every problem.

PyYAML's own constructors lose the line numbers and guess types (`12345678` becomes a number and `no` becomes false),
so the nodes are read here as text and typed by what the schema expects.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import yaml

from intents.errors import Problem

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # the C parser where the wheel has it
MAX_BYTES = 1_000_000  # a data file larger than this is a mistake


class Report:
    """Collects problems while files are read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.problems: list[Problem] = []

    def name_of(self, path: Path) -> str:
        """The path as people write it: from the project root."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()

    def add(self, path: Path | str, line: int, message: str, *, severity: str = "error", code: str = "format") -> None:
        """Write down one problem."""
        name = path if isinstance(path, str) else self.name_of(path)
        self.problems.append(Problem(name, line, message, severity, code))

    @property
    def errors(self) -> list[Problem]:
        """The problems that must be mended."""
        return [problem for problem in self.problems if problem.severity == "error"]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def is_null(node: yaml.Node) -> bool:
    """Whether the node is an empty value; a plain scalar has the style None in Python and the style "" in C."""
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null")


def read_mapping(path: Path, report: Report) -> Fields | None:
    """Read a file whose top level is a mapping; None when it cannot be read, with the problem reported."""
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            report.add(path, 1, f"the file is larger than {MAX_BYTES} bytes; split it")
            return None
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        report.add(path, 1, f"cannot be read as UTF-8 text: {error}")
        return None
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error)
        report.add(path, (mark.line + 1) if mark else 1, f"is not valid YAML: {what}; a text with `: `, `#`, or a "
                   "leading `{` or `[` needs quotes", code="yaml")
        return None
    if node is None:
        report.add(path, 1, "is empty; write its keys or remove it")
        return None
    if not isinstance(node, yaml.MappingNode):
        report.add(path, _line(node), "must be a mapping of `key: value` lines")
        return None
    return Fields(node, path, report)


class Fields:
    """The fields of one mapping. Every getter reports a missing or malformed value and then returns None."""

    def __init__(self, node: yaml.MappingNode, path: Path, report: Report, prefix: str = "") -> None:
        self.path = path
        self.report = report
        self.line = _line(node)
        self.prefix = prefix
        self._nodes: dict[str, yaml.Node] = {}
        self._lines: dict[str, int] = {}
        for key_node, value in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            if key in self._nodes:
                self.problem(f"`{prefix}{key}` stands twice; keep one", line=_line(key_node), code="duplicate")
            self._nodes[key] = value
            self._lines[key] = _line(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __contains__(self, key: str) -> bool:
        return key in self._nodes

    def line_of(self, key: str) -> int:
        """The line of a key's value, or of the mapping when the key is absent."""
        return self._lines.get(key, self.line)

    def problem(self, message: str, *, key: str | None = None, line: int | None = None, code: str = "format") -> None:
        """Report a problem at a key of this mapping."""
        self.report.add(self.path, line or (self.line_of(key) if key else self.line), message, code=code)

    def only(self, allowed: Collection[str]) -> None:
        """Report every key that the schema does not know."""
        for key in self._nodes:
            if key not in allowed:
                near = difflib.get_close_matches(key, list(allowed), n=1)
                hint = f"did you mean `{near[0]}`?" if near else "known keys: " + ", ".join(sorted(allowed))
                self.problem(f"unknown key `{self.prefix}{key}`; {hint}", key=key, code="unknown_key")

    def _node(self, key: str, required: bool) -> yaml.Node | None:
        node = self._nodes.get(key)
        if node is None or is_null(node):
            if required:
                state = "is missing" if node is None else "is empty"
                self.problem(f"`{self.prefix}{key}` {state}; fill it in", key=key, code="missing_key")
            return None
        return node

    def text(self, key: str, *, required: bool = True) -> str | None:
        """A line or block of text, stripped."""
        node = self._node(key, required)
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self.problem(f"`{self.prefix}{key}` must be text; put quotes around a text that starts with "
                         "`{` or `[`", key=key, code="type")
            return None
        value = str(node.value).strip()
        if not value and required:
            self.problem(f"`{self.prefix}{key}` is empty; fill it in", key=key, code="missing_key")
            return None
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A true/false value."""
        value = self.text(key, required=False)
        if value is None:
            return default
        if value not in ("true", "false"):
            self.problem(f"`{self.prefix}{key}` must be true or false, not `{value}`", key=key, code="type")
            return default
        return value == "true"

    def choice(self, key: str, options: Collection[str], *, required: bool = True, default: str = "") -> str:
        """One of the given words; the default when absent or unknown."""
        value = self.text(key, required=required)
        if value is None:
            return default
        if value not in options:
            self.problem(f"`{self.prefix}{key}` is `{value}`; choose one of {', '.join(options)}", key=key, code="type")
            return default
        return value

    def date(self, key: str, *, required: bool = True) -> dt.date | None:
        """A calendar day as YYYY-MM-DD."""
        value = self.text(key, required=required)
        if value is None:
            return None
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.problem(f"`{self.prefix}{key}` is `{value}`; write a real day as YYYY-MM-DD", key=key, code="date")
            return None

    def is_list(self, key: str) -> bool:
        """Whether the value of a key is a list."""
        return isinstance(self._nodes.get(key), yaml.SequenceNode)

    def mapping(self, key: str, *, required: bool = True) -> Fields | None:
        """A mapping inside this one."""
        node = self._node(key, required)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self.problem(f"`{self.prefix}{key}` must be a mapping of `key: value` lines", key=key, code="type")
            return None
        return Fields(node, self.path, self.report, f"{self.prefix}{key}.")

    def _sequence(self, key: str, required: bool) -> list[yaml.Node]:
        node = self._node(key, required)
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.problem(f"`{self.prefix}{key}` must be a list of `- ` lines", key=key, code="type")
            return []
        return list(node.value)

    def texts(self, key: str, *, required: bool = True) -> tuple[tuple[str, int], ...]:
        """A list of texts, each with its line."""
        found: list[tuple[str, int]] = []
        for node in self._sequence(key, required):
            if not isinstance(node, yaml.ScalarNode) or is_null(node) or not node.value.strip():
                self.problem(f"an item of `{self.prefix}{key}` is not text; put quotes around a text that starts with "
                             "`{` or `[`, or that contains `: `", line=_line(node), code="type")
                continue
            found.append((str(node.value).strip(), _line(node)))
        return tuple(found)

    def mappings(self, key: str, *, required: bool = True) -> list[Fields]:
        """A list of mappings."""
        found: list[Fields] = []
        for number, node in enumerate(self._sequence(key, required), start=1):
            if not isinstance(node, yaml.MappingNode):
                self.problem(f"an item of `{self.prefix}{key}` must be a mapping", line=_line(node), code="type")
                continue
            found.append(Fields(node, self.path, self.report, f"{self.prefix}{key}[{number}]."))
        return found
