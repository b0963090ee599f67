"""LibreTranslate, on a server of the police.

Source: https://docs.libretranslate.com/guides/api_usage and the API's own tests in its repository, read 2026-11-27:
POST /translate with q, source, target, format and api_key answers {"translatedText": …} or, with a status of 400 or
more, {"error": …}; GET /languages lists {"code", "name", "targets"}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from bot.translation.provider import ProviderError, our_tags, read_json

# Codes differ between versions of the server (zh and zt before 1.6, zh-Hans and zh-Hant since); /languages decides.
CODES: Mapping[str, tuple[str, ...]] = {
    "ja": ("ja",), "en": ("en",), "zh-Hans": ("zh-Hans", "zh"), "zh-Hant": ("zh-Hant", "zt"), "ko": ("ko",),
    "vi": ("vi",), "pt-BR": ("pt-BR", "pt"), "es": ("es",), "th": ("th",), "id": ("id",), "fil": ("tl", "fil"),
    "km": ("km",), "my": ("my",), "mn": ("mn",), "ne": ("ne",), "bn": ("bn",), "uk": ("uk",), "ru": ("ru",),
    "tr": ("tr",), "hi": ("hi",), "ur": ("ur",), "si": ("si",),
}


@dataclass(frozen=True)
class LibreTranslate:
    """A LibreTranslate server. url: without a path; key: empty where the server asks for none."""

    url: str
    key: str = ""
    name: str = "LibreTranslate"

    async def routes(self, http: aiohttp.ClientSession) -> Mapping[tuple[str, str], str]:
        """Return the directions of /languages."""
        async with http.get(f"{self.url}/languages") as answer:
            rows = await read_json(answer)
        if not isinstance(rows, list):
            raise ProviderError("/languages is not a list")
        targets = {str(row["code"]): {str(each) for each in row.get("targets", ())} for row in rows
                   if isinstance(row, dict) and "code" in row}
        tags = our_tags(CODES, targets)
        return {
            (source, target): f"{code} {other}"
            for source, code in tags.items() for target, other in tags.items()
            if source != target and other in targets[code]
        }

    async def translate(self, http: aiohttp.ClientSession, text: str, route: str) -> str:
        """Ask for one translation of plain text."""
        source, target = route.split(" ")
        asked = {"q": text, "source": source, "target": target, "format": "text"}
        if self.key:
            asked["api_key"] = self.key
        async with http.post(f"{self.url}/translate", json=asked) as answer:
            row = await read_json(answer)
        found = row.get("translatedText") if isinstance(row, dict) else None
        if answer.status != 200 or not isinstance(found, str):
            raise ProviderError(f"status {answer.status} without a translation", may_retry=answer.status == 429)
        return found
