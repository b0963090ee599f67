"""The sub-commands check, rev, coverage, add-intent and add-locale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from intents.catalogue import load_catalogue
from intents.errors import CatalogueError

ROOT = Path(__file__).resolve().parent.parent


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-commands about content."""
    check = subparsers.add_parser("check", help="report everything wrong in the data files, one line each")
    check.add_argument("--only", metavar="INTENT", help="check this intent alone, in all languages")
    check.set_defaults(func=run_check)
    rev = subparsers.add_parser("rev", help="print the fingerprint that a translation names as source_rev")
    rev.add_argument("intent", nargs="*", help="intent ids; all when none is given")
    rev.set_defaults(func=run_rev)
    for command in (check, rev):
        command.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)


def run_check(options: argparse.Namespace) -> int:
    """Print the problems; 1 when one of them is an error."""
    try:
        catalogue = load_catalogue(options.root, strict=True, only=options.only)
    except CatalogueError as error:
        print(error)
        return 1
    if options.only and options.only not in catalogue.intents:
        print(f"there is no intent `{options.only}` below intents/topics/", file=sys.stderr)
        return 2
    for problem in catalogue.problems:
        print(problem)
    print(f"{len(catalogue.intents)} intents, {len(catalogue.translations)} translations: no errors")
    return 0


def run_rev(options: argparse.Namespace) -> int:
    """Print `rev  intent` for each intent; 1 when one does not exist or cannot be read."""
    catalogue = load_catalogue(options.root, strict=False, only=options.intent[0] if len(options.intent) == 1 else None)
    missing = [intent_id for intent_id in options.intent if intent_id not in catalogue.intents]
    for intent_id in options.intent or catalogue.intents:
        if intent_id in catalogue.intents and catalogue.intents[intent_id].rev:
            print(catalogue.intents[intent_id].rev if len(options.intent) == 1
                  else f"{catalogue.intents[intent_id].rev}  {intent_id}")
    for intent_id in missing:
        print(f"`{intent_id}` does not exist or has errors; run `python -m intents check --only {intent_id}`",
              file=sys.stderr)
    return 1 if missing else 0
