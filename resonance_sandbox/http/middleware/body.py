"""A request's body: read before anything is decided, refused once the caller is known."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..context import RequestContext
from ..problems import Problem

__all__ = ["BodyLimitMiddleware", "BodyMiddleware"]

DRAINED = 16 << 20
"""Bytes of an oversized body that are read and dropped, so that the sender reads the answer and
not a reset connection."""


class BodyMiddleware:
    """Reads a request's body into its context, up to `limit` bytes."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: RequestContext = scope["context"]
        if any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in scope["headers"]
        ):
            try:
                context.body = await _read(receive, self._limit)
            except ClientDisconnect:
                return  # half a request is none, and nobody is there to answer
            receive = _replay(context.body or b"", receive)
        await self._app(scope, receive, send)


class BodyLimitMiddleware:
    """Refuses a request whose body has more than `limit` bytes."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["context"].body is None:
            raise Problem("body-too-large", f"A body has at most {self._limit:,} bytes.")
        await self._app(scope, receive, send)


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None if it has more than `limit` bytes.

    Raises:
        ClientDisconnect: the rest of it will never come.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
        if not message.get("more_body", False) or size > DRAINED:
            break
    return b"".join(chunks) if size <= limit else None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands on a body that has been read."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
