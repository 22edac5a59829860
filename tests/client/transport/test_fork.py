"""What a forked process takes along, and what it leaves behind."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

import pytest
import requests

from resonance_helpers import ResonanceOSAPIClient
from resonance_helpers.client.auth.clock import ServerClock
from resonance_helpers.client.auth.secret import Secret
from resonance_helpers.client.auth.tokens import Token, TokenCache
from resonance_helpers.client.transport.deadline import Deadline, bounded
from tests.support.forks import forks, in_a_fork
from tests.support.raw_server import raw_server, replies

pytestmark = [
    forks,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
]


def test_no_connection_is_used_by_two_processes() -> None:
    with raw_server(replies({"status": "healthy"})) as server:
        client = ResonanceOSAPIClient(server.url, timeout=5)
        assert client.health_check()["status"] == "healthy"
        assert in_a_fork(lambda: client.health_check()["status"]) == "healthy"
        assert server.connections == 2
        assert client.health_check()["status"] == "healthy"
        assert server.connections == 2


@pytest.mark.parametrize("hashed", [False, True])
def test_sessions_that_count_as_equal_are_two(hashed: bool) -> None:
    @dataclass(unsafe_hash=hashed)
    class Named(requests.Session):
        name: str

        def __post_init__(self) -> None:
            super().__init__()

    with raw_server(replies({"status": "healthy"})) as server:
        clients = [ResonanceOSAPIClient(server.url, session=Named("x")) for _ in range(2)]

        def ask() -> str:
            return "".join(client.health_check()["status"][0] for client in clients)

        assert ask() == "hh"
        assert in_a_fork(ask) == "hh"
        assert server.connections == 4
        assert ask() == "hh"
        assert server.connections == 4


def test_a_renewal_that_stayed_behind_is_begun_anew() -> None:
    gate, begun = threading.Event(), threading.Event()

    def fetch(_last: Token | None) -> Token:
        begun.set()
        gate.wait(10)
        return Token(Secret("token"))

    cache = TokenCache(fetch, ServerClock())
    waiting = threading.Thread(target=cache.get)
    waiting.start()
    begun.wait(10)

    def in_the_child() -> str:
        gate.set()
        with bounded(Deadline(5)):
            return cache.get().reveal()

    assert in_a_fork(in_the_child) == "token"
    gate.set()
    waiting.join()
