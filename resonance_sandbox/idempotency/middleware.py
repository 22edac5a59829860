"""Idempotency keys: the first answer to a key is kept, and given to whoever sends the key again.

The life of a key:

    (unknown) --first request--> in progress --final answer--> stored --24 hours--> (unknown)
                                     |
                                     '--409, 429, 5xx, a killed server--> (unknown)

*In progress* is a lease in this process's memory, so a killed server leaves none behind. *Stored*
is a row that commits in the same transaction as the effect it answers for: there is never one
without the other, whenever the server is killed. Its primary key makes a second effect under one
key impossible even between two servers on one database.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..auth.directory import Directory
from ..http.context import RequestContext
from ..http.pending import LIFETIME, Pending
from ..http.problems import Problem
from ..http.strict_json import loads
from ..store import Database, DatabaseError, idempotency

__all__ = ["IdempotencyMiddleware", "Stored", "is_final", "purge"]

METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
EXEMPT = ("/oauth/", "/sandbox/")
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it was first given."""

    fingerprint: str
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class IdempotencyMiddleware:
    """ASGI middleware that replays stored answers, and stores those that no transaction did.

    Args:
        scopes: those that a request's route needs; None where there is no such route.
    """

    def __init__(
        self,
        app: ASGIApp,
        database: Database,
        directory: Directory,
        scopes: Callable[[Scope], frozenset[str] | None],
        clock: Callable[[], float],
    ) -> None:
        self._app = app
        self._scopes = scopes
        self._database = database
        self._directory = directory
        self._clock = clock
        self._running: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = [value for name, value in scope["headers"] if name == b"idempotency-key"]
        if not sent or scope["method"] not in METHODS or scope["path"].startswith(EXEMPT):
            await self._app(scope, receive, send)
            return
        context: RequestContext = scope["context"]
        assert context.principal is not None
        needed = self._scopes(scope)
        if needed is None or not needed <= context.principal.scopes:
            # Nothing will be done, and who lacks a scope by now is not told what once was.
            await self._app(scope, receive, send)
            return
        if len(sent) > 1 or not _KEY.fullmatch(sent[0]):
            message = "is to be one header of 1 to 255 visible ASCII characters"
            raise Problem(
                "validation-failed",
                f"Idempotency-Key {message}.",
                errors=[("Idempotency-Key", message)],
            )
        caller = f"{self._directory.realm(context.principal)} {context.principal.credential_id}"
        pending = Pending(caller, sent[0].decode("ascii"), fingerprint(scope, context.body or b""))
        lease = (pending.scope, pending.key)
        if lease in self._running:
            raise Problem(
                "idempotency-in-progress",
                "The first request under this key still runs; send this one again later.",
                retry_after=1,
            )
        self._running.add(lease)
        try:
            stored = await anyio.to_thread.run_sync(self._find, pending)
            if stored is None:
                context.pending = pending
                await self._first(pending, scope, receive, send)
            elif stored.fingerprint != pending.fingerprint:
                raise Problem(
                    "idempotency-key-reused",
                    "This Idempotency-Key came with another request before; make a new key for "
                    "each request.",
                )
            else:
                context.replayed = True
                await _replay(stored, send)
        finally:
            self._running.discard(lease)

    async def _first(self, pending: Pending, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request; hold its answer back until it is stored, if it is to be."""
        head: Message | None = None
        body = bytearray()

        async def hold(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start":
                if pending.recorded or not is_final(message["status"]):
                    await send(message)
                else:
                    head = message
                return
            if head is None:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                # Without an effect, or it would be recorded: so the answer holds where it is not.
                with contextlib.suppress(SQLAlchemyError, DatabaseError):
                    await self._record(pending, head, bytes(body))
                await send(head)
                await send({"type": "http.response.body", "body": bytes(body)})

        await self._app(scope, receive, hold)

    async def _record(self, pending: Pending, head: Message, body: bytes) -> None:
        await asyncio.wrap_future(
            self._database.submit(
                lambda connection: pending.record(
                    connection, head["status"], head["headers"], body, self._clock()
                )
            )
        )
        pending.recorded = True

    def _find(self, pending: Pending) -> Stored | None:
        with self._database.reading() as connection:
            row = connection.execute(
                select(idempotency).where(
                    idempotency.c.scope == pending.scope,
                    idempotency.c.key == pending.key,
                    idempotency.c.created_at > self._clock() - LIFETIME,
                )
            ).first()
        if row is None:
            return None
        headers = [(k.encode(), v.encode("latin-1")) for k, v in json.loads(row.headers)]
        return Stored(row.fingerprint, row.status, headers, row.body)


async def _replay(stored: Stored, send: Send) -> None:
    headers = [
        *stored.headers,
        (b"content-length", b"%d" % len(stored.body)),
        (b"idempotency-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": stored.status, "headers": headers})
    await send({"type": "http.response.body", "body": stored.body})


def is_final(status: int) -> bool:
    """Whether an answer would be the same if the request came again: only such are kept.

    One that says that nobody could read the request (400, 413, 415) had no effect and is made anew:
    its key is free for the request as it was meant.
    """
    return status < 500 and status not in (400, 401, 403, 408, 409, 413, 415, 429)


def fingerprint(scope: Mapping[str, Any], body: bytes) -> str:
    """What makes two requests the same: method, target, preconditions and payload.

    A payload that is JSON counts by its value, so that the order of its keys is free. It is read as
    the routes read it, so that what they would refuse counts by its bytes.
    """
    with contextlib.suppress(Problem):
        body = json.dumps(loads(body), sort_keys=True).encode()
    digest = hashlib.sha256()
    preconditions = b",".join(
        name + value for name, value in scope["headers"] if name in (b"if-match", b"if-none-match")
    )
    for part in (
        scope["method"].encode(),
        scope.get("raw_path") or scope["path"].encode(),
        scope["query_string"],
        preconditions,
        body,
    ):
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def purge(connection: Connection, now: float) -> None:
    """Forget what is older than `LIFETIME`."""
    connection.execute(delete(idempotency).where(idempotency.c.created_at <= now - LIFETIME))
