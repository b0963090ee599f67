"""What a resident is told about a text that was translated: no more than is known, and where the original is."""

from __future__ import annotations

from bot.i18n import Strings
from bot.outgoing import Button
from storage.models import TextState


def origin(state: str, strings: Strings) -> str | None:
    """Return the sentence about a translated text in the resident's language; None for one that needs none."""
    _ = strings
    return {
        TextState.MACHINE: _("A machine translated this from Japanese. No interpreter checked it, so it may be wrong."),
        TextState.MACHINE_CHECKED: _("A machine translated this from Japanese. An interpreter checked it."),
        TextState.INTERPRETER: _("An interpreter translated this from Japanese."),
    }.get(TextState(state))


def original_button(receipt: str, number: int, strings: Strings) -> Button:
    """Return the button that shows the Japanese which a reply was translated from."""
    _ = strings
    return Button(_("🇯🇵 Show the original Japanese"), data=f"t:ja:{receipt}:{number}")
