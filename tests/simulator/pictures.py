"""Pictures of every answer as a phone shows it: `python -m tests.simulator.pictures vi my …` → screenshots/answers/.

Each answer is sent through the local Bot API server to the phone page in a real Chromium; six of them make a sheet.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, async_playwright

from bot.answers import Screens
from bot.deployment import load_deployment
from bot.i18n import ROOT, load_strings
from bot.outgoing import Outgoing
from bot.simulator.models import Config, LimitSettings
from bot.simulator.server import SimulatorServer
from bot.telegram.parameters import message_parameters
from intents.cards import load_cards
from intents.catalogue import load_catalogue
from intents.danger import Danger

A_SHEET = 6
UNROLLED = """
.phone, .chat-view, .log, #phones, body, main { block-size: auto !important; max-block-size: none !important;
  overflow: visible !important; flex: none !important; }
.phone { inline-size: 25rem !important; }
"""
"""The phone without its edges, so that a long message is whole in its picture."""
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu"]


def messages(tag: str) -> list[tuple[str, Outgoing]]:
    """Return the danger cards and every answer of a language, by name."""
    catalogue = load_catalogue(ROOT, strict=False)
    deployment = load_deployment(ROOT / "bot/deployments/demo.yaml", catalogue)
    screens = Screens(
        catalogue=catalogue.with_local_contacts(deployment.local_contacts), cards=load_cards(ROOT),
        strings=load_strings(),
    )
    today = datetime.now(UTC).date()
    found = [(danger.value, screens.danger_card(danger, tag)) for danger in Danger]
    for intent in catalogue:
        if answer := screens.answer(intent.id, tag, today=today, furigana=True):
            found.append((intent.id, answer))
    return found


async def bubbles(browser: Browser, tag: str) -> list[tuple[str, bytes]]:
    """Return a picture of each message."""
    taken: list[tuple[str, bytes]] = []
    config = Config(limits=LimitSettings(enabled=False), seed=1)
    async with SimulatorServer(config) as server, aiohttp.ClientSession() as session:
        code = {"ja-simple": "ja", "fil": "tl"}.get(tag, tag.lower())
        resident = server.state.add_resident("Mai", code, started=True).id
        page = await browser.new_page(viewport={"width": 900, "height": 1400}, bypass_csp=True)
        await page.goto(server.url)
        await page.add_style_tag(content=UNROLLED)
        for number, (name, message) in enumerate(messages(tag)):
            parameters: dict[str, Any] = message_parameters(resident, message)
            async with session.post(f"{server.url}/bot{server.token}/sendMessage", json=parameters) as answer:
                assert answer.status == 200, await answer.text()
            bubble = page.locator(".bot").nth(number)
            await bubble.wait_for()
            taken.append((name, await bubble.screenshot()))
        await page.close()
    return taken


def _image(shot: bytes) -> str:
    return f'<img src="data:image/png;base64,{base64.b64encode(shot).decode()}">'


async def sheets(browser: Browser, tag: str, folder: Path) -> None:
    """Write the pictures of one language, six on a sheet."""
    taken = await bubbles(browser, tag)
    page = await browser.new_page(viewport={"width": 1240, "height": 900})
    for start in range(0, len(taken), A_SHEET):
        cells = "".join(
            f"<figure><figcaption>{name}</figcaption>{_image(shot)}</figure>"
            for name, shot in taken[start : start + A_SHEET]
        )
        await page.set_content(
            "<style>body{display:grid;grid-template-columns:repeat(3,400px);gap:8px;margin:8px;font:12px sans-serif}"
            f"figure{{margin:0}}img{{width:100%}}</style>{cells}"
        )
        await page.screenshot(path=folder / f"{tag}-{start // A_SHEET + 1:02}.png", full_page=True)
    await page.close()


async def run(tags: list[str], folder: Path) -> None:
    """Write the sheets of some languages."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for tag in tags:
            await sheets(browser, tag, folder)
            print(f"{tag}: {folder}", flush=True)
        await browser.close()


def main(arguments: list[str]) -> int:
    """Take the languages from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tests.simulator.pictures", description=__doc__)
    parser.add_argument("tags", nargs="+")
    options = parser.parse_args(arguments)
    folder = ROOT / "screenshots" / "answers"
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(run(options.tags, folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
