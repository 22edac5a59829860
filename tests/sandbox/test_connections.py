"""Peers that hold connections: idle, slow, or never reading what they asked for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import uvicorn
from uvicorn.server import ServerState

from resonance_sandbox import start
from resonance_sandbox.faults.wire import AT_ONCE, FaultyHTTP
from resonance_sandbox.http.connections import Connections

NEVER_READ = """
from resonance_sandbox import server
from resonance_sandbox.app import create_app
from resonance_sandbox.http import connections
from resonance_sandbox.listening import bind, url_of

connections.UNREAD = 1.0
server.SWEEP = 2
listening = bind("127.0.0.1", 0)
server.run(create_app(), listening, lambda: print(url_of(listening), flush=True))
"""


BEGUN = b"POST /hrv HTTP/1.1\r\n"


@contextlib.contextmanager
def peers(port: int, count: int, says: bytes = b"") -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(count):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            if says:
                with contextlib.suppress(OSError):
                    peer.sendall(says)
            held.append(peer)
        yield held


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"", marks=pytest.mark.soak),
        pytest.param(b"POST /hrv HTTP/1.1\r\n", marks=pytest.mark.soak),
        b"POST /hrv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["idle", "slow head", "slow body"],
)
def test_more_peers_than_files_leave_room_for_who_asks(says: bytes) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (160, before[1]))
    try:
        server = start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    port = int(server.url.rsplit(":", 1)[1])
    with server, requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{server.url}/health", timeout=10).ok
        with peers(port, 300, says):
            for _ in range(5):
                assert session.get(f"{server.url}/health", timeout=10).json()["status"] == "healthy"
                with requests.Session() as newcomer:
                    newcomer.trust_env = False
                    assert newcomer.get(f"{server.url}/profiles", timeout=10).ok
        assert len(server.log()) < 500


def test_who_pipelines_and_never_reads_is_closed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", NEVER_READ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with socket.socket() as peer:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                peer.settimeout(5)
                peer.connect(("127.0.0.1", int(url.rsplit(":", 1)[1])))
                ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
                began = time.monotonic()
                closed = False
                while not closed and time.monotonic() - began < 30:
                    try:
                        peer.sendall(ask * 50)
                    except TimeoutError:
                        continue
                    except OSError:
                        closed = True
                assert closed
            assert requests.get(f"{url}/health", timeout=10).ok
        finally:
            process.kill()


class Peer:
    """A connection, as `Connections` sees one."""

    def __init__(self, idle_since: float | None = 0.0, unsent: int = 0) -> None:
        self.idle_since = idle_since
        self.served = True
        self.unsent = unsent
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_room_is_made_by_the_longest_idle_and_not_by_who_waits_for_an_answer() -> None:
    room = Connections(3)
    asked, old, young, newest = Peer(None), Peer(1.0), Peer(2.0), Peer(3.0)
    room.make_room([asked, young, newest], newest)
    assert not any(p.aborted for p in (asked, young, newest))
    room.make_room([asked, old, young, newest], newest)
    assert [p.aborted for p in (asked, old, young, newest)] == [False, True, False, False]
    room.make_room([Peer(None), Peer(None), Peer(None), newest], newest)
    assert newest.aborted


def test_who_reads_slowly_is_let_and_who_never_does_is_not() -> None:
    room = Connections(3)
    slow, never, done = Peer(unsent=1_000_000), Peer(unsent=500), Peer()
    for second in range(0, 120, 5):
        slow.unsent -= 1
        room.sweep([slow, never, done], float(second))
    assert [p.aborted for p in (slow, never, done)] == [False, True, False]


def test_nobody_is_listened_to_for_long_at_a_time() -> None:
    """However small its chunks are: each is an event of its own, and others wait meanwhile."""
    taken: list[int] = []
    content = b"a" * 400_000

    class Watched(FaultyHTTP):
        def data_received(self, data: bytes) -> None:
            taken.append(len(data))
            super().data_received(data)

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def ask() -> bytes:
        config, state = uvicorn.Config(answer, lifespan="off", log_config=None), ServerState()
        server = await asyncio.get_running_loop().create_server(
            lambda: Watched(config, state, {}), "127.0.0.1", 0
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
            writer.write((head % len(content)).encode() + content)
            answered = await reader.read()
            writer.close()
            return answered

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 204")
    assert sum(taken) > len(content)
    assert max(taken) <= AT_ONCE
