"""What a server may answer, and what becomes of it: over real sockets, with and without TLS."""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import pickle
import socket
import ssl
import struct
import threading
import tracemalloc
import zlib
from types import SimpleNamespace
from typing import Any

import pytest

from resonance_helpers import ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client import errors
from resonance_helpers.client.transport import Answer, connections
from resonance_helpers.client.transport.content import SIZE_CAP
from tests.support.raw_server import answer, raw_server, replies, resets, sends, sends_and_closes
from tests.support.waiting import eventually

HEALTHY = {"status": "healthy"}
WHOLE = answer(HEALTHY)
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        pytest.param(resets, errors.ConnectionLostError, id="reset"),
        pytest.param(sends_and_closes(b""), errors.ConnectionLostError, id="closed without a word"),
        pytest.param(
            sends_and_closes(WHOLE[:12]), errors.ConnectionLostError, id="status line cut"
        ),
        pytest.param(sends_and_closes(WHOLE[:40]), errors.ConnectionLostError, id="head cut"),
        pytest.param(sends_and_closes(WHOLE[:-18]), errors.ConnectionLostError, id="body missing"),
        pytest.param(sends_and_closes(WHOLE[:-1]), errors.ConnectionLostError, id="a byte short"),
        pytest.param(
            sends_and_closes(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"status\r\n'
            ),
            errors.ConnectionLostError,
            id="chunks cut",
        ),
        pytest.param(sends(b"SSH-2.0-OpenSSH\r\n\r\n"), errors.BadResponseError, id="not HTTP"),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"),
            errors.BadResponseError,
            id="endless header",
        ),
        pytest.param(
            sends(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
            errors.BadResponseError,
            id="too many headers",
        ),
        pytest.param(
            replies(b"<html>Log in</html>", content_type="text/html"),
            errors.UnexpectedContentError,
            id="captive portal",
        ),
        pytest.param(
            replies(b"{}", content_type=None), errors.UnexpectedContentError, id="no content type"
        ),
        pytest.param(replies(b'{"status":'), errors.MalformedJSONError, id="JSON cut"),
        pytest.param(replies(b""), errors.MalformedJSONError, id="no body"),
        pytest.param(replies(b"\xff\xfe\x00"), errors.MalformedJSONError, id="not UTF-8"),
        pytest.param(replies(b'{"status": NaN}'), errors.MalformedJSONError, id="NaN"),
        pytest.param(replies(b"[" * 100_000), errors.MalformedJSONError, id="deeply nested"),
        pytest.param(
            replies(b'{"status": ' + b"9" * 5000 + b"}"),
            errors.MalformedJSONError,
            id="huge number",
        ),
        pytest.param(replies(["healthy"]), errors.UnexpectedShapeError, id="a list"),
        pytest.param(replies({"state": "healthy"}), errors.UnexpectedShapeError, id="no status"),
        pytest.param(replies({"status": 1}), errors.UnexpectedShapeError, id="status a number"),
        pytest.param(
            replies({"status": "error"}), errors.UnexpectedShapeError, id="an error that says 200"
        ),
        pytest.param(
            replies(b"not gzip", headers={"Content-Encoding": "gzip"}),
            errors.MalformedJSONError,
            id="compression broken",
        ),
        pytest.param(
            sends(JSON + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}"),
            errors.BadResponseError,
            id="a chunk of less than nothing",
        ),
        pytest.param(
            sends(JSON + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
            errors.BadResponseError,
            id="two lengths",
        ),
        pytest.param(
            replies({}, status=302, headers={"Location": "http://elsewhere.example/"}),
            errors.UnexpectedRedirectError,
            id="redirect",
        ),
        pytest.param(replies({}, status=304), errors.UnexpectedRedirectError, id="not modified"),
        pytest.param(
            replies(b"<h1>Bad gateway</h1>", status=502, content_type="text/html"),
            errors.BadGatewayError,
            id="a gateway's page",
        ),
        pytest.param(
            sends(b"HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n"),
            errors.UnexpectedContentError,
            id="a strange success",
        ),
    ],
)
def test_each_wrong_answer_has_its_error(
    serve: Any, client_of: Any, handler: Any, kind: type[errors.ResonanceError]
) -> None:
    server = serve(handler)
    with pytest.raises(errors.ResonanceError) as raised:
        client_of(server).health_check()
    assert type(raised.value) is kind
    assert len(server.requests) == 1
    face = client_of(server, on_error="return").health_check()
    assert face["status"] == "error"
    assert face["type"] == raised.value.type


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://elsewhere.example:8443/v6?a=b", "https://elsewhere.example:8443;"),
        ("https://user:pw@elsewhere.example/", "another address;"),
        ("/v6/health", "another path;"),
        ("http://[::1", "another address;"),
        ("ftp://elsewhere.example/", "another address;"),
        (None, "another address;"),
    ],
)
def test_a_redirect_is_told_with_where_it_leads(
    serve: Any, client_of: Any, location: str | None, where: str
) -> None:
    headers = {"Location": location} if location else {}
    with pytest.raises(errors.UnexpectedRedirectError) as raised:
        client_of(serve(replies({}, status=308, headers=headers))).health_check()
    assert f"points to {where}" in str(raised.value)
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize("field", ['"0.5"', "null", "true", "[]", "1e999"])
def test_a_field_of_another_type_is_an_error(serve: Any, client_of: Any, field: str) -> None:
    body = f'{{"article": "x", "hrv_feedback": {field}}}'.encode()
    with pytest.raises(errors.UnexpectedShapeError, match="hrv_feedback"):
        client_of(serve(replies(body))).generate_content("a prompt")


def test_an_answer_brings_along_what_http_said(serve: Any, client_of: Any) -> None:
    headers = {
        "X-Request-ID": "req_1",
        "Server-Timing": 'cache;desc="a, b";dur=2, app;dur=12.5',
        "RateLimit": '"minute";r=7;t=30',
        "ETag": '"v1"',
        "Idempotency-Replayed": "true",
    }
    server = serve(replies(HEALTHY, headers=headers))
    client = client_of(server)
    health = client.health_check()
    assert health == HEALTHY
    assert isinstance(health, dict)
    assert health.request_id == "req_1"
    assert health.server_time == 0.0125
    assert health.elapsed > 0
    assert health.attempts == 1
    assert health.status_code == 200
    assert health.etag == '"v1"'
    assert health.replayed
    assert health.rate_limit.remaining == client.rate_limit.remaining == 7
    assert client.rate_limit.reset <= 30
    again = pickle.loads(pickle.dumps(health))
    assert (again, again.request_id, again.elapsed) == (health, "req_1", health.elapsed)


def test_what_was_not_said_is_none() -> None:
    silent = Answer({"a": 1})
    assert silent.request_id is silent.server_time is silent.rate_limit is silent.etag is None
    assert not silent.replayed
    for strange in ("app", "app;dur=", "app;dur=.", "application;dur=3", "x;app;dur=1"):
        assert Answer(headers={"Server-Timing": strange}).server_time is None


def test_nothing_is_an_answer_to_a_deletion(serve: Any, client_of: Any) -> None:
    server = serve(sends(b"HTTP/1.1 204 No Content\r\n\r\n"))
    assert client_of(server).delete_profile("acme", "formal") == {}
    assert server.requests[0].startswith(b"DELETE /profiles/acme/formal HTTP/1.1\r\n")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", None])
def test_compressed_and_chunked_answers_are_read(
    serve: Any, client_of: Any, encoding: str | None
) -> None:
    plain = json.dumps({"status": "healthy", "text": "ü" * 10_000}).encode()
    body = {"gzip": gzip.compress, "deflate": zlib.compress, None: bytes}[encoding](plain)
    headers = {"Content-Encoding": encoding} if encoding else {}
    client = client_of(serve(replies(body, headers=headers)))
    assert client.health_check() == json.loads(plain)
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + 999]), body[at : at + 999])
        for at in range(0, len(body), 999)
    )
    head = answer(b"", headers={**headers, "Transfer-Encoding": "chunked"})
    head = head.replace(b"Content-Length: 0\r\n", b"")
    client = client_of(serve(sends(head + chunks + b"0\r\n\r\n")))
    assert client.health_check() == json.loads(plain)
    assert client.health_check() == json.loads(plain)


def test_an_answer_that_claims_to_be_too_large_is_not_read(serve: Any, client_of: Any) -> None:
    head = answer(b"", headers={}).replace(b"Length: 0", b"Length: %d" % (SIZE_CAP + 1))
    server = serve(sends(head), replies(HEALTHY))
    client = client_of(server)
    with pytest.raises(errors.ResponseTooLargeError, match="16,777,216 bytes"):
        client.health_check()
    assert client.health_check() == HEALTHY  # over a connection of its own
    assert server.connections == 2


def test_a_bomb_does_not_go_off(serve: Any, client_of: Any) -> None:
    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    million = b" " * 1_000_000
    bomb = b"".join([squeezed.compress(million) for _ in range(200)] + [squeezed.flush()])
    assert len(bomb) < 1_000_000
    client = client_of(serve(replies(bomb, headers={"Content-Encoding": "gzip"})), timeout=30)
    tracemalloc.start()
    try:
        with pytest.raises(errors.ResponseTooLargeError):
            client.health_check()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * SIZE_CAP


def test_problem_details_become_the_error(serve: Any, client_of: Any) -> None:
    problem = {
        "type": "urn:resonanceos:problem:validation-failed",
        "title": "Invalid",
        "detail": "prompt is empty; give it at least one character.",
        "request_id": "req_9",
        "errors": [{"field": "prompt", "message": "is empty"}, "odd"],
    }
    client = client_of(serve(replies(problem, 422, content_type="application/problem+json")))
    with pytest.raises(errors.ValidationError) as raised:
        client.generate_content("")
    error = raised.value
    assert error.errors == [{"field": "prompt", "message": "is empty"}]
    assert error.category == "validation"
    assert str(error) == (
        "prompt is empty; give it at least one character. [422, validation-failed, request req_9]"
    )
    assert error.as_dict() == {
        "status": "error",
        "message": "prompt is empty; give it at least one character.",
        "response_code": 422,
        "type": "validation-failed",
        "request_id": "req_9",
        "retryable": False,
        "retry_after": None,
        "attempts": 1,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"type": 7, "detail": [], "errors": {}, "request_id": {}}',
        b'{"type": "about:blank"}',
    ],
)
def test_no_problem_is_too_strange(serve: Any, client_of: Any, body: bytes) -> None:
    client = client_of(serve(replies(body, 404, content_type="application/problem+json")))
    with pytest.raises(errors.NotFoundError) as raised:
        client.get_profile("acme", "formal")
    assert raised.value.message == "The server answered 404 Some Reason."
    assert raised.value.type == "not-found"


def test_what_a_stranger_says_stays_one_short_line(serve: Any, client_of: Any) -> None:
    problem = {
        "type": "urn:resonanceos:problem:\x1b[2J",
        "detail": "no\x1b[31m\r\nINFO: all is well " + "x" * 5000,
        "request_id": "r" * 5000,
        "errors": [{"field": "a\nb", "message": "c\x07"}],
    }
    client = client_of(serve(replies(problem, 422)))
    with pytest.raises(errors.ValidationError) as raised:
        client.generate_content("x")
    error = raised.value
    assert str(error).isprintable()
    assert len(str(error)) < 1100
    assert (error.type, error.request_id) == ("validation-failed", None)
    assert error.errors == [{"field": "a b", "message": "c "}]


def test_what_comes_before_the_answer_is_not_the_answer(serve: Any, client_of: Any) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"

    def slow(connection: socket.socket, request: bytes) -> None:
        prompt = json.loads(request.partition(b"\r\n\r\n")[2])["prompt"]
        connection.sendall(early)
        connection.sendall(answer({"article": prompt, "hrv_feedback": 0.5}))

    server = serve(slow)
    client = client_of(server)
    for prompt in ("one", "two", "three"):
        assert client.generate_content(prompt)["article"] == prompt
    assert server.connections == 1


def test_a_connection_is_used_again_and_a_dead_one_is_not(serve: Any, client_of: Any) -> None:
    server = serve(replies(HEALTHY), replies(HEALTHY), sends_and_closes(WHOLE), replies(HEALTHY))
    client = client_of(server)
    for _ in range(3):
        client.health_check()
    assert server.connections == 1
    assert eventually(lambda: server.closed)  # its end has arrived: the two are one machine
    assert client.health_check() == HEALTHY
    assert server.connections == 2


def test_retries_go_over_the_wire(serve: Any, client_of: Any) -> None:
    generated = {"article": "x", "hrv_feedback": 1}
    server = serve(resets, sends_and_closes(WHOLE[:-3]), replies({}, 503), replies(generated))
    client = client_of(server, retry=RetryPolicy(base=0.001))
    result = client.generate_content("a prompt")
    assert result == generated
    assert result.attempts == 4
    keys = {
        line for request in server.requests for line in request.split(b"\r\n") if b"Idem" in line
    }
    assert len(keys) == 1


def test_health_is_asked_once(serve: Any, client_of: Any) -> None:
    server = serve(replies({}, 503))
    client = client_of(server, retry=RetryPolicy(base=0.001), deadline=5, on_error="return")
    assert client.health_check()["attempts"] == 1
    assert len(server.requests) == 1


def test_nobody_there_is_not_sent() -> None:
    client = ResonanceOSAPIClient("http://127.0.0.1:1", retry=None, on_error="raise")
    with pytest.raises(errors.ConnectionFailedError, match="No connection to http://127"):
        client.health_check()
    with pytest.raises(errors.NameNotResolvedError, match=r"no-such-host\.invalid"):
        ResonanceOSAPIClient("http://no-such-host.invalid", on_error="raise").health_check()


def test_a_certificate_that_is_not_trusted_is_not_sent(tls: Any) -> None:
    with raw_server(replies(HEALTHY), tls=tls) as server:
        client = ResonanceOSAPIClient(server.url, on_error="raise")
        with pytest.raises(errors.TLSError, match="certificate") as raised:
            client.get_profiles()
    assert isinstance(raised.value, errors.NotSentError)
    assert raised.value.attempts == 1
    assert server.requests == []


@pytest.mark.parametrize("what", ["no bundle", "bundle", "certificate", "no certificate", "keys"])
def test_a_file_that_can_not_be_read_is_no_server_that_is_down(
    what: str, tls: Any, authority_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Context(ssl.SSLContext):
        def load_verify_locations(self, *_: Any, **__: Any) -> None:
            raise PermissionError(13, "Permission denied")  # root may read all

    folder = str(authority_file.parent)
    with raw_server(replies(HEALTHY), tls=tls) as server:
        client = ResonanceOSAPIClient(server.url, retry=None, on_error="raise")
        client.session.verify = f"{folder}/none" if what == "no bundle" else str(authority_file)
        client.session.cert = {"certificate": folder, "no certificate": f"{folder}/none"}.get(what)
        if what == "bundle":
            monkeypatch.setattr("urllib3.util.ssl_.SSLContext", Context)
        if what == "keys":
            monkeypatch.setenv("SSLKEYLOGFILE", f"{folder}/none/keys")
        with pytest.raises(errors.TLSError, match=r"can't be read\. Fix: ") as raised:
            client.get_profiles()
    assert not raised.value.retryable


def test_certificates_for_which_no_file_can_be_opened_are_not_wrong(
    tls: Any, authority_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Context(ssl.SSLContext):
        def load_verify_locations(self, *_: Any, **__: Any) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("urllib3.util.ssl_.SSLContext", Context)
    with raw_server(replies(HEALTHY), tls=tls) as server:
        client = ResonanceOSAPIClient(server.url, retry=None)
        client.session.verify = str(authority_file)
        answer = client.get_profiles()
    assert (answer["type"], answer["retryable"]) == ("connection-failed", True)
    assert "Too many open files. Fix: " in answer["message"]


def test_a_firewall_that_forbids_a_connection_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(connections.PunctualHTTPSConnection, "_open", forbidden)
    client = ResonanceOSAPIClient("https://127.0.0.1:1", retry=None, on_error="raise")
    with pytest.raises(errors.ConnectionFailedError, match="Operation not permitted"):
        client.get_profiles()


def test_an_end_within_the_handshake_is_a_connection_that_failed(client_of: Any) -> None:
    """A balancer that is being restarted takes the hello and closes, with FIN or RST."""

    def hang_up(connection: socket.socket, number: int) -> None:
        connection.recv(4096)
        if number % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            for number in range(100):
                connection = listener.accept()[0]
                accepted.append(number)
                hang_up(connection, number)

    accepted: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        server = SimpleNamespace(url=f"https://127.0.0.1:{listener.getsockname()[1]}")
        client = client_of(server, retry=RetryPolicy(base=0.001))
        with pytest.raises(errors.ConnectionFailedError) as raised:
            client.get_tenants()
    assert isinstance(raised.value, errors.NotSentError)
    assert raised.value.attempts == len(accepted) == 5
