"""What there is to do: items ready to go, items put aside for later, and when all is done.

Nobody sleeps on an item that has to wait. It goes onto a heap by the time when it is due, and the
next one is taken.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Lock

from ..client.transport import Limiter
from .items import Item

__all__ = ["WorkQueue"]


class WorkQueue:
    """The items of one run.

    It is shared by the thread that feeds it, the one that hands them out, and those that carry
    them out.

    Args:
        look_ahead: how many items to hold ready; below half of it, `wanted` asks for more.
        aside: how many may be put aside before no new ones are asked for. The two bound the
            memory of a batch of any length.
        wake: called when there may be something to take, or all is over.
        clock: seconds, never going back.
    """

    def __init__(
        self,
        limiter: Limiter,
        *,
        look_ahead: int,
        aside: int,
        wake: Callable[[], object],
        clock: Callable[[], float],
    ) -> None:
        self._limiter = limiter
        self._low = look_ahead // 2
        self._look_ahead = look_ahead
        self._most_aside = aside
        self._clock = clock
        self._wake = wake
        self._mutex = Lock()
        self._need = Condition(self._mutex)  # for the feeder: more is wanted, or all is over
        self._ready: deque[Item] = deque()
        self._aside: list[tuple[float, int, Item]] = []
        self._open = 0
        self._fed = False
        self._stopped = False

    # -- the feeder ------------------------------------------------------------------------------

    def wanted(self, timeout: float) -> int:
        """Wait until more items are wanted, all is over, or `timeout` seconds; how many."""
        with self._need:
            if not self._wanted() and not self._over():
                self._need.wait(timeout)
            return self._wanted()

    def feed(self, items: Sequence[Item], *, last: bool) -> None:
        """Add items that may go at once; after the `last` ones no more will come."""
        with self._mutex:
            self._open += len(items)
            self._ready.extend(items)
            self._fed = last
            if self._over():
                self._need.notify()
        self._wake()

    def stop(self) -> bool:
        """Hand out nothing more, though there may be more to do; whether all was done."""
        with self._mutex:
            done = self._fed and self._open == 0
            self._stopped = True
            self._need.notify()
        self._wake()
        return done

    @property
    def over(self) -> bool:
        """Whether every item is settled, or the queue was stopped."""
        with self._mutex:
            return self._over()

    @property
    def held(self) -> float:
        """Seconds for which the rate limit lets nothing go."""
        return self._limiter.held()

    @property
    def waiting(self) -> int:
        """How many items are put aside."""
        return len(self._aside)

    # -- the one who hands them out --------------------------------------------------------------

    def take(self) -> Item | float:
        """The next item that may go now, or the moment when one will.

        It is infinite if only `wake` can tell.
        """
        with self._mutex:
            if self._over():
                return math.inf
            now = self._clock()
            moment = self._next_due(now)
            if moment > now:
                return moment
            turn = self._limiter.turn(now)
            return self._pop(now, turn) if isinstance(turn, int) else turn

    # -- those who carry them out ----------------------------------------------------------------

    def put_aside(self, item: Item, seconds: float) -> None:
        """Let `item` go again, not before `seconds` from now."""
        with self._mutex:
            heapq.heappush(self._aside, (self._clock() + seconds, item.index, item))
        self._wake()

    def give_back(self, item: Item, seconds: float | None = None) -> None:
        """Say that an item that was taken is not sent, and put it aside for `seconds`, if any."""
        self._limiter.kept(item.ticket)
        if seconds is not None:
            self.put_aside(item, seconds)

    def settle(self) -> None:
        """One item is done with."""
        with self._mutex:
            self._open -= 1
            over = self._over()
            if over:
                self._need.notify()
        if over:
            self._wake()

    # -- under the lock --------------------------------------------------------------------------

    def _next_due(self, now: float) -> float:
        if self._ready:
            return now
        return self._aside[0][0] if self._aside else math.inf

    def _pop(self, now: float, ticket: int) -> Item:
        if self._aside and self._aside[0][0] <= now:
            item = heapq.heappop(self._aside)[2]
        else:
            item = self._ready.popleft()
        if len(self._ready) == self._low:
            self._need.notify()
        item.ticket = ticket
        return item

    def _wanted(self) -> int:
        few = len(self._ready) <= self._low and len(self._aside) < self._most_aside
        return 0 if self._fed or self._stopped or not few else self._look_ahead - len(self._ready)

    def _over(self) -> bool:
        return self._stopped or (self._fed and self._open == 0)
