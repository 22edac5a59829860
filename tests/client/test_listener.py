"""The server of a log-in and of a receiver, against those who would keep it busy."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from resonance_helpers.client import listener
from resonance_helpers.client.auth import loopback
from resonance_helpers.client.auth.loopback import Redirect
from tests.support.few_files import few_files
from tests.support.waiting import eventually


@pytest.fixture
def redirect(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loopback._Handler, "patience", 1.0)
    with Redirect("http://127.0.0.1/back") as redirect:
        yield redirect


def connected(redirect: Redirect) -> socket.socket:
    parts = urlsplit(redirect.uri)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def come_back(redirect: Redirect) -> int:
    query = {"state": redirect.state.reveal(), "code": "the code"}
    return requests.get(redirect.uri, query, timeout=30).status_code


def test_a_log_in_has_so_many_threads_and_no_more_and_works_afterwards(redirect):
    before = threading.active_count()
    with contextlib.ExitStack() as opened:
        idle = [opened.enter_context(connected(redirect)) for _ in range(2 * 128)]
        most = 0
        until = time.monotonic() + 0.6
        while time.monotonic() < until:
            most = max(most, threading.active_count() - before)
            time.sleep(0.02)
        assert most <= 128
        # Who says nothing is sent away.
        assert eventually(lambda: threading.active_count() <= before)
        assert all(one.recv(1) == b"" for one in idle)
        assert come_back(redirect) == 200
    assert redirect.wait(1).reveal() == "the code"


def test_a_request_that_drips_has_an_end(redirect):
    with connected(redirect) as dripping:
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < began + 8:
                dripping.sendall(b"G")
                dripping.settimeout(0.05)
                with contextlib.suppress(TimeoutError):
                    if not dripping.recv(1):
                        break
        assert time.monotonic() - began < 6
    assert come_back(redirect) == 200


def test_a_request_without_end_has_one(redirect):
    with connected(redirect) as talking:
        talking.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            for number in range(50):
                talking.sendall(b"x%d: %s\r\n" % (number, b"x" * 8_000))
            assert talking.recv(1) == b""
    assert come_back(redirect) == 200


def test_without_files_for_a_connection_it_asks_now_and_then(redirect, monkeypatch):
    asked = []
    accept = listener.socketserver.TCPServer.get_request

    def counted(self):
        asked.append(time.monotonic())
        return accept(self)

    monkeypatch.setattr(listener.socketserver.TCPServer, "get_request", counted)
    with socket.socket() as waiting:
        parts = urlsplit(redirect.uri)
        with few_files(0):
            waiting.connect((parts.hostname, parts.port))
            assert eventually(lambda: len(asked) >= 5)
        pauses = [after - before for before, after in itertools.pairwise(asked)]
        assert min(pauses) >= 0.045, "it asks without a pause"
    assert come_back(redirect) == 200
