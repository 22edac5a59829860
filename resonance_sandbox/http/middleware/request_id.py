"""The id of each request: the caller's own, if it is valid, or one of ours."""

from __future__ import annotations

import hashlib
import itertools
import re
import uuid

from starlette.types import ASGIApp, Receive, Scope, Send

from ..context import RequestContext

__all__ = ["RequestIDMiddleware", "StillRequestIDMiddleware"]

_VALID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

MOST_COUNTED = 50_000
"""Different requests whose repetitions are counted; after that the counts begin anew."""


class RequestIDMiddleware:
    """Begins a request's context, with the caller's id or a random one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            # The clock starts before a body is read: slow senders are seen, not hidden.
            scope["context"] = RequestContext(_sent(scope) or f"req_{uuid.uuid4().hex}")
        await self._app(scope, receive, send)


class StillRequestIDMiddleware:
    """Puts an id into the context that is the same on every run.

    It is derived from the request's own bytes and how often the same has come before, whatever the
    order of arrival.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._counts: dict[bytes, itertools.count[int]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _sent(scope):
            context: RequestContext = scope["context"]
            context.request_id = self._derived(scope, context.body or b"")
        await self._app(scope, receive, send)

    def _derived(self, scope: Scope, body: bytes) -> str:
        if scope["path"] == "/sandbox/reset" or len(self._counts) >= MOST_COUNTED:
            self._counts.clear()  # the first state again, ids included
        parts = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], body)
        digest = hashlib.sha256(b"\0".join(parts)).digest()
        again = next(self._counts.setdefault(digest, itertools.count()))
        return "req_" + hashlib.sha256(digest + b"%d" % again).hexdigest()[:32]


def _sent(scope: Scope) -> str:
    """The caller's own id, the last if there are several; empty without a valid one."""
    values = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return next((v.decode("ascii") for v in reversed(values) if _VALID.fullmatch(v)), "")
