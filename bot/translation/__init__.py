"""Across languages: machine translation behind one interface, locked terms, interpreters, drafts and their states.

Nothing here sends anything by itself, and no text claims to be better checked than it is.
"""
