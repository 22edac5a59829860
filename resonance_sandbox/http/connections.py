"""The connections of a server: how many there may be, and for how long one may keep it waiting."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ..telling import tell

__all__ = ["UNREAD", "Connection", "Connections", "most_connections", "tell_once"]

UNREAD = 30.0
"""Seconds in which who is sent something has to read some of it. It is the counterpart of the time
that a request may take to arrive."""

RESERVED = 64
"""Files that are left for the database, for deliveries and for the process itself."""


class Connection(Protocol):
    """What is asked of a connection.

    Attributes:
        idle_since: the loop's time of the end of its last answer, or of its beginning; None while
            a request that is all there waits for its answer.
        served: whether it has had an answer yet.
        unsent: bytes that the peer has not taken yet.
    """

    served: bool

    @property
    def idle_since(self) -> float | None: ...

    @property
    def unsent(self) -> int: ...

    def abort(self) -> None:
        """Close it at once."""


def most_connections() -> int:
    """Connections that this process's limit of open files leaves room for."""
    try:
        import resource
    except ImportError:  # Windows, where sockets do not count as files
        return 8_192
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 65_536 if soft < 0 else max(8, min(soft - RESERVED, 65_536, soft * 3 // 4))


class Connections:
    """Keeps connections to a number, and closes those whose peer never reads."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._unsent: dict[Connection, tuple[int, float]] = {}

    def make_room(self, held: Iterable[Connection], newest: Connection) -> None:
        """Close one, if there are too many: of those never served, else of all, the longest idle.

        Who has sent a whole request keeps the connection; if all have, the newest is closed.
        """
        known = list(held)
        if len(known) > self.most:
            since = {c: (c.served, c.idle_since) for c in known if c is not newest}
            idle = {c: order for c, order in since.items() if order[1] is not None}
            min(idle, key=idle.__getitem__, default=newest).abort()

    def sweep(self, held: Iterable[Connection], now: float) -> None:
        """Close each that has taken nothing of what it is sent for `UNREAD` seconds."""
        waiting = {}
        for connection in list(held):
            unsent = connection.unsent
            if not unsent:
                continue
            least, since = self._unsent.get(connection, (unsent + 1, now))
            if unsent < least:
                least, since = unsent, now
            if now - since > UNREAD:
                connection.abort()
            else:
                waiting[connection] = least, since
        self._unsent = waiting


def tell_once(every: float = 60.0) -> Callable[[AbstractEventLoop, dict[str, Any]], None]:
    """A loop's exception handler: what is out of files is told in a sentence, now and then.

    asyncio tells of each connection that it cannot take, many thousand times a second.
    """
    told = float("-inf")

    def handle(loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal told
        error = context.get("exception")
        if not (isinstance(error, OSError) and "accept" in context.get("message", "")):
            loop.default_exception_handler(context)
        elif loop.time() - told >= every:
            told = loop.time()
            reason = error.strerror or error
            tell(f"sandbox: no more connections can be taken: {reason}")

    return handle
