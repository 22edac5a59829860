"""Pacing: when the next request may leave, by what the server's rate-limit headers said last.

Many threads share one limit. What one of them reads in an answer holds for all, less the requests
that are under way and that the server had not counted yet. So a batch slows down before it is
told to: it stops at the last request of a window and goes on at the first moment of the next.
"""

from __future__ import annotations

import math

__all__ = ["Pacer"]

PROBE_LASTS = 5.0
"""Seconds after which a first request of a new window is given up as the only one."""


class Pacer:
    """Counts what may still be sent. Times are seconds on any one clock; the caller locks.

    Args:
        remaining, turns: what is known before the first answer: how many requests are left, and
            when the window turns.

    >>> pacer = Pacer()
    >>> pacer.sent(now=0.0)
    1
    >>> pacer.answered(1, now=0.1, remaining=0, reset=5)
    >>> pacer.ready_at(now=0.2)
    5.1
    """

    def __init__(self, remaining: float = math.inf, turns: float = -math.inf) -> None:
        self._sent = 0
        self._in_flight = 0
        self._newest = 0  # the latest request that has been answered with a limit
        self._remaining = remaining  # what that answer said
        self._turns = turns
        self._paused = -math.inf
        self._probed = -math.inf

    @property
    def left(self) -> float:
        """How many requests may leave at once; infinite as long as no answer named a limit.

        Whatever is under way is taken as not yet counted by the server. At worst that is too
        careful for as long as those requests last.
        """
        return self._remaining - self._in_flight

    def ready_at(self, now: float) -> float:
        """The earliest moment for the next request: `now`, or later."""
        if self._paused > now:
            return self._paused
        if self.left > 0:
            return now
        if self._turns > now:
            return self._turns
        # The window has turned, and only an answer can say what the new one allows: one request
        # goes first, the others follow its answer.
        if self._probed < self._turns:
            return now
        return max(self._probed + PROBE_LASTS, now)

    def sent(self, now: float) -> int:
        """One request leaves; the number to hand in with its answer."""
        if self.left <= 0:
            self._probed = now
        self._sent += 1
        self._in_flight += 1
        return self._sent

    def kept(self, number: int) -> None:
        """The request of that number did not leave after all."""
        self._in_flight -= 1
        self._probed = -math.inf

    def answered(
        self,
        number: int,
        now: float,
        *,
        remaining: int | None = None,
        reset: float | None = None,
        pause: float = 0.0,
    ) -> None:
        """An answer has come, or an attempt has failed.

        Args:
            number: what `sent` gave.
            now: seconds on the clock that `sent` was told of.
            remaining: requests left in the window, by the answer's headers.
            reset: seconds until the window turns, by the same.
            pause: seconds for which the server wants no request at all (a 429).
        """
        self._in_flight -= 1
        self._paused = max(self._paused, now + pause)
        if number <= self._newest:
            return  # it tells of an older state
        if remaining is None:
            self._remaining -= 1  # no word came back, but the server may have counted it
            self._probed = -math.inf
            return
        self._newest = number
        if now >= self._turns or remaining < self._remaining:
            # Before the window turns there can only be less: what says more has been overtaken
            # on its way by a request that left after it.
            self._remaining = remaining
            self._turns = now + (reset or 0.0)
