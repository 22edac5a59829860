"""`timeout` and `deadline` hold in wall-clock time, whatever the server does meanwhile.

The bound asserted is a generous one, since a busy machine may wake a thread late; how far past
its end a call really runs is measured by `python -m benchmarks fault_matrix`.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from resonance_helpers import JWTAuth, ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client.errors import (
    AttemptTimeoutError,
    ConnectTimeoutError,
    NotSentError,
    OutcomeUnknownError,
    ResonanceError,
)
from tests.support.raw_server import answer, drips, full_backlog, replies, sends, stalls

TIMEOUT = 0.3
SLACK = 2.0
WHOLE = answer({"status": "healthy", "version": "x" * 400}, headers={"X-Padding": "y" * 400})
HEAD = WHOLE.index(b"\r\n\r\n")
CLOSING = WHOLE.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1\r\n \r\n" * 400
)
EARLY = b"HTTP/1.1 100 Continue\r\n\r\n" * 200


def timed(call: Callable[[], Any], *, connects: bool = True) -> tuple[ResonanceError, float]:
    """The error of a call, and the seconds it took.

    Where it connects, a machine that stood still meanwhile is given another chance.
    """
    for _ in range(5):
        started = time.monotonic()
        with pytest.raises(ResonanceError) as raised:
            call()
        took = time.monotonic() - started
        if not (connects and isinstance(raised.value, ConnectTimeoutError)):
            break
    return raised.value, took


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(drips(WHOLE), id="from the first byte on"),
        pytest.param(drips(WHOLE, after=30), id="headers"),
        pytest.param(drips(WHOLE, after=HEAD + 20), id="body"),
        pytest.param(drips(CLOSING, after=len(CLOSING) - 100), id="body, then close"),
        pytest.param(drips(CHUNKED, after=100), id="chunks"),
        pytest.param(drips(EARLY), id="interim answers"),
        pytest.param(stalls, id="silence"),
    ],
)
def test_a_dripped_answer_does_not_outlast_the_timeout(
    serve: Any, client_of: Any, handler: Any
) -> None:
    client = client_of(serve(handler), timeout=TIMEOUT)
    error, took = timed(client.health_check)
    assert isinstance(error, AttemptTimeoutError)
    assert isinstance(error, OutcomeUnknownError)
    assert TIMEOUT <= took < TIMEOUT + SLACK
    assert "0.3 s" in error.message


def test_a_request_nobody_reads_does_not_outlast_the_timeout(serve: Any, client_of: Any) -> None:
    server = serve(stalls)
    server.reading = False
    client = client_of(server, timeout=TIMEOUT)
    error, took = timed(lambda: client.measure_text("x" * 30_000_000))
    assert isinstance(error, AttemptTimeoutError)
    assert took < TIMEOUT + SLACK


def test_a_connection_that_is_not_accepted_is_not_sent() -> None:
    with full_backlog() as place:
        client = ResonanceOSAPIClient(
            f"http://{place}", timeout=TIMEOUT, on_error="raise", retry=None
        )
        error, took = timed(client.health_check, connects=False)
    assert isinstance(error, ConnectTimeoutError)
    assert isinstance(error, NotSentError)
    assert took < TIMEOUT + SLACK


def test_a_tls_handshake_that_stalls_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        client = ResonanceOSAPIClient(url, timeout=TIMEOUT, on_error="raise", retry=None)
        error, took = timed(client.get_system_metrics, connects=False)
    assert isinstance(error, ConnectTimeoutError)
    assert took < TIMEOUT + SLACK


def test_a_name_look_up_does_not_outlast_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: let_go.wait(10) and [])
    client = ResonanceOSAPIClient("http://slow.example", timeout=TIMEOUT, on_error="raise")
    error, took = timed(client.health_check, connects=False)
    let_go.set()
    assert isinstance(error, ConnectTimeoutError)
    assert took < TIMEOUT + SLACK


def test_where_no_thread_can_be_started_there_is_an_answer_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    client = ResonanceOSAPIClient("http://localhost:1", retry=None)
    assert client.health_check()["type"] == "connection-failed"
    client = ResonanceOSAPIClient("http://localhost:1", retry=None, auth=JWTAuth(lambda: "token"))
    assert client.health_check()["type"] == "connection-failed"  # the token was to be had


def test_the_second_address_is_tried_when_the_first_is_dead(
    monkeypatch: pytest.MonkeyPatch, client_of: Any, serve: Any
) -> None:
    server = serve(replies({"status": "healthy"}))
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, *rest: (
            [(0, 0, 0, "", (address, port)) for address in ("127.0.0.2", "127.0.0.1")]
            if host == "localhost"
            else real(host, port, *rest)
        ),
    )
    client = ResonanceOSAPIClient(server.url.replace("127.0.0.1", "localhost"), on_error="raise")
    client.session.verify = client_of(server).session.verify
    assert client.health_check()["status"] == "healthy"


def test_a_deadline_bounds_attempts_and_waits_together(serve: Any, client_of: Any) -> None:
    server = serve(stalls)
    # The last of the attempts has enough left to connect in.
    client = client_of(server, timeout=0.5, deadline=1.3, retry=RetryPolicy(base=0.01))
    error, took = timed(lambda: client.generate_content("a prompt"))
    assert isinstance(error, AttemptTimeoutError)
    assert error.attempts >= 2
    assert took < 1.3 + SLACK


def test_a_timeout_is_not_retried_without_a_deadline(serve: Any, client_of: Any) -> None:
    server = serve(stalls)
    client = client_of(server, timeout=1.0, retry=RetryPolicy())
    error, _ = timed(client.get_profiles)
    assert isinstance(error, AttemptTimeoutError)
    assert error.attempts == 1
    assert len(server.requests) == 1


def test_the_time_starts_anew_with_each_call(serve: Any, client_of: Any) -> None:
    client = client_of(serve(sends(WHOLE)), timeout=1.0)
    for _ in range(3):
        time.sleep(0.4)
        assert client.health_check()["status"] == "healthy"
