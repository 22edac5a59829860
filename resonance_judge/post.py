"""The delivery worker of a judged sandbox: it tells of every delivery, and makes their trouble."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from resonance_sandbox.webhooks.delivery_worker import DeliveryWorker
from resonance_sandbox.webhooks.sending import AttemptOutcome

if TYPE_CHECKING:
    from .witness import Journal

__all__ = ["Post"]


class Post(DeliveryWorker):
    """Delivers as the sandbox does, but for the trouble of a scenario."""

    _kind: str | None = None
    _journal: Journal

    def prepare(self, kind: str | None, journal: Journal) -> None:
        """Say which trouble to make, and whom to tell."""
        self._kind, self._journal = kind, journal

    async def attempt(self, row: Row[Any]) -> AttemptOutcome:
        outcome = await super().attempt(row)
        self._tell("genuine", row, outcome)
        return outcome

    def _tell(self, what: str, row: Row[Any], outcome: AttemptOutcome) -> None:
        self._journal.tell(
            "delivery",
            {
                "what": what,
                "event": row.event,
                "at": time.monotonic(),
                "status": outcome.status,
                "error": outcome.error,
            },
        )
