"""The log of requests, however much there is in it."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from resonance_sandbox.app import create_app
from resonance_sandbox.control.request_log import KEPT, LONGEST, SHOWN_HEADERS, RequestLog
from resonance_sandbox.control.routes import PIECE, listed
from resonance_sandbox.http.context import RequestContext


def test_a_long_log_is_written_out_request_by_request(monkeypatch: pytest.MonkeyPatch) -> None:
    app, longest = create_app(), [0]
    real = json.dumps

    def watched(*args: object, **options: object) -> str:
        text = real(*args, **options)  # type: ignore[arg-type]
        longest[0] = max(longest[0], len(text))
        return text

    headers = {name.decode(): '"' * 2 * LONGEST for name in SHOWN_HEADERS}
    with TestClient(app, base_url="http://localhost") as client:
        for _ in range(30):
            client.get("/nothing", headers={**headers, "accept": "*/*", "x-request-id": "mine"})
        monkeypatch.setattr(json, "dumps", watched)
        told = client.get("/sandbox/requests").json()
    assert told["count"] == len(told["requests"]) == 30
    assert {one["headers"]["user-agent"] for one in told["requests"]} == {'"' * LONGEST}
    one = 2 * LONGEST * len(SHOWN_HEADERS) + 2_000
    assert longest[0] < one, "no call of the encoder keeps the interpreter for all of them"


def test_whoever_does_not_read_the_log_has_little_of_it_held() -> None:
    log = RequestLog(lambda: "2026-01-01T00:00:00Z")
    header = (b"user-agent", b"x" * LONGEST)
    for _ in range(KEPT):
        log.add("a", {"path": "/nothing", "headers": [header]}, RequestContext("mine"), "GET")
    pieces = listed(log.entries("a"))
    first = next(pieces) + next(pieces)
    assert first.count(b'"mine"') == PIECE
    told = json.loads(first + b"".join(pieces))
    assert told["count"] == len(told["requests"]) == KEPT


def test_an_empty_log_is_listed() -> None:
    log = RequestLog(lambda: "2026-01-01T00:00:00Z")
    assert json.loads(b"".join(listed(log.entries("a")))) == {"requests": [], "count": 0}
