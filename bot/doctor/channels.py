"""The channels of urgent notices: each has to be reached, and the bot has to be an administrator that may post."""

from __future__ import annotations

from typing import Any

import aiohttp

from bot.deployment import Deployment, load_deployment
from bot.doctor.patient import Check, Patient
from bot.doctor.services import TIMEOUT_SECONDS
from bot.errors import DeploymentError
from bot.i18n import ROOT

NAME = "channels"


async def check_channels(patient: Patient) -> list[Check]:
    """Ask the Bot API for each channel of the deployment file, and for the bot's rights in it."""
    settings = patient.settings
    path = settings.deployment if settings.deployment.is_absolute() else ROOT / settings.deployment
    try:
        deployment = load_deployment(path)
    except DeploymentError:
        return []  # the check of the deployment says so
    channels = deployment.notice.channels
    if not channels:
        return [Check(NAME, "ok", "none; urgent notices go to residents only")]
    if deployment.is_demo:
        return [Check(NAME, "ok", f"{len(channels)} of the demo; they are in its phone simulator only")]
    if settings.telegram_token is None:
        return []  # the check of the token says so
    return await _ask(deployment, settings.telegram_api_url, settings.telegram_token.get_secret_value())


async def _ask(deployment: Deployment, api_url: str, token: str) -> list[Check]:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    found: list[Check] = []
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as http:

        async def call(method: str, **parameters: Any) -> Any:
            """Return the result, or the server's words as a string when it refused."""
            async with http.post(f"{api_url}/bot{token}/{method}", json=parameters, allow_redirects=False) as answer:
                row = await answer.json(content_type=None)
            return row["result"] if row.get("ok") else str(row.get("description", "refused"))

        try:
            me = await call("getMe")
            if not isinstance(me, dict):
                return []  # the check of the token says so
            for tag, channel in deployment.notice.channels.items():
                chat = await call("getChat", chat_id=channel)
                member = await call("getChatMember", chat_id=channel, user_id=me["id"])
                found.append(_judged(tag, str(channel), chat, member))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, AttributeError):
            return [Check(NAME, "error", "the Bot API server does not answer as it should",
                          "Mend what the check of the token says, then run `koban doctor` again.")]
    return found


def _judged(tag: str, channel: str, chat: Any, member: Any) -> Check:
    """Return what is wrong with one channel, first what is wrong first."""
    if not isinstance(chat, dict):
        return Check(NAME, "error", f"{channel} ({tag}) cannot be reached: {chat}",
                     "Check the name or number in `notices.channels`, and add the bot to the channel.")
    if chat.get("type") != "channel":
        return Check(NAME, "error", f"{channel} ({tag}) is no channel: people could write in it",
                     "Make a channel for notices, and name it in `notices.channels`.")
    if not isinstance(member, dict) or member.get("status") not in ("administrator", "creator"):
        return Check(NAME, "error", f"the bot is not an administrator of {channel} ({tag})",
                     "Make it an administrator of the channel, with the right to post messages.")
    if not member.get("can_post_messages"):
        return Check(NAME, "error", f"the bot may not post messages in {channel} ({tag})",
                     "Give the administrator that is the bot the right to post messages.")
    return Check(NAME, "ok", f"the bot posts into {channel} ({tag})")
