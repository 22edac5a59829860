"""The log of requests, however much there is in it."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient

from resonance_sandbox.app import create_app
from resonance_sandbox.control.request_log import LONGEST, SHOWN_HEADERS


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
