"""Understanding a message and answering from curated text: pure, with no database and no network.

The room reads `intents/topics/`, `intents/contacts.yaml`, `intents/danger_cards.yaml` and `locales/` as data and
imports nothing else of the project.
"""
