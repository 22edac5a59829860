"""The latest requests of each realm, for lessons and tests: what was sent, never with secrets."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypedDict

from starlette.types import ASGIApp, Receive, Scope, Send

from ..auth.directory import Directory
from ..http.context import RequestContext, route_of

__all__ = ["KEPT", "LoggedRequest", "RequestLog", "RequestLogMiddleware"]

KEPT = 10_000
"""Requests remembered for each realm."""

LONGEST = 512
"""Characters remembered of a path or a header."""

SHOWN_HEADERS = (
    b"accept",
    b"content-type",
    b"idempotency-key",
    b"if-match",
    b"if-none-match",
    b"traceparent",
    b"user-agent",
    b"x-request-id",
)


class LoggedRequest(TypedDict):
    """A request as the log shows it.

    at: When it ended, as RFC 3339 writes it.
    seconds: How long the server worked at it.
    idempotency_key: The header, likewise in `headers`.
    replayed: Whether it was answered with a stored answer.
    problem: The short name of the problem that it was answered.
    credential: Whose it was, never the credential itself.
    fault: The kind of the injected fault that it met.
    headers: Those that can be no secret, by their names in small letters.
    """

    at: str
    request_id: str
    method: str
    path: str
    status: int
    seconds: float
    idempotency_key: str | None
    replayed: bool
    problem: str | None
    credential: str
    fault: str | None
    headers: dict[str, str]


class RequestLog:
    """A bounded log for each realm, oldest first."""

    def __init__(self, shown: Callable[[], str]) -> None:
        self._shown = shown
        self._entries: dict[str, deque[tuple[Any, ...]]] = {}
        self._since: dict[str, float] = {}

    def add(self, realm: str, scope: Scope, context: RequestContext, method: str) -> None:
        """Remember a finished request, unless its realm was reset while it ran."""
        if context.started < self._since.get(realm, 0.0):
            return
        entries = self._entries.get(realm)
        if entries is None:
            entries = self._entries[realm] = deque(maxlen=KEPT)
        entries.append(
            (
                self._shown(),
                context.request_id,
                method,
                scope["path"][:LONGEST],
                context.status,
                context.elapsed,
                context.replayed,
                context.problem,
                context.credential,
                context.fault,
                [(k, v[:LONGEST]) for k, v in scope["headers"] if k in SHOWN_HEADERS],
            )
        )

    def entries(self, realm: str, limit: int = KEPT) -> Iterator[LoggedRequest]:
        """The latest `limit` requests of `realm`, each put into words when it is asked for."""
        return itertools.starmap(_entry, list(self._entries.get(realm, ()))[-limit:])

    def reset(self, realm: str) -> None:
        """Forget the requests of `realm`."""
        self._since[realm] = time.perf_counter()
        self._entries.pop(realm, None)


class RequestLogMiddleware:
    """Remembers every request, but for those of the sandbox itself."""

    def __init__(self, app: ASGIApp, directory: Directory, log: RequestLog) -> None:
        self._app = app
        self._directory = directory
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: RequestContext = scope["context"]
        method = scope["method"]
        try:
            await self._app(scope, receive, send)
        finally:
            if not route_of(scope).startswith("/sandbox/"):
                self._log.add(self._directory.realm(context.principal), scope, context, method)


def _entry(
    at: str,
    request_id: str,
    method: str,
    path: str,
    status: int,
    seconds: float,
    replayed: bool,
    problem: str | None,
    credential: str,
    fault: str | None,
    headers: list[tuple[bytes, bytes]],
) -> LoggedRequest:
    shown = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
    return {
        "at": at,
        "request_id": request_id,
        "method": method,
        "path": path,
        "status": status,
        "seconds": round(seconds, 6),
        "idempotency_key": shown.get("idempotency-key"),
        "replayed": replayed,
        "problem": problem,
        "credential": credential,
        "fault": fault,
        "headers": shown,
    }
