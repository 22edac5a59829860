"""The headers that every answer carries."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..context import RequestContext

__all__ = ["ResponseHeadersMiddleware"]

Headers = list[tuple[bytes, bytes]]


class ResponseHeadersMiddleware:
    """Adds the date, the request's id, how long the server took, and the caller's limits.

    Args:
        clock: seconds since 1970, for the date.
        unknown: the limits of a caller who was refused before they were known.
    """

    def __init__(
        self, app: ASGIApp, clock: Callable[[], float], unknown: Callable[[], Headers]
    ) -> None:
        self._app = app
        self._clock = clock
        self._unknown = unknown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: RequestContext = scope["context"]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                limits = context.limit_headers
                message["headers"] = [
                    *message["headers"],
                    (b"date", _date(int(self._clock()))),
                    (b"x-request-id", context.request_id.encode("ascii")),
                    (b"x-content-type-options", b"nosniff"),
                    (b"server-timing", b"app;dur=%.3f" % (context.elapsed * 1000)),
                    *(self._unknown() if limits is None else limits),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)


@lru_cache(maxsize=8)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")
