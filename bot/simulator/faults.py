"""Trouble made on purpose: errors, delays and broken sockets for chosen calls."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bot.simulator.errors import ApiError, bad_request

_WORDS = {
    400: "Bad Request: simulated failure",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: simulated conflict",
    500: "Internal Server Error: restart",
    502: "Bad Gateway",
}


@dataclass
class Fault:
    """One kind of trouble.

    method: the method it strikes, any case; None strikes every method.
    chat_id: only calls about this chat; None for all.
    times: how many calls it still strikes; -1 without end.
    skip: how many matching calls pass first.
    code: HTTP status to answer; None lets the call through (with delay or close only).
    retry_after: seconds; makes a 429 of it.
    html: answer a gateway's HTML page in place of JSON.
    delay: real seconds to wait before answering.
    close: close the socket without an answer.
    after_delivery: do what was asked first, so that the bot is told of a failure that was none.
    """

    method: str | None = None
    chat_id: int | None = None
    times: int = 1
    skip: int = 0
    code: int | None = None
    description: str | None = None
    retry_after: int | None = None
    html: bool = False
    delay: float = 0.0
    close: bool = False
    after_delivery: bool = False

    def error(self) -> ApiError | None:
        """Return the error it answers with, or None when it only delays or closes."""
        if self.retry_after is not None:
            words = self.description or f"Too Many Requests: retry after {self.retry_after}"
            return ApiError(429, words, retry_after=self.retry_after)
        if self.code is None:
            return ApiError(502, "Bad Gateway") if self.html else None
        return ApiError(self.code, self.description or _WORDS.get(self.code, "Simulated failure"))

    def name(self) -> str:
        """Return a short name for the call log."""
        what = "close" if self.close else "html" if self.html else str(self.code or self.retry_after or "delay")
        return f"{what} after delivery" if self.after_delivery else what


class Faults:
    """The faults now waiting, first come first served."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let it strike from now on."""
        self._faults.append(fault)

    def add_json(self, body: dict[str, Any]) -> Fault:
        """Add the fault a control call describes; raises a 400 ApiError for unknown names or wrong types."""
        known = Fault.__dataclass_fields__
        if wrong := sorted(set(body) - set(known)):
            raise bad_request(f"unknown fault field {wrong[0]}")
        for name, kinds in {"times": int, "skip": int, "delay": (int, float), "chat_id": int, "code": int}.items():
            if body.get(name) is not None and not isinstance(body[name], kinds):  # type: ignore[arg-type]
                raise bad_request(f"fault field {name} must be a number")
        fault = Fault(**body)
        self.add(fault)
        return fault

    def clear(self) -> None:
        """Forget all of them."""
        self._faults.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Return those still waiting."""
        return [asdict(fault) for fault in self._faults]

    def strike(self, method: str, chat_id: int | None) -> Fault | None:
        """Return the fault that strikes this call, counting it, or None."""
        if not self._faults:
            return None
        for fault in self._faults:
            if fault.method is not None and fault.method.lower() != method.lower():
                continue
            if fault.chat_id is not None and fault.chat_id != chat_id:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times > 0:
                fault.times -= 1
            self._faults = [f for f in self._faults if f.times != 0]
            return fault
        return None
