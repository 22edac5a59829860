"""Counts each request against its caller's limits."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from ..auth.directory import Directory
from ..http.context import RequestContext
from ..http.problems import OAUTH
from .rate_limits import RateLimits

__all__ = ["RateLimitMiddleware"]

FREE = frozenset({"/health", "/docs", "/openapi.json"})
"""Routes that no rate limit counts, beside those of the sandbox itself."""


class RateLimitMiddleware:
    """Refuses a request that is one too many, and puts the limits into the request's context."""

    def __init__(self, app: ASGIApp, directory: Directory, limits: RateLimits) -> None:
        self._app = app
        self._directory = directory
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context: RequestContext = scope["context"]
            path: str = scope["path"]
            principal = context.principal
            # Those who are not known yet share their limits.
            caller = principal.credential_id if principal else "unknown"
            context.limit_headers, exceeded = self._limits.check(
                self._directory.realm(principal),
                "oauth" if path.startswith(OAUTH) else caller,
                free=path in FREE or path.startswith("/sandbox/"),
            )
            if exceeded is not None:
                raise exceeded
        await self._app(scope, receive, send)
