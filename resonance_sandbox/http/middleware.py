"""What every request passes, outermost first: `Observe`, `Gate`. Plain ASGI, for speed.

`Observe` gives a request its id, reads its body, turns a `Problem` of the layers below into an
answer, adds the headers that every answer carries, and counts it. `Gate` decides who calls and
whether they may.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import sys
import traceback
import uuid
from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..auth.security import PUBLIC, Directory, Principal, authenticate, missing
from ..control.request_log import RequestLog
from ..metrics.recorder import Metrics
from ..rate_limits import RateLimits
from ..settings import Settings, is_loopback
from .call import Call
from .problems import OAUTH, Problem, render

__all__ = ["Gate", "Observe", "request_ids"]

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]*)?")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
DRAINED = 16 << 20
"""Bytes of an oversized body that are read and dropped, so that the sender reads the answer and
not a reset connection."""

FREE = frozenset({"/health", "/docs", "/openapi.json"})
"""Routes that no rate limit counts."""

MakeId = Callable[[Scope, bytes], str]


def request_ids(still: bool) -> MakeId:
    """How request ids are made: at random; or, to be the same on every run, from the request's
    own bytes and how often the same has come before, whatever the order of arrival."""
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


class Observe:
    """Request id, body, problems, common headers, metrics and log."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        directory: Directory,
        metrics: Metrics,
        log: RequestLog,
    ) -> None:
        self._app = app
        self._settings = settings
        self._directory = directory
        self._metrics = metrics
        self._log = log
        self._make_id = request_ids(settings.still)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The clock starts before a body is read: slow senders are seen, not hidden.
        call = Call("", b"")
        scope["call"] = call
        sent_id = None
        has_body = False
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                sent_id = value.decode("ascii")
            elif (name == b"content-length" and value != b"0") or name == b"transfer-encoding":
                has_body = True
        if has_body:
            try:
                call.body = await _read(receive, self._settings.max_body)
            except ClientDisconnect:
                return  # half a request is none, and nobody is there to answer
            receive = _replay(call.body or b"", receive)
        call.request_id = sent_id or self._make_id(scope, call.body or b"")
        method = scope["method"]
        if method == "HEAD":
            scope["method"] = "GET"
        started = False

        async def observed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                call.status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", call.request_id.encode("ascii")),
                    (b"x-content-type-options", b"nosniff"),
                    (b"server-timing", b"app;dur=%.3f" % (call.elapsed * 1000)),
                    *call.limit_headers,
                ]
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Problem as problem:
            call.problem = problem.slug
            await render(problem, call.request_id, scope["path"])(scope, receive, observed)
        except Exception:
            if started:
                raise
            call.problem = "internal-error"
            print(
                f"request {call.request_id} failed:\n{traceback.format_exc()}",
                file=sys.stderr,
                end="",
            )
            failure = Problem(
                "internal-error", "This is a fault of the server, not of the request."
            )
            await render(failure, call.request_id, scope["path"])(scope, receive, observed)
        finally:
            realm = self._directory.realm(call.principal)
            route = getattr(scope.get("route"), "path", None) or "(no route)"
            if not route.startswith("/sandbox/"):
                self._metrics.of(realm).request(
                    method, route, call.status, call.elapsed, call.replayed
                )
                self._log.add(realm, scope, call, method)
            if self._settings.access_log:
                took = f"{call.elapsed * 1000:.1f} ms"
                print(call.request_id, method, route, call.status, took, file=sys.stderr)


class Gate:
    """Host and Origin, the caller, their limits, and the size of the body."""

    def __init__(
        self, app: ASGIApp, settings: Settings, directory: Directory, limits: RateLimits
    ) -> None:
        self._app = app
        self._settings = settings
        self._directory = directory
        self._limits = limits
        self._hosts = {settings.host.lower(), *map(str.lower, settings.allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call: Call = scope["call"]
        found: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _WATCHED:
                found[name] = value
        path: str = scope["path"]
        public = path == "/health" or path.startswith(PUBLIC)
        refused: Problem | None = None
        principal = None
        try:
            if path.startswith(OAUTH):  # its Authorization is a client's, and its own to check
                found.pop(b"authorization", None)
            principal, call.credential = authenticate(
                self._directory, found.get(b"authorization"), found.get(b"x-api-key")
            )
            if principal.anonymous and self._settings.auth == "required" and not public:
                refused = missing()
        except Problem as problem:
            refused = problem
        if refused is not None and public:
            refused = None
        call.principal = principal
        call.limit_headers, exceeded = self._limits.check(
            self._directory.realm(principal),
            _counted(principal, path),
            free=path in FREE or path.startswith("/sandbox/"),
        )
        self._check_host(scope, found.get(b"host", b"").decode("latin-1"), found.get(b"origin"))
        if stopped := exceeded or refused:
            raise stopped
        if call.principal is None:
            call.principal, _ = authenticate(self._directory, None, None)
        if call.body is None:
            raise Problem(
                "body-too-large", f"A body has at most {self._settings.max_body:,} bytes."
            )
        await self._app(scope, receive, send)

    def _check_host(self, scope: Scope, host: str, origin: bytes | None) -> None:
        """Refuse what a web page could make a browser send: a foreign name for this address (DNS
        rebinding), or a request from a page of another origin."""
        found = _HOST.fullmatch(host)
        name = found[1].strip("[]").lower() if found else ""
        here = (scope.get("server") or ("",))[0]
        if not (is_loopback(name) or name in self._hosts or name == here):
            raise Problem(
                "host-not-allowed", "Call this server by localhost or the address it listens on."
            )
        if origin is not None:
            page = origin.decode("latin-1")
            if page not in (f"http://{host}", f"https://{host}"):
                raise Problem(
                    "origin-not-allowed",
                    "Web pages of another origin may not call this server.",
                )


def _counted(principal: Principal | None, path: str) -> str:
    """Whose limits a request uses up. Those who are not known yet share theirs."""
    if path.startswith(OAUTH):
        return "oauth"
    return principal.credential_id if principal else "unknown"


_WATCHED = frozenset({b"host", b"origin", b"authorization", b"x-api-key"})


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None if it has more than `limit` bytes.

    Raises:
        ClientDisconnect: the rest of it will never come.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        else:
            chunks.clear()
        if not message.get("more_body", False) or size > DRAINED:
            break
    return b"".join(chunks) if size <= limit else None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that hands on a body that has been read."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed
