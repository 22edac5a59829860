"""An answer is that of its own request: come early, come twice, or come after Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import threading
import time
from typing import Any

import pytest

from resonance_helpers import ResonanceOSAPIClient
from resonance_helpers.client.errors import ResonanceError
from resonance_helpers.client.transport import RetryPolicy
from tests.support.raw_server import answer

LARGE = 6_000_000
REFUSAL = {
    **{"type": "urn:resonanceos:problem:body-too-large", "title": "The body is too large"},
    **{"status": 413, "detail": "A body has at most 1,048,576 bytes."},
}


def prompt_of(request: bytes) -> str:
    return str(json.loads(request.partition(b"\r\n\r\n")[2])["prompt"])


def echo(connection: socket.socket, request: bytes) -> None:
    connection.sendall(answer({"article": prompt_of(request), "hrv_feedback": 0.5}))


def own_answers(client: Any) -> None:
    """The next three calls get theirs."""
    for prompt in ("one", "two", "three"):
        assert client.generate_content(prompt)["article"] == prompt


# -- early ----------------------------------------------------------------------------------------


class Hasty:
    """Refuses a large body when it has seen its head: then it lingers, or breaks off."""

    def __init__(self, abrupt: bool) -> None:
        self.abrupt = abrupt
        self.refused = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while True:
                head = b""
                while b"\r\n\r\n" not in head:
                    if not (data := connection.recv(65_536)):
                        return
                    head += data
                head, _, body = head.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                if length > LARGE:
                    self.refused += 1
                    kind = "application/problem+json"
                    connection.sendall(answer(REFUSAL, 413, {"Connection": "close"}, kind))
                    self._end(connection)
                    return
                while len(body) < length:
                    body += connection.recv(65_536)
                echo(connection, head + b"\r\n\r\n" + body)

    def _end(self, connection: socket.socket) -> None:
        if self.abrupt:
            time.sleep(0.1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65_536):
            pass

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize("abrupt", [False, True], ids=["lingering", "abrupt"])
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_a_refusal_that_comes_while_the_body_leaves_is_read_and_final(
    client_of: Any, warm: bool, abrupt: bool
) -> None:
    server = Hasty(abrupt)
    try:
        client = client_of(server, retry=RetryPolicy(base=0.001), timeout=30)
        if warm:
            client.generate_content("small")
        with pytest.raises(ResonanceError) as raised:
            client.generate_content("x" * LARGE)
        assert (raised.value.status, raised.value.attempts) == (413, 1), raised.value
        assert server.refused == 1
        own_answers(client)
    finally:
        server.close()


# -- twice ----------------------------------------------------------------------------------------


def doubled(connection: socket.socket, request: bytes) -> None:
    stray = answer({"article": "nobody's", "hrv_feedback": 0.1})
    connection.sendall(answer({"article": prompt_of(request), "hrv_feedback": 0.5}) + stray)


def hinting(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 3)
    echo(connection, request)


@pytest.mark.parametrize("handler", [doubled, hinting])
def test_what_nobody_asked_for_is_never_handed_on(serve: Any, client_of: Any, handler: Any) -> None:
    client = client_of(serve(handler))
    own_answers(client)


def test_the_body_of_a_204_is_nobodys(serve: Any, client_of: Any) -> None:
    stray = json.dumps({"article": "nobody's", "hrv_feedback": 0.1}).encode()

    def handler(connection: socket.socket, request: bytes) -> None:
        if request.startswith(b"DELETE"):
            head = b"HTTP/1.1 204 No Content\r\nContent-Length: %d\r\n\r\n" % len(stray)
            connection.sendall(head + stray)
        else:
            echo(connection, request)

    client = client_of(serve(handler))
    client.delete_profile("default", "p")
    own_answers(client)


# -- after Ctrl-C ---------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="a process of Windows cannot press Ctrl-C for itself")
@pytest.mark.parametrize("sent", [0, 20, -4], ids=["before the head", "in it", "in the body"])
def test_after_ctrl_c_the_next_calls_get_their_own_answers(
    serve: Any, authority_file: Any, sent: int
) -> None:
    over = threading.Event()

    def handler(connection: socket.socket, request: bytes) -> None:
        if prompt_of(request) != "broken off":
            echo(connection, request)
            return
        whole = answer({"article": "broken off", "hrv_feedback": 0.5})
        part = whole[:sent]
        connection.sendall(part)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)
        over.wait(20)
        connection.sendall(whole[len(part) :])

    server = serve(handler)
    with ResonanceOSAPIClient(server.url, retry=None, on_error="raise", timeout=30) as client:
        client.session.verify = str(authority_file)
        client.generate_content("warm")
        with pytest.raises(KeyboardInterrupt):
            client.generate_content("broken off")
        over.set()
        own_answers(client)
