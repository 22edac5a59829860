"""One attempt against receivers of every kind, over real sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from email.utils import formatdate

import pytest
import trustme
from standardwebhooks import Webhook

from resonance_sandbox.webhooks import sending
from resonance_sandbox.webhooks.secret_box import new_secret
from resonance_sandbox.webhooks.sending import AttemptOutcome, send, signed
from resonance_sandbox.webhooks.ssrf_guard import SSRFGuard
from tests.support.raw_server import (
    Handler,
    RawServer,
    answer,
    drips,
    raw_server,
    replies,
    resets,
    sends,
    sends_and_closes,
    stalls,
)

BODY = b'{"type":"webhook.test","timestamp":"2026-01-01T00:00:00Z","data":{"tea":"\xc3\xa9"}}'


def post(url: str, timeout: float = 5.0, guard: SSRFGuard | None = None) -> AttemptOutcome:
    guard = guard or SSRFGuard(allow_loopback=True)
    headers = {"webhook-id": "msg_1"}
    return asyncio.run(send(guard, url, headers, BODY, "now", timeout, time.time()))


def to(*handlers: Handler, timeout: float = 5.0) -> AttemptOutcome:
    with raw_server(*handlers) as server:
        return post(server.url, timeout)


def port(server: RawServer) -> str:
    return server.url.rpartition(":")[2]


def test_what_a_receiver_gets() -> None:
    with raw_server(replies(status=204)) as server:
        outcome = post(f"{server.url}/hook?a=b")
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().lower().splitlines()
    assert lines[0] == "post /hook?a=b http/1.1"
    assert f"host: 127.0.0.1:{port(server)}" in lines
    assert "content-type: application/json" in lines
    assert f"content-length: {len(BODY)}" in lines
    assert body == BODY
    assert outcome.delivered
    assert (outcome.status, outcome.error, outcome.at) == (204, None, "now")
    assert outcome.latency_ms > 0


def test_the_reference_library_verifies_each_signature() -> None:
    secrets = [new_secret(), new_secret()]
    headers = signed("msg_1", BODY, secrets, time.time())
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in secrets:
        assert Webhook(secret).verify(BODY, headers)["data"] == {"tea": "é"}
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with raw_server(replies()) as inner:
        outcome = to(replies(status=status, headers={"Location": f"{inner.url}/metadata"}))
        assert inner.requests == []
    assert not outcome.delivered
    assert outcome.status == status
    assert "redirects are not followed" in str(outcome.error)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_failure(status: int) -> None:
    outcome = to(replies(status=status))
    assert (outcome.delivered, outcome.status, outcome.gone) == (False, status, status == 410)


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (sends(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "not HTTP"),
        (sends_and_closes(b"HTTP/1.1 200"), "not HTTP"),
        (sends_and_closes(b""), "not HTTP"),
        (sends(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000), "not HTTP"),
        (resets, "failed"),
        (sends(b"HTTP/1.1 100 Continue\r\n\r\n" * 5_000), "no end"),
        (sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), "not HTTP"),
    ],
    ids=["another protocol", "cut off", "nothing", "endless head", "reset", "flood", "upgrade"],
)
def test_what_is_no_answer(handler: Handler, error: str) -> None:
    outcome = to(handler)
    assert outcome.status is None
    assert error in str(outcome.error)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    assert post(f"http://127.0.0.1:{free}/").error == "The connection was refused."


@pytest.mark.parametrize(
    "handler",
    [
        stalls,
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", every=0.1),
        sends(b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silent", "drips its head", "goes on"],
)
def test_the_timeout_is_of_the_wall_clock(handler: Handler) -> None:
    outcome = to(handler, timeout=0.5)
    assert outcome.error == "No answer within 0.5 seconds."
    assert outcome.latency_ms >= 450


@pytest.mark.parametrize(
    "handler",
    [
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, after=40),
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 1_000_000),
        sends_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"),
        sends(b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer()),
    ],
    ids=["drips its body", "endless body", "no body", "hints first"],
)
def test_the_status_is_all_that_matters(handler: Handler) -> None:
    """Within the timeout, and without reading more than the cap."""
    outcome = to(handler, timeout=1.0)
    assert (outcome.status, outcome.delivered) == (200, True)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (3600, 3600.0),
        (-3600, 0.0),
        ("soon", None),
        ("-1", None),
        ("Thu, 99 Jan 2026 00:00:00 GMT", None),
        ("9" * 400, None),
        ("", None),
    ],
    ids=["7", "0", "in an hour", "an hour ago", "soon", "-1", "no date", "endless", "nothing"],
)
def test_retry_after(header: str | int, seconds: float | None) -> None:
    """A number stands for the date so many seconds from now."""
    if isinstance(header, int):
        header = formatdate(time.time() + header, usegmt=True)
    found = to(replies(status=503, headers={"Retry-After": header})).retry_after
    assert found == (None if seconds is None else pytest.approx(seconds, abs=60))


def test_a_refused_address_is_no_connection() -> None:
    with raw_server(replies()) as server:
        outcome = post(server.url, guard=SSRFGuard())
        assert server.connections == 0
    assert outcome.error == "The address is refused: it leads to an address that is not public."


def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name in Host, SNI and the certificate; and where one address fails, by the next."""
    authority = trustme.CA()
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(sending, "_context", lambda: trusting)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("hooks.example.org").configure_cert(serving)
    named: list[str | None] = []
    serving.sni_callback = lambda _, name, __: named.append(name)  # type: ignore[assignment]

    async def resolver(host: str, port: int) -> list[ipaddress.IPv4Address]:
        return [ipaddress.IPv4Address("127.0.0.2"), ipaddress.IPv4Address("127.0.0.1")]

    guard = SSRFGuard(allow_loopback=True, resolver=resolver)  # type: ignore[arg-type]
    with raw_server(replies(), tls=serving) as server:
        outcome = post(f"https://hooks.example.org:{port(server)}/hook", guard=guard)
        assert outcome.error is None
        assert named == ["hooks.example.org"]
        assert f"host: hooks.example.org:{port(server)}".encode() in server.requests[0].lower()
        other = post(f"https://other.example.org:{port(server)}/hook", guard=guard)
        assert "certificate is not valid" in str(other.error)
        assert len(server.requests) == 1
