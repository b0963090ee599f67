"""The machine translator that the settings name: what it may see, how long it may take, and what becomes of failures.

What points at a person is taken out before the text leaves and put back afterwards. Nothing of the text is logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import aiohttp

from bot.config import Settings
from bot.errors import WrongState
from bot.redaction import put_back, take_out
from bot.translation.libretranslate import LibreTranslate
from bot.translation.provider import Provider, ProviderError
from bot.translation.textra import TexTra

log = logging.getLogger(__name__)

Found = TypeVar("Found")

JAPANESE = "ja"
ROUTES_LAST_S = 3600.0
MAX_CHARS = 4000
_FAILURES = (aiohttp.ClientError, OSError, TimeoutError, ProviderError, ValueError, KeyError, TypeError)


class NotTranslated(WrongState):
    """No machine translation was made; the sentence says why in plain words."""


@dataclass(frozen=True, slots=True)
class Translated:
    """A translation. lost: what was taken out before and had no place in the translation any more."""

    text: str
    lost: tuple[str, ...] = ()


@dataclass
class Machine:
    """Asks a provider. timeout_s: seconds for one translation, with the one retry that may be needed."""

    provider: Provider
    timeout_s: float = 10.0
    clock: Callable[[], float] = time.monotonic
    _routes: Mapping[tuple[str, str], str] = field(default_factory=dict, init=False)
    _routes_until: float = field(default=0.0, init=False)

    @property
    def name(self) -> str:
        """The name of the service, for the label of a draft."""
        return self.provider.name

    def offers(self, tag: str) -> bool | None:
        """Tell whether a language is offered to and from Japanese; None as long as the service was not asked."""
        if not self._routes:
            return None
        return (JAPANESE, tag) in self._routes and (tag, JAPANESE) in self._routes

    async def languages(self) -> frozenset[str]:
        """Return the languages that are offered from Japanese. Raises NotTranslated."""
        routes = await self._within(self._known_routes)
        return frozenset(target for source, target in routes if source == JAPANESE)

    async def translate(self, text: str, source: str, target: str) -> Translated:
        """Return a text in another language. Raises NotTranslated, whose sentence is for staff.

        source, target: our tags; やさしい日本語 counts as Japanese, and is never a target.
        """
        source = JAPANESE if source == "ja-simple" else source
        if len(text) > MAX_CHARS:
            raise NotTranslated("This is too long: at most {n} characters.", n=MAX_CHARS)
        bare, taken = take_out(text)

        async def ask(http: aiohttp.ClientSession) -> str:
            route = (await self._known_routes(http)).get((source, target))
            if route is None:
                raise NotTranslated("The machine translation does not offer this language. Nothing was translated.")
            return await self.provider.translate(http, bare, route)

        found = await self._within(ask)
        if not found.strip():
            raise NotTranslated("The machine translation gave back nothing.")
        return Translated(*put_back(found.strip(), taken))

    async def _known_routes(self, http: aiohttp.ClientSession) -> Mapping[tuple[str, str], str]:
        if not self._routes or self.clock() >= self._routes_until:
            self._routes = await self.provider.routes(http)
            self._routes_until = self.clock() + ROUTES_LAST_S
        return self._routes

    async def _within(self, ask: Callable[[aiohttp.ClientSession], Awaitable[Found]]) -> Found:
        """Ask within the time, once more when that may help, and say in plain words when there is no answer."""
        try:
            async with asyncio.timeout(self.timeout_s), aiohttp.ClientSession(trust_env=True) as http:
                try:
                    return await ask(http)
                except (aiohttp.ClientError, OSError, ProviderError) as error:
                    if isinstance(error, ProviderError) and not error.may_retry:
                        raise
                    return await ask(http)
        except _FAILURES as error:
            # The reason of a ProviderError is ours and holds no text; what other errors say may hold an address.
            reason = str(error) if isinstance(error, ProviderError) else type(error).__name__
            log.warning("%s did not translate (%s)", self.name, reason)
            raise NotTranslated(
                "The machine translation does not answer. Nothing was translated and nothing was sent."
            ) from None


def machine_of(settings: Settings) -> Machine | None:
    """Return the machine translator that the settings name; None while it is off."""
    if settings.translator_provider == "off":
        return None
    url = settings.translator_url or ""
    key = settings.translator_key.get_secret_value() if settings.translator_key else ""
    if settings.translator_provider == "libretranslate":
        return Machine(LibreTranslate(url, key), timeout_s=settings.translator_timeout)
    secret = settings.translator_secret.get_secret_value() if settings.translator_secret else ""
    engines = tuple(each.strip() for each in settings.translator_engine.split(",") if each.strip())
    return Machine(
        TexTra(url, settings.translator_login or "", key, secret, engines), timeout_s=settings.translator_timeout
    )
