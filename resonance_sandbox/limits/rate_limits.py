"""How often a caller may call: a burst each second, a rate each minute, a quota each day.

All three are told on every answer: `RateLimit-Policy` and `RateLimit` as in the IETF draft
draft-ietf-httpapi-ratelimit-headers, and the older `X-RateLimit-*` for the minute's rate alone.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ..http.problems import Problem
from ..settings import Settings
from .windows import FixedWindow, MovingWindow, Window

__all__ = ["RateLimits"]

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class _Policy:
    name: str
    amount: int
    seconds: int
    window: Callable[[float], Window]
    slug: str
    detail: str


class RateLimits:
    """The limits of every caller.

    Safe for threads: what is tested still holds when it is counted.

    Args:
        clock: the sandbox's; its seconds since 1970 never go back.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._policies = (
            _Policy(
                "burst",
                settings.burst,
                1,
                MovingWindow,
                "rate-limited",
                f"More than {settings.burst:,} requests in a second; wait as Retry-After says.",
            ),
            _Policy(
                "minute",
                settings.rate_limit,
                60,
                MovingWindow,
                "rate-limited",
                f"More than {settings.rate_limit:,} requests in a minute; "
                "wait as Retry-After says.",
            ),
            _Policy(
                "day",
                settings.quota,
                86_400,
                FixedWindow,
                "quota-exceeded",
                f"The day's quota of {settings.quota:,} requests is used up; "
                "wait as Retry-After says.",
            ),
        )
        announced = ", ".join(
            f'"{policy.name}";q={policy.amount};w={policy.seconds}' for policy in self._policies
        )
        self._announced = (b"ratelimit-policy", announced.encode())
        self._callers: dict[str, dict[str, tuple[Window, ...]]] = {}
        self._lock = threading.Lock()

    def check(
        self, realm: str, caller: str, *, free: bool = False
    ) -> tuple[Headers, Problem | None]:
        """Count a request; answer its headers, and the problem if it is one too many.

        A refused request is not counted, so `Retry-After` is true for who waits. A `free` one
        (a health check, the documentation) is never refused nor counted.
        """
        with self._lock:
            now = self._clock()
            windows = self._callers.get(realm, {}).get(caller) or self._fresh()
            refused = None
            if not free:
                for policy, window in zip(self._policies, windows, strict=True):
                    if window.used(now) >= policy.amount:
                        refused = policy
                        break
                else:
                    for window in windows:
                        window.hit(now)
                    self._callers.setdefault(realm, {})[caller] = windows
            return self._told(windows, refused, now)

    def headers(self, realm: str, caller: str) -> Headers:
        """The headers that tell a caller's limits; nothing is counted."""
        return self.check(realm, caller, free=True)[0]

    def reset(self, realm: str) -> None:
        """Forget what `realm` has used."""
        with self._lock:
            self._callers.pop(realm, None)

    def purge(self) -> None:
        """Forget callers of whom nothing counts any more."""
        with self._lock:
            now = self._clock()
            for realm, callers in list(self._callers.items()):
                for caller, windows in list(callers.items()):
                    if not any(window.used(now) for window in windows):
                        del callers[caller]
                if not callers:
                    del self._callers[realm]

    def _fresh(self) -> tuple[Window, ...]:
        return tuple(policy.window(policy.seconds) for policy in self._policies)

    def _told(
        self, windows: tuple[Window, ...], refused: _Policy | None, now: float
    ) -> tuple[Headers, Problem | None]:
        told: list[str] = []
        legacy: Headers = []
        problem = None
        for policy, window in zip(self._policies, windows, strict=True):
            remaining, wait = policy.amount - window.used(now), window.wait(now)
            told.append(f'"{policy.name}";r={remaining};t={math.ceil(wait)}')
            if policy is refused:
                problem = Problem(policy.slug, policy.detail, retry_after=max(wait, 0.001))
            if policy.name == "minute":
                legacy = [
                    (b"x-ratelimit-limit", b"%d" % policy.amount),
                    (b"x-ratelimit-remaining", b"%d" % remaining),
                    (b"x-ratelimit-reset", b"%d" % math.ceil(now + wait)),
                ]
        return [self._announced, (b"ratelimit", ", ".join(told).encode()), *legacy], problem
