"""Counts each request, and measures how long it took."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from ..auth.directory import Directory
from ..http.context import RequestContext, route_of
from .recorder import Metrics

__all__ = ["MetricsMiddleware"]


class MetricsMiddleware:
    """Enters every request in its realm's figures, but for those of the sandbox itself."""

    def __init__(self, app: ASGIApp, directory: Directory, metrics: Metrics) -> None:
        self._app = app
        self._directory = directory
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: RequestContext = scope["context"]
        method = scope["method"]
        try:
            await self._app(scope, receive, send)
        finally:
            route = route_of(scope)
            recorder = self._metrics.of(self._directory.realm(context.principal))
            if not route.startswith("/sandbox/") and context.started >= recorder.since:
                recorder.request(method, route, context.status, context.elapsed, context.replayed)
