"""What the sandbox knows of one request while it runs; it stands in ``scope["call"]``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

if TYPE_CHECKING:
    from ..auth.security import Principal
    from ..idempotency import Pending

__all__ = ["Call", "call_of"]


class Call:
    """One request.

    Attributes:
        request_id: the caller's own, if valid, or one of ours.
        started: `time.perf_counter()` at its arrival.
        excluded: seconds of declared waiting (`--latency`, injected faults), which are left out
            of the server's figures.
        body: the request's body, read and bounded; None if it was too large.
        principal: who calls; set once the credential has been looked at.
        limit_headers: the rate-limit headers of the answer.
        pending: the idempotency record to be stored with the answer, if the caller sent a key.
        replayed: the answer was stored earlier.
        credential: how the caller said who they are: "none", "bearer" or "x-api-key".
        problem: slug of the problem answered, if one was.
        fault: what FAULTS injected, if anything, for the log of requests.
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
        "replayed",
        "request_id",
        "started",
        "status",
    )

    def __init__(self, request_id: str, body: bytes | None) -> None:
        self.request_id = request_id
        self.body = body
        self.started = time.perf_counter()
        self.excluded = 0.0
        self.principal: Principal | None = None
        self.limit_headers: list[tuple[bytes, bytes]] = []
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


def call_of(request: Request) -> Call:
    """The `Call` of a request that came through the middleware."""
    call: Call = request.scope["call"]
    return call
