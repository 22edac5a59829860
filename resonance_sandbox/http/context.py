"""What the sandbox knows of one request while it runs; it stands in ``scope["context"]``."""

from __future__ import annotations

import time
from typing import Any

from starlette.requests import Request
from starlette.types import Scope

from .pending import Pending
from .principal import Principal
from .problems import Problem

__all__ = ["RequestContext", "context_of", "route_of"]


class RequestContext:
    """One request.

    Attributes:
        request_id: the caller's own, if valid, or one of ours.
        started: `time.perf_counter()` at its arrival.
        excluded: seconds of declared waiting (`--latency`, injected faults), which are left out
            of the server's figures.
        body: the request's body, read and bounded; None if it was too large.
        principal: who calls; set once the credential has been looked at.
        limit_headers: the rate-limit headers of the answer, once the caller is known.
        pending: the idempotency record to be stored with the answer, if the caller sent a key.
        replayed: the answer was stored earlier.
        refusal: why a credential that was sent is not accepted, if it is not.
        credential: how the caller said who they are: "none", "bearer" or "x-api-key".
        problem: slug of the problem answered, if one was.
        fault: the injected fault that it met, if it met one, for the log of requests.
    """

    __slots__ = (
        "body",
        "credential",
        "excluded",
        "fault",
        "limit_headers",
        "pending",
        "principal",
        "problem",
        "refusal",
        "replayed",
        "request_id",
        "started",
        "status",
    )

    def __init__(self, request_id: str = "", body: bytes | None = b"") -> None:
        self.request_id = request_id
        self.body = body
        self.started = time.perf_counter()
        self.excluded = 0.0
        self.principal: Principal | None = None
        self.refusal: Problem | None = None
        self.limit_headers: list[tuple[bytes, bytes]] | None = None
        self.pending: Pending | None = None
        self.replayed = False
        self.credential = "none"
        self.problem: str | None = None
        self.fault: Any = None
        self.status = 0

    @property
    def elapsed(self) -> float:
        """Seconds of the server's own time so far."""
        return max(0.0, time.perf_counter() - self.started - self.excluded)


def context_of(request: Request) -> RequestContext:
    """The `RequestContext` of a request that came through the middleware."""
    context: RequestContext = request.scope["context"]
    return context


def route_of(scope: Scope) -> str:
    """The path of the route that took a request, as it was declared."""
    return getattr(scope.get("route"), "path", None) or "(no route)"
