"""Every error that Koban raises on purpose.

    KobanError
    ├── SettingsError          a setting is missing, unknown or malformed; names all of them at once
    ├── DeploymentError        the deployment file is wrong; each problem with file and line
    ├── NoDatabaseError        the SQLite file that a command should look at is not there
    ├── BackupError            a backup cannot be made, or cannot be used; nothing was changed
    ├── LedgerError            the ledger beside the backups cannot be read or written
    ├── DeliveryError          Telegram did not take a message; `permanent` tells whether trying again can help
    └── Refused                a person may not do this, or not now; the reason is a translatable sentence
        ├── NotFound           no such record, or not for this person: the two look the same
        ├── AlreadyClaimed     somebody else has the ticket
        ├── StaleReply         something was added after the page was loaded
        └── WrongState         the record is not in a state in which this can be done

The content has its own tree in intents/errors.py, sealing in storage/sealing.py.
"""

from __future__ import annotations

from collections.abc import Sequence


class KobanError(Exception):
    """The root of the tree."""


class SettingsError(KobanError):
    """Settings are missing, unknown or malformed. problems: one sentence each, naming the setting."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class DeploymentError(KobanError):
    """The deployment file is wrong. problems: `file:line: what is wrong and what to write`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class NoDatabaseError(KobanError):
    """The SQLite file that a command should look at is not there; says where it was looked for."""


class BackupError(KobanError):
    """A backup cannot be made, or cannot be used; nothing was changed. The reason is a sentence for an operator."""


class LedgerError(KobanError):
    """The ledger beside the backups cannot be read or written; says which line, or why."""


NOT_BEGUN = "the message had not been given to Telegram"  # a note on the cancellation of a message that waited


class DeliveryError(KobanError):
    """Telegram did not take a message.

    permanent: trying again cannot help.
    is_blocked: the resident blocked the bot or is gone; their subscriptions end.
    may_be_delivered: the connection broke after the request was sent, so Telegram may have taken it.
    retry_after: seconds to wait, as Telegram asked.
    whole_lane: the wait is for every chat, not for this one.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        is_blocked: bool = False,
        may_be_delivered: bool = False,
        retry_after: float | None = None,
        whole_lane: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.is_blocked = is_blocked
        self.may_be_delivered = may_be_delivered
        self.retry_after = retry_after
        self.whole_lane = whole_lane


class Refused(KobanError):
    """A person may not do this, or not now.

    sentence: an English source string of the interface, with named placeholders.
    values: what fills the placeholders.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence.format(**values))
        self.sentence = sentence
        self.values = values


class NotFound(Refused):
    """No such record, or not for this person: the two look the same."""


class AlreadyClaimed(Refused):
    """Somebody else has the ticket."""


class StaleReply(Refused):
    """Something was added to the ticket after the page was loaded."""


class WrongState(Refused):
    """The record is not in a state in which this can be done."""
