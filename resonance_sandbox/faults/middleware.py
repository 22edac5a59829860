"""Where a request meets its fault: two layers of ASGI around the application.

`EarlyFaultMiddleware` stands outermost, for the one fault that strikes while a request is still
arriving. `FaultMiddleware` stands where the caller is known, and before idempotency keys and
routes, so that a fault "before" leaves no trace and one "after" comes when all is committed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from email.utils import formatdate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..auth.directory import Directory, authenticate
from ..http.context import RequestContext
from ..http.problems import MEDIA_TYPE, Problem, render, urn
from .engine import Decision, Fault, FaultEngine, Identity
from .kinds import KINDS
from .playing import play
from .wire import STATE_KEY, Wire

__all__ = ["EarlyFaultMiddleware", "FaultMiddleware"]

EXEMPT = "/sandbox/"
"""Routes that no fault strikes: they are how faults are lifted."""

PREFIX = 1024
"""Bytes of a body of unknown length that count as its first half."""

LARGEST = 1 << 20
"""Bytes at most of what counts as a body's first half."""

DECIDED = "resonance.fault"
"""Where `EarlyFaultMiddleware` leaves its decision for `FaultMiddleware`, in ``scope["state"]``."""

PORTAL = b"""<!DOCTYPE html>
<html lang="en"><head><title>Sign in to the network</title></head>
<body><h1>Welcome</h1><p>Accept the terms to go online.</p></body></html>
"""


class FaultMiddleware:
    """Faults that strike a request once it is there, and its caller known."""

    def __init__(
        self,
        app: ASGIApp,
        engine: FaultEngine,
        directory: Directory,
        clock: Callable[[], float],
    ) -> None:
        self._app = app
        self._engine = engine
        self._directory = directory
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._engine.active or scope["type"] != "http" or scope["path"].startswith(EXEMPT):
            await self._app(scope, receive, send)
            return
        context: RequestContext = scope["context"]
        decision: Decision | None = scope["state"].get(DECIDED)
        if decision is None:
            identity = _identity(scope, context.body or b"")
            realm = self._directory.realm(context.principal)
            decision = self._engine.decide(realm, identity)
        await self._meet(decision, context, scope, receive, send)

    async def _meet(
        self,
        decision: Decision,
        context: RequestContext,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        fault = decision.fault
        names = (["latency"] if decision.latency else []) + ([fault.kind] if fault else [])
        if names:
            context.fault = "+".join(names)
        if decision.latency:
            await _pause(context, decision.latency)
        if fault is None:
            await self._app(scope, receive, send)
        elif KINDS[fault.kind].layer == "wire":
            await self._spoil_wire(fault, context, scope, receive, send)
        else:
            await self._spoil_answer(fault, context, scope, receive, send)

    async def _spoil_wire(
        self, fault: Fault, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> None:
        wire: Wire = scope["state"][STATE_KEY]
        executed = KINDS[fault.kind].executed
        if executed is None:
            executed = fault.parameters["when"] == "after"
        if fault.kind == "stalled_accept":
            await _pause(context, fault.parameters["seconds"])
            await self._app(scope, receive, send)
            return
        async with wire.held():
            if executed:
                await self._work(context, scope, receive, send)
            await play(wire, fault, wire.taken())

    async def _spoil_answer(
        self, fault: Fault, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> None:
        executed = KINDS[fault.kind].executed
        after = executed or (executed is None and fault.parameters["when"] == "after")
        answer = _HeldAnswer()
        if after:
            await self._work(context, scope, receive, answer.send)
        answer.spoil(fault, context.request_id, self._clock())
        await answer.give(send)

    async def _work(
        self, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """What the application does, with a problem as the answer that it would have become."""
        try:
            await self._app(scope, receive, send)
        except Problem as problem:
            context.problem = problem.slug
            await render(problem, context.request_id)(scope, receive, send)


class EarlyFaultMiddleware:
    """The fault that strikes in the middle of a request's body.

    It is decided on the first half of the body, and so is every rule that names it among others.
    """

    def __init__(self, app: ASGIApp, engine: FaultEngine, directory: Directory) -> None:
        self._app = app
        self._engine = engine
        self._directory = directory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._engine.active or scope["type"] != "http" or scope["path"].startswith(EXEMPT):
            await self._app(scope, receive, send)
            return
        realm = self._realm(scope)
        if not self._engine.early(realm, scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        read, rest = await _first_half(scope, receive)
        decision = self._engine.decide(realm, _identity(scope, read))
        if decision.fault is not None and decision.fault.kind == "reset_mid_request":
            wire: Wire = scope["state"][STATE_KEY]
            await wire.reset()
            return
        scope["state"][DECIDED] = decision
        await self._app(scope, rest, send)

    def _realm(self, scope: Scope) -> str:
        headers = dict(scope["headers"])
        try:
            principal, _ = authenticate(
                self._directory, headers.get(b"authorization"), headers.get(b"x-api-key")
            )
        except Problem:
            principal = None
        return self._directory.realm(principal)


class _HeldAnswer:
    """A whole answer of the application, to be spoilt and then given."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def send(self, message: Message) -> None:
        """ASGI's `send`, for the application to answer to."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")

    def spoil(self, fault: Fault, request_id: str, now: float) -> None:
        """Make of this answer what `fault` makes of it."""
        _SPOILS[fault.kind](self, fault, request_id, now)
        if self.status == 204:
            return  # which has no body to be spoilt, and no length
        length = (b"content-length", b"%d" % len(self.body))
        self.headers = [pair for pair in self.headers if pair[0] != b"content-length"] + [length]

    async def give(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


def _status(answer: _HeldAnswer, fault: Fault, request_id: str, now: float) -> None:
    answer.status = fault.parameters.get("status", _STATUSES.get(fault.kind))
    body = {
        "type": urn("faulted"),
        "title": "An injected fault",
        "status": answer.status,
        "detail": "The sandbox was told to fail here: see /sandbox/faults.",
        "instance": f"urn:resonanceos:request:{request_id}",
        "request_id": request_id,
    }
    answer.body = json.dumps(body).encode()
    answer.headers = [(b"content-type", MEDIA_TYPE.encode())]
    asked = fault.parameters["retry_after"]
    if asked is not None:
        answer.headers.append((b"retry-after", _retry_after(asked, now)))


def _retry_after(asked: float | str, now: float) -> bytes:
    if asked == "date":
        # The form of a date has whole seconds: two ahead is at least one.
        return formatdate(now + 2, usegmt=True).encode()
    if asked == "malformed":
        return b"soon"
    return f"{asked:g}".encode()


def _truncated(answer: _HeldAnswer, fault: Fault, request_id: str, now: float) -> None:
    answer.body = answer.body[: len(answer.body) // 2]


def _malformed(answer: _HeldAnswer, fault: Fault, request_id: str, now: float) -> None:
    if answer.body:
        answer.body = answer.body[:-1] + b"," + answer.body[-1:]


def _empty(answer: _HeldAnswer, fault: Fault, request_id: str, now: float) -> None:
    answer.body = b""


def _html(answer: _HeldAnswer, fault: Fault, request_id: str, now: float) -> None:
    answer.status = 200
    answer.headers = [(b"content-type", b"text/html; charset=utf-8")]
    answer.body = PORTAL


_STATUSES = {"unavailable": 503, "rate_limited": 429}
_SPOILS: dict[str, Callable[[_HeldAnswer, Fault, str, float], None]] = {
    "status": _status,
    "unavailable": _status,
    "rate_limited": _status,
    "truncated_json": _truncated,
    "malformed_json": _malformed,
    "empty_body": _empty,
    "html": _html,
}


def _identity(scope: Scope, body: bytes) -> Identity:
    key = next((value for name, value in scope["headers"] if name == b"idempotency-key"), None)
    return Identity.of(
        scope["method"],
        scope["path"],
        scope["query_string"],
        body,
        None if key is None else key.decode("latin-1"),
    )


async def _pause(context: RequestContext, seconds: float) -> None:
    """Wait, and keep it out of the server's own figures."""
    context.excluded += seconds
    await asyncio.sleep(seconds)


async def _first_half(scope: Scope, receive: Receive) -> tuple[bytes, Receive]:
    """The first half of the body, and a `receive` that gives all of it."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    half = min(int(length) // 2, LARGEST) if length.isdigit() else PREFIX
    messages: list[Message] = []
    read = b""
    while True:
        message = await receive()
        messages.append(message)
        read += message.get("body", b"")
        if len(read) >= half or not message.get("more_body", False):
            break
    waiting = iter(messages)

    async def again() -> Message:
        return next(waiting, None) or await receive()

    return read[:half], again
