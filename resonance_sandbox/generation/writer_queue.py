"""Where generations wait for a writing thread: in order, and not without end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread

from ..http.problems import Problem

__all__ = ["WriterQueue"]

_UNBOUNDED = anyio.CapacityLimiter(math.inf)  # the queue's own limiter counts


class WriterQueue:
    """Runs one piece of work on each of `threads` threads, while `room` more may wait."""

    def __init__(self, threads: int, room: int) -> None:
        self._limiter = anyio.CapacityLimiter(threads)
        self._room = room
        self._inside = 0
        self._typical = 0.02

    async def run(self, work: Callable[[], Any]) -> Any:
        """`work` in a thread.

        Raises:
            Problem: overloaded, when too many wait already.
        """
        if self._inside >= self._room + self._limiter.total_tokens:
            wait = self._inside * self._typical / self._limiter.total_tokens
            raise Problem(
                "overloaded",
                f"{self._inside} generations wait already; try again later.",
                retry_after=max(1.0, wait),
            )
        self._inside += 1
        try:
            async with self._limiter:
                started = time.perf_counter()
                try:
                    return await anyio.to_thread.run_sync(work, limiter=_UNBOUNDED)
                finally:
                    self._typical += (time.perf_counter() - started - self._typical) / 10
        finally:
            self._inside -= 1
