"""What a translation service looks like to the rest of Koban, and what can go wrong with one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import aiohttp

_MAX_ANSWER_BYTES = 1_000_000


class ProviderError(Exception):
    """A service did not translate. may_retry: the same request may work a moment later."""

    def __init__(self, reason: str, *, may_retry: bool = False) -> None:
        super().__init__(reason)
        self.may_retry = may_retry


class Provider(Protocol):
    """A translation service. Both methods raise ProviderError, and what aiohttp raises."""

    @property
    def name(self) -> str:
        """The name under which a draft says who made it."""

    async def routes(self, http: aiohttp.ClientSession) -> Mapping[tuple[str, str], str]:
        """Return what the service offers now: (our tag, our tag) → its own name for that direction."""

    async def translate(self, http: aiohttp.ClientSession, text: str, route: str) -> str:
        """Return the text in the other language. route: as `routes` names it."""


def our_tags(codes: Mapping[str, Iterable[str]], offered: Iterable[str]) -> dict[str, str]:
    """Return our tag → the service's code, for the languages that it has. codes: tag → codes, the best first."""
    known = set(offered)
    return {
        tag: found for tag, candidates in codes.items()
        if (found := next((code for code in candidates if code in known), None)) is not None
    }


async def read_json(answer: aiohttp.ClientResponse) -> Any:
    """Return the JSON of an answer of reasonable size. Raises ProviderError for anything else."""
    body = await answer.content.read(_MAX_ANSWER_BYTES)
    if answer.status >= 500:
        raise ProviderError(f"status {answer.status}", may_retry=True)
    try:
        return json.loads(body)
    except ValueError as error:
        raise ProviderError(f"status {answer.status} without JSON") from error
