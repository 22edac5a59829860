"""Breaking off a call from another thread.

A thread can't be ended from outside, but all that a call waits for can: its socket is shut down,
and its sleep, or its wait for a token, is over. What it meets then is `Cancelled`, which it passes
through as it passes through a Ctrl-C. Calls that nobody may break off pay for none of this.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, InvalidStateError, wait
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class Cancelled(BaseException):
    """The call was broken off. Nobody but who did that sees it."""


class UnderWay(Protocol):
    """What is asked of a `Call` once it was broken off."""

    attempts: int
    idempotency_key: str | None


class Cancellation:
    """Breaks off what one thread does inside `run`.

    Attributes:
        under_way: The newest `Call` that was begun there; None before the first.
    """

    def __init__(self) -> None:
        self.under_way: UnderWay | None = None
        self._over: Future[None] = Future()
        self._lock = threading.Lock()
        self._held: dict[Any, socket.socket] = {}
        self._woken: set[threading.Condition] = set()

    def run(self, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        """Call `function`, which `cancel` breaks off."""
        _here.cancellation = self
        try:
            return function(*args, **kwargs)
        finally:
            _here.cancellation = None
            for connection in list(self._held):
                self.let_go(connection)

    def cancel(self) -> None:
        """Break it off, now or as soon as it begins; from any thread, and without waiting."""
        with contextlib.suppress(InvalidStateError):  # it was broken off before
            self._over.set_result(None)
        with self._lock:
            for sock in self._held.values():
                with contextlib.suppress(OSError):  # it is not connected any more
                    sock.shutdown(socket.SHUT_RDWR)

    def check(self) -> None:
        """Raise `Cancelled` if it was broken off."""
        if self._over.done():
            raise Cancelled

    def hold(self, connection: Any, sock: Any) -> None:
        """A connection works for this call, until it is let go."""
        with self._lock:
            self.check()
            if connection not in self._held:
                # A second handle of the same socket: whatever becomes of the first one, in a TLS
                # handshake say, this is never one that was closed, and that others have by now.
                self._held[connection] = socket.fromfd(sock.fileno(), sock.family, sock.type)
        connection.works_for = self

    def let_go(self, connection: Any) -> None:
        """It works for this call no more: others may have it next."""
        connection.works_for = None
        with self._lock:
            handle = self._held.pop(connection, None)
        if handle is not None:
            handle.close()

    def wakes(self, condition: threading.Condition) -> None:
        """Notify who waits on this condition as soon as this is broken off."""

        def wake(_: object) -> None:
            with condition:
                condition.notify_all()

        if condition not in self._woken:
            self._woken.add(condition)
            self._over.add_done_callback(wake)

    def wait_for(self, future: Future[_T], seconds: float | None) -> _T:
        """What a future brings; Cancelled as soon as this is broken off."""
        both: list[Future[Any]] = [future, self._over]
        wait(both, seconds, FIRST_COMPLETED)
        self.check()
        return future.result(0)


class _Here(threading.local):
    cancellation: Cancellation | None = None


_here = _Here()


def current() -> Cancellation | None:
    """What may break off this thread's call; mostly nothing."""
    return _here.cancellation


def check() -> None:
    """Raise `Cancelled` if this thread's call was broken off."""
    if (cancellation := _here.cancellation) is not None:
        cancellation.check()


def begin(call: UnderWay) -> None:
    """This thread's call is under way."""
    if (cancellation := _here.cancellation) is not None:
        cancellation.under_way = call
        cancellation.check()


def sleep(seconds: float, otherwise: Callable[[float], object]) -> None:
    """Sleep, by `otherwise` unless that is `time.sleep`, which a cancellation ends."""
    cancellation = _here.cancellation
    if cancellation is None or otherwise is not time.sleep:
        otherwise(seconds)
        check()
    else:
        with contextlib.suppress(TimeoutError):
            cancellation.wait_for(Future(), seconds)


def result_of(future: Future[_T], seconds: float | None) -> _T:
    """``future.result(seconds)``, which a cancellation ends."""
    if (cancellation := _here.cancellation) is not None:
        return cancellation.wait_for(future, seconds)
    return future.result(seconds)


def wait_on(condition: threading.Condition, seconds: float | None) -> None:
    """``condition.wait(seconds)``, which a cancellation ends."""
    if (cancellation := _here.cancellation) is None:
        condition.wait(seconds)
        return
    # Whoever cancels needs the lock, which nobody has until this waits.
    cancellation.wakes(condition)
    cancellation.check()
    condition.wait(seconds)
    cancellation.check()


def let_go(connection: Any) -> None:
    """A connection is closed, or others may have it next."""
    if (cancellation := getattr(connection, "works_for", None)) is not None:
        cancellation.let_go(connection)
