"""What watches a sandbox from inside: every request as it comes and goes, and every effect.

`Witness` stands outermost and sees what travels; `Effects` stands innermost, behind faults and
idempotency keys, and sees what is really done. Both tell it to the judge, and wait with a request
while the judge acts.
"""

from __future__ import annotations

import asyncio
import email.utils
import itertools
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resonance_sandbox.faults.engine import Decision, Fault, FaultEngine, Identity
from resonance_sandbox.faults.kinds import KINDS
from resonance_sandbox.faults.wire import STATE_KEY

from .meaning import meaning
from .scenarios import OUTAGE, Action, Moment, Scenario

__all__ = ["Effects", "Journal", "Trouble", "Witness"]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
HARMLESS = ("/oauth/", "/.well-known/", "/sandbox/", "/hrv", "/docs", "/openapi.json", "/health")
"""Beginnings of routes whose requests do nothing that could be done twice."""

OWN_NAMES = frozenset({"tenant", "profile_name"})
"""Parts of a path that the program chose itself."""

NUMBER = "judge.number"

SURE = 0.1
"""Seconds after which what arrived earlier has been read."""

ENDS = frozenset({"kill", "restart"})
"""Actions after which nobody waits for the answer."""


class Journal(Protocol):
    """Where a witness tells what it saw, and where it asks for what is to happen."""

    def tell(self, what: str, fields: Mapping[str, Any]) -> None:
        """Report something. From any thread."""

    async def act(self, moment: Moment, number: int) -> None:
        """Have the judge act, and return when it has."""


class Moments:
    """Counts until the one moment of a scenario. Safe for threads."""

    def __init__(self, moment: Moment | None, journal: Journal) -> None:
        self._moment = moment
        self._journal = journal
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._acting = False

    async def count(self, counted: str, number: int) -> Action | None:
        """Count one; if it is the moment, what was done at it."""
        found = self._moment
        with self._lock:
            self._counts[counted] += 1
            if found is None or found.counted != counted or self._counts[counted] != found.n:
                return None
            self._acting = True
        await self._journal.act(found, number)
        self._acting = False
        return found.action

    async def too_late(self) -> bool:
        """Whether a request comes from a program that is being killed for an earlier 2xx.

        That answer and this request came over two connections, and are read by two threads: so
        this one waits until the other is sure to have been read.
        """
        if self._moment is None or self._moment.counted != "acknowledged":
            return False
        await asyncio.sleep(SURE)
        return self._acting


class Trouble(FaultEngine):
    """Strikes the first attempts at each request as a scenario says.

    The sandbox's own engine takes two Idempotency-Keys for two requests. Here the same request
    under another key is another attempt, or a program that makes its key anew would meet the
    first fault for ever.
    """

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._faults = scenario.strike
        self._attempts: Counter[bytes] = Counter()
        self._down_until = 0.0
        self.active = bool(scenario.strike) or scenario.moment is not None

    def go_down(self) -> None:
        """Be out of order from now on, for `OUTAGE` seconds."""
        self._down_until = time.monotonic() + OUTAGE

    def early(self, realm: str, method: str, path: str) -> bool:
        return any(fault["kind"] == "reset_mid_request" for fault in self._faults)

    def decide(self, realm: str, identity: Identity) -> Decision:
        if time.monotonic() < self._down_until:
            return Decision(fault=_fault({"kind": "unavailable"}))
        if not self._faults or identity.path in ("/health", "/docs", "/openapi.json"):
            return Decision()
        attempt = self._attempts[identity.content]
        self._attempts[identity.content] += 1
        if attempt >= len(self._faults):
            return Decision()
        return Decision(fault=_fault(self._faults[attempt]))


def _fault(declared: Mapping[str, Any]) -> Fault:
    given = {name: value for name, value in declared.items() if name != "kind"}
    kind = KINDS[declared["kind"]]
    return Fault(kind.name, kind.complete(given), 0.0, "judge")


class Witness:
    """Outermost: each request as it arrives and as it is answered."""

    def __init__(
        self,
        app: ASGIApp,
        scenario: Scenario,
        journal: Journal,
        moments: Moments,
        stands_for: Mapping[str, str],
        first: int,
        elsewhere: str,
    ) -> None:
        self._app = app
        self._scenario = scenario
        self._journal = journal
        self._moments = moments
        self._stands_for = stands_for
        self._numbers = itertools.count(first)
        self._elsewhere = elsewhere

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            await self._app(scope, receive, send)
            return
        number = next(self._numbers)
        scope.setdefault("state", {})[NUMBER] = number
        method = scope["method"]
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        query: bytes = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        self._journal.tell(
            "arrived",
            {
                "number": number,
                "at": time.monotonic(),
                "method": method,
                "path": scope["path"][:512],
                "key": headers.get("idempotency-key"),
                "target": target[:4096],
                "authorization": headers.get("authorization", headers.get("x-api-key")),
            },
        )
        counts = may_do(method, scope["path"])
        if counts:
            action = await self._moments.count("request", number)
            if action in ENDS or await self._moments.too_late():
                await scope["state"][STATE_KEY].reset()
                return
            if action == "redirect":
                self._journal.tell("done", {"number": number, "status": 307, "fault": "redirect"})
                await _redirect(self._elsewhere.encode() + target, send)
                return
        answer: dict[str, Any] = {}

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._dated(message["headers"], answer)
                answer["status"] = message["status"]
            # Noted first: the caller may have it, and begin to wait, before `send` is back.
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                answer["at"] = time.monotonic()
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            context = scope.get("context")
            digest, label = meaning((context and context.body) or b"", self._stands_for)
            self._journal.tell(
                "done",
                {
                    "number": number,
                    "at": answer.get("at", time.monotonic()),
                    "status": answer.get("status"),
                    "retry_after": answer.get("retry_after"),
                    "replayed": bool(context and context.replayed),
                    "problem": context and context.problem,
                    # Whoever breaks off while a request still arrives leaves no context.
                    "fault": context.fault if context else "reset_mid_request",
                    "meaning": digest,
                    "label": label,
                },
            )
        if counts:
            await self._moments.count("answered", number)

    def _dated(
        self, headers: list[tuple[bytes, bytes]], answer: dict[str, Any]
    ) -> list[tuple[bytes, bytes]]:
        """The headers by the server's clock; notes how long the caller is asked to wait."""
        now = int(time.time())
        dated = [
            (b"date", email.utils.formatdate(now + self._scenario.clock, usegmt=True).encode())
        ]
        for name, value in headers:
            if name == b"date":
                continue
            if name == b"retry-after":
                text = value.decode("latin-1")
                if text.endswith("GMT"):
                    until = email.utils.parsedate_to_datetime(text).timestamp()
                    answer["retry_after"] = until - now
                    moved = email.utils.formatdate(until + self._scenario.clock, usegmt=True)
                    value = moved.encode()
                elif text.replace(".", "", 1).isdecimal():
                    answer["retry_after"] = float(text)
            dated.append((name, value))
        return dated


class Effects:
    """Innermost: what is really done."""

    def __init__(
        self, app: ASGIApp, journal: Journal, moments: Moments, stands_for: Mapping[str, str]
    ) -> None:
        self._app = app
        self._journal = journal
        self._moments = moments
        self._stands_for = stands_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        number = scope.get("state", {}).get(NUMBER)
        if number is None or not may_do(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return

        cut = False

        async def observed(message: Message) -> None:
            nonlocal cut
            # It is committed by the time that its answer begins.
            if message["type"] == "http.response.start" and message["status"] < 400:
                digest, label = meaning(scope["context"].body or b"", self._stands_for)
                self._journal.tell(
                    "effect",
                    {
                        "number": number,
                        "at": time.monotonic(),
                        "method": scope["method"],
                        "route": _route(scope),
                        "meaning": digest,
                        "label": label,
                    },
                )
                if await self._moments.count("effect", number) in ENDS:
                    await scope["state"][STATE_KEY].reset()
                    cut = True
            if not cut:
                await send(message)

        await self._app(scope, receive, observed)


async def _redirect(address: bytes, send: Send) -> None:
    headers = [(b"location", address), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def may_do(method: str, path: str) -> bool:
    """Whether such a request can do something that could be done twice."""
    return method not in SAFE and not path.startswith(HARMLESS)


def _route(scope: Scope) -> str:
    """The path, without ids that the server made up."""
    route = getattr(scope.get("route"), "path", None) or scope["path"]
    for name, value in (scope.get("path_params") or {}).items():
        route = route.replace(f"{{{name}}}", str(value) if name in OWN_NAMES else "{id}")
    return str(route)
