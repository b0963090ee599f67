"""Tests of the room that knows Telegram: real HTTP against the simulator, a real database file."""
