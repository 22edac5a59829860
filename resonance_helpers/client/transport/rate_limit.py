"""The server's rate limit, as its answers tell it.

Read are ``RateLimit`` and ``RateLimit-Policy`` of the IETF draft
draft-ietf-httpapi-ratelimit-headers, as it is and as it was before it had names (``limit=9,
remaining=5, reset=3``, ``9;w=60``, or three headers), and the older
``X-RateLimit-Limit/-Remaining/-Reset``. Of the latter's ``Reset`` there are two conventions,
seconds that are left and Unix time; no window lasts as long as the time since 1970, so the size of
the number tells which.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from .retry_after import LONGEST, parse_http_date

__all__ = ["RATE_LIMIT_HEADERS", "RateLimit", "parse_policies", "parse_rate_limits"]

MOST_POLICIES = 16
"""That are kept count of. A server has two or three; a broken one may name new ones for ever."""

_STRING = r'"(?:[^"\\]|\\.)*"'
_ITEM = re.compile(
    rf"[ \t]*(?P<name>{_STRING}|[0-9]{{1,12}}(?=[ \t]*;))"
    rf"(?P<parameters>(?:[^,\"]|{_STRING})*)(?:,|$)"
)
"""A member of a list of structured fields (RFC 9651): a comma may stand in a string."""
_PARAMETER = re.compile(
    r"[ \t]*;[ \t]*(?P<key>[a-z*][a-z0-9_.*-]{0,63})"
    rf"(?:[ \t]*=(?P<value>{_STRING}|[^;\"]*))?"
)
_UNNAMED = re.compile(
    r"[ \t]*(?P<key>limit|remaining|reset)[ \t]*=[ \t]*(?P<value>[0-9]{1,13})[ \t]*(?:,|$)"
)
PARTS = ("limit", "remaining", "reset")
_NUMBER = re.compile(r"[0-9]{1,13}(?:\.[0-9]{1,9})?", re.ASCII)

RATE_LIMIT_HEADERS = (
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
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
        if values.get("q") and values.get("w") and "qu" not in values
    }


@lru_cache(maxsize=16)
def _of_other_things(header: str) -> frozenset[str]:
    """The policies that limit something other than requests: bytes, or how many at once."""
    return frozenset(name for name, values in _items(header).items() if "qu" in values)


def parse_rate_limits(headers: Mapping[str, str], now: float) -> list[RateLimit]:
    """All limits that the headers name, at `now`, in seconds since 1970."""
    policies = parse_policies(headers)
    told = headers.get("RateLimit", "")
    limits = []
    others = _of_other_things(headers.get("RateLimit-Policy", ""))
    for name, values in _items(told).items():
        if "r" in values and name not in others:
            quota, window = policies.get(name, (None, None))
            reset = _seconds_left(float(values.get("t", 0)), headers, now)
            limits.append(RateLimit(values["r"], reset, quota, window, name))
    if limits:
        return limits
    unnamed = {one["key"]: one["value"] for one in _members(lambda at: _UNNAMED.match(told, at))}
    for prefix in ("X-RateLimit-", "RateLimit-"):
        if not unnamed.get("remaining"):
            unnamed = {key: headers.get(prefix + key.title(), "") for key in PARTS}
    remaining = _number(unnamed["remaining"])
    if remaining is None:
        return []
    reset = _seconds_left(_number(unnamed.get("reset")) or 0.0, headers, now)
    limit = int(_number(unnamed.get("limit")) or 0) or None
    name, window = next(
        ((name, window) for name, (quota, window) in policies.items() if quota == limit), ("", None)
    )
    return [RateLimit(int(remaining), reset, limit, window, name)]


def _seconds_left(reset: float, headers: Mapping[str, str], now: float) -> float:
    """Until a reset, which may be told in Unix time, by whichever header."""
    if reset > MILLISECONDS:
        reset /= 1000
    if reset > YEAR:
        reset = max(0.0, reset - _server_time(headers.get("Date"), now))
    return min(reset, LONGEST)


def _server_time(date: str | None, now: float) -> float:
    """The time at the server: this machine's, which is finer, unless one of the two is wrong."""
    told = parse_http_date((date or "").strip(" \t"), now=now)
    return now if told is None or abs(told - now) <= CLOCK_ERROR else told


def _items(header: str) -> dict[str, dict[str, int]]:
    """``'"minute";r=9;t=5, "day";r=99'`` as ``{"minute": {"r": 9, "t": 5}, "day": {"r": 99}}``.

    A ``9;w=60``, which has no name, is called by what it says. A ``qu`` is there if it is not that
    of requests.
    """
    items = {}
    for item in _members(lambda at: _ITEM.match(header, at)):
        values = _values(item["parameters"])
        name = item["name"]
        if name.isdecimal():
            values.setdefault("q", int(name))
            name += f";w={values.get('w', 0)}"
        items[name.strip('"')] = values
    return items


def _values(parameters: str) -> dict[str, int]:
    values: dict[str, int] = {}
    at = 0
    while (found := _PARAMETER.match(parameters, at)) is not None:
        at = found.end()
        key, value = found["key"], (found["value"] or "").strip(" \t")
        values.pop(key, None)  # the last one counts
        if value.isdecimal() and value.isascii() and len(value) <= 13:
            values[key] = int(value)
        elif key == "qu" and value != '"requests"':
            values[key] = 0
    return values


def _members(match: Callable[[int], re.Match[str] | None]) -> Iterator[re.Match[str]]:
    """What matches at the beginning, what matches where that ends, and so on, but not too many."""
    at = 0
    for _ in range(MOST_POLICIES):
        found = match(at)
        if found is None:
            return
        yield found
        at = found.end()


def _number(value: str | None) -> float | None:
    value = (value or "").strip()
    return float(value) if _NUMBER.fullmatch(value) else None
