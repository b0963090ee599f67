"""The refusals of the Bot API, each with the very words Telegram uses.

ApiError            a method was refused; becomes `{"ok": false, …}` with the same HTTP status
└── SimulatorError  the person at the control side asked for something impossible
"""

from __future__ import annotations

from typing import Any

CHAT_NOT_FOUND = "Bad Request: chat not found"
TEXT_EMPTY = "Bad Request: message text is empty"
TEXT_TOO_LONG = "Bad Request: message is too long"
CAPTION_TOO_LONG = "Bad Request: message caption is too long"
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a "
    "current content and reply markup of the message"
)
EDIT_NOT_FOUND = "Bad Request: message to edit not found"
CANNOT_EDIT = "Bad Request: message can't be edited"
THREAD_NOT_FOUND = "Bad Request: message thread not found"
BUTTON_DATA_INVALID = "Bad Request: BUTTON_DATA_INVALID"
QUERY_TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
MIGRATED = "Bad Request: group chat was upgraded to a supergroup chat"
INVALID_TOKEN = "Unauthorized: invalid token specified"  # noqa: S105 - the words of an error
BLOCKED = "Forbidden: bot was blocked by the user"
DEACTIVATED = "Forbidden: user is deactivated"
NOT_STARTED = "Forbidden: bot can't initiate conversation with a user"
NOT_IN_CHANNEL = "Forbidden: bot is not a member of the channel chat"
NO_RIGHTS = "Bad Request: need administrator rights in the channel chat"
METHOD_NOT_FOUND = "Not Found: method not found"
NOT_FOUND = "Not Found"
CONFLICT_OTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
CONFLICT_SET_WEBHOOK = "Conflict: terminated by setWebhook request"
CONFLICT_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
RESTART = "Internal Server Error: restart"


class ApiError(Exception):
    """A refused method.

    code: the HTTP status, which is also `error_code`.
    description: Telegram's sentence.
    parameters: `retry_after` (seconds) or `migrate_to_chat_id`, where Telegram gives them.
    """

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the answer."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


class SimulatorError(ApiError):
    """Something a person did at the control side that cannot be done, for example writing to a bot they blocked."""


def bad_request(words: str) -> ApiError:
    """Return a 400; words come without the leading `Bad Request: `."""
    return ApiError(400, f"Bad Request: {words}")


def too_many(retry_after: int) -> ApiError:
    """Return a 429; retry_after: whole seconds, at least 1."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)
