"""What stands before everything else: the target's form, the headers' bounds, the Host."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from fastapi.testclient import TestClient

from resonance_sandbox import Sandbox, start
from resonance_sandbox.app import create_app
from resonance_sandbox.http.middleware.header_limits import MOST_HEADERS
from resonance_sandbox.http.strict_http import LONGEST


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
        ("/health", "evil.example", 421),
    ],
)
def test_a_target_in_absolute_form(server: Sandbox, target: str, host: str, status: int) -> None:
    said = send(server, f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{CLOSE}\r\n")
    assert said.startswith(f"HTTP/1.1 {status} "), said


ALL = {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"}


@pytest.mark.parametrize(
    ("line", "host", "status"),
    [
        ("OPTIONS *", "localhost", 204),
        ("OPTIONS http://localhost", "localhost", 204),
        ("OPTIONS *", "evil.example", 421),
        ("CONNECT localhost:80", "localhost", 405),
        ("CONNECT evil.example:443", "evil.example:443", 421),
    ],
)
def test_a_target_that_is_the_whole_server(
    server: Sandbox, line: str, host: str, status: int
) -> None:
    said = send(server, f"{line} HTTP/1.1\r\nHost: {host}\r\n{CLOSE}\r\n")
    assert said.startswith(f"HTTP/1.1 {status} "), said
    allowed = said.partition("\r\nallow: ")[2].partition("\r\n")[0]
    assert set(allowed.split(", ")) >= (ALL if status != 421 else {""})


BODY = '{"text":"Hello there."}'
CHUNKED = f"{len(BODY):x}\r\n{BODY}\r\n0\r\n\r\n"
TWO_HOSTS = "Host: localhost\r\nHost: localhost\r\n"
CODED = "Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        *(f"{line} HTTP/1.1\r\nHost: localhost\r\n\r\n" for line in ("GET *", "GET health")),
        *(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n" for target in ("localhost:80", "ftp://a/")),
        f"GET /health HTTP/1.1\r\n{TWO_HOSTS}\r\n",
        "GET /health HTTP/1.1\r\n\r\n",
        "GET /health HTTP/2.0\r\nHost: localhost\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        *(
            f"POST /hrv HTTP/1.1\r\nHost: localhost\r\n{head}\r\n{body}"
            for head, body in (
                ("Content-Length: +23\r\n", BODY),
                ("Content-Length: 23, 9\r\n", BODY),
                ("Content-Length: 23\r\nContent-Length: 9\r\n", BODY),
                (f"Content-Length: 4\r\n{CODED}", CHUNKED),
                (f"{CODED}Content-Length: 4\r\n", CHUNKED),
                (f"{CODED}{CODED}", CHUNKED),
                ("Transfer-Encoding: gzip, chunked\r\n", CHUNKED),
                ("Transfer-Encoding: identity\r\nContent-Length: 23\r\n", BODY),
            )
        ),
        f"POST /hrv HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n{CODED}\r\n{CHUNKED}",
    ],
)
def test_what_two_parsers_could_read_differently_ends_the_connection(
    server: Sandbox, request_: str
) -> None:
    before = len(server.requests())
    said = send(server, f"{request_}GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert said.startswith("HTTP/1.1 400 "), said
    assert said.count("HTTP/1.1 ") == said.count("malformed-request") == 1
    assert "application/problem+json" in said
    assert "x-request-id: req_" in said.lower()
    assert len(server.requests()) == before


def test_half_a_body_that_makes_no_sense_is_answered_like_all_else(server: Sandbox) -> None:
    said = send(server, f"POST /hrv HTTP/1.1\r\nHost: localhost\r\n{CODED}\r\nzz\r\n{BODY}")
    assert said.startswith("HTTP/1.1 400 "), said
    assert '"request_id": "req_' in said


def test_who_goes_on_with_nonsense_after_the_answer_is_left_without_a_word() -> None:
    with start() as server:
        address = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        with socket.create_connection(address) as peer:
            peer.settimeout(20)
            peer.sendall(f"POST /hrv HTTP/1.1\r\nHost: evil.example\r\n{CODED}\r\n".encode())
            said = peer.recv(65_536)
            assert said.startswith(b"HTTP/1.1 421 ")
            while not said.endswith(b"}"):
                said += peer.recv(65_536)
            peer.sendall(b"zz\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert peer.recv(65_536) == b""
        assert requests.get(f"{server.url}/health", timeout=20).ok
        server.stop()
        assert server.log() == ""


def test_a_head_that_is_too_large_is_told_so_however_it_arrives(server: Sandbox) -> None:
    large = "".join(f"x-{n}: {'y' * 500}\r\n" for n in range(40))
    head = f"GET /health HTTP/1.1\r\nHost: localhost\r\n{CLOSE}{large}"
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1]))) as peer:
        peer.settimeout(20)
        peer.sendall(head.encode())
        time.sleep(0.2)  # so that it is read in two pieces
        peer.sendall(b"\r\n")
        assert peer.recv(65_536).startswith(b"HTTP/1.1 431 ")
    endless = head + f"x: {'y' * LONGEST}"
    assert send(server, endless).startswith("HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "name", ["Authorization", "X-API-Key", "Content-Type", "Content-Encoding", "Origin"]
)
def test_a_header_with_two_values_is_refused_by_its_name(server: Sandbox, name: str) -> None:
    key = server.credentials["acme_corp"]["api_key"]
    values = {"Authorization": ("Bearer x", f"Bearer {key}"), "X-API-Key": ("x", key)}
    for first, second in (values.get(name, ("a", "b")), values.get(name, ("b", "a"))[::-1]):
        said = send(
            server,
            f"GET /tenants HTTP/1.1\r\nHost: localhost\r\n{CLOSE}"
            f"{name}: {first}\r\n{name}: {second}\r\n\r\n",
        )
        assert said.startswith("HTTP/1.1 422 "), said
        assert f'"field": "{name}"' in said
        assert key not in said


def test_a_list_may_stand_in_two_headers(server: Sandbox) -> None:
    profile = f"{server.url}/profiles/default/house_style"
    etag = requests.get(profile, timeout=20).headers["ETag"]
    line = "GET /profiles/default/house_style HTTP/1.1\r\nHost: localhost\r\n"
    tags = f'If-None-Match: "a"\r\nIf-None-Match: W/{etag}\r\n'
    assert send(server, f"{line}{CLOSE}{tags}\r\n").startswith("HTTP/1.1 304 ")
    line = "DELETE /profiles/default/release_notes HTTP/1.1\r\nHost: localhost\r\n"
    etag = requests.get(f"{server.url}/profiles/default/release_notes", timeout=20).headers["ETag"]
    tags = f'If-Match: "a"\r\nIf-Match: {etag}\r\n'
    assert send(server, f"{line}{CLOSE}{tags}\r\n").startswith("HTTP/1.1 204 ")
    accept = f"GET /metrics HTTP/1.1\r\nHost: localhost\r\n{CLOSE}"
    said = send(server, f"{accept}Accept: image/png\r\nAccept: text/plain\r\n\r\n")
    assert said.startswith("HTTP/1.1 200 ")
    assert "# HELP" in said


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
    assert said.startswith("HTTP/1.1 431 "), said[:200]
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
