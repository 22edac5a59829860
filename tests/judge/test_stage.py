"""A scenario's sandbox: what it saw is known by the time that it has ended."""

from __future__ import annotations

import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from resonance_judge import server
from resonance_judge.observation import Observation
from resonance_judge.scenarios import CALM
from resonance_judge.stage import Stage
from resonance_sandbox.listening import BindError, bind


def test_all_that_was_told_is_read_however_slow_the_judge_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Observation.take

    def slow(self: Observation, *told: Any) -> None:
        time.sleep(0.005)
        real(self, *told)

    monkeypatch.setattr(Observation, "take", slow)
    before = threading.active_count()
    observation = Observation(CALM)
    with (
        Stage(CALM, tmp_path, {}, observation, lambda: None, "http://127.0.0.1:1") as stage,
        requests.Session() as session,
    ):
        for _ in range(50):
            session.get(f"{stage.url}/tenants", timeout=30)
    assert [request.status for request in observation.requests.values()] == [200] * 50
    assert threading.active_count() <= before  # one of an earlier test may have ended meanwhile


def test_a_server_that_starts_anew_waits_for_its_port() -> None:
    """While it was away, the system may have given it to a connection that leads elsewhere."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere, socket.socket() as outgoing:
        outgoing.bind(("127.0.0.1", 0))
        outgoing.connect(elsewhere.getsockname())
        port = outgoing.getsockname()[1]
        with pytest.raises(BindError):
            bind("127.0.0.1", port)
        outgoing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        over = threading.Timer(0.3, outgoing.close)
        over.start()
        with server._bound(port) as listening:
            assert listening.getsockname()[1] == port
        over.join()
