"""Settings come from the environment, secrets also from files; what is wrong is named at once, without its value."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.config import PREFIX, SECRETS, Settings, parse_keys, read_settings, split_address
from bot.errors import SettingsError
from storage.sealing import new_key

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(reversed(range(32)))).decode()
WRONG = {
    "TELEGRAM_API_URL": "api.telegram.org",
    "TELEGRAM_MODE": "pigeon",
    "TELEGRAM_WEBHOOK_URL": "koban.example",
    "TELEGRAM_WEBHOOK_LISTEN": "8443",
    "TELEGRAM_RATE": "0",
    "KEYS": "c2hvcnQ=",
    "CONSOLE_LISTEN": "127.0.0.1:99999",
    "CONSOLE_URL": "ftp://console.example",
    "ENCODER": "on",
    "LOG_LEVEL": "LOUD",
    "TRANSLATOR_PROVIDER": "babelfish",
    "TRANSLATOR_URL": "translate.example",
    "TRANSLATOR_TIMEOUT": "0",
}


def problems_of(environment: dict[str, str]) -> tuple[str, ...]:
    """What `read_settings` complains about."""
    with pytest.raises(SettingsError) as caught:
        read_settings(environment)
    return caught.value.problems


def test_without_any_setting_the_defaults_hold() -> None:
    settings = read_settings({"PATH": "/usr/bin", "HOME": "/root"})
    assert settings.telegram_token is None
    assert settings.telegram_mode == "polling"
    assert settings.deployment == Path("bot/deployments/demo.yaml")
    assert settings.database_url.get_secret_value() == "sqlite:///var/koban.db"
    assert settings.telegram_api_url == "https://api.telegram.org"


def test_every_setting_can_be_given_by_its_name() -> None:
    given_values = {
        "TELEGRAM_TOKEN": "1:a", "TELEGRAM_API_URL": "http://127.0.0.1:8081/", "TELEGRAM_MODE": "webhook",
        "TELEGRAM_WEBHOOK_URL": "https://koban.example/hook", "TELEGRAM_WEBHOOK_SECRET": "s-1",
        "TELEGRAM_WEBHOOK_LISTEN": "[::1]:8443", "TELEGRAM_RATE": "10", "DATABASE_URL": "postgresql://a:b@c/d",
        "KEYS": KEY, "DEPLOYMENT": "/etc/koban.yaml", "CONSOLE_LISTEN": "0.0.0.0:80",
        "CONSOLE_URL": "https://console.example", "ENCODER": "off", "LOG_LEVEL": "ERROR",
        "CLASSIFIER_URL": "http://127.0.0.1:11434/v1", "CLASSIFIER_MODEL": "m", "CLASSIFIER_KEY": "k",
        "CLASSIFIER_TIMEOUT": "2.5", "LEDGER": "/var/lib/koban/erasures",
        "TRANSLATOR_PROVIDER": "textra", "TRANSLATOR_URL": "http://127.0.0.1:5000/", "TRANSLATOR_LOGIN": "police",
        "TRANSLATOR_KEY": "k", "TRANSLATOR_SECRET": "s", "TRANSLATOR_ENGINE": "generalNT", "TRANSLATOR_TIMEOUT": "3",
    }
    assert {name.upper() for name in Settings.model_fields} == set(given_values), "a new setting needs a line here"
    settings = read_settings({PREFIX + name: value for name, value in given_values.items()})
    defaults = read_settings({})
    for name in Settings.model_fields:
        assert getattr(settings, name) != getattr(defaults, name), name
    assert settings.telegram_api_url == "http://127.0.0.1:8081"


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        assert ("A secret." in field.description) == (name.upper() in SECRETS), name


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_can_stand_in_a_file(name: str, tmp_path: Path) -> None:
    value = {"KEYS": KEY, "DATABASE_URL": "postgresql://a:b@c/d"}.get(name, "secret-1")
    file = tmp_path / "secret"
    file.write_text(f"{value}\n", "utf-8")
    found = getattr(read_settings({f"{PREFIX}{name}_FILE": str(file)}), name.lower())
    assert found.get_secret_value() == value, "without the line break that editors add"


def test_only_a_secret_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "rate"
    file.write_text("10", "utf-8")
    assert problems_of({"KOBAN_TELEGRAM_RATE_FILE": str(file)}) == (
        "KOBAN_TELEGRAM_RATE_FILE is unknown: see the table of settings in the README",)


def test_a_secret_given_twice_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(OTHER, "utf-8")
    (problem,) = problems_of({"KOBAN_KEYS": KEY, "KOBAN_KEYS_FILE": str(file)})
    assert "KOBAN_KEYS and KOBAN_KEYS_FILE are both set" in problem


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems_of({"KOBAN_KEYS_FILE": str(tmp_path / "none")})
    assert problem.startswith("KOBAN_KEYS_FILE: the file cannot be read")
    (problem,) = problems_of({"KOBAN_KEYS_FILE": str(tmp_path)})
    assert problem.startswith("KOBAN_KEYS_FILE: the file cannot be read")


def test_an_unknown_name_is_a_problem_and_a_name_of_others_is_not() -> None:
    (problem,) = problems_of({"KOBAN_TELEGRAM_TOKNE": "1:a", "TELEGRAM_TOKEN": "2:b"})
    assert problem.startswith("KOBAN_TELEGRAM_TOKNE is unknown")


@pytest.mark.parametrize("name", WRONG)
def test_a_malformed_value_names_its_setting(name: str) -> None:
    (problem,) = problems_of({PREFIX + name: WRONG[name]})
    assert problem.startswith(f"{PREFIX}{name}: ")


def test_all_problems_are_named_at_once_and_no_value_is_repeated(tmp_path: Path) -> None:
    environment = {PREFIX + name: value for name, value in WRONG.items()}
    environment |= {"KOBAN_FOO": "geheim", "KOBAN_TELEGRAM_TOKEN_FILE": str(tmp_path / "none")}
    found = problems_of(environment)
    assert len(found) == len(WRONG) + 2
    for name in (*WRONG, "FOO", "TELEGRAM_TOKEN_FILE"):
        assert any(problem.startswith(PREFIX + name) for problem in found), name
    assert "geheim" not in "".join(found)
    assert WRONG["KEYS"] not in "".join(found)


def test_the_environment_of_the_process_is_not_read_behind_ones_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "KOBAN_LOG_LEVEL", "DEBUG")
    monkeypatch.setitem(os.environ, "LOG_LEVEL", "DEBUG")
    assert read_settings({}).log_level == "INFO"


def test_settings_do_not_show_their_secrets_and_cannot_be_changed() -> None:
    settings = read_settings({"KOBAN_KEYS": KEY, "KOBAN_TELEGRAM_TOKEN": "1:geheim",
                              "KOBAN_DATABASE_URL": "postgresql://a:geheim@c/d"})
    assert KEY not in repr(settings)
    assert "geheim" not in repr(settings)
    assert "geheim" not in str(settings.model_dump())
    with pytest.raises(ValidationError):
        settings.log_level = "DEBUG"  # type: ignore[misc]


def test_the_first_key_seals_and_an_older_one_still_opens() -> None:
    old = read_settings({"KOBAN_KEYS": KEY}).sealer()
    sealed = old.seal_text("hello", "ticket:1")
    ring = read_settings({"KOBAN_KEYS": f"{OTHER}, {KEY}"}).sealer()
    assert ring.open_text(sealed, "ticket:1") == "hello"
    assert not ring.seals_with_current_key(sealed)
    assert ring.lookup("42") == old.lookup("42"), "a new key in front keeps the fingerprints of chats"


def test_without_a_key_there_is_no_sealer() -> None:
    with pytest.raises(SettingsError, match="koban new-key"):
        read_settings({}).sealer()


def test_a_fresh_key_can_be_used() -> None:
    assert len(parse_keys(base64.b64encode(new_key()).decode())) == 1


@pytest.mark.parametrize("text", ["", ",", f"{KEY},", "not base64!", "鍵", KEY[:-4], KEY + KEY])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"base64|32 bytes"):
        parse_keys(text)


@given(st.dictionaries(st.sampled_from([PREFIX + name.upper() for name in Settings.model_fields]),
                       st.text(st.characters(exclude_characters="\0"), max_size=40)))
def test_any_values_are_settings_or_named_problems(environment: dict[str, str]) -> None:
    try:
        read_settings(environment)
    except SettingsError as error:
        for problem in error.problems:
            assert problem.startswith(PREFIX)


@pytest.mark.parametrize(("address", "host", "port"), [
    ("127.0.0.1:8080", "127.0.0.1", 8080), ("[::1]:80", "::1", 80), ("koban.local:0", "koban.local", 0),
])
def test_an_address_is_split_into_host_and_port(address: str, host: str, port: int) -> None:
    assert split_address(address) == (host, port)
