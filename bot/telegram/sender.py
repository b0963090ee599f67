"""One message, one Bot API call; what Telegram says of it becomes a DeliveryError that knows what can help."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from telegram import Bot
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, TelegramError

from bot.config import Settings
from bot.errors import NOT_BEGUN, DeliveryError, SettingsError
from bot.notice_rules import FREE_RATE
from bot.outgoing import About, Address, Outgoing
from bot.telegram.limiter import LONGEST_WAIT_S, LanePausedError, Limiter
from bot.telegram.parameters import (
    NOTHING_LINKED,
    caption_parameters,
    document_parameters,
    edit_parameters,
    file_parameters,
    message_parameters,
)
from bot.telegram.request import (
    AiohttpRequest,
    AnswerLost,
    FloodControl,
    NotConnected,
    call,
    close_bot,
    silence_libraries,
)
from bot.telegram.uploads import Uploads
from storage.models import Lane

log = logging.getLogger(__name__)

MAX_TOAST = 200  # characters. Source: Bot API, answerCallbackQuery.text (2026-11-22)
MAX_DELETED = 100  # messages at once. Source: Bot API, deleteMessages (2026-11-22)
DELETES_AT_ONCE = 10
LONGEST_CHECK_WAIT_S = 30.0  # while it is looked at whether messages are gone: they are, mostly, and the report waits
_CANNOT_CHANGE = ("message to edit not found", "message can't be edited", "message to delete not found",
                  "message can't be deleted")


@asynccontextmanager
async def create_bot(settings: Settings) -> AsyncIterator[Bot]:
    """Give the bot of these settings and close its connections at the end. Makes no call: Telegram may be away.

    Raises SettingsError when there is no token.
    """
    if settings.telegram_token is None:
        raise SettingsError(["KOBAN_TELEGRAM_TOKEN is missing: BotFather gives one; or try `koban demo`"])
    silence_libraries()
    bot = bot_for(settings.telegram_token.get_secret_value(), settings.telegram_api_url)
    try:
        yield bot
    finally:
        await close_bot(bot)


def bot_for(token: str, api_url: str, request: AiohttpRequest | None = None) -> Bot:
    """Return the library's bot on our transport, for any Bot API server. Never log it: its repr shows the token."""
    request = request or AiohttpRequest()
    return Bot(
        token, base_url=f"{api_url}/bot", base_file_url=f"{api_url}/file/bot",
        request=request, get_updates_request=request,
    )


class Sender:
    """Sends through one bot.

    is_paid: notices may use Telegram's paid rate, which the operator chose by a rate above 30 a second.
    uploads: the files of notices; without it none can be sent.
    """

    def __init__(
        self, bot: Bot, limiter: Limiter, *, is_paid: bool | None = None, uploads: Uploads | None = None
    ) -> None:
        self._uploads = uploads
        self._bot = bot
        self._limiter = limiter
        self._is_paid = limiter.rate > FREE_RATE if is_paid is None else is_paid
        self._token_is_refused = False
        self._name: str | None = None

    async def bot_name(self) -> str:
        """Return the bot's name without @, as a link to it needs it; asked for once. Raises DeliveryError."""
        if self._name is None:
            try:
                me = await call(self._bot, "getMe", {})
            except TelegramError as error:
                raise _described(error) from None
            if not isinstance(me, dict) or not me.get("username"):
                raise DeliveryError("the Bot API server did not say what the bot is called")
            self._name = str(me["username"])
        return self._name

    async def send(self, address: Address, outgoing: Outgoing, lane: Lane) -> int | None:
        """Send a message, or change the one it names; returns Telegram's message id, None when none was sent.

        What it wants deleted goes first, and its words are chosen by what could not be.
        A change to what it already says counts as done; a message that is gone or too old is sent anew.
        Raises DeliveryError.
        """
        if outgoing.about is About.REMOVE:
            return await self._remove(address, outgoing, lane)
        if outgoing.delete_message_ids:
            n_kept = await self._delete(address, outgoing.delete_message_ids, lane)
            if n_kept and outgoing.text_if_kept:
                outgoing = replace(outgoing, text=outgoing.text_if_kept.replace("{n}", str(n_kept)))
            if not outgoing.text:
                return None
        if outgoing.edit_message_id is not None:
            try:
                return await self._call(address, lane, "editMessageText", edit_parameters(address, outgoing))
            except _NotModifiedError:
                return outgoing.edit_message_id
            except (_CannotEditError, _BadFormatError):
                pass
        if outgoing.document is not None:
            return await self._call(address, lane, "sendDocument", document_parameters(address, outgoing))
        paid = {"allow_paid_broadcast": True} if self._is_paid and lane is Lane.NOTICE else {}
        try:
            if outgoing.file is not None:
                message_id = await self._send_file(address, outgoing, lane, paid)
            else:
                words = message_parameters(address, outgoing) | paid
                message_id = await self._call(address, lane, "sendMessage", words)
            if outgoing.about is About.REPLACE:
                for earlier in _earlier(outgoing):
                    await self._attempt("deleteMessage", {"chat_id": address, "message_id": earlier})
            return message_id
        except _BadFormatError as error:
            if outgoing.file is not None:
                raise
            log.error("Telegram refused the formatting of a message; sending its words alone: %s", error.reason)
            bare = {"chat_id": address, "text": outgoing.text, "link_preview_options": NOTHING_LINKED}
            return await self._call(address, lane, "sendMessage", bare)

    async def _send_file(self, address: Address, outgoing: Outgoing, lane: Lane, paid: dict[str, Any]) -> int:
        """Send a file of a notice with the words as caption; it is uploaded the first time. Raises DeliveryError."""
        file = outgoing.file
        assert file is not None
        if self._uploads is None:
            raise DeliveryError("this process has no files", permanent=True)
        method, name = ("sendPhoto", "photo") if file.is_picture else ("sendDocument", "document")
        parameters = file_parameters(address, outgoing) | paid
        try:
            async with self._uploads.of(file) as handle:
                result = await self._result(address, lane, method, parameters | {name: handle.given})
                handle.kept_as = _file_id(result, name)
        except _UnknownFileError:
            if not isinstance(handle.given, str):
                raise
            await self._uploads.forget(file, handle.given)
            async with self._uploads.of(file) as handle:  # what another message has uploaded since, or the content
                result = await self._result(address, lane, method, parameters | {name: handle.given})
                handle.kept_as = _file_id(result, name)
        return _message_id(result, parameters)

    async def _delete(self, address: Address, message_ids: Sequence[int], lane: Lane) -> int:
        """Delete messages of a chat; returns how many are still there.

        Telegram passes over what it cannot delete without a word, so each is asked for once more after that: one that
        is gone is not found then. Done twice it does no harm. Raises DeliveryError when it is not known.
        """
        for start in range(0, len(message_ids), MAX_DELETED):
            part = list(message_ids[start : start + MAX_DELETED])
            with contextlib.suppress(_RefusedError):
                await self._call(address, lane, "deleteMessages", {"chat_id": address, "message_ids": part})
        limit = asyncio.Semaphore(DELETES_AT_ONCE)

        async def is_kept(message_id: int) -> bool:
            async with limit:
                while True:
                    try:
                        await call(self._bot, "deleteMessage", {"chat_id": address, "message_id": message_id})
                    except FloodControl as error:
                        if error.seconds > LONGEST_CHECK_WAIT_S:
                            raise _described(error) from None
                        await asyncio.sleep(error.seconds)  # begun anew, a long chat would never come to its end
                    except TelegramError as error:
                        described = _described(error)
                        if isinstance(described, _GoneError):
                            return False
                        if isinstance(described, _RefusedError):
                            return True
                        raise described from None
                    else:
                        return False

        return sum(await asyncio.gather(*(is_kept(each) for each in message_ids)))

    async def _remove(self, address: Address, outgoing: Outgoing, lane: Lane) -> int | None:
        """Remove a message; where Telegram no longer allows it, put a sentence in its place and return its id."""
        if not (message_ids := _earlier(outgoing)):
            raise DeliveryError("the message to remove is not known", permanent=True)
        kept: int | None = None
        for message_id in message_ids:
            try:
                await self._call(address, lane, "deleteMessage", {"chat_id": address, "message_id": message_id})
            except _GoneError:
                pass  # its resident was faster
            except _RefusedError:
                instead = replace(outgoing, about=None, edit_message_id=message_id, buttons=())
                kept = await self._say_instead(address, instead, lane)
        return kept

    async def _say_instead(self, address: Address, instead: Outgoing, lane: Lane) -> int | None:
        """Put a sentence in the place of a message, or under the file that it is."""
        try:
            return await self._call(address, lane, "editMessageText", edit_parameters(address, instead))
        except _NotModifiedError:
            return instead.edit_message_id
        except _NoTextError:
            pass
        try:
            return await self._call(address, lane, "editMessageCaption", caption_parameters(address, instead))
        except _NotModifiedError:
            return instead.edit_message_id

    async def answer_button(self, callback_id: str, text: str | None = None) -> None:
        """Tell the client that its button was pressed. A failure is logged: the message itself goes another way."""
        parameters: dict[str, Any] = {"callback_query_id": callback_id}
        if text:
            parameters["text"] = text[:MAX_TOAST]
        await self._attempt("answerCallbackQuery", parameters)

    async def typing(self, address: Address) -> None:
        """Show that an answer is being written. A failure is logged."""
        if self._limiter.wait_of(address, Lane.ANSWER) == 0:
            await self._attempt("sendChatAction", {"chat_id": address, "action": "typing"})

    async def leave(self, address: Address) -> None:
        """Leave a group or channel: consultations are for private chats. A failure is logged."""
        await self._attempt("leaveChat", {"chat_id": address})

    async def _attempt(self, method: str, parameters: dict[str, Any]) -> None:
        try:
            await call(self._bot, method, parameters)
        except TelegramError as error:
            log.info("%s did not work: %s", method, _described(error).reason)

    async def _call(self, address: Address, lane: Lane, method: str, parameters: dict[str, Any]) -> int:
        return _message_id(await self._result(address, lane, method, parameters), parameters)

    async def _result(self, address: Address, lane: Lane, method: str, parameters: dict[str, Any]) -> Any:
        if (wait := self._limiter.wait_of(address, lane)) > LONGEST_WAIT_S:
            raise DeliveryError("Telegram asked this chat to wait", retry_after=wait)
        try:
            turn = await self._limiter.acquire(address, lane)
        except LanePausedError as paused:
            raise DeliveryError("Telegram asked to wait", retry_after=paused.seconds, whole_lane=True) from None
        except asyncio.CancelledError as error:
            error.add_note(NOT_BEGUN)
            raise
        try:
            result = await call(self._bot, method, parameters)
        except FloodControl as error:
            self._limiter.refused(address, lane, error.seconds)
            raise DeliveryError(
                "Telegram asked to wait", retry_after=error.seconds, whole_lane=lane is Lane.NOTICE
            ) from None
        except TelegramError as error:
            described = _described(error)
            if isinstance(error, InvalidToken) and not self._token_is_refused:
                self._token_is_refused = True
                log.error("the Bot API server refuses the token: check KOBAN_TELEGRAM_TOKEN; messages wait")
            raise described from None
        finally:
            self._limiter.done(turn)
        self._token_is_refused = False
        return result


class _NotModifiedError(DeliveryError):
    """The message already says this."""


class _RefusedError(DeliveryError):
    """Telegram will not do it, for a reason of its own: a message is too old to be deleted, say."""


class _GoneError(_RefusedError):
    """The message to be deleted is not there any more."""


class _CannotEditError(DeliveryError):
    """The message is gone or may no longer be changed."""


class _NoTextError(DeliveryError):
    """The message is a file: its words are a caption."""


class _UnknownFileError(DeliveryError):
    """Telegram does not know this id of a file, or not from this bot."""


class _BadFormatError(DeliveryError):
    """Entities or buttons were refused; the words alone can still go."""


def _described(error: TelegramError) -> DeliveryError:
    """Return what an error of a call means for the message. The reason holds no words of a resident and no token."""
    reason = error.message[:200]
    if isinstance(error, NotConnected):
        return DeliveryError(reason)
    if isinstance(error, AnswerLost):
        return DeliveryError(reason, may_be_delivered=True)
    if isinstance(error, FloodControl):
        return DeliveryError(reason, retry_after=error.seconds)
    if isinstance(error, Forbidden):
        return DeliveryError(reason, permanent=True, is_blocked=True)
    if isinstance(error, ChatMigrated):
        return DeliveryError("the chat became a supergroup", permanent=True)
    if isinstance(error, InvalidToken):
        return DeliveryError("the Bot API server refuses the token")
    if isinstance(error, BadRequest):
        return _bad_request(reason)
    if isinstance(error, NetworkError):
        return DeliveryError(reason)
    if isinstance(error, Conflict):
        return DeliveryError(reason, permanent=True)
    # The answer had a good status and could not be read.
    return DeliveryError(reason, may_be_delivered=True)


def _bad_request(reason: str) -> DeliveryError:
    words = reason.casefold()
    if "message is not modified" in words:
        return _NotModifiedError(reason, permanent=True)
    if "message to edit not found" in words or "message can't be edited" in words:
        return _CannotEditError(reason, permanent=True)
    if "message to delete not found" in words:
        return _GoneError(reason, permanent=True)
    if "message can't be deleted" in words:
        return _RefusedError(reason, permanent=True)
    if "there is no text in the message" in words:
        return _NoTextError(reason, permanent=True)
    if "file identifier" in words or "file_id" in words or "file reference" in words:
        return _UnknownFileError(reason, permanent=True)
    if "entit" in words or "button" in words or "keyboard" in words:
        return _BadFormatError(reason, permanent=True)
    return DeliveryError(reason, permanent=True)


def _message_id(result: Any, parameters: dict[str, Any]) -> int:
    """Return the id of the message in a result; 0 when the server did not say."""
    if isinstance(result, dict) and isinstance(found := result.get("message_id"), int):
        return found
    return int(parameters.get("message_id", 0))


def _earlier(outgoing: Outgoing) -> list[int]:
    """Return the messages that an earlier one is made of: the files before it, then its words."""
    ids = [each for each in outgoing.about_part_ids if each]
    return ids if outgoing.about_message_id is None else [*ids, outgoing.about_message_id]


def _file_id(result: Any, name: str) -> str | None:
    """Return the id under which Telegram keeps the file of a sent message; of a picture, that of its largest size."""
    found = result.get(name) if isinstance(result, dict) else None
    if isinstance(found, list):
        found = found[-1] if found else None
    return str(found["file_id"]) if isinstance(found, dict) and found.get("file_id") else None
