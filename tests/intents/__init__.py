"""Tests of the intents room."""
