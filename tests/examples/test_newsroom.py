"""The newsroom is killed in mid-work and started again: all articles are filed, and none twice."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resonance_helpers.webhooks import new_secret
from resonance_sandbox import Sandbox, start

PROGRAM = Path(__file__).resolve().parents[2] / "examples" / "newsroom.py"
PROMPTS = [f"The history of {what}" for what in ("tea", "salt", "glass", "paper", "maps", "bread")]
SLOW = 120.0


@pytest.fixture
def port() -> Iterator[int]:
    """One that the system gives nobody meanwhile; who names it gets it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def begin(server: Sandbox, folder: Path, port: int, secret: str) -> subprocess.Popen[str]:
    environment = os.environ | {
        "RESONANCE_URL": server.url,
        "RESONANCE_API_KEY": server.credentials["acme_corp"]["api_key"],
        "RESONANCE_WEBHOOK_SECRET": secret,
    }
    command = [sys.executable, str(PROGRAM), str(folder), str(port), *PROMPTS]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_killed_newsroom_goes_on_where_it_was(port: int, tmp_path: Path) -> None:
    folder, secret = tmp_path / "filed", new_secret().reveal()
    options = {"latency": 0.3, "webhook_retry": (0.5, 1, 2, 4, 8, 16), "timeout": SLOW}
    with start(allow_loopback_webhooks=True, **options) as server:
        victim = begin(server, folder, port, secret)
        end = time.monotonic() + SLOW
        while not list(folder.glob("*.txt")) and time.monotonic() < end:
            assert victim.poll() is None, victim.communicate()[1]
            time.sleep(0.01)
        victim.kill()
        victim.communicate()

        told, trouble = begin(server, folder, port, secret).communicate(timeout=2 * SLOW)

        assert told == "6 of 6 articles are filed.\n", trouble
        assert len(list(folder.glob("*.txt"))) == len(PROMPTS)
        stored = server.call("GET", "/metrics?tenant=acme_corp")["generations"]["stored"]
        hooks = server.call("GET", "/webhooks?tenant=acme_corp")["webhooks"]
    assert stored == len(PROMPTS)
    assert len(hooks) == 1
