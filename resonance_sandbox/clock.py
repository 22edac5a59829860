"""The times that a sandbox displays, which are the same on every run of a still one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

__all__ = ["STILL", "clock", "later"]

STILL = "2026-01-01T00:00:00Z"
"""The displayed time of a still sandbox."""


def clock(still: bool) -> Callable[[], str]:
    """What the sandbox displays as the time: RFC 3339 in UTC, or always the same."""
    if still:
        return lambda: STILL
    return lambda: datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def later(now: str, seconds: float | None) -> str | None:
    """A displayed time `seconds` after the displayed time `now`."""
    if seconds is None:
        return None
    then = datetime.fromisoformat(now) + timedelta(seconds=seconds)
    precision = "milliseconds" if then.microsecond else "seconds"
    return then.isoformat(timespec=precision).replace("+00:00", "Z")
