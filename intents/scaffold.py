"""Write the skeleton of a new intent or a new language, with every key present and empty."""

from __future__ import annotations

import re
from pathlib import Path

import babel

from intents.errors import IntentsError
from intents.locales import babel_tag
from intents.schema import TOPICS

_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")

_INTENT = """\
section:                      # a desk of intents/sections.yaml
urgency: normal               # now | today | normal
always: false                 # true only for emergencies
sensitive: false              # true where somebody may be watching the phone
sources:                      # what the answer rests on
  - {{url: "", checked: }}
review_by:                    # YYYY-MM-DD; after this day the answer is not shown
review: {{state: drafted}}
related: []                   # ids of other intents
contacts: []                  # ids of intents/contacts.yaml
facts: {{}}                     # name: {{kind: number | yen | date | time | text, value: , source: }}
answer:                       # やさしい日本語; no digits, but {{facts}} and {{contacts}} in braces
  title:
  now:
  steps: []
"""


def add_intent(root: Path, name: str) -> Path:
    """Write `intents/topics/<topic>/<id>.yaml` and return its path.

    name: `topic/intent_id`.

    Raises IntentsError when the name is malformed or the intent exists.
    """
    topic, _, intent_id = name.partition("/")
    if topic not in TOPICS or not re.fullmatch(r"[a-z][a-z0-9_]*", intent_id):
        raise IntentsError(f"`{name}` must be topic/intent_id, with a topic of {', '.join(TOPICS)}")
    for other in (root / "intents/topics").glob(f"*/{intent_id}.yaml"):
        raise IntentsError(f"the intent exists already: {other.relative_to(root).as_posix()}")
    path = root / "intents/topics" / topic / f"{intent_id}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    is_bot = topic == "bot"
    path.write_text("kind: bot_request\nalways: true\n" if is_bot else _INTENT.format(), encoding="utf-8")
    return path


def add_locale(root: Path, tag: str, name: str) -> Path:
    """Write the folder `locales/<tag>/` with the files of a new language and return its path.

    name: the language's own name for itself.

    Raises IntentsError when Babel does not know the tag, or the folder exists.
    """
    try:
        if not _TAG.fullmatch(tag):
            raise ValueError
        babel.Locale.parse(babel_tag(tag))
    except (babel.UnknownLocaleError, ValueError):
        raise IntentsError(f"`{tag}` is not a BCP 47 tag that Babel knows, such as uk or zh-Hant") from None
    if not name.strip():
        raise IntentsError("give the language's own name, such as Українська")
    folder = root / "locales" / tag
    if (folder / "locale.yaml").exists():
        raise IntentsError(f"the language exists already: locales/{tag}")
    for part in ("intents", "utterances"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / part / ".gitkeep").touch()
    files = {
        "locale.yaml": f"name: {name.strip()}\nfallback: en\n",
        "contacts.yaml": "names: {}   # contact id: its name\ntexts: {}   # the texts of intents/contacts.yaml\n",
        "glossary.yaml": "terms: []   # - {ja: 在留カード, use: , avoid: []}\n",
        "danger.yaml": "police_now: []\nmedical_fire_now: []\ncrisis_now: []\nlookalikes: []\nout_of_scope: []\n",
    }
    for file, text in files.items():
        if not (folder / file).exists():
            (folder / file).write_text(text, encoding="utf-8")
    return folder
