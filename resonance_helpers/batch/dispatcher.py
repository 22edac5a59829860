"""The thread that hands a batch's items out, and picks up the answers that need no waiting.

A thread that waits for an answer has to wait for the interpreter's lock, too, whenever it wakes:
a hundred of them spend as long on handing it around as on their work. An ordinary exchange over an
open connection needs no thread of its own. Its request is sent, and when its answer has come, which
the system tells of many at once, it is read. What may have to wait (to connect, for a token, for an
answer out of the ordinary) goes to a thread of the crew.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

from ..client.transport import InFlight
from ..progress import TICK
from .crew import Crew
from .items import Item

__all__ = ["Dispatcher", "Waker"]

MOST_IN_FLIGHT = 500
"""A little less than what `select` can watch on any system."""

LONGEST_WAIT = 3600.0
"""Seconds; some systems refuse to wait for longer than 24 days."""


class Waker:
    """Wakes the thread that waits in a selector, from any other.

    Attributes:
        dozing: whether that thread waits, or is about to; it sets this before it looks around for
            the last time.
    """

    def __init__(self) -> None:
        self._far, self._near = socket.socketpair()
        self._far.setblocking(False)
        self._near.setblocking(False)
        self.dozing = False

    def __call__(self) -> None:
        if self.dozing:
            self.dozing = False
            with contextlib.suppress(OSError):  # it is closed
                self._far.send(b".")

    def drain(self) -> None:
        """Forget what has woken it."""
        self._near.recv(1024)

    def fileno(self) -> int:
        return self._near.fileno()

    def close(self) -> None:
        self._far.close()
        self._near.close()


class Dispatcher:
    """Hands items out, to the system or to the crew, as soon as they may go.

    Args:
        take: gives the next item that may go, or the moment when one will.
        start: sends an item's request, if that takes no waiting.
        carry_out: brings an attempt to its end, whether it was started or not.
        pause: called before each wait.
        crew: for what has to wait; it says how many items may be under way, too.
        waker: to be called when `take` or the crew may have changed its mind.
    """

    def __init__(
        self,
        take: Callable[[], Item | float],
        start: Callable[[Item], InFlight | None],
        carry_out: Callable[[Item], object],
        pause: Callable[[], object],
        crew: Crew,
        waker: Waker,
    ) -> None:
        self._take = take
        self._start = start
        self._carry_out = carry_out
        self._pause = pause
        self._crew = crew
        self._waker = waker
        self._selector = selectors.DefaultSelector()
        self._selector.register(waker, selectors.EVENT_READ)
        self._in_flight: dict[InFlight, Item] = {}
        self._alarm = math.inf  # no attempt has to end before

    def run(
        self, is_over: Callable[[], bool], meanwhile: Callable[[], object] | None = None
    ) -> None:
        """Hand out until it is over, then wait for what is in flight.

        Args:
            is_over: whether there is nothing more to hand out.
            meanwhile: called some ten times a second, where no other thread does it.
        """
        longest = LONGEST_WAIT if meanwhile is None else TICK
        with self._selector:
            while True:
                if meanwhile is not None:
                    meanwhile()
                self._waker.dozing = True
                moment = min(self._hand_out(), self._alarm)
                self._pause()
                if is_over() and not self._in_flight:
                    break
                wait = max(0.0, min(moment - time.monotonic(), longest))
                ready = self._selector.select(wait)
                self._waker.dozing = False
                for key, _ in ready:
                    self._notice(key.fileobj)
                if self._alarm <= time.monotonic():
                    self._end_the_expired()

    def _hand_out(self) -> float:
        """All that may go; the moment when more may, infinite if the waker will tell."""
        while self._crew.room() > len(self._in_flight):
            item = self._take()
            if not isinstance(item, Item):
                return item
            started = self._start(item) if len(self._in_flight) < MOST_IN_FLIGHT else None
            if started is None:
                self._crew.give(item)
            else:
                self._in_flight[started] = item
                self._selector.register(started, selectors.EVENT_READ)
                self._alarm = min(self._alarm, started.expires)
        return math.inf

    def _notice(self, ready: Any) -> None:
        if ready is self._waker:
            self._waker.drain()
        else:
            self._look(ready)
            self._hand_out()

    def _look(self, started: InFlight) -> None:
        waits = started.look()
        if waits is None:
            return
        item = self._landed(started)
        if waits:
            self._crew.give(item)
        else:
            self._carry_out(item)

    def _end_the_expired(self) -> None:
        now = time.monotonic()
        for started in [one for one in self._in_flight if one.expires <= now]:
            self._crew.give(self._landed(started))
        self._alarm = min((one.expires for one in self._in_flight), default=math.inf)

    def _landed(self, started: InFlight) -> Item:
        self._selector.unregister(started)
        return self._in_flight.pop(started)
