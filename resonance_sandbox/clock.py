"""The one clock of a sandbox: expiry, limits, retries, lives of keys and displayed times go by it.

Durations that are measured (`Server-Timing`, latencies) and time-outs of the network do not: they
are real whatever the clock says.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["MAX_AHEAD", "STILL", "Clock", "FrozenClock", "later"]

STILL = "2026-01-01T00:00:00Z"
"""The displayed time of a still sandbox, before its clock is advanced."""

STEP = 1.0
"""Seconds that the wall clock has to gain at once to be followed: the machine slept, say."""

MAX_AHEAD = 100 * 366 * 86_400.0
"""Seconds that a clock may be ahead of the machine's."""


class Clock:
    """Seconds since 1970, on a clock that only moves forward and can be advanced.

    It begins with the wall clock and follows it forwards, as after a machine's sleep; never back,
    for a window that is full would then be full for so much longer. Safe for threads.

    Args:
        ahead: seconds that it is ahead of the wall clock from the first.
        wall: the wall clock, in seconds since 1970.
        steady: a clock that only moves forward.
    """

    def __init__(
        self,
        ahead: float = 0.0,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wall, self._steady = wall, steady
        self._ahead = ahead
        self._lock = threading.Lock()
        self._offset = wall() + ahead - steady()

    def __call__(self) -> float:
        """The time."""
        with self._lock:
            return self._now()

    @property
    def ahead(self) -> float:
        """Seconds that the clock was advanced by, altogether."""
        return self._ahead

    def advance_to(self, moment: float, shown: str | None = None) -> None:
        """Move forward to `moment`; a moment that has passed changes nothing.

        Args:
            moment: seconds since 1970.
            shown: the displayed time that goes with it, for a clock that displays another.
        """
        with self._lock:
            jump = moment - self._now()
            if jump > 0:
                self._offset += jump
                self._ahead += jump
                while self._offset + self._steady() < moment:  # for the sum has been rounded
                    self._offset = math.nextafter(self._offset, math.inf)

    def set_ahead(self, seconds: float, shown: str | None = None) -> None:
        """Move forward until it was advanced by `seconds` altogether; see `advance_to`."""
        with self._lock:
            jump = seconds - self._ahead
            if jump > 0:
                self._offset += jump
                self._ahead = seconds

    def shown(self) -> str:
        """The time as it is displayed: RFC 3339 in UTC."""
        now = datetime.fromtimestamp(self(), UTC)
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _now(self) -> float:
        now = self._offset + self._steady()
        gained = self._wall() + self._ahead - now
        if gained > STEP:
            self._offset += gained
            now += gained
        return now


class FrozenClock(Clock):
    """A clock whose displayed time is the same on every run: it moves when it is advanced alone."""

    def __init__(self, ahead: float = 0.0) -> None:
        super().__init__(ahead)
        self._shown = later(STILL, ahead)

    def advance_to(self, moment: float, shown: str | None = None) -> None:
        super().advance_to(moment)
        self._show(shown)

    def set_ahead(self, seconds: float, shown: str | None = None) -> None:
        super().set_ahead(seconds)
        self._show(shown)

    def shown(self) -> str:
        return self._shown

    def _show(self, shown: str | None) -> None:
        if shown is not None:
            self._shown = max(self._shown, shown, key=datetime.fromisoformat)


def later(now: str, seconds: float) -> str:
    """A displayed time `seconds` after the displayed time `now`."""
    then = datetime.fromisoformat(now) + timedelta(seconds=seconds)
    precision = "milliseconds" if then.microsecond else "seconds"
    return then.isoformat(timespec=precision).replace("+00:00", "Z")
