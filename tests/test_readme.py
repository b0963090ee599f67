"""A promise in the README is a test."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.__main__ import _parser
from bot.config import Settings
from intents.__main__ import main as intents_main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_table_of_settings_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `(KOBAN_\w+)` \| (\S+) \| (.+) \|$", README, flags=re.MULTILINE)
    wanted = []
    for name, field in Settings.model_fields.items():
        default = field.default
        default = default.get_secret_value() if isinstance(default, SecretStr) else default
        wanted.append((f"KOBAN_{name.upper()}", "–" if default is None else f"`{default}`", field.description))
    assert rows == wanted


def test_it_opens_with_the_two_commands() -> None:
    first_block = README.split("```sh\n")[1].split("```")[0]
    assert [line.split("#")[0].strip() for line in first_block.strip().splitlines()] == ["make demo", "make test"]


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`koban ([a-z-]+)", README))))
def test_every_koban_command_it_names_exists(command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        _parser().parse_args([command, "--help"])
    assert ended.value.code == 0


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`python -m intents ([a-z-]+)", README))))
def test_every_command_for_authors_it_names_exists(command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        intents_main([command, "--help"])
    assert ended.value.code == 0


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([\w./-]+)`", README))))
def test_every_target_of_make_it_names_exists(target: str) -> None:
    targets = re.findall(r"^(\S+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    assert target in [each.replace("$(VENV)", ".venv") for each in targets]


def test_it_installs_so_that_the_words_beside_the_code_are_found() -> None:
    """`locales/` is in no package: an installation that copies the code elsewhere would find no answers."""
    lines = re.findall(r"pip install [^`]*", README)
    assert lines
    assert all(line.startswith("pip install -e ") for line in lines)


def test_cleaning_up_leaves_the_database_of_the_defaults() -> None:
    said = subprocess.run(["make", "--dry-run", "clean"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    removed = said.split("#")[0].split()
    assert ".venv" in removed
    assert "var" not in removed


@pytest.mark.parametrize("command", re.findall(r"`python -m intents (add-\w+ [^`]+)`", README))
def test_its_examples_of_adding_something_work_in_a_copy_of_the_content(command: str, tmp_path: Path) -> None:
    for folder in ("intents", "locales"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    ran = subprocess.run(
        [sys.executable, "-m", "intents", *command.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:bot|intents|storage|tests|locales)/[\w/.-]+)`", README))))
def test_every_path_it_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_figures_are_those_that_were_measured() -> None:
    heads = {"first": "first", "in_three": "in 3", "answered": "answered", "precision": "right",
             "outside": "out of scope", "recall": "danger", "alarms": "alike", "language": "language"}
    lines = ["| | messages | " + " | ".join(heads.values()) + " |", "| --- |" + " ---: |" * (len(heads) + 1)]
    with (ROOT / "tests/utterances/figures.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            figures = " | ".join(row[name] or "–" for name in heads)
            lines.append(f"| {row['name']} | {row['n']} | {figures} |")
    table = "\n".join(lines)
    assert table in README, f"write this table between the marks:\n{table}"
