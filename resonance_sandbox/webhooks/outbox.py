"""The outbox: events on their way to the receivers.

An event is put down in the transaction of what it reports, so that there is never one without the
other, and is delivered from there.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from ..clock import Clock
from ..http.strict_json import dumps
from ..store import Database, deliveries, events, webhooks

__all__ = ["DISABLED", "TEST", "TYPES", "Outbox"]

TYPES = ("generation.completed", "generation.failed", "profile.created")
TEST = "webhook.test"
"""The type of a test event, which goes to one webhook and can't be subscribed to."""

DISABLED = "The webhook is disabled."


class Outbox:
    """Events on their way in.

    Args:
        clock: the sandbox's.
        still: whether ids are the same on every run.

    Attributes:
        wake: called after a commit with the webhooks that have something to send.
    """

    def __init__(self, database: Database, clock: Clock, still: bool) -> None:
        self._clock = clock
        self._still = still
        self._touched: set[str] = set()
        self.wake: Callable[[set[str]], None] = lambda touched: None
        database.after_commit = self._committed

    def emit(
        self,
        connection: Connection,
        kind: str,
        tenant: str,
        data: dict[str, Any],
        request_id: str,
    ) -> None:
        """Put down an event of `tenant` for every webhook that subscribes to its `kind`."""
        listening = [
            row
            for row in connection.execute(select(webhooks).where(webhooks.c.tenant == tenant))
            if kind in json.loads(row.events)
        ]
        if listening:
            self._put(connection, kind, tenant, data, request_id, listening)

    def test(self, connection: Connection, webhook: Row[Any], request_id: str) -> str:
        """Put down a test event for one webhook, and return its id."""
        data = {"webhook": webhook.id, "message": "A test: nothing has happened."}
        return self._put(connection, TEST, webhook.tenant, data, request_id, [webhook])

    def again(self, connection: Connection, chosen: Any, webhook: str) -> int:
        """Send deliveries of `webhook`, those that the condition `chosen` holds for, once more."""
        changed = connection.execute(
            update(deliveries)
            .where(deliveries.c.webhook == webhook, chosen)
            .values(
                status="pending",
                reason=None,
                tries=0,
                due_at=self._clock(),
                due_shown=self._clock.shown(),
            )
        )
        self._touched.add(webhook)
        return changed.rowcount

    def _put(
        self,
        connection: Connection,
        kind: str,
        tenant: str,
        data: dict[str, Any],
        request_id: str,
        receivers: list[Row[Any]],
    ) -> str:
        identity, now = self._identity(connection, kind, request_id), self._clock.shown()
        made_at = self._clock()
        body = dumps({"type": kind, "timestamp": now, "data": data})
        connection.execute(
            insert(events).values(
                id=identity, tenant=tenant, type=kind, body=body, request_id=request_id
            )
        )
        for webhook in receivers:
            live = webhook.disabled_reason is None
            connection.execute(
                insert(deliveries).values(
                    webhook=webhook.id,
                    event=identity,
                    status="pending" if live else "dead",
                    reason=None if live else DISABLED,
                    tries=0,
                    due_at=made_at if live else None,
                    due_shown=now if live else None,
                    created_at=now,
                    made_at=made_at,
                )
            )
            if live:
                self._touched.add(webhook.id)
        return identity

    def _identity(self, connection: Connection, kind: str, request_id: str) -> str:
        """The event's id.

        That of a still sandbox follows from the request's, if it is free: a caller may send the
        same request id twice.
        """
        if self._still:
            digest = hashlib.sha256(f"{kind} {request_id}".encode()).hexdigest()
            derived = f"msg_{digest[:32]}"
            if not connection.execute(select(events.c.id).where(events.c.id == derived)).first():
                return derived
        return f"msg_{secrets.token_hex(16)}"

    def _committed(self) -> None:
        # In the writer's thread, as all that touches. What was undone wakes somebody for nothing.
        if self._touched:
            touched, self._touched = self._touched, set()
            self.wake(touched)
