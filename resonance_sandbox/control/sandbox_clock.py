"""The clock from Python: ``api.sandbox.clock``. It runs in the caller's process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ..clock import Clock

__all__ = ["SandboxClock"]

PATIENCE = 900.0
"""Seconds that an advance may take: each delivery that falls due is really sent."""


class SandboxClock:
    """What time it is for a sandbox, in seconds since 1970, and the means to advance it.

    A plain callable, like `time.time`, for whatever takes a ``clock=``: a receiver of webhooks,
    a `SeenEvents`, a client's OAuth. It asks the sandbox once, and is right from then on, as long
    as the clock is advanced here alone. While it is, it asks: what the sandbox sends on the way
    is of the moment at which it fell due.

    >>> clock = sandbox.clock  # doctest: +SKIP
    >>> clock.advance(hours=28)  # doctest: +SKIP
    >>> receiver = WebhookReceiver(secret, clock=clock)  # doctest: +SKIP

    Args:
        call: sends an administrator's request: method, path, body, `timeout`; returns its JSON.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self._clock = Clock()
        self._advancing = 0
        self._learn(call("GET", "/sandbox/clock"))

    def __call__(self) -> float:
        """The sandbox's time."""
        if self._advancing:
            self._learn(self._call("GET", "/sandbox/clock"))
        return self._clock()

    @property
    def ahead(self) -> timedelta:
        """How far it was advanced, altogether."""
        return timedelta(seconds=self._ahead)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> float:
        """Move the clock forward; what falls due on the way is done in its order. Nothing sleeps.

        Deliveries are sent and retried, dead ones are given up, tokens, keys, overlaps of
        rotations, windows, quotas, stored answers and sign-ins end, as if the time had been lived.

        Returns:
            The new time, in seconds since 1970.

        Raises:
            ValueError: it is not forward, or more than ten years.
            SandboxError: the sandbox refused (its clock is its owner's alone), or is gone.
        """
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not timedelta(0) < span <= timedelta(days=3_660):
            raise ValueError(
                "a clock is advanced by more than nothing and by ten years at most. Fix: give "
                "days=, hours=, minutes= or seconds=, as in advance(hours=28)"
            )
        body = {"seconds": span.total_seconds()}
        self._advancing += 1
        try:
            self._learn(self._call("POST", "/sandbox/clock", body, timeout=PATIENCE))
        finally:
            self._advancing -= 1
        return self()

    def __repr__(self) -> str:
        return f"<the sandbox's clock, {self.ahead} ahead>"

    def _learn(self, told: dict[str, Any]) -> None:
        self._ahead: float = told["ahead_seconds"]
        self._clock.advance_to(told["time"])
