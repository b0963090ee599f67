"""The doctor meets real settings, a real HTTP server, a real database; each failing line says what to do."""

from __future__ import annotations

import base64
import io
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rich.console import Console

from bot import doctor
from bot.doctor import Check, content
from bot.i18n import ROOT

TOKEN = "7512345678:AAF3xY_k0pQ-z8LmN4rT6vW1bC2dE5fG7hI"
KEY = base64.b64encode(bytes(range(32))).decode()


@dataclass
class BotApi:
    """A Bot API server that knows one bot; `page` replaces its answer, `drift` puts its clock wrong."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    page: web.Response | None = None
    drift: timedelta = timedelta()

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        if self.page is not None:
            return self.page
        if request.path != f"/bot{TOKEN}/getMe":
            return web.json_response({"ok": False, "error_code": 401, "description": "Unauthorized"}, status=401)
        date = format_datetime(datetime.now(UTC) + self.drift, usegmt=True)
        return web.json_response({"ok": True, "result": {"id": 1, "is_bot": True, "username": "mihon_bot"}},
                                 headers={"Date": date})


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    made = BotApi()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", made.answer)
    server = TestServer(application)
    await server.start_server()
    made.url = str(server.make_url("")).rstrip("/")
    yield made
    await server.close()


@pytest.fixture
def environment(api: BotApi, sqlite_url: str) -> dict[str, str]:
    """Settings with which nothing is an error; whatever else the machine has set for Koban does not count."""
    os.chmod(sqlite_url.removeprefix("sqlite:///"), 0o600)
    return {"KOBAN_TELEGRAM_TOKEN": TOKEN, "KOBAN_TELEGRAM_API_URL": api.url, "KOBAN_KEYS": KEY,
            "KOBAN_DATABASE_URL": sqlite_url, "KOBAN_ENCODER": "off", "PATH": "/usr/bin"}


async def look(environment: Mapping[str, str], name: str) -> Check:
    """The one check of this name."""
    part = "token" if name == "clock" else name
    checks = await doctor.examine(environment, only=[part])
    for check in checks:
        assert check.state == "ok" or check.do_next, f"{check.name} does not say what to do"
        assert TOKEN.split(":")[1] not in f"{check}", "the token is shown"
    (found,) = [check for check in checks if check.name == name]
    return found


async def test_good_settings_have_no_error_outside_the_content(environment: dict[str, str], api: BotApi) -> None:
    checks = await doctor.examine(environment)
    of_the_machine = [check for check in checks if check.name not in ("content", "danger cards", "interface strings")]
    assert [check for check in of_the_machine if check.state == "error"] == []
    states = {check.name: check.state for check in of_the_machine}
    for name in ("settings", "keys", "token", "clock", "updates", "database", "disk", "encoder", "time zone"):
        assert states[name] == "ok", name
    assert api.asked == [f"/bot{TOKEN}/getMe"]


async def test_the_printed_page_names_each_check_and_counts_them(environment: dict[str, str]) -> None:
    environment["KOBAN_FOO"] = "1"
    page = io.StringIO()
    code = await doctor.run(environment, console=Console(file=page, width=60))
    assert code == 1
    assert "KOBAN_FOO is unknown" in page.getvalue()
    assert "→ Mend the setting" in page.getvalue()
    assert "database: SQLite answers" in page.getvalue()
    assert " errors" in page.getvalue().splitlines()[-1]
    assert TOKEN not in page.getvalue()
    assert KEY not in page.getvalue()


async def test_every_wrong_setting_is_a_line_and_the_rest_is_still_looked_at(environment: dict[str, str]) -> None:
    environment |= {"KOBAN_FOO": "1", "KOBAN_TELEGRAM_RATE": "many", "KOBAN_CONSOLE_LISTEN": "here"}
    checks = await doctor.examine(environment, only=["settings", "database"])
    said = [check.said for check in checks if check.name == "settings"]
    assert [words.split()[0].rstrip(":") for words in said] == [
        "KOBAN_FOO", "KOBAN_TELEGRAM_RATE", "KOBAN_CONSOLE_LISTEN"]
    assert {check.name: check.state for check in checks}["database"] == "ok"


async def test_a_missing_and_a_malformed_token_are_told_apart(environment: dict[str, str]) -> None:
    assert "does not look like" in (await look({**environment, "KOBAN_TELEGRAM_TOKEN": "my token"}, "token")).said
    del environment["KOBAN_TELEGRAM_TOKEN"]
    assert "is missing" in (await look(environment, "token")).said


async def test_a_token_that_the_server_does_not_know_is_an_error(environment: dict[str, str]) -> None:
    environment["KOBAN_TELEGRAM_TOKEN"] = TOKEN[:-1] + "J"
    found = await look(environment, "token")
    assert (found.state, "does not know this token" in found.said) == ("error", True)


async def test_a_server_that_is_away_is_named_without_the_token(environment: dict[str, str]) -> None:
    environment["KOBAN_TELEGRAM_API_URL"] = "http://127.0.0.1:9"
    found = await look(environment, "token")
    assert found.state == "error"
    assert found.said.startswith("127.0.0.1:9 does not answer")


@pytest.mark.parametrize("page", [
    {"text": "<html>login</html>", "content_type": "text/html"},
    {"body": b"\xff\xfe\x00"},
    {"text": "[1]", "content_type": "application/json"},
    {"text": '{"ok": true, "result": 3}', "content_type": "application/json"},
    {"text": "{}", "status": 502},
    {"text": "", "status": 302, "headers": {"Location": "http://127.0.0.1:9/"}},
], ids=["html", "bytes", "list", "number", "bad gateway", "redirect"])
async def test_a_server_that_is_no_bot_api_is_an_error(environment: dict[str, str], api: BotApi,
                                                      page: dict[str, object]) -> None:
    api.page = web.Response(**page)  # type: ignore[arg-type]
    found = await look(environment, "token")
    assert (found.state, "and no bot" in found.said) == ("error", True)


async def test_a_wrong_clock_is_an_error(environment: dict[str, str], api: BotApi) -> None:
    api.drift = timedelta(minutes=7)
    found = await look(environment, "clock")
    assert found.state == "error"
    assert "timedatectl" in found.do_next


async def test_without_a_key_nothing_can_be_stored(environment: dict[str, str]) -> None:
    assert (await look({**environment, "KOBAN_KEYS": "x"}, "keys")).state == "error"
    assert (await look({**environment, "KOBAN_KEYS": f"{KEY},{KEY}"}, "keys")).state == "warning"
    del environment["KOBAN_KEYS"]
    assert "koban new-key" in (await look(environment, "keys")).do_next


async def test_a_file_of_keys_that_others_can_read_is_a_warning(environment: dict[str, str], tmp_path: Path) -> None:
    del environment["KOBAN_KEYS"]
    file = tmp_path / "keys"
    file.write_text(KEY)
    environment["KOBAN_KEYS_FILE"] = str(file)
    file.chmod(0o644)
    assert "chmod 600" in (await look(environment, "keys")).do_next
    file.chmod(0o600)
    assert (await look(environment, "keys")).state == "ok"


async def test_the_webhook_needs_address_and_strong_secret(environment: dict[str, str]) -> None:
    environment["KOBAN_TELEGRAM_MODE"] = "webhook"
    found = await look(environment, "updates")
    assert found.state == "error"
    assert "KOBAN_TELEGRAM_WEBHOOK_URL and KOBAN_TELEGRAM_WEBHOOK_SECRET" in found.said
    environment["KOBAN_TELEGRAM_WEBHOOK_URL"] = "http://koban.example/hook"
    for secret, state in (("ひみつ" * 20, "error"), ("short", "warning"), ("s" * 40, "error")):
        environment["KOBAN_TELEGRAM_WEBHOOK_SECRET"] = secret
        assert (await look(environment, "updates")).state == state, secret
    environment["KOBAN_TELEGRAM_WEBHOOK_URL"] = "https://koban.example/hook"
    assert (await look(environment, "updates")).state == "ok"


async def test_an_absent_database_file_is_not_made(environment: dict[str, str], tmp_path: Path) -> None:
    environment["KOBAN_DATABASE_URL"] = f"sqlite:///{tmp_path}/deep/none.db"
    found = await look(environment, "database")
    assert (found.state, "koban migrate" in found.do_next) == ("warning", True)
    assert not (tmp_path / "deep").exists()


async def test_tables_of_another_revision_are_an_error(environment: dict[str, str], sqlite_url: str) -> None:
    connection = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    connection.execute("UPDATE alembic_version SET version_num = 'older'")
    connection.commit()
    connection.close()
    found = await look(environment, "database")
    assert found.state == "error"
    assert "its tables are at older" in found.said


@pytest.mark.parametrize("url", ["nonsense", "mysql://a:geheim@b/c", "postgresql://koban:geheim@127.0.0.1:9/koban",
                                 "sqlite:////dev/null"])
async def test_a_database_that_cannot_be_used_is_an_error_without_its_password(
    environment: dict[str, str], url: str
) -> None:
    environment["KOBAN_DATABASE_URL"] = url
    found = await look(environment, "database")
    assert found.state == "error"
    assert "geheim" not in f"{found}"


@pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")
async def test_a_database_that_others_can_read_is_a_warning(environment: dict[str, str], sqlite_url: str) -> None:
    os.chmod(sqlite_url.removeprefix("sqlite:///"), 0o644)
    found = await look(environment, "disk")
    assert (found.state, "chmod 600" in found.do_next) == ("warning", True)


async def test_a_full_disk_is_an_error(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(ROOT)._replace(free=3_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    assert (await look(environment, "disk")).said.startswith("3 MB are free")


async def test_the_demo_is_a_warning_and_a_wrong_file_an_error(environment: dict[str, str], tmp_path: Path) -> None:
    assert "this is the demo" in (await look(environment, "deployment")).said
    broken = tmp_path / "ours.yaml"
    broken.write_text((ROOT / "bot/deployments/demo.yaml").read_text("utf-8").replace("size: large", "size: huge"),
                      "utf-8")
    environment["KOBAN_DEPLOYMENT"] = str(broken)
    found = await look(environment, "deployment")
    assert found.state == "error"
    assert "ours.yaml:" in found.said
    environment["KOBAN_DEPLOYMENT"] = str(tmp_path / "absent.yaml")
    assert (await look(environment, "deployment")).state == "error"


async def test_the_encoder_is_started_when_it_is_wanted(environment: dict[str, str]) -> None:
    environment["KOBAN_ENCODER"] = "auto"
    found = await look(environment, "encoder")
    assert found.said == "starts" or found.state == "warning"


async def test_a_core_language_without_danger_cards_is_an_error(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "intents", tmp_path / "intents", ignore=shutil.ignore_patterns("data", "topics", "*.py"))
    shutil.copytree(ROOT / "locales", tmp_path / "locales", ignore=shutil.ignore_patterns("intents", "utterances"))
    monkeypatch.setattr(content, "ROOT", tmp_path)
    before = await look(environment, "danger cards")
    assert before.state != "error", before.said
    (tmp_path / "locales/km/danger_cards.yaml").unlink()
    (tmp_path / "locales/th/danger_cards.yaml").write_text("cards: [", "utf-8")
    after = await look(environment, "danger cards")
    assert (after.state, after.said) == ("error", "missing or malformed in th, km")
    (tmp_path / "intents/danger_cards.yaml").write_text("cards: [", "utf-8")
    assert "cannot be used" in (await look(environment, "danger cards")).said
