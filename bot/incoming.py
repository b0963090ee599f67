"""What a resident did, as plain values: the only form in which Telegram's updates leave bot/telegram/."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What kind of thing arrived."""

    TEXT = "text"
    COMMAND = "command"  # text holds the command without the slash and the bot's name: `start`, `language`
    BUTTON = "button"  # data holds what the button means
    EDIT = "edit"  # text holds the new words of message_id
    PHOTO = "photo"
    VOICE = "voice"
    DOCUMENT = "document"
    LOCATION = "location"
    STICKER = "sticker"
    OTHER = "other"  # a kind we do not keep: contact, poll, video note, dice …
    BLOCKED = "blocked"  # the resident blocked the bot
    UNBLOCKED = "unblocked"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One thing from one private chat.

    address: Telegram chat id; never stored or logged as it is.
    message_id: the message it is about; of a button, the message that carries it. None for BLOCKED and UNBLOCKED.
    text: words as sent, or the caption of a photo; 0 to 4,096 characters.
    language_code: what the client says of itself, such as `zh-hans` or `vi`.
    callback_id: of a button, to be answered within a short time.
    place: latitude and longitude in degrees.
    file_size: bytes, as Telegram says; None when it does not.
    is_calm: words in which the phrases of danger were looked for already, and none was found.
    is_for_staff: words of a consultation, known before they are understood; no service outside is asked about them.
    """

    update_id: int
    address: int
    kind: Kind
    message_id: int | None = None
    text: str = ""
    data: str = ""
    language_code: str | None = None
    callback_id: str | None = None
    place: tuple[float, float] | None = None
    file_id: str | None = None
    file_size: int | None = None
    is_calm: bool = False
    is_for_staff: bool = False
