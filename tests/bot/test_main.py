"""The `koban` command: what `run` does before it runs."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest
from sqlalchemy.exc import IntegrityError

from bot import __main__, app, database_trouble, logs
from bot.errors import SettingsError
from intents.errors import CatalogueError, Problem


@pytest.fixture(autouse=True)
def _usual_collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)
    gc.enable()


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOBAN_KEYS", "A" * 43 + "=")
    monkeypatch.setattr(logs, "configure", lambda _level: None)


@pytest.mark.usefixtures("settings")
def test_what_the_start_makes_is_never_searched_for_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, bool]] = []

    def build(_settings: object) -> object:
        seen.append((gc.isenabled(), gc.get_freeze_count() > 0))
        return object()

    async def run(*_: object) -> None:
        seen.append((gc.isenabled(), gc.get_freeze_count() > 0))

    gc.unfreeze()
    monkeypatch.setattr(app, "build", build)
    monkeypatch.setattr(app, "run", run)
    assert __main__.main(["run"]) == 0
    assert seen == [(False, False), (True, True)]


@pytest.mark.usefixtures("settings")
def test_a_start_that_fails_leaves_the_collector_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(_settings: object) -> object:
        raise SettingsError(["a setting is wrong"])

    monkeypatch.setattr(app, "build", build)
    assert __main__.main(["run"]) == 2
    assert "a setting is wrong" in capsys.readouterr().err
    assert gc.isenabled()


@pytest.fixture
def place(settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the commands run, with every setting but the key at its default."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_database_of_the_defaults_is_made_where_no_folder_is(place: Path) -> None:
    assert __main__.main(["migrate"]) == 0
    assert (place / "var/koban.db").exists()
    assert (place / "var").stat().st_mode & 0o077 == 0
    assert __main__.main(["audit", "check"]) == 0


@pytest.mark.parametrize("command", [["audit", "check"], ["backup", "b"], ["rotate-keys"]], ids=" ".join)
def test_without_a_database_a_command_says_what_to_do_and_makes_none(
    command: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(command) == 1
    said = capsys.readouterr().err
    assert "koban migrate" in said
    assert list(place.iterdir()) == []


def test_a_database_without_our_tables_is_said_to_need_them(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "var").mkdir()
    (place / "var/koban.db").touch()
    assert __main__.main(["backup", "b"]) == 1
    assert "koban migrate" in capsys.readouterr().err


@pytest.mark.usefixtures("place")
def test_a_server_that_does_not_answer_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KOBAN_DATABASE_URL", "postgresql://koban:geheim@127.0.0.1:1/koban")
    assert __main__.main(["audit", "check"]) == 1
    said = capsys.readouterr().err
    assert "koban doctor" in said
    assert "geheim" not in said


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("url", ["mysql://koban:geheim@host/koban", "geheim", "postgresql://koban:geheim@host:port/x"])
def test_an_address_that_is_none_is_a_wrong_setting(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KOBAN_DATABASE_URL", url)
    assert __main__.main(["audit", "check"]) == 2
    said = capsys.readouterr().err
    assert "KOBAN_DATABASE_URL" in said
    assert "geheim" not in said


def test_what_a_database_refuses_is_no_trouble_of_the_database() -> None:
    assert database_trouble.sentence_of(IntegrityError("INSERT", {}, Exception("Key (username)=(tanaka)"))) is None
    assert database_trouble.sentence_of(KeyError("x")) is None
    said = database_trouble.sentence_of(asyncpg.InvalidPasswordError("password of koban"))
    assert said is not None
    assert "InvalidPasswordError" in said
    assert "password of koban" not in said


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(("option", "known"), [("--section", "desk_a, desk_b"), ("--station", "north")])
def test_an_account_of_an_unknown_desk_names_those_there_are(
    option: str, known: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desks, stations = ([SimpleNamespace(id=name) for name in names] for names in (("desk_a", "desk_b"), ("north",)))
    built = SimpleNamespace(deployment=SimpleNamespace(sections=desks, stations=stations))
    monkeypatch.setattr(app, "build", lambda _settings: built)
    assert __main__.main(["add-staff", "x", "--name", "x", "--role", "operator", option, "nowhere"]) == 2
    said = capsys.readouterr().err
    assert "nowhere is no" in said
    assert known in said


@pytest.mark.usefixtures("settings")
def test_broken_content_is_listed_and_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(_settings: object) -> object:
        raise CatalogueError([Problem("intents/topics/x.yaml", 3, "`title` is empty; fill it in")])

    monkeypatch.setattr(app, "build", build)
    assert __main__.main(["migrate"]) == 2
    assert "intents/topics/x.yaml:3" in capsys.readouterr().err


def test_every_command_explains_each_thing_it_takes() -> None:
    def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for each in action.choices.values():
                    yield from commands(each)

    assert [
        f"{parser.prog} {action.dest}" for parser in commands(__main__._parser()) for action in parser._actions
        if not action.help and not isinstance(action, argparse._SubParsersAction)
    ] == []
