"""Settings, read once from the environment. Every name begins with KOBAN_; a secret may be NAME or NAME_FILE."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.errors import SettingsError
from storage.sealing import KEY_BYTES, Sealer

PREFIX = "KOBAN_"
SECRETS = ("TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "KEYS", "DATABASE_URL", "CLASSIFIER_KEY",
           "TRANSLATOR_KEY", "TRANSLATOR_SECRET")


def _plain_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_plain_url)]


class Settings(BaseSettings):
    """What an operator may set. The description of each field is its line in the README's table."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    telegram_token: SecretStr | None = Field(None, description="Token of the bot, from BotFather. A secret.")
    telegram_api_url: Url = Field("https://api.telegram.org", description="The Bot API server to talk to.")
    telegram_mode: Literal["polling", "webhook"] = Field("polling", description="How updates arrive.")
    telegram_webhook_url: Url | None = Field(None, description="Public address of the webhook (mode webhook).")
    telegram_webhook_secret: SecretStr | None = Field(
        None, description="Secret of the webhook, 1 to 256 letters, digits, _ and - (mode webhook). A secret."
    )
    telegram_webhook_listen: str = Field("127.0.0.1:8443", description="Where the webhook listens, host:port.")
    # Telegram takes 1,000 a second when paid; the guard of the limiter makes 982 of that, and a thousand of 1,018.
    telegram_rate: int = Field(30, ge=1, le=1100, description="Messages a second over all chats; above 30 is paid.")
    database_url: SecretStr = Field(
        SecretStr("sqlite:///var/koban.db"), description="SQLite or PostgreSQL, as a SQLAlchemy URL. A secret."
    )
    keys: SecretStr | None = Field(
        None, description="Keys that seal what people write: 32 bytes in base64 each, newest first, by comma. A secret."
    )
    ledger: Path = Field(
        Path("var/ledger.jsonl"),
        description="File outside the database, beside the backups: erasures to apply again, heads of the audit.",
    )
    deployment: Path = Field(
        Path("bot/deployments/demo.yaml"), description="The deployment file: stations, sections, local numbers, hours."
    )
    console_listen: str = Field("127.0.0.1:8080", description="Where the staff console listens, host:port.")
    console_url: Url = Field("http://127.0.0.1:8080", description="Address of the console as staff open it.")
    encoder: Literal["auto", "off"] = Field("auto", description="Sentence encoder; off answers by words alone.")
    classifier_url: Url | None = Field(
        None, description="OpenAI-compatible server of yours, up to `/v1`, asked for an intent id in doubt."
    )
    classifier_model: str | None = Field(None, description="Model that the classifier's server is asked for.")
    classifier_key: SecretStr | None = Field(None, description="Key of the classifier's server. A secret.")
    classifier_timeout: float = Field(1.5, gt=0, le=10, description="Seconds that the classifier has for one message.")
    translator_provider: Literal["off", "libretranslate", "textra"] = Field(
        "off", description="Machine translation of drafts for staff; off asks nobody."
    )
    translator_url: Url | None = Field(None, description="Server of the machine translation, without a path.")
    translator_login: str | None = Field(None, description="User name of the machine translation (textra).")
    translator_key: SecretStr | None = Field(None, description="API key of the machine translation. A secret.")
    translator_secret: SecretStr | None = Field(
        None, description="API secret of the machine translation (textra). A secret."
    )
    translator_engine: str = Field(
        "generalNT,voicetraNT", description="Engines of textra, the preferred one first, by comma."
    )
    translator_timeout: float = Field(10.0, gt=0, le=60, description="Seconds that one machine translation may take.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from `read_settings` only, which knows NAME_FILE and refuses unknown names."""
        return (init_settings,)

    @field_validator("keys")
    @classmethod
    def _keys_are_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_keys(value.get_secret_value())
        return value

    @field_validator("telegram_webhook_listen", "console_listen")
    @classmethod
    def _is_host_and_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or not 0 <= int(port) < 65536:
            raise ValueError("must be host:port, such as 127.0.0.1:8080")
        return value

    def sealer(self) -> Sealer:
        """Return the key ring. Raises SettingsError when there is none."""
        if self.keys is None:
            raise SettingsError(["KOBAN_KEYS is missing: make one with `koban new-key` and keep it safe"])
        return Sealer(parse_keys(self.keys.get_secret_value()))


def parse_keys(text: str) -> list[bytes]:
    """Read a ring of keys: base64 of 32 bytes each, separated by commas."""
    try:
        keys = [base64.b64decode(part.strip(), validate=True) for part in text.split(",")]
    except (binascii.Error, ValueError) as error:
        raise ValueError("each key must be base64") from error
    if any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"each key must have {KEY_BYTES} bytes; make one with `koban new-key`")
    return keys


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port`; an IPv6 host loses its brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from the environment.

    Raises SettingsError that names every unknown, doubled, unreadable or malformed setting at once.
    """
    problems: list[str] = []
    values: dict[str, str] = {}
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    for name, value in sorted(environment.items()):
        if not name.startswith(PREFIX):
            continue
        base = name.removesuffix("_FILE")
        if name in known:
            if value.strip():  # an empty value means "not set", as in a service file with a blank line
                values[known[name]] = value
        elif base in known and base.removeprefix(PREFIX) in SECRETS:
            if base in environment:
                problems.append(f"{base} and {name} are both set: keep one")
            try:
                values[known[base]] = Path(value).read_text("utf-8").strip()
            except (OSError, UnicodeError) as error:
                problems.append(f"{name}: the file cannot be read ({type(error).__name__})")
        else:
            problems.append(f"{name} is unknown: see the table of settings in the README")
    try:
        settings = Settings(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        for item in error.errors(include_input=False, include_url=False):
            problems.append(f"{PREFIX}{str(item['loc'][0]).upper()}: {item['msg'].removeprefix('Value error, ')}")
    if problems:
        raise SettingsError(problems)
    return settings
