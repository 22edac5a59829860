"""The board's HTTP server: reports in by each attendee's key, the page out for the instructor."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from resonance_helpers.lesson.board import OLDEST, OUTCOMES, expected

from .state import Exercise, state
from .store import Report, Store

__all__ = ["application"]

PAGE = Path(__file__).resolve().parent / "page"
FILES = {
    "/": ("board.html", "text/html"),
    "/board.js": ("board.js", "text/javascript"),
    "/board.css": ("board.css", "text/css"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LONGEST = 1024
"""Bytes of a report."""
RATE, BURST = 2.0, 60.0
"""Reports a second that one attendee may send, and how many at once."""


@dataclass(slots=True)
class Allowance:
    """What one attendee may still send."""

    left: float = BURST
    at: float = field(default_factory=time.monotonic)

    def take(self) -> bool:
        """Take one, if there is one left."""
        now = time.monotonic()
        self.left = min(BURST, self.left + (now - self.at) * RATE)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


def application(
    store: Store,
    known: Mapping[str, Exercise],
    token: str,
    seats: Callable[[], Mapping[str, int]],
    names: Callable[[], Mapping[int, str]] = dict,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """The board as an ASGI application.

    Args:
        store: What is kept.
        known: The exercises; a report on another one is refused.
        token: Whoever shows it is the instructor.
        seats: Attendees' keys and their numbers, as they are now.
        names: What to call the numbers that the list has a name for.
        clock: Unix time.
    """
    allowances: dict[int, Allowance] = {}

    def shown(request: Request) -> str:
        """The credential of a request; empty where there is none."""
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        return credential.strip() if scheme.lower() == "bearer" else ""

    async def reports(request: Request) -> Response:
        number = seats().get(shown(request))
        if number is None:
            return refused(401, "this is no key of an attendee")
        if not allowances.setdefault(number, Allowance()).take():
            return refused(429, "too many reports")
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > LONGEST:
                    return refused(413, f"a report has at most {LONGEST} bytes")
        except ClientDisconnect:
            return refused(400, "the report is cut off")
        try:
            found = read(body, known, number, clock())
        except ValueError as error:
            return refused(422, str(error))
        if isinstance(found, Report):
            store.add(found)
        else:
            store.raise_hand(number, clock() if found else None)
        return JSONResponse({"number": number, "name": names().get(number)}, headers=HEADERS)

    async def expectations(request: Request) -> Response:
        if shown(request) not in seats():
            return refused(401, "this is no key of an attendee")
        told = {name: [expected(part) for part in one.told] for name, one in known.items()}
        return JSONResponse(told, headers=HEADERS)

    async def board(request: Request) -> Response:
        if not hmac.compare_digest(shown(request).encode(), token.encode()):
            return refused(401, "the board is for whoever has the address that was printed")
        return JSONResponse(state(store, known, clock(), names()), headers=HEADERS)

    async def page(request: Request) -> Response:
        name, kind = FILES[request.url.path]
        return Response((PAGE / name).read_bytes(), headers=HEADERS, media_type=kind)

    return Starlette(
        routes=[
            Route("/reports", reports, methods=["POST"]),
            Route("/expected", expectations, methods=["GET"]),
            Route("/state", board, methods=["GET"]),
            *(Route(path, page, methods=["GET"]) for path in FILES),
        ]
    )


def refused(status: int, message: str) -> Response:
    """An answer that refuses, in words."""
    return JSONResponse({"message": message}, status, headers=HEADERS)


def read(body: bytes, known: Mapping[str, Exercise], number: int, now: float) -> Report | bool:
    """A report, or whether a hand is raised.

    Raises:
        ValueError: It is neither; the message names the field.
    """
    try:
        told: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("a report is a JSON object") from None
    if not isinstance(told, dict):
        raise ValueError("a report is a JSON object")
    age = told.pop("age", 0)
    if isinstance(age, bool) or not isinstance(age, int | float) or not 0 <= age <= OLDEST:
        raise ValueError(f"age: seconds from 0 to {OLDEST:g}")
    if told.keys() == {"question"} and isinstance(told["question"], bool):
        return told["question"]
    if told.keys() != {"exercise", "outcome", "wrong"}:
        raise ValueError("a report has exercise, outcome, wrong and age, or question")
    exercise, outcome, wrong = told["exercise"], told["outcome"], told["wrong"]
    if not isinstance(exercise, str) or exercise not in known:
        raise ValueError("exercise: there is none of that name")
    if not isinstance(outcome, str) or outcome not in OUTCOMES:
        raise ValueError(f"outcome: one of {', '.join(OUTCOMES)}")
    places = range(len(known[exercise].wrong))
    if wrong is not None and (type(wrong) is not int or wrong not in places):
        raise ValueError(f"wrong: null, or a number below {len(places)}")
    return Report(number, exercise, outcome, wrong, now - age)
