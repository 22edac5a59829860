"""The server's clock, as its answers tell it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ..transport.arguments import function
from ..transport.retry_after import parse_http_date

__all__ = ["ServerClock"]

TOLERANCE = 2.0
"""Seconds; `Date` has whole seconds only and may be one old, so less than this says nothing."""


class ServerClock:
    """What time it is for the server, whose clock decides when a token expires.

    Attributes:
        local: This machine's time, in seconds since the epoch, like `time.time`. Not a clock
            that only moves forward: most of those stand still while a laptop sleeps, and tokens
            do not.
        skew: Seconds that the server's clock is ahead of ours, learned from `Date` headers.
    """

    def __init__(self, local: Callable[[], float] = time.time) -> None:
        self.local = function("clock", local)
        self.skew = 0.0

    def now(self) -> float:
        """The server's time, in seconds since the epoch."""
        return self.local() + self.skew

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take the time from an answer that has just come in, unless a cache had kept it."""
        now = self.local()
        date = parse_http_date(headers.get("Date", "").strip(), now=now)
        if date is None or "Age" in headers:
            return
        skew = date + 0.5 - now
        if abs(skew - self.skew) > TOLERANCE:
            self.skew = skew
