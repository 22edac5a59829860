"""How many of a caller's requests fall into a window of time."""

from __future__ import annotations

from collections import deque
from typing import Protocol

__all__ = ["FixedWindow", "MovingWindow", "Window"]


class Window(Protocol):
    """Counts hits. Every method takes the time, in seconds since 1970, which never goes back."""

    def used(self, now: float) -> int:
        """Hits that count now."""

    def hit(self, now: float) -> None:
        """Count one more."""

    def wait(self, now: float) -> float:
        """Seconds until less is used; without a hit, as long as one would count."""


class MovingWindow:
    """The hits of the last `length` seconds, each remembered."""

    __slots__ = ("_hits", "_length")

    def __init__(self, length: float) -> None:
        self._length = length
        self._hits: deque[float] = deque()

    def used(self, now: float) -> int:
        while self._hits and self._hits[0] + self._length <= now:
            self._hits.popleft()
        return len(self._hits)

    def hit(self, now: float) -> None:
        self._hits.append(now)

    def wait(self, now: float) -> float:
        return self._hits[0] + self._length - now if self.used(now) else self._length


class FixedWindow:
    """The hits since a window of `length` seconds began, with its first: one number, however many.

    A moving window would have to remember each of a day's requests.
    """

    __slots__ = ("_count", "_ends", "_length")

    def __init__(self, length: float) -> None:
        self._length = length
        self._count = 0
        self._ends = 0.0

    def used(self, now: float) -> int:
        if self._ends <= now:
            self._count = 0
        return self._count

    def hit(self, now: float) -> None:
        if self.used(now) == 0:
            self._ends = now + self._length
        self._count += 1

    def wait(self, now: float) -> float:
        return self._ends - now if self.used(now) else 0.0
