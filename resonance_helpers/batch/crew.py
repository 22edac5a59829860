"""The workers of a batch: threads of its own, or places in a pool that someone lends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["Crew"]


class Crew:
    """Runs `work` in up to `size` threads, as many as there is work for.

    The batch's own threads are daemons: a call that hangs keeps no program from ending.
    """

    def __init__(
        self, work: Callable[[], None], size: int, pool: ThreadPoolExecutor | None = None
    ) -> None:
        self._work = work
        self._size = size
        self._pool = pool
        self._hired: list[Future[None] | threading.Thread] = []

    def hire(self, items: int) -> None:
        """See to it that there is a worker for each of `items`, as far as `size` goes."""
        while len(self._hired) < min(items, self._size):
            if self._pool is not None:
                self._hired.append(self._pool.submit(self._work))
            else:
                name = f"batch-{len(self._hired)}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                thread.start()
                self._hired.append(thread)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until all have come to their end, or for so many seconds."""
        until = None if seconds is None else time.monotonic() + seconds
        for worker in self._hired:
            left = None if until is None else max(0.0, until - time.monotonic())
            if isinstance(worker, threading.Thread):
                worker.join(left)
            elif not worker.cancel():
                try:
                    worker.result(left)
                except TimeoutError:
                    return
