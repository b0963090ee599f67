"""What the examination looks at, and what it says of one thing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from bot.config import Settings, read_settings
from bot.errors import SettingsError
from bot.i18n import ROOT
from intents.catalogue import Catalogue, load_catalogue
from intents.errors import CatalogueError

State = Literal["ok", "warning", "error"]
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. said: what is so; do_next: what to do, never empty unless the state is ok."""

    name: str
    state: State
    said: str
    do_next: str = ""


class Patient:
    """What the parts look at, each read once and only when a part asks for it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    @cached_property
    def settings(self) -> Settings:
        """The settings without those that are wrong, so that the rest can still be looked at."""
        good = dict(self.environment)
        while True:
            try:
                return read_settings(good)
            except SettingsError as error:
                named = {name for problem in error.problems for name in re.findall(r"KOBAN_[A-Z0-9_]+", problem)}
                bad = {name for name in good if name in named or name.removesuffix("_FILE") in named}
                if not bad:
                    return read_settings({})
                for name in bad:
                    del good[name]

    @cached_property
    def content(self) -> Catalogue | CatalogueError:
        """The catalogue, or why there is none."""
        try:
            return load_catalogue(ROOT, strict=False)
        except CatalogueError as error:
            return error


def first_of(problems: Iterable[object]) -> str:
    """Return the first few of many sentences, and how many there are besides."""
    found = [str(problem) for problem in problems]
    rest = len(found) - _SHOWN_PROBLEMS
    return "; ".join(found[:_SHOWN_PROBLEMS]) + (f"; and {rest} more" if rest > 0 else "")
