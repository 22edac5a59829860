"""An exchange that goes on while nobody waits for it."""

from __future__ import annotations

from typing import Protocol

import requests

__all__ = ["Begun", "InFlight"]


class InFlight(Protocol):
    """A request that has been sent, and for whose answer nobody waits yet.

    Selectors take it as they take a socket.
    """

    @property
    def expires(self) -> float:
        """When its attempt has to end, by `time.monotonic()`."""

    def fileno(self) -> int:
        """That of the socket."""

    def look(self) -> bool | None:
        """Take in what has come. Would one who asks for the answer now have to wait?

        False if the answer is there, True if that can't be told, None while more is to come.
        """


class Begun(InFlight, Protocol):
    """An exchange that the fast path has begun.

    Attributes:
        is_sent: The request is on its way.
    """

    is_sent: bool

    def response(self) -> requests.Response:
        """The answer, as `Session.send` returns it."""

    def drop(self) -> None:
        """Give it up, if nobody has taken the answer."""
