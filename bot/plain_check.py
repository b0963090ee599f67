"""The やさしい日本語 check of a notice while staff write it: what a learner would stumble over, line by line.

It needs the packages of the `authoring` extra, which a running bot may be without.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass

from intents.plain import lint
from intents.wordlevels import AuthoringToolsMissing

_one_at_a_time = threading.Lock()  # the tokeniser may not be shared


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to rewrite. line: 0 is the title; message, hint: for the author, in Japanese."""

    line: int
    severity: str
    message: str
    hint: str


async def remarks(title: str, body: str) -> list[Remark] | None:
    """Return what to rewrite, in the order of the text; None where the check is not installed."""
    return await asyncio.to_thread(_remarks, title, body)


def _remarks(title: str, body: str) -> list[Remark] | None:
    lines = [title, *body.split("\n")]
    try:
        with _one_at_a_time:
            return [
                Remark(number, found.severity, found.message_ja, found.hint)
                for number, line in enumerate(lines) if line.strip()
                for found in lint(line, "body" if number else "heading") if found.severity != "info"
            ]
    except AuthoringToolsMissing:
        return None
