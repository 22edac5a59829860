"""The server's rate limit, as its answers tell it.

Two dialects are read: ``RateLimit`` and ``RateLimit-Policy`` of the IETF httpapi draft, and the
older ``X-RateLimit-Limit/-Remaining/-Reset``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

_ITEM = re.compile(r'"(?P<name>[^"]*)"(?P<parameters>[^,]*)')
_PARAMETER = re.compile(r";\s*(?P<key>[a-z]+)\s*=\s*(?P<value>\d{1,12})(?=\s*(?:;|$))", re.ASCII)


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
    def from_headers(cls, headers: Mapping[str, str]) -> RateLimit | None:
        """The limit that binds first, of those that the headers name; None where they name none."""
        policies = _items(headers.get("RateLimit-Policy", ""))
        limits = [
            cls(
                remaining=values["r"],
                reset=float(values.get("t", 0)),
                limit=policies.get(name, {}).get("q"),
                window=policies.get(name, {}).get("w"),
                name=name,
            )
            for name, values in _items(headers.get("RateLimit", "")).items()
            if "r" in values
        ]
        if limits:
            return min(limits, key=lambda limit: limit.remaining)
        remaining = _number(headers.get("X-RateLimit-Remaining"))
        if remaining is None:
            return None
        return cls(
            remaining=remaining,
            reset=float(_number(headers.get("X-RateLimit-Reset")) or 0),
            limit=_number(headers.get("X-RateLimit-Limit")),
        )

    def aged(self, seconds: float) -> RateLimit:
        """The same, `seconds` later: `reset` has come nearer."""
        return replace(self, reset=max(0.0, self.reset - seconds))


class LastSeen:
    """The rate limit of the newest answer, whichever thread it went to."""

    def __init__(self) -> None:
        # One reference that is replaced as a whole, so that no lock is needed.
        self._seen: tuple[float, Mapping[str, str]] | None = None

    def note(self, headers: Mapping[str, str], now: float) -> None:
        """Remember the headers of an answer, if they speak of a limit; they are read on demand."""
        if "RateLimit" in headers or "X-RateLimit-Remaining" in headers:
            self._seen = now, headers

    def limit(self, now: float) -> RateLimit | None:
        """The limit, with its `reset` counted from now on."""
        if self._seen is None:
            return None
        then, headers = self._seen
        limit = RateLimit.from_headers(headers)
        return limit and limit.aged(now - then)


def _items(header: str) -> dict[str, dict[str, int]]:
    """``'"minute";r=9;t=5, "day";r=99'`` as ``{"minute": {"r": 9, "t": 5}, "day": {"r": 99}}``."""
    return {
        item["name"]: {
            parameter["key"]: int(parameter["value"])
            for parameter in _PARAMETER.finditer(item["parameters"])
        }
        for item in _ITEM.finditer(header)
    }


def _number(value: str | None) -> int | None:
    value = (value or "").strip()
    return int(value) if re.fullmatch(r"[0-9]{1,12}", value) else None
