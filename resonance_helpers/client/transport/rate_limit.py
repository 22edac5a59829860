"""The server's rate limit, as its answers tell it.

Two dialects are read: ``RateLimit`` and ``RateLimit-Policy`` of the IETF draft
draft-ietf-httpapi-ratelimit-headers, and the older ``X-RateLimit-Limit/-Remaining/-Reset``. Of
the latter's ``Reset`` there are two conventions, seconds that are left and Unix time; no window
lasts as long as the time since 1970, so the size of the number tells which.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from .retry_after import LONGEST, parse_http_date

__all__ = ["RATE_LIMIT_HEADERS", "RateLimit", "parse_policies", "parse_rate_limits"]

MOST_POLICIES = 16
"""That are kept count of. A server has two or three; a broken one may name new ones for ever."""

_ITEM = re.compile(r'"(?P<name>[^"]*)"(?P<parameters>[^,]*)')
_PARAMETER = re.compile(r";\s*(?P<key>[a-z]+)\s*=\s*(?P<value>\d{1,12})(?=\s*(?:;|$))", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,9})?", re.ASCII)

RATE_LIMIT_HEADERS = (
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "Date",
)
"""What is read here."""

YEAR = 365 * 86_400.0
"""Seconds; a ``Reset`` beyond is Unix time."""

MILLISECONDS = 1e11
"""A ``Reset`` beyond (as seconds: in the year 5138) is Unix time in thousandths of a second."""

CLOCK_ERROR = 2.0
"""Seconds by which the server's ``Date``, a whole number, may differ from a clock that is right."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests are left, and until when.

    Attributes:
        remaining: Requests left in this window.
        reset: Seconds from the answer until `remaining` grows again.
        limit: Requests in a whole window, or None where the server does not say.
        window: Seconds in a window, or None.
        name: The server's name for the policy; empty in the older dialect.
    """

    remaining: int
    reset: float
    limit: int | None = None
    window: float | None = None
    name: str = ""

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], now: float | None = None) -> RateLimit | None:
        """The limit that binds first, of those that the headers name; None where they name none.

        Args:
            headers: The headers of any answer, by name in any case.
            now: Seconds since 1970 when it came; None for the present.
        """
        limits = parse_rate_limits(headers, time.time() if now is None else now)
        return min(limits, key=lambda limit: limit.remaining, default=None)

    def aged(self, seconds: float) -> RateLimit:
        """The same, `seconds` later: `reset` has come nearer."""
        return replace(self, reset=max(0.0, self.reset - seconds))


def parse_policies(headers: Mapping[str, str]) -> Mapping[str, tuple[int, float]]:
    """The quota and the window of each policy, by name, as ``RateLimit-Policy`` tells them."""
    return _policies(headers.get("RateLimit-Policy", ""))


@lru_cache(maxsize=16)  # a server says the same in each answer
def _policies(header: str) -> Mapping[str, tuple[int, float]]:
    return {
        name: (values["q"], min(float(values["w"]), LONGEST))
        for name, values in _items(header).items()
        if values.get("q") and values.get("w")
    }


def parse_rate_limits(headers: Mapping[str, str], now: float) -> list[RateLimit]:
    """All limits that the headers name, at `now`, in seconds since 1970."""
    policies = parse_policies(headers)
    limits = []
    for name, values in _items(headers.get("RateLimit", "")).items():
        if "r" in values:
            quota, window = policies.get(name, (None, None))
            reset = min(float(values.get("t", 0)), LONGEST)
            limits.append(RateLimit(values["r"], reset, quota, window, name))
    remaining = _number(headers.get("X-RateLimit-Remaining"))
    if limits or remaining is None:
        return limits
    reset = _number(headers.get("X-RateLimit-Reset")) or 0.0
    if reset > MILLISECONDS:
        reset /= 1000
    if reset > YEAR:
        reset = max(0.0, reset - _server_time(headers.get("Date"), now))
    limit = _number(headers.get("X-RateLimit-Limit"))
    return [RateLimit(int(remaining), min(reset, LONGEST), int(limit) if limit else None)]


def _server_time(date: str | None, now: float) -> float:
    """The time at the server: this machine's, which is finer, unless one of the two is wrong."""
    told = parse_http_date((date or "").strip(" \t"), now=now)
    return now if told is None or abs(told - now) <= CLOCK_ERROR else told


def _items(header: str) -> dict[str, dict[str, int]]:
    """``'"minute";r=9;t=5, "day";r=99'`` as ``{"minute": {"r": 9, "t": 5}, "day": {"r": 99}}``."""
    return {
        item["name"]: {
            parameter["key"]: int(parameter["value"])
            for parameter in _PARAMETER.finditer(item["parameters"])
        }
        for item in islice(_ITEM.finditer(header), MOST_POLICIES)
    }


def _number(value: str | None) -> float | None:
    value = (value or "").strip()
    return float(value) if _NUMBER.fullmatch(value) else None
