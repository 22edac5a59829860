"""Who calls, and whether they may call at all."""

from __future__ import annotations

import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from ..http.context import RequestContext
from ..http.needs import is_public, missing_credentials
from ..http.problems import OAUTH, Problem
from .directory import Directory, authenticate

__all__ = ["AuthenticationMiddleware", "AuthorizationMiddleware"]


class AuthenticationMiddleware:
    """Finds the principal, or why there is none. Refuses nobody: who guesses is counted first."""

    def __init__(self, app: ASGIApp, directory: Directory) -> None:
        self._app = app
        self._directory = directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context: RequestContext = scope["context"]
            authorization = api_key = None
            for name, value in scope["headers"]:
                if name == b"authorization":
                    authorization = value
                elif name == b"x-api-key":
                    api_key = value
            if self._directory.stale and not is_public(scope["path"]):
                # A key that was revoked would go on as if nothing had been: better 503 than that.
                await anyio.to_thread.run_sync(self._directory.refresh)
            if scope["path"].startswith(OAUTH):
                authorization = None  # it is a client's, and OAuth's own to check
            try:
                context.principal, context.credential = authenticate(
                    self._directory, authorization, api_key
                )
            except Problem as problem:
                context.refusal = problem
        await self._app(scope, receive, send)


class AuthorizationMiddleware:
    """Refuses a bad credential and, with `required`, none; public routes ask for none."""

    def __init__(self, app: ASGIApp, directory: Directory, required: bool) -> None:
        self._app = app
        self._directory = directory
        self._required = required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context: RequestContext = scope["context"]
            if not is_public(scope["path"]):
                if context.refusal is not None:
                    raise context.refusal
                if self._required and context.principal and context.principal.anonymous:
                    raise missing_credentials()
            context.principal = context.principal or self._directory.anonymous
        await self._app(scope, receive, send)
