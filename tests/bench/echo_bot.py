"""The bare baseline: python-telegram-bot's own polling and transport, one handler that echoes."""

from __future__ import annotations

import logging
import sys
from typing import Any

from telegram import Update
from telegram.ext import ApplicationBuilder, MessageHandler, filters


async def echo(update: Update, context: Any) -> None:
    """Send the text back."""
    if update.effective_message and update.effective_message.text:
        await update.effective_message.reply_text(update.effective_message.text)


def main(url: str, token: str) -> None:
    """Poll until killed."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    application = (
        ApplicationBuilder().token(token).base_url(f"{url}/bot").base_file_url(f"{url}/file/bot").build()
    )
    application.add_handler(MessageHandler(filters.TEXT, echo))
    application.run_polling(drop_pending_updates=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
