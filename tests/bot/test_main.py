"""The `koban` command: what `run` does before it runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from bot import __main__, app, logs
from bot.errors import SettingsError


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
