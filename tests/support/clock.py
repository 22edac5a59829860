"""A clock of the test's own."""

from __future__ import annotations

__all__ = ["Clock"]


class Clock:
    """Seconds that pass only while someone sleeps, or as the test sets `now`."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.now += seconds
