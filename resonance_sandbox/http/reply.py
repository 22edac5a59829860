"""Answers out of the database.

One whose effect is being committed is built inside the transaction, so that it and the record under
its idempotency key stand or fall with the effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from ..store import Database, DatabaseError
from .context import context_of
from .problems import Problem
from .strict_json import dumps

__all__ = ["Reply", "commit", "commit_access", "json_response", "read", "with_secret"]


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, JSON body (None for an empty one) and further headers.

    Attributes:
        replay: the body to store for a replay, where it is another: without a secret that is shown
            once.
    """

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    replay: Any = None

    def response(self) -> Response:
        if self.body is None:
            return Response(status_code=self.status, headers=self.headers)
        return json_response(self.body, self.status, self.headers)


def with_secret(
    status: int,
    shown: dict[str, Any],
    name: str,
    secret: str,
    headers: dict[str, str] | None = None,
) -> Reply:
    """`shown` with a `secret` under `name`, whose replay is without it."""
    return Reply(
        status,
        shown | {name: secret},
        {"Cache-Control": "no-store", **(headers or {})},
        replay=shown | {name: None},
    )


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """`body` as `application/json`."""
    return Response(dumps(body), status, headers, "application/json")


async def read(request: Request, look: Callable[[Connection], Response]) -> Response:
    """Reply what `look` finds in the database."""

    def work() -> Response:
        with request.app.state.database.reading() as connection:
            return look(connection)

    database_fails(request)
    return await anyio.to_thread.run_sync(work)


async def commit(request: Request, effect: Callable[[Connection], Reply]) -> Response:
    """Run `effect` in the database's writer and answer once it is committed.

    What `effect` raises undoes it; a `Problem` is the answer then.
    """
    context = context_of(request)
    database: Database = request.app.state.database

    def work(connection: Connection) -> Response:
        answer = effect(connection)
        response = answer.response()
        if context.pending is not None:
            stored = response.body if answer.replay is None else dumps(answer.replay)
            context.pending.record(
                connection,
                response.status_code,
                response.raw_headers,
                bytes(stored),
                request.app.state.clock(),
            )
        return response

    database_fails(request)
    try:
        response = await asyncio.wrap_future(database.submit(work))
    except (SQLAlchemyError, DatabaseError) as error:
        told = "Nothing was stored; try again later."
        if getattr(error, "connection_invalidated", False):
            told = (
                "The connection to the database broke, so that it is not known whether this was "
                "stored; look, or send it again under the same Idempotency-Key."
            )
        raise Problem("database-unavailable", told, retry_after=1) from None
    if context.pending is not None:
        context.pending.recorded = True
    return response


async def commit_access(request: Request, effect: Callable[[Connection], Reply]) -> Response:
    """`commit`, for who may do what: let the change hold before it is answered."""
    directory = request.app.state.directory
    try:
        response = await commit(request, effect)
    except Problem as problem:
        # It may have been stored all the same: that is looked for before the next request.
        directory.stale |= problem.slug == "database-unavailable"
        raise
    await anyio.to_thread.run_sync(directory.load)
    return response


def database_fails(request: Request) -> None:
    """Raise if the caller has put the database out of order, as `/sandbox/outages` can."""
    request.app.state.outages.check(request, "database")
