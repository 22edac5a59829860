"""When a failed attempt is tried again, and after how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import AttemptTimeoutError, ConnectTimeoutError, InternalServerError, ResonanceError

LONGEST = 1_000_000
"""Seconds that can be waited; not every system can wait for much longer."""


@dataclass(frozen=True)
class RetryPolicy:
    """An immutable rule, shared by all calls of a client.

    An attempt is tried again after a connection error and after the statuses 408, 409
    ``idempotency-in-progress``, 425, 429, 502, 503 and 504, but

    - a 500 only where the request changes nothing, since the work may have been half done;
    - an attempt that used up its `timeout` only under a `deadline`, which alone says that the
      caller is willing to wait for longer than that.

    The wait is what the server asked for (Retry-After), never less. Where it asked for nothing
    it is drawn at random from zero to an exponentially growing bound ("full jitter"), so that
    clients that failed together do not come back together.

    Args:
        max_attempts: The first attempt included; 1 means no retries.
        base: Seconds; the bound of the first wait, which doubles with each further one.
        cap: Seconds; the largest bound.
        max_wait: Seconds; a call without a deadline waits no longer than this for one attempt.
            If the server asks for more, the call fails at once and says so.
        random: A number in [0, 1), like `random.random`.
        clock: Seconds on a clock that only moves forward, like `time.monotonic`.
        now: Seconds since the epoch, like `time.time`; only for a Retry-After that is a date.
        sleep: Waits for a number of seconds, like `time.sleep`.
    """

    max_attempts: int = 5
    base: float = 0.1
    cap: float = 8.0
    max_wait: float = 60.0
    # Not in the repr, which stands in the signature of all that takes a policy.
    random: Callable[[], float] = field(default=random.random, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    now: Callable[[], float] = field(default=time.time, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.max_attempts, int) or isinstance(self.max_attempts, bool):
            raise TypeError(f"max_attempts is {self.max_attempts!r}; it has to be a whole number")
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}; it has to be at least 1")
        for name in ("base", "cap", "max_wait"):
            value: Any = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"{name} is a {type(value).__name__}, not a number of seconds")
            if not value >= 0:
                raise ValueError(f"{name} is {value}; it can't be negative")
            if not value <= LONGEST:
                raise ValueError(f"{name} is too large; it can be at most {LONGEST:,} seconds")
        for name in ("random", "clock", "now", "sleep"):
            if not callable(value := getattr(self, name)):
                raise TypeError(f"{name} is a {type(value).__name__}, not a function")

    def allows(self, error: ResonanceError, *, method: str, has_deadline: bool) -> bool:
        """May this failure of one attempt be tried again, as far as its reason goes?"""
        if isinstance(error, InternalServerError):
            return method == "GET"
        if isinstance(error, AttemptTimeoutError | ConnectTimeoutError):
            return has_deadline
        return error.retryable

    def wait(self, attempts: int, retry_after: float | None) -> float:
        """Seconds until the next attempt, after `attempts` of them have failed."""
        if retry_after is not None:
            # Up to a tenth more than asked: others were told the same.
            return retry_after * (1 + self.random() / 10)
        return self.random() * min(self.cap, self.base * 2.0 ** min(attempts - 1, 1000))


NO_RETRIES = RetryPolicy(max_attempts=1)
"""One attempt, whatever comes of it."""
