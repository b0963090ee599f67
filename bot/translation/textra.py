"""みんなの自動翻訳 (TexTra) of NICT, or a contracted server with the same API.

Source: https://minna-mt.k-intl.jp/help/api/ (codes, parameters) and public clients of the API, read 2026-11-27:
a token comes from POST /oauth2/token.php (grant_type, client_id, client_secret) as {"access_token", "expires_in"};
POST /api/mt_standard/get/ lists engines as {"id": "generalNT_ja_vi", "lang_s": "ja", "lang_t": "vi"}; POST
/api/mt/<id>/ with access_token, key, name, type=json and text answers
{"resultset": {"code": 0, "result": {"text": …}}}. The status is 200 whatever happens: `code` tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.translation.provider import ProviderError, read_json

CODES: Mapping[str, tuple[str, ...]] = {
    "ja": ("ja",), "en": ("en",), "zh-Hans": ("zh-CN",), "zh-Hant": ("zh-TW",), "ko": ("ko",), "vi": ("vi",),
    "pt-BR": ("pt-BR", "pt"), "es": ("es",), "th": ("th",), "id": ("id",), "fil": ("fil", "fp"), "km": ("km",),
    "my": ("my",), "mn": ("mn",), "ne": ("ne",), "bn": ("bn",), "uk": ("uk",), "ru": ("ru",), "tr": ("tr",),
    "hi": ("hi",), "ur": ("ur",), "si": ("si",),
}
_REFUSED_TOKEN = frozenset({510, 511})
_BUSY = frozenset({531, 10001})
_EARLY_S = 60.0  # a token is renewed this long before its end


@dataclass
class TexTra:
    """A TexTra server. login: the user name; engines: such as generalNT, the preferred one first."""

    url: str
    login: str
    key: str
    secret: str
    engines: Sequence[str] = ("generalNT", "voicetraNT")
    name: str = "TexTra"
    clock: Callable[[], float] = time.monotonic
    _token: str = field(default="", init=False)
    _token_until: float = field(default=0.0, init=False)

    async def routes(self, http: aiohttp.ClientSession) -> Mapping[tuple[str, str], str]:
        """Return the directions of the engines that are set; the preferred engine wins."""
        result = await self._ask(http, "/api/mt_standard/get/", {"limit": "2000"})
        rows = result.get("list")
        if not isinstance(rows, list):
            raise ProviderError("no list of engines")
        ids = {str(row["id"]) for row in rows if isinstance(row, dict) and "id" in row}
        return {
            (source, target): found
            for source, codes in CODES.items() for target, others in CODES.items() if source != target
            if (found := next((each for each in self._ids(codes, others) if each in ids), None)) is not None
        }

    def _ids(self, codes: Sequence[str], others: Sequence[str]) -> list[str]:
        return [f"{engine}_{code}_{other}" for engine in self.engines for code in codes for other in others]

    async def translate(self, http: aiohttp.ClientSession, text: str, route: str) -> str:
        """Ask an engine for one translation."""
        found = (await self._ask(http, f"/api/mt/{route}/", {"text": text})).get("text")
        if not isinstance(found, str):
            raise ProviderError("no text in the result")
        return found

    async def _ask(self, http: aiohttp.ClientSession, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """Return `result` of an answer whose code is 0."""
        form = {"access_token": await self._access_token(http), "key": self.key, "name": self.login, "type": "json"}
        async with http.post(f"{self.url}{path}", data=form | dict(fields)) as answer:
            row = await read_json(answer)
        resultset = row.get("resultset") if isinstance(row, dict) else None
        if not isinstance(resultset, dict):
            raise ProviderError(f"status {answer.status} without a result")
        code = int(str(resultset.get("code", -1)))
        if answer.status == 401 or code in _REFUSED_TOKEN:
            self._token = ""
            raise ProviderError(f"code {code}: the token was refused", may_retry=True)
        result = resultset.get("result")
        if code != 0 or not isinstance(result, dict):
            raise ProviderError(f"code {code}", may_retry=code in _BUSY)
        return result

    async def _access_token(self, http: aiohttp.ClientSession) -> str:
        """Return a token that is still valid for a while; its text goes into no message."""
        if self._token and self.clock() < self._token_until:
            return self._token
        form = {"grant_type": "client_credentials", "client_id": self.key, "client_secret": self.secret}
        asked_at = self.clock()
        async with http.post(f"{self.url}/oauth2/token.php", data=form) as answer:
            row = await read_json(answer)
        token = row.get("access_token") if isinstance(row, dict) else None
        if answer.status != 200 or not isinstance(token, str) or not token:
            raise ProviderError(f"status {answer.status}: key and secret were not accepted")
        try:
            lifetime = float(row.get("expires_in", 0))
        except (TypeError, ValueError):
            lifetime = 0.0
        self._token, self._token_until = token, asked_at + lifetime - _EARLY_S
        return token
