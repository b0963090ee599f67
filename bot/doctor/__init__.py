"""`koban doctor`: looks at everything that has to be in place, and says of each failing thing what to do next.

Reads and asks only; it changes nothing, and prints no token, key or password.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from bot.doctor import channels, content, services
from bot.doctor.patient import Check, Patient, State

_MARKS: Mapping[State, tuple[str, str]] = {
    "ok": ("ok     ", "green"), "warning": ("warning", "yellow"), "error": ("ERROR  ", "bold red"),
}


async def examine(environment: Mapping[str, str], *, only: Collection[str] | None = None) -> list[Check]:
    """Look at everything and return what was found, a list of at least one check for each part.

    environment: where the settings are read from, such as os.environ.
    only: names of PARTS, to look at these alone.
    """
    patient = Patient(environment)
    checks: list[Check] = []
    for name, look in PARTS.items():
        if only is None or name in only:
            found = look(patient)
            checks += await found if inspect.isawaitable(found) else found
    return checks


async def run(environment: Mapping[str, str], *, console: Console | None = None) -> int:
    """Examine, print, and return the exit code: 0 when nothing is an error, otherwise 1."""
    checks = await examine(environment)
    show(checks, console or Console(highlight=False))
    return 1 if any(check.state == "error" for check in checks) else 0


def show(checks: Sequence[Check], console: Console) -> None:
    """Print the checks, each failing one with what to do next, and a line of counts."""
    for check in checks:
        mark, style = _MARKS[check.state]
        console.print(Text.assemble((mark, style), "  ", (check.name, "bold"), f": {check.said}"), soft_wrap=True)
        if check.do_next:
            console.print(Text(f"         → {check.do_next}"), soft_wrap=True)
    counts = {state: sum(check.state == state for check in checks) for state in _MARKS}
    console.print(Text(f"{counts['ok']} ok, {counts['warning']} warnings, {counts['error']} errors"))


def _each(look: Callable[[Patient], Check]) -> Callable[[Patient], list[Check]]:
    return lambda patient: [look(patient)]


def _one(look: Callable[[Patient], Awaitable[Check]]) -> Callable[[Patient], Awaitable[list[Check]]]:
    async def found(patient: Patient) -> list[Check]:
        return [await look(patient)]

    return found


PARTS: Mapping[str, Callable[[Patient], list[Check] | Awaitable[list[Check]]]] = {
    "settings": services.check_settings,
    "keys": _each(services.check_keys),
    "token": services.check_token,
    "updates": _each(services.check_updates),
    "machine translation": _one(services.check_translator),
    "database": services.check_database,
    "disk": _each(services.check_disk),
    "deployment": _each(content.check_deployment),
    "channels": channels.check_channels,
    "content": _each(content.check_content),
    "interface strings": _each(content.check_strings),
    "danger cards": _each(content.check_cards),
    "encoder": _each(content.check_encoder),
    "model": _each(content.check_model),
    "time zone": _each(services.check_time_zone),
}
"""What is looked at, in the order in which it is printed; `token` also tells about the clock."""
