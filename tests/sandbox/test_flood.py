"""A crowd that holds connections and asks for little, beside one who behaves."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from resonance_sandbox import start

PEERS = {"idle": 300, "slow head": 200, "slow body": 100, "never reading": 60}
CALLS = 1_000
UNLIMITED = 10**9
ROOT = Path(__file__).resolve().parents[2]


def crowd(port: int) -> None:
    """Hold the connections of `PEERS` open, and those again that the server has closed."""
    begun = {
        "idle": b"",
        "slow head": b"POST /hrv HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        "slow body": b"POST /hrv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{",
        "never reading": b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200,
    }
    held: list[tuple[str, socket.socket]] = []
    kinds = [kind for kind, count in PEERS.items() for _ in range(count)]
    while True:
        for kind in kinds:
            peer = socket.socket()
            if kind == "never reading":
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.connect(("127.0.0.1", port))
            peer.setblocking(False)
            with contextlib.suppress(OSError):
                peer.send(begun[kind])
            held.append((kind, peer))
        kinds = []
        print(len(held), flush=True)
        time.sleep(1)
        for kind, peer in list(held):
            try:
                with contextlib.suppress(BlockingIOError):
                    if kind == "never reading":
                        peer.send(begun[kind][:53])
                    else:
                        peer.recv(1)  # a word of refusal, or the end
                        raise ConnectionError
                if kind.startswith("slow"):
                    peer.send(b"x")
            except OSError:
                held.remove((kind, peer))
                peer.close()
                kinds.append(kind)


@contextlib.contextmanager
def beside_a_crowd(port: int) -> Iterator[None]:
    command = [sys.executable, "-c", f"from tests.sandbox.test_flood import crowd; crowd({port})"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for _ in range(3):  # all are there, and have been for a moment
                assert int(process.stdout.readline()) == sum(PEERS.values())
            yield
            assert process.poll() is None
        finally:
            process.kill()


@pytest.mark.soak  # on a machine of its own: it measures time
def test_who_behaves_is_answered_as_if_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        start(rate_limit=UNLIMITED, burst=UNLIMITED, quota=UNLIMITED) as server,
        requests.Session() as session,
    ):
        session.trust_env = False
        time.sleep(3)  # for what a start leaves for later

        def measured() -> list[float]:
            took = []
            for number in range(CALLS):
                path = ("/profiles", "/health", "/tenants")[number % 3]
                began = time.perf_counter()
                assert session.get(server.url + path, timeout=30).status_code == 200
                took.append((time.perf_counter() - began) * 1000)
                time.sleep(0.01)
            return sorted(took)

        alone = measured()
        with beside_a_crowd(int(server.url.rsplit(":", 1)[1])):
            held = len(psutil.Process(server.pid).net_connections())
            beside = measured()
        assert len(server.log()) < 500
    rank = math.ceil(0.99 * CALLS) - 1
    with capsys.disabled():
        print(f"\n{held} connections, load {os.getloadavg()[0]:.1f}:", end=" ")
        print(f"p50 {beside[CALLS // 2]:.1f} ms, p99 {beside[rank]:.1f} ms;", end=" ")
        print(f"alone {alone[CALLS // 2]:.1f} and {alone[rank]:.1f} ms")
    assert held > sum(PEERS.values())
    assert beside[rank] <= 250
