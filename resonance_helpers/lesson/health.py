"""Is the server able to work? One check, a wait, and a check before work.

>>> report = check(client)
>>> report.state, report.works("writer")
('healthy', True)
>>> wait_until_ready(client, timeout=10, needs=["writer"])
healthy: every part works
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from .plots import Picture, steps

__all__ = ["STATES", "Asks", "HealthReport", "check", "read", "timeline", "wait_until_ready"]

STATES = ("unreachable", "unhealthy", "degraded", "healthy")
"""All states, the worst first: no answer at all; an answer that says no; some part fails and the
rest works; all well."""


class Asks(Protocol):
    """What this module needs of a client."""

    def health_check(self) -> Mapping[str, Any]:
        """The answer of `GET /health`, or an error dict."""
        ...


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What one check of a server found.

    Attributes:
        state: One of `STATES`.
        detail: Why, in a sentence.
        parts: ``"ok"`` or ``"failing"`` for each component that the server checks; empty where it
            named none.
        tries: How many checks it took to get this.
    """

    state: str
    detail: str
    parts: Mapping[str, str] = field(default_factory=dict)
    tries: int = 1

    def works(self, *needs: str) -> bool:
        """Whether the server takes requests and each part in `needs` is in order.

        A degraded server works for whoever doesn't need the part that fails. A part that the
        server does not know counts as failing.
        """
        return self.state in ("healthy", "degraded") and all(
            self.parts.get(part) == "ok" for part in needs
        )

    def __repr__(self) -> str:
        return f"{self.state}: {self.detail}"


def check(client: Asks) -> HealthReport:
    """Check once. Never raises for anything that a server or a network does."""
    return read(client.health_check())


def read(answer: Mapping[str, Any]) -> HealthReport:
    """What an answer of `health_check()` means, an error dict included."""
    status = answer.get("status")
    checks = answer.get("checks")
    parts = {
        name: str(finding.get("status"))
        for name, finding in (checks if isinstance(checks, Mapping) else {}).items()
        if isinstance(finding, Mapping)
    }
    failing = ", ".join(name for name, state in parts.items() if state != "ok")
    if status == "healthy":
        return HealthReport("healthy", "every part works", parts)
    message = str(answer.get("message", f"the server says that it is {status}"))
    detail = f"failing: {failing}" if failing else message
    if status == "degraded":
        return HealthReport("degraded", detail, parts)
    # The error dict of a server that answered has a status code; without one nobody was there.
    answered = status != "error" or answer.get("response_code") is not None
    return HealthReport("unhealthy" if answered else "unreachable", detail, parts)


def wait_until_ready(
    client: Asks,
    timeout: float = 30.0,
    interval: float = 0.25,
    *,
    needs: Iterable[str] = (),
) -> HealthReport:
    """Check until the server works for `needs` or `timeout` seconds have passed; the last report.

    Whoever calls asks the report that comes back, for instance
    ``if not report.works("writer"): sys.exit(str(report))``.

    Args:
        client: Anything with a `health_check()`. A check that hangs is bounded by the client's own
            timeout, which may outlast this one.
        timeout: Seconds; 0 checks once.
        interval: Seconds between two checks.
        needs: Parts that have to be in order.
    """
    if not (timeout >= 0 and interval > 0):  # NaN, too
        raise ValueError("timeout is 0 or more seconds, and interval more than 0")
    needs = tuple(needs)
    end = time.monotonic() + timeout
    tries = 0
    while True:
        report = check(client)
        tries += 1
        left = end - time.monotonic()
        if report.works(*needs) or left <= 0:
            return replace(report, tries=tries)
        time.sleep(min(interval, left))


def timeline(reports: Iterable[HealthReport], title: str = "") -> Picture:
    """Reports in time's order, as a picture of steps between the four states."""
    return steps([report.state for report in reports], STATES, title, "check")
