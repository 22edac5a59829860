"""Where work waits for a writing thread: in turn by realm, and not without end."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread

from ..http.problems import Problem

__all__ = ["WriterQueue"]

_UNBOUNDED = anyio.CapacityLimiter(math.inf)  # the queue itself counts


class WriterQueue:
    """Runs one piece of work on each of `threads` threads, while `room` more may wait.

    Realms take turns, however much each has waiting, and within one the first comes first. So a
    realm that sends hundreds of requests at once makes others wait for one of them alone. When the
    room is used up, it is refused to those who have more than their share of it.
    """

    def __init__(self, threads: int, room: int) -> None:
        self._threads = threads
        self._room = room
        self._inside = 0
        self._running = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._typical = 0.02

    async def run(self, realm: str, work: Callable[[], Any]) -> Any:
        """`work` in a thread, when it is the turn of `realm`.

        Raises:
            Problem: overloaded, when too many wait already.
        """
        mine = len(self._waiting.get(realm, ()))
        share = self._room / max(1, len(self._waiting) + (realm not in self._waiting))
        if self._inside >= self._room + self._threads and mine >= share:
            wait = self._inside * self._typical / self._threads
            raise Problem(
                "overloaded",
                f"{self._inside} generations wait already; try again later.",
                retry_after=max(1.0, wait),
            )
        self._inside += 1
        try:
            await self._turn(realm)
            started = time.perf_counter()
            try:
                return await anyio.to_thread.run_sync(work, limiter=_UNBOUNDED)
            finally:
                self._typical += (time.perf_counter() - started - self._typical) / 10
                self._next()
        finally:
            self._inside -= 1

    async def _turn(self, realm: str) -> None:
        if self._running < self._threads:
            self._running += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(realm, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it had come already, and is another's now
                self._next()
            raise

    def _next(self) -> None:
        """Give the thread that has become free to the realm whose turn it is."""
        while self._waiting:
            realm, turns = next(iter(self._waiting.items()))
            turn = turns.popleft()
            if turns:
                self._waiting.move_to_end(realm)
            else:
                del self._waiting[realm]
            if not turn.done():
                turn.set_result(None)
                return
        self._running -= 1
