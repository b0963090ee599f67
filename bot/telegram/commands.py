"""What Telegram's clients show of the bot before a word is written: its commands and what it is for.

The texts are those of the bot's own screens. The bot's name stays as BotFather has it.
"""

from __future__ import annotations

import logging

from telegram import Bot, BotCommand
from telegram.error import TelegramError

from bot.answers import Screens

log = logging.getLogger(__name__)

MAX_SHORT, MAX_LONG, MAX_COMMAND = 120, 512, 256  # characters. Source: Bot API, setMy… (2026-11-22)

# Telegram takes two-letter codes only; of two locales with the same code one is shown here, and the bot speaks both.
_CODES = {"ja-simple": "ja", "zh-Hans": "zh", "pt-BR": "pt", "fil": "tl"}


def commands_in(screens: Screens, tag: str) -> list[BotCommand]:
    """Return the command menu in one language; the emergency comes first."""
    _ = screens.words(tag)
    texts = (
        ("sos", screens.emergency_button(tag).text),
        ("menu", _("📋 Topics")),
        ("staff", _("💬 Talk to staff")),
        ("status", _("📄 Status")),
        ("safe", _("🤫 Can another person see your phone?")),
        ("hide", _("🙈 Hide")),
        ("language", _("🌐 Language")),
        ("notices", _("📢 Notices")),
        ("stop", _("Stop notices")),
        ("privacy", _("/export shows everything we keep. /delete erases it. /stop ends notices.")),
        ("delete", _("🗑 Delete my data")),
    )
    return [BotCommand(name, text[:MAX_COMMAND]) for name, text in texts]


def descriptions_in(screens: Screens, tag: str) -> tuple[str, str]:
    """Return the short and the long description in one language; the short one may be empty, which removes it."""
    _ = screens.words(tag)
    danger = _("In danger now? Call {emg_110} (police) or {emg_119} (fire, ambulance). This chat is not watched all "
               "the time.", **screens.numbers)
    what = _("Write your question in your own language. I am a machine; police staff read only what you send to them "
             "after you agree.")
    long = f"{what}\n\n{danger}"
    return danger if len(danger) <= MAX_SHORT else "", long if len(long) <= MAX_LONG else danger[:MAX_LONG]


async def announce_commands(bot: Bot, screens: Screens) -> None:
    """Tell Telegram the command menu and the descriptions in every language. What fails is logged and left."""
    n_failed = 0
    codes = {code: tag for tag in screens.strings if len(code := _CODES.get(tag, tag)) == 2 and tag != "ja"}
    for code, tag in {"": "en", **codes}.items():
        short, long = descriptions_in(screens, tag)
        try:
            await bot.set_my_commands(commands_in(screens, tag), language_code=code or None)
            await bot.set_my_short_description(short, language_code=code or None)
            await bot.set_my_description(long, language_code=code or None)
        except TelegramError as error:
            n_failed += 1
            log.warning("the commands were not set for %s: %s", code or "every language", error.message[:200])
    log.info("commands announced; %d of %d languages failed", n_failed, len(codes) + 1)
