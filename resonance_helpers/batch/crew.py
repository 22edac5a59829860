"""The workers of a batch: threads of its own, or places in a pool that someone lends."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from .items import Item

__all__ = ["Crew"]


class Crew:
    """Carries out `work` on items in up to `size` threads, as many as are needed.

    The batch's own threads are daemons: a call that hangs keeps no program from ending.

    Args:
        wake: called when a worker has nothing to do.
    """

    def __init__(
        self,
        work: Callable[[Item], object],
        size: int,
        wake: Callable[[], object],
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        self._work = work
        self._size = size
        self._wake = wake
        self._pool = pool
        self._context = contextvars.copy_context()
        self._alone = False
        self._hired: list[Future[None] | threading.Thread] = []
        self._items: SimpleQueue[Item | None] = SimpleQueue()
        self._mutex = threading.Lock()
        self._arrived = 0
        self._busy = 0

    def room(self) -> int:
        """How many items can be given now.

        Where no thread can be had, one at a time, to be carried out by who gives it.

        In a lent pool that is who has a place there and is idle; if nobody is, one more is sent
        for.
        """
        if self._alone:
            return 1 - self._busy
        if self._pool is None:
            return self._size - self._busy
        with self._mutex:
            arrived, idle = self._arrived, self._arrived - self._busy
        if not arrived:
            self._raise_if_broken()
        if not idle and len(self._hired) == arrived < self._size:
            self._hire()
        return idle

    def give(self, item: Item) -> None:
        """Hand over an item; there has to be room."""
        with self._mutex:
            self._busy += 1
            short = self._busy > len(self._hired)
        if short:
            self._hire()
        if self._alone:
            self._carry_out(item)
        else:
            self._items.put(item)

    def dismiss(self) -> None:
        """Let all go home, each when it is done with what it has in hand."""
        self._items.put(None)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until all have gone, or for so many seconds."""
        until = None if seconds is None else time.monotonic() + seconds
        for worker in self._hired:
            left = None if until is None else max(0.0, until - time.monotonic())
            if isinstance(worker, threading.Thread):
                worker.join(left)
            elif not worker.cancel():
                try:
                    worker.exception(left)
                except TimeoutError:
                    return

    def _raise_if_broken(self) -> None:
        """Raise why the lent pool gives no place, if it never will: it broke, or was shut down."""
        for place in self._hired:
            if isinstance(place, Future) and place.done():
                if place.cancelled():
                    raise RuntimeError("the executor was shut down before it took anything up")
                place.result()

    def _hire(self) -> None:
        # Each in a context of its own: a copy of that in which the batch was called.
        attend = self._context.copy().run
        try:
            if self._pool is not None:
                place = self._pool.submit(attend, self._attend)
                self._hired.append(place)
                place.add_done_callback(lambda _: self._wake())
                return
            name = f"batch-{len(self._hired)}"
            thread = threading.Thread(target=attend, args=(self._attend,), name=name, daemon=True)
            thread.start()
            self._hired.append(thread)
        except RuntimeError as error:
            if "start new thread" not in str(error):
                raise  # a pool that is shut down
            self._size = len(self._hired)  # those that there are have to do
            self._alone = not self._hired

    def _attend(self) -> None:
        with self._mutex:
            self._arrived += 1
        self._wake()
        while (item := self._items.get()) is not None:
            self._carry_out(item)
            self._wake()
        self._items.put(None)  # for the next one

    def _carry_out(self, item: Item) -> None:
        self._work(item)
        with self._mutex:
            self._busy -= 1
