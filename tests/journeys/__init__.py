"""The whole way: the real bot as its own process, over HTTP, with a simulator in place of Telegram."""
