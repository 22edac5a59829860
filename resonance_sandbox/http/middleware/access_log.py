"""A line on stderr for each request."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from ...telling import tell
from ..context import RequestContext, route_of

__all__ = ["AccessLogMiddleware"]


class AccessLogMiddleware:
    """Writes id, method, route, status and time once a request is over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: RequestContext = scope["context"]
        method = scope["method"]
        try:
            await self._app(scope, receive, send)
        finally:
            took = f"{context.elapsed * 1000:.1f} ms"
            tell(f"{context.request_id} {method} {route_of(scope)} {context.status} {took}")
