"""The delivery worker of a judged sandbox: it tells of every delivery, and makes their trouble."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from resonance_sandbox.webhooks import subscriptions
from resonance_sandbox.webhooks.delivery_worker import DeliveryWorker
from resonance_sandbox.webhooks.sending import AttemptOutcome, send, signed

from .forgeries import Message, forgeries, old

if TYPE_CHECKING:
    from .witness import Journal, Moments

__all__ = ["Post"]

LATE = 3.0
"""Seconds by which events are late, or that the first one waits for the second."""


class Post(DeliveryWorker):
    """Delivers as the sandbox does, but for the trouble of a scenario."""

    _kind: str | None = None
    _journal: Journal
    _moments: Moments

    def prepare(self, kind: str | None, journal: Journal, moments: Moments) -> None:
        """Say which trouble to make, and whom to tell."""
        self._kind, self._journal, self._moments = kind, journal, moments
        self._first: str | None = None
        self._second_is_there = asyncio.Event()

    async def attempt(self, row: Row[Any]) -> AttemptOutcome:
        """One attempt, with its trouble."""
        first = self._first is None
        if first:
            self._first = row.event
        if first and self._kind in ("forged", "old"):
            await self._forge(row)
        if self._kind == "late":
            await asyncio.sleep(LATE)
        elif self._kind == "out-of-order" and row.event == self._first:
            with contextlib.suppress(TimeoutError):  # there may be no second one
                await asyncio.wait_for(self._second_is_there.wait(), LATE)
        await self._moments.count("delivery", 0)
        outcome = await self._rotated(row) if self._kind == "rotated" else await self._once(row)
        if row.event != self._first:
            self._second_is_there.set()
        if outcome.delivered:
            await self._moments.count("acknowledged", 0)
            if self._kind == "doubled":
                self._tell("duplicate", row.event, await super().attempt(row))
        return outcome

    async def _once(self, row: Row[Any]) -> AttemptOutcome:
        outcome = await super().attempt(row)
        self._tell("genuine", row.event, outcome)
        return outcome

    async def _rotated(self, row: Row[Any]) -> AttemptOutcome:
        """The signature by the new secret first, as the sandbox does while one is replaced."""
        new = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        now = self._clock()
        held = subscriptions.secrets_of(self._box, row, now)
        headers = signed(row.event, row.body, [new, *held], now)
        outcome = await self._send(row, headers, row.body)
        self._tell("genuine", row.event, outcome)
        return outcome

    async def _forge(self, row: Row[Any]) -> None:
        secret = subscriptions.secrets_of(self._box, row, self._clock())[0]
        messages: list[Message] = (
            list(forgeries(row.event, row.body, secret))
            if self._kind == "forged"
            else [old(row.event, row.body, secret)]
        )
        for what, headers, body in messages:
            self._tell(what, row.event, await self._send(row, headers, body))

    async def _send(self, row: Row[Any], headers: dict[str, str], body: bytes) -> AttemptOutcome:
        told = {"user-agent": self._agent, **headers}
        at, now = self._clock.shown(), self._clock()
        return await send(self._guard, row.url, told, body, at, self._timeout, now)

    def _tell(self, what: str, event: str, outcome: AttemptOutcome) -> None:
        self._journal.tell(
            "delivery",
            {
                "what": what,
                "event": event,
                "at": time.monotonic(),
                "status": outcome.status,
                "error": outcome.error,
            },
        )
