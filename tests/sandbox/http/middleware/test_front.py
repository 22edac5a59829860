"""What stands before everything else: the target's form, the headers' bounds, the Host."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from fastapi.testclient import TestClient

from resonance_sandbox import Sandbox, start
from resonance_sandbox.app import create_app
from resonance_sandbox.http.middleware.header_limits import MOST_HEADERS


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with start() as running:
        yield running


def send(server: Sandbox, request: str) -> str:
    """The answer's head and body."""
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) as peer:
        peer.settimeout(20)
        peer.sendall(request.encode("latin-1"))
        said = b""
        while chunk := peer.recv(65_536):
            said += chunk
    return said.decode("latin-1")


CLOSE = "Connection: close\r\n"


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://localhost/health", "localhost", 200),
        ("http://127.0.0.1:1/profiles?limit=1", "localhost", 200),
        ("HTTP://LOCALHOST/health", "localhost", 200),
        ("http://localhost", "localhost", 404),
        ("http://localhost/health", "evil.example", 200),  # the target's authority counts
        ("http://evil.example/health", "localhost", 421),
        ("ftp://localhost/health", "localhost", 404),
        ("/health", "evil.example", 421),
    ],
)
def test_a_target_in_absolute_form(server: Sandbox, target: str, host: str, status: int) -> None:
    said = send(server, f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{CLOSE}\r\n")
    assert said.startswith(f"HTTP/1.1 {status} "), said


@pytest.mark.parametrize(
    "headers",
    ["accept:x\r\n" * 6_000, "a: b\r\n" * (MOST_HEADERS + 1), f"accept: {'x' * 17_000}\r\n"],
    ids=["many", "too many by one", "large"],
)
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_headers_are_bounded_before_anything_is_kept(
    server: Sandbox, headers: str, host: str
) -> None:
    before = len(server.requests())
    said = send(server, f"GET /profiles HTTP/1.1\r\nHost: {host}\r\n{CLOSE}{headers}\r\n")
    assert said.startswith(("HTTP/1.1 431 ", "HTTP/1.1 400 ")), said[:200]
    assert len(server.requests()) == before
    usual = "".join(f"x-{n}: {n}\r\n" for n in range(MOST_HEADERS - 10))
    said = send(server, f"GET /profiles HTTP/1.1\r\nHost: localhost\r\n{CLOSE}{usual}\r\n")
    assert said.startswith("HTTP/1.1 200 ")


def test_a_wrong_host_is_refused_before_its_body_and_without_a_trace(server: Sandbox) -> None:
    before = len(server.requests())
    head = "POST /hrv HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 900000\r\n"
    said = send(server, f"{head}{CLOSE}\r\n")  # of which nothing is sent
    assert said.startswith("HTTP/1.1 421 ")
    assert "x-request-id: req_" in said.lower()
    assert "host-not-allowed" in said
    assert len(server.requests()) == before


def test_a_database_that_is_gone_is_a_503_whoever_asks_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = create_app()
    with TestClient(app, base_url="http://localhost") as client:
        app.state.database._backend.reading.dispose()
        reading = app.state.database._backend.reading

        def gone(*_: Any, **__: Any) -> Any:
            from sqlalchemy.exc import OperationalError

            raise OperationalError("SELECT", {}, Exception("unable to open database file"))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(reading), "connect", gone)
            for headers in ({}, {"Idempotency-Key": "k1"}):
                body = {"tenant": "default", "profile_name": "p", "hrv_vector": [0.5] * 8}
                answer = client.post("/profiles", json=body, headers=headers)
                assert answer.status_code == 503, headers
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["type"].endswith("database-unavailable")
    assert capsys.readouterr().err == ""


def test_a_request_that_nobody_could_read_keeps_no_key(server: Sandbox) -> None:
    url = f"{server.url}/profiles"
    fine = '{"tenant":"default","profile_name":"mended","hrv_vector":[.5]}'.replace(
        "[.5]", str([0.5] * 8)
    )
    doubled = fine.replace("{", '{"tenant":"demo_tenant",', 1)

    def post(body: str, key: str, media: str = "application/json") -> int:
        headers = {"Idempotency-Key": key, "Content-Type": media}
        return requests.post(url, body, headers=headers, timeout=10).status_code

    assert [post(doubled, "k1"), post(doubled, "k1"), post(fine, "k1")] == [400, 400, 201]
    other = fine.replace("mended", "other")
    assert [post(other, "k2", "text/plain"), post(other, "k2")] == [415, 201]
    assert post(doubled, "k2") == 422  # the key is another request's by now
