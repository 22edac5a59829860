"""The record of an answer under its idempotency key, stored together with the effect."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, insert

from ..store import idempotency

__all__ = ["KEPT_HEADERS", "LIFETIME", "Pending"]

LIFETIME = 24 * 3600
"""Seconds that an answer is kept."""

KEPT_HEADERS = frozenset({b"content-type", b"location", b"etag"})
"""What is kept of an answer's headers; the others are made anew for a replay."""


class Pending:
    """The record to be stored under a key, as soon as there is an answer."""

    __slots__ = ("fingerprint", "key", "recorded", "scope")

    def __init__(self, scope: str, key: str, fingerprint: str) -> None:
        self.scope = scope
        self.key = key
        self.fingerprint = fingerprint
        self.recorded = False

    def record(
        self,
        connection: Connection,
        status: int,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        now: float,
    ) -> None:
        """Store the answer in the transaction of `connection`."""
        mine = (idempotency.c.scope == self.scope) & (idempotency.c.key == self.key)
        connection.execute(
            delete(idempotency).where(mine, idempotency.c.created_at <= now - LIFETIME)
        )
        kept = [(k.decode(), v.decode("latin-1")) for k, v in headers if k in KEPT_HEADERS]
        connection.execute(
            insert(idempotency).values(
                scope=self.scope,
                key=self.key,
                fingerprint=self.fingerprint,
                status=status,
                headers=json.dumps(kept),
                body=body,
                created_at=now,
            )
        )
