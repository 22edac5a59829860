"""How often a caller may context: a burst each second, a rate each minute, a quota each day.

All three are told on every answer: `RateLimit-Policy` and `RateLimit` as in the IETF draft
draft-ietf-httpapi-ratelimit-headers, and the older `X-RateLimit-*` for the minute's rate alone.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from limits import (
    RateLimitItem,
    RateLimitItemPerDay,
    RateLimitItemPerMinute,
    RateLimitItemPerSecond,
)
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, RateLimiter

from ..http.problems import Problem
from ..settings import Settings

__all__ = ["RateLimits"]


@dataclass(frozen=True, slots=True)
class _Policy:
    name: str
    slug: str
    item: RateLimitItem
    limiter: RateLimiter
    detail: str


class RateLimits:
    """The limits of every caller.

    Safe for threads: what is tested still holds when it is counted.
    """

    def __init__(self, settings: Settings) -> None:
        storage = MemoryStorage()
        moving = MovingWindowRateLimiter(storage)
        # A moving window remembers each hit, which a day's quota would make too many.
        fixed = FixedWindowRateLimiter(storage)
        self._policies = (
            _Policy(
                "burst",
                "rate-limited",
                RateLimitItemPerSecond(settings.burst, namespace="burst"),
                moving,
                f"More than {settings.burst:,} requests in a second; wait as Retry-After says.",
            ),
            _Policy(
                "minute",
                "rate-limited",
                RateLimitItemPerMinute(settings.rate_limit, namespace="minute"),
                moving,
                f"More than {settings.rate_limit:,} requests in a minute; "
                "wait as Retry-After says.",
            ),
            _Policy(
                "day",
                "quota-exceeded",
                RateLimitItemPerDay(settings.quota, namespace="day"),
                fixed,
                f"The day's quota of {settings.quota:,} requests is used up; "
                "wait as Retry-After says.",
            ),
        )
        announced = ", ".join(
            f'"{policy.name}";q={policy.item.amount};w={policy.item.get_expiry()}'
            for policy in self._policies
        )
        self._announced = (b"ratelimit-policy", announced.encode())
        self._callers: dict[str, set[str]] = {}
        self._lock = threading.Lock()

    def check(
        self, realm: str, caller: str, *, free: bool = False
    ) -> tuple[list[tuple[bytes, bytes]], Problem | None]:
        """Count a request; answer its headers, and the problem if it is one too many.

        A refused request is not counted, so `Retry-After` is true for who waits. A `free` one
        (a health check, the documentation) is never refused nor counted.
        """
        with self._lock:
            return self._check(realm, caller, free)

    def _check(
        self, realm: str, caller: str, free: bool
    ) -> tuple[list[tuple[bytes, bytes]], Problem | None]:
        self._callers.setdefault(realm, set()).add(caller)
        refused = None
        if not free:
            for policy in self._policies:
                if not policy.limiter.test(policy.item, realm, caller):
                    refused = policy
                    break
            else:
                for policy in self._policies:
                    policy.limiter.hit(policy.item, realm, caller)
        now = time.time()
        told = []
        legacy: list[tuple[bytes, bytes]] = []
        problem = None
        for policy in self._policies:
            window = policy.limiter.get_window_stats(policy.item, realm, caller)
            wait = max(0.0, window.reset_time - now)
            if policy is refused and window.remaining:
                wait = 0.0  # the place came free a moment ago
            told.append(f'"{policy.name}";r={window.remaining};t={math.ceil(wait)}')
            if policy is refused:
                problem = Problem(policy.slug, policy.detail, retry_after=max(wait, 0.001))
            if policy.name == "minute":
                legacy = [
                    (b"x-ratelimit-limit", b"%d" % policy.item.amount),
                    (b"x-ratelimit-remaining", b"%d" % window.remaining),
                    (b"x-ratelimit-reset", b"%d" % math.ceil(now + wait)),
                ]
        return [self._announced, (b"ratelimit", ", ".join(told).encode()), *legacy], problem

    def headers(self, realm: str, caller: str) -> list[tuple[bytes, bytes]]:
        """The headers that tell a caller's limits; nothing is counted."""
        return self.check(realm, caller, free=True)[0]

    def reset(self, realm: str) -> None:
        """Forget what `realm` has used."""
        with self._lock:
            for caller in self._callers.pop(realm, ()):
                for policy in self._policies:
                    policy.limiter.clear(policy.item, realm, caller)
