"""The kinds of faults.

Each kind of fault, the parameters it takes, and whether the server still does the work.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["KINDS", "FaultError", "Kind", "Parameter", "kind_named"]


class FaultError(ValueError):
    """A fault that cannot be declared so. `field` is at fault; the message says what to do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number or word that a kind takes: a range for a number, the words for a word."""

    name: str
    default: float | int | str | None
    low: float = 0
    high: float = math.inf
    words: tuple[str, ...] = ()
    whole: bool = False

    def checked(self, value: Any) -> Any:
        """`value`, if it may stand here.

        Raises:
            FaultError: it may not.
        """
        if value is None and self.default is None:
            return None
        if isinstance(value, str) and value in self.words:
            return value
        number = isinstance(value, int) if self.whole else isinstance(value, int | float)
        if (
            not number
            or isinstance(value, bool)
            or (self.words and isinstance(self.default, str))
            or not self.low <= value <= self.high  # false for NaN too
            or math.isinf(value)
        ):
            raise FaultError(self.name, f"it is {self._range()}")
        return value

    def _range(self) -> str:
        words = " or ".join(repr(word) for word in self.words)
        if isinstance(self.default, str):
            return words
        noun = "a whole number" if self.whole else "a number"
        span = (
            f"from {self.low:g} up" if math.isinf(self.high) else f"{self.low:g} to {self.high:g}"
        )
        return f"{noun} {span}" + (f", or {words}" if words else "")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        layer: "http" for an answer that is wrong, "wire" for a connection that is.
        executed: whether the server does the work although the caller may never learn of it;
            None where the parameter `when` says so.
    """

    name: str
    layer: Literal["http", "wire"]
    executed: bool | None
    meaning: str
    parameters: tuple[Parameter, ...] = ()

    def complete(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter of this kind: the given ones checked, the others by default."""
        return {
            parameter.name: parameter.checked(given[parameter.name])
            if parameter.name in given
            else parameter.default
            for parameter in self.parameters
        }


def _when(default: str) -> Parameter:
    return Parameter("when", default, words=("before", "after"))


def _seconds(default: float) -> Parameter:
    return Parameter("seconds", default, 0, 600)


_RETRY_AFTER = Parameter("retry_after", None, 0, 86_400, words=("date", "malformed"))
_DRIP = (Parameter("interval", 0.1, 0.001, 60), Parameter("size", 1, 1, 65_536, whole=True))

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "status",
            "http",
            None,
            "answers with this status, before the work or after it",
            (Parameter("status", 503, 400, 599, whole=True), _RETRY_AFTER, _when("before")),
        ),
        Kind("unavailable", "http", None, "answers 503", (_RETRY_AFTER, _when("before"))),
        Kind("rate_limited", "http", None, "answers 429", (_RETRY_AFTER, _when("before"))),
        Kind(
            "latency",
            "http",
            True,
            "waits `seconds`, and up to `jitter` more, before the work",
            (_seconds(1.0), Parameter("jitter", 0.0, 0, 600)),
        ),
        Kind("truncated_json", "http", True, "sends half of the JSON, as if it were all of it"),
        Kind("malformed_json", "http", True, "sends JSON with a syntax error"),
        Kind("empty_body", "http", True, "sends the right status and no body"),
        Kind(
            "html",
            "http",
            None,
            "answers 200 with a web page, as the login page of a hotel's network does",
            (_when("before"),),
        ),
        Kind("reset_before_request", "wire", False, "resets the connection; nothing is done"),
        Kind(
            "reset_mid_request",
            "wire",
            False,
            "resets the connection once half of the request's body has arrived",
        ),
        Kind("reset_after_commit", "wire", True, "does the work, then resets instead of answering"),
        Kind("reset_mid_headers", "wire", True, "does the work, sends half a head, then resets"),
        Kind("reset_mid_body", "wire", True, "does the work, sends half the body, then resets"),
        Kind(
            "close_without_answer",
            "wire",
            None,
            "closes the connection in good order and answers nothing",
            (_when("before"),),
        ),
        Kind("truncated_body", "wire", True, "closes in good order with half of the body missing"),
        Kind("not_http", "wire", True, "answers with bytes that are not HTTP, and closes"),
        Kind("drip_headers", "wire", True, "sends the head a few bytes at a time", _DRIP),
        Kind("drip_body", "wire", True, "sends the body a few bytes at a time", _DRIP),
        Kind(
            "stall_mid_body",
            "wire",
            True,
            "falls silent for `seconds` in the middle of the body",
            (_seconds(5.0),),
        ),
        Kind(
            "stalled_accept",
            "wire",
            True,
            "leaves the request in the queue for `seconds`, then serves it, whoever still waits",
            (_seconds(5.0),),
        ),
        Kind(
            "slow_close",
            "wire",
            True,
            "ends the body by closing, and closes `seconds` late",
            (_seconds(5.0),),
        ),
        Kind(
            "bandwidth",
            "wire",
            True,
            "sends no faster than this",
            (Parameter("bytes_per_second", 2_000, 1, 1_000_000_000),),
        ),
    )
}
"""Each kind by its name."""


def kind_named(name: Any) -> Kind:
    """The kind of that name.

    Raises:
        FaultError: there is none; the message lists them all, the likeliest first.
    """
    if isinstance(name, str) and name in KINDS:
        return KINDS[name]
    word = name[:64] if isinstance(name, str) else ""
    near = difflib.get_close_matches(word, KINDS, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}? It is" if near else "it is"
    raise FaultError("kind", f"there is no such fault; {hint} one of {_listed(KINDS)}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
