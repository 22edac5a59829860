"""The id of each request: the caller's own, if it is valid, or one of ours."""

from __future__ import annotations

import hashlib
import itertools
import re
import uuid
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["RequestIDMiddleware", "request_ids"]

_VALID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")

MakeID = Callable[[Scope, bytes], str]


class RequestIDMiddleware:
    """Puts the id into the request's context."""

    def __init__(self, app: ASGIApp, still: bool) -> None:
        self._app = app
        self._make_id = request_ids(still)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            context = scope["context"]
            for name, value in scope["headers"]:
                if name == b"x-request-id" and _VALID.fullmatch(value):
                    context.request_id = value.decode("ascii")
            if not context.request_id:
                context.request_id = self._make_id(scope, context.body or b"")
        await self._app(scope, receive, send)


def request_ids(still: bool) -> MakeID:
    """How request ids are made.

    At random; or, to be the same on every run, from the request's own bytes and how often the same
    has come before, whatever the order of arrival.
    """
    if not still:
        return lambda scope, body: f"req_{uuid.uuid4().hex}"
    counts: dict[bytes, itertools.count[int]] = {}

    def derived(scope: Scope, body: bytes) -> str:
        if scope["path"] == "/sandbox/reset":
            counts.clear()  # the first state again, ids included
        digest = hashlib.sha256(
            b"\0".join(
                (scope["method"].encode(), scope["path"].encode(), scope["query_string"], body)
            )
        ).digest()
        again = next(counts.setdefault(digest, itertools.count()))
        return "req_" + hashlib.sha256(digest + b"%d" % again).hexdigest()[:32]

    return derived
