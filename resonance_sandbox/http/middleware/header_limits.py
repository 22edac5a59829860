"""How many headers a request may have, and how large they may be together."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from ..problems import Problem

__all__ = ["MOST_BYTES", "MOST_HEADERS", "HeaderLimitMiddleware"]

MOST_HEADERS = 100
MOST_BYTES = 16 << 10
"""Bytes of the target and of all names and values together."""


class HeaderLimitMiddleware:
    """Refuses a request whose headers are too many or too large (RFC 6585, section 5)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = scope["headers"]
            size = len(scope["path"]) + len(scope["query_string"])
            if len(headers) <= MOST_HEADERS:
                size += sum(len(name) + len(value) for name, value in headers)
            if len(headers) > MOST_HEADERS or size > MOST_BYTES:
                raise Problem(
                    "headers-too-large",
                    f"A request has at most {MOST_HEADERS} headers, and {MOST_BYTES:,} bytes in "
                    "them and its address; send fewer.",
                )
        await self._app(scope, receive, send)
