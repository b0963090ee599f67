"""The `python -m intents` command, for people who write content.

Each group of sub-commands lives in its own module with a `register(subparsers)` that adds parsers and sets `func` (or
`run`), a function of the parsed arguments that returns the exit code. Modules are imported only when their command is
called.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence

# sub-command → the module whose `register` adds it
MODULES = {
    "check": "intents.content_cli",
    "coverage": "intents.content_cli",
    "rev": "intents.content_cli",
    "add-intent": "intents.content_cli",
    "add-locale": "intents.content_cli",
    "lint": "intents.plain_cli",
    "furigana": "intents.plain_cli",
    "match": "intents.training_cli",
    "train": "intents.training_cli",
    "evaluate": "intents.training_cli",
}


def registered() -> list[Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None]]:
    """The `register` functions of the modules that are installed."""
    names = dict.fromkeys(MODULES.values())
    return [importlib.import_module(name).register for name in names if importlib.util.find_spec(name)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="python -m intents", description="Check, translate and extend the content.")
    subparsers = parser.add_subparsers(dest="command", required=True)
    module = MODULES.get(arguments[0]) if arguments else None
    if module is not None and importlib.util.find_spec(module):
        importlib.import_module(module).register(subparsers)
    else:  # help, or a mistake: show everything there is
        for register in registered():
            register(subparsers)
    options = parser.parse_args(arguments)
    command = getattr(options, "func", None) or options.run
    return int(command(options))


if __name__ == "__main__":
    sys.exit(main())
