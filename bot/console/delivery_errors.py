"""Why a message was not delivered, in words for staff: what Telegram or the sender said → an English source string.

Telegram has no list of what it may say. These are the sentences of its Bot API server, of the library and of our own
sender that a delivery can end with. Source: the Bot API server's answers as libraries record them (2026-11-27).
"""

from __future__ import annotations

from bot.answers import N_
from bot.backups import AFTER_RESTORE
from bot.i18n import Strings

_MAY_HAVE_ARRIVED = N_("The connection broke while it was being sent: it may have arrived.")
_NOT_IN_CHAT = N_("The message is not in the chat any more.")
_NO_CHAT = N_("Telegram does not know this chat any more.")
_NO_FILE = N_("Telegram does not know the file any more.")
_NO_GROUP = N_("The group does not exist any more.")
_NO_REASON = N_("Telegram refused it without saying why.")
_NO_RIGHTS = N_("The bot may not write there.")
_NO_RIGHTS_FOR_FILES = N_("The bot may not send pictures or files there.")
_OUR_FAULT = N_("A fault in Koban. An administrator finds more in its log.")
_NO_ADMINISTRATOR = N_("The bot is no administrator of the channel.")
_EMPTY = N_("The text is empty.")
_MOVED = N_("The group has a new number: it became a supergroup. Tell an administrator.")
_STOPPED = N_("Koban was stopped while it was being sent: it may have arrived.")
_WAIT_FOR_CHAT = N_("Telegram lets nothing into this chat for a while.")
_TELEGRAM_FAULT = N_("Telegram has a fault of its own.")
_TOO_LARGE = N_("The file is too large for Telegram.")
_TOO_LONG = N_("The text is too long for Telegram.")
_TOPIC_GONE = N_("The topic of the group is closed or gone.")
_WAIT = N_("Telegram lets nothing through for a while.")
_BAD_PICTURE = N_("Telegram does not take the picture, because of its size or kind.")
_BAD_BUTTONS = N_("Telegram does not take the buttons.")
_BAD_TOKEN = N_("Telegram refuses the token of the bot. Tell an administrator.")

# A part of the reason, in small letters, → the words. The first that is found counts: what says more comes first.
REASONS: tuple[tuple[str, str], ...] = (
    ("blocked by the user", N_("The resident has blocked the bot.")),
    ("user is deactivated", N_("The resident's Telegram account does not exist any more.")),
    ("can't initiate conversation", N_("This person has not started the bot.")),
    ("can't send messages to bots", N_("The address is that of another bot, and bots cannot write to each other.")),
    ("can't send messages to the user", N_("Telegram lets the bot write nothing to this person.")),
    ("chat not found", _NO_CHAT), ("user not found", _NO_CHAT), ("peer_id_invalid", _NO_CHAT),
    ("group chat was deleted", _NO_GROUP), ("group chat was deactivated", _NO_GROUP),
    ("a supergroup chat", _MOVED),
    ("became a supergroup", _MOVED),
    ("need administrator rights in the channel chat", _NO_ADMINISTRATOR),
    ("chat_admin_required", _NO_ADMINISTRATOR),
    ("not a member of the channel", N_("The bot is not in the channel.")),
    ("kicked from the channel", N_("The bot was removed from the channel.")),
    ("not a member of the", N_("The bot is not in the group.")),
    ("was kicked", N_("The bot was removed from the group.")),
    ("rights to send photos", _NO_RIGHTS_FOR_FILES), ("rights to send documents", _NO_RIGHTS_FOR_FILES),
    ("rights to send media", _NO_RIGHTS_FOR_FILES),
    ("not enough rights", _NO_RIGHTS), ("no rights to send", _NO_RIGHTS), ("chat_write_forbidden", _NO_RIGHTS),
    ("chat_restricted", _NO_RIGHTS), ("need administrator rights", _NO_RIGHTS),
    ("topic_closed", _TOPIC_GONE), ("topic_deleted", _TOPIC_GONE), ("message thread not found", _TOPIC_GONE),
    ("message is too long", _TOO_LONG), ("caption is too long", _TOO_LONG), ("_too_long", _TOO_LONG),
    ("text is empty", _EMPTY), ("text must be non-empty", _EMPTY),
    ("message to edit not found", _NOT_IN_CHAT), ("message to delete not found", _NOT_IN_CHAT),
    ("message_id_invalid", _NOT_IN_CHAT), ("replied not found", _NOT_IN_CHAT),
    ("reply message not found", _NOT_IN_CHAT),
    ("can't be edited", N_("The message cannot be changed any more.")),
    ("can't be deleted", N_("The message cannot be deleted any more.")),
    ("message to remove is not known", N_("It is not known which message is to be removed.")),
    ("wrong file identifier", _NO_FILE), ("wrong remote file", _NO_FILE), ("file_reference", _NO_FILE),
    ("file reference", _NO_FILE), ("file_id", _NO_FILE), ("file has no path", _NO_FILE),
    ("image_process_failed", _BAD_PICTURE), ("photo_", _BAD_PICTURE),
    ("too big", _TOO_LARGE), ("entity too large", _TOO_LARGE), ("status 413", _TOO_LARGE),
    ("file must be non-empty", N_("The file is empty.")),
    ("file of this notice is gone", N_("The file of this notice is not stored any more.")),
    ("not the one that was attached", N_("The stored file is not the one that was attached.")),
    ("uploads the file of this notice", N_("The file is being handed to Telegram. It is tried again.")),
    ("has no files", N_("The part of Koban that sends has no files. Tell an administrator.")),
    ("entit", N_("Telegram does not take the formatting of the text.")),
    ("button", _BAD_BUTTONS), ("keyboard", _BAD_BUTTONS), ("reply markup", _BAD_BUTTONS),
    ("asked this chat to wait", _WAIT_FOR_CHAT),
    ("asked to wait", _WAIT), ("flood control", _WAIT), ("too many requests", _WAIT),
    ("slowmode", _WAIT_FOR_CHAT),
    ("balance_too_low", N_("The bot has too few Stars for the paid rate. Tell an administrator.")),
    ("refuses the token", _BAD_TOKEN), ("unauthorized", _BAD_TOKEN), ("invalid token", _BAD_TOKEN),
    ("conflict", N_("Two programs use the token of the bot. Tell an administrator.")),
    ("no connection to the bot api", N_("Telegram could not be reached.")),
    ("was lost", _MAY_HAVE_ARRIVED), ("timed out", _MAY_HAVE_ARRIVED),
    ("not its json", _TELEGRAM_FAULT), ("answered with status", _TELEGRAM_FAULT),
    ("internal server error", _TELEGRAM_FAULT), ("bad gateway", _TELEGRAM_FAULT),
    ("what the bot is called", _TELEGRAM_FAULT),
    ("refused the request with status", _NO_REASON), ("refused a file with status", _NO_REASON),
    ("died while sending", _STOPPED), ("ended while sending", _STOPPED),
    (AFTER_RESTORE, N_("A backup was restored: it may have been sent before.")),
    ("could not be prepared", _OUR_FAULT), ("unforeseen error", _OUR_FAULT),
    ("no longer wanted", N_("It was not wanted any more.")),
    ("no text in this language", N_("There is no text in this language.")),
    ("key that is not in the ring", N_("The key that opens it is missing. Tell an administrator.")),
    ("the notice was cancelled", N_("The notice was cancelled.")),
    ("the consultation was taken back", N_("The resident took the consultation back.")),
    ("expired", N_("Its time was over before it could be sent.")),
)


def delivery_error(reason: str, words: Strings) -> str:
    """Return why a message was not delivered; what is not known here stands in Telegram's own words."""
    said = reason.casefold()
    for part, source in REASONS:
        if part in said:
            return words(source)
    _ = words
    return _("Another reason, in Telegram's own words: {reason}", reason=reason)
