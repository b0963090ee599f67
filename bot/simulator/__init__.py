"""The other side of the conversation: a small Bot API server, and a phone in the browser.

`make demo` runs it so that the real bot can be tried without a token, and the tests use it as their Telegram.
It is strict where Telegram is strict, so that a mistake shows here and not in front of a resident.

Source: behaviour of tdlib/telegram-bot-api and the limits of the Bot API pages, read 2026-11-22.
"""
