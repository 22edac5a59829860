"""Connections that keep to a deadline take the place of urllib3's own, and of nothing else."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl
from typing import Any

import pytest
import requests
import urllib3

from resonance_helpers import ResonanceError, ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client.transport import connections
from tests.support.raw_server import raw_server, replies
from tests.support.waiting import eventually

OK = replies({"tenants": []})


@pytest.mark.parametrize("recipe", ["create_connection", "_new_conn", "getaddrinfo"])
def test_another_way_to_connect_is_taken(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What people replace to pin an address or to use a look-up of their own."""
    with raw_server(OK) as server:
        port = int(server.url.rpartition(":")[2])
        here = socket.create_connection, socket.getaddrinfo

        def connect(*_: Any, **__: Any) -> Any:
            return here[0](("127.0.0.1", port), 5)

        if recipe == "getaddrinfo":
            monkeypatch.setattr(socket, recipe, lambda *_, **__: here[1]("127.0.0.1", port))
        elif recipe == "_new_conn":
            monkeypatch.setattr(urllib3.connection.HTTPConnection, recipe, connect)
        else:
            monkeypatch.setattr(urllib3.util.connection, recipe, connect)
        client = ResonanceOSAPIClient(f"http://api.invalid:{port}", retry=None)
        assert client.get_tenants() == {"tenants": []}


def test_another_class_of_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Mine(http.client.HTTPResponse):
        def begin(self) -> None:
            made.append(self)
            super().begin()

    monkeypatch.setattr(http.client.HTTPConnection, "response_class", Mine)
    with raw_server(OK) as server, ResonanceOSAPIClient(server.url) as client:
        assert client.get_tenants() == {"tenants": []}
    assert len(made) == 1


def test_another_class_of_pools_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(urllib3.HTTPConnectionPool):
        pass

    monkeypatch.setitem(urllib3.poolmanager.pool_classes_by_scheme, "http", Mine)
    with raw_server(OK) as server, ResonanceOSAPIClient(server.url) as client:
        assert client.get_tenants() == {"tenants": []}
        adapter: Any = client.session.get_adapter(server.url)
        assert type(adapter.poolmanager.connection_from_url(server.url)) is Mine


@pytest.mark.parametrize("host", ["printer.local", "[fe80::7%25eth0]", "[fe80::7%eth0]"])
def test_a_link_local_address_keeps_its_zone(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, nobody knows on which network the address is (RFC 4007)."""
    asked = []

    def look_up(name: Any, port: Any, *_: Any, **__: Any) -> Any:
        asked.append(name)
        if name == "printer.local":
            return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::7", port, 0, 3))]
        raise OSError("no further")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    ResonanceOSAPIClient(f"http://{host}:8000", retry=None).health_check()
    assert asked[-1] in ("fe80::7%3", "fe80::7%eth0")


class Unreachable(socket.socket):
    """One whose network has gone away."""

    number = 0

    def fails(self, *_: Any) -> Any:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("way", ["sendall", "recv"])
@pytest.mark.parametrize("name", ["EHOSTUNREACH", "ENETDOWN", "EMFILE"])
@pytest.mark.parametrize("stock", [False, True])
def test_a_network_that_goes_away_is_no_file_of_certificates(
    way: str, name: str, stock: bool
) -> None:
    class Broken(Unreachable):
        number = getattr(errno, name)

    for method in ["sendall"] if way == "sendall" else ["recv", "recv_into"]:
        setattr(Broken, method, Broken.fails)
    session = requests.Session() if stock else None
    with raw_server(replies({"status": "healthy"}), replies({"profiles": []})) as server:
        client = ResonanceOSAPIClient(server.url, session=session, retry=RetryPolicy(base=0.001))
        client.health_check()
        adapter: Any = client.session.get_adapter(server.url)
        (key,) = adapter.poolmanager.pools.keys()
        pool = adapter.poolmanager.pools[key]
        connection = pool._get_conn()
        connection.sock = Broken(fileno=connection.sock.detach())
        pool._put_conn(connection)
        assert client.health_check()["type"] == "connection-lost"
        assert client.get_profiles() == {"profiles": []}  # over a new one


def test_a_failure_of_tls_that_a_library_has_made_itself_is_told_too() -> None:
    """As those of pyOpenSSL, which urllib3 can be made to use: they have no `reason`."""
    assert "read error" in str(connections.broken(ssl.SSLError("read error")))


@pytest.mark.parametrize("calls", [1, 2])  # the second goes by the fast path
def test_an_error_that_is_kept_keeps_no_connection_of_a_closed_client(calls: int) -> None:
    """As in a notebook, in a list of what went wrong, or in an asyncio task that was cancelled."""
    kept = []
    with raw_server(replies({}, 404)) as server:
        with ResonanceOSAPIClient(server.url, retry=None, on_error="raise") as client:
            for _ in range(calls):
                try:
                    client.get_tenants()
                except ResonanceError as error:
                    kept.append(error)
        assert len(kept) == calls
        assert eventually(lambda: server.closed == server.connections)
        assert server.connections == 1
