"""However busy it is, a server that is told to stop does, soon and without a traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from resonance_sandbox.server import GRACE
from tests.sandbox.test_cli import running
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")

SOON = GRACE + 7
"""Seconds: the grace, and what ending takes on a busy machine."""

NEVER_DONE = """
import threading, time
from resonance_sandbox import server
from resonance_sandbox.app import create_app
from resonance_sandbox.listening import bind, url_of

server.GRACE = 0.5

class Stuck:
    name = "stuck"
    def write(self, brief):
        print("writing", flush=True)
        {how}

listening = bind("127.0.0.1", 0)
server.run(create_app(writer=Stuck()), listening, lambda: print(url_of(listening), flush=True))
"""


@pytest.mark.parametrize(
    ("how", "end"),
    [("time.sleep(600)", signal.SIGINT), ("while True: pass", signal.SIGTERM)],
    ids=["waits, Ctrl-C", "computes, SIGTERM"],
)
def test_a_request_that_never_ends_does_not_keep_the_server(how: str, end: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", NEVER_DONE.format(how=how)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with ThreadPoolExecutor(1) as pool:
                asked = pool.submit(
                    requests.post, f"{url}/hr_generate", json={"prompt": "tea"}, timeout=60
                )
                assert process.stdout.readline() == "writing\n"
                began = time.monotonic()
                process.send_signal(end)
                _, said = process.communicate(timeout=60)
                assert time.monotonic() - began < SOON
                assert said == ""
                assert asked.result(60).status_code == 503
        finally:
            process.kill()


def seen(url: str) -> int:
    """How many requests the only fault has met."""
    [fault] = requests.get(f"{url}/sandbox/faults", timeout=30).json()["faults"]
    return int(fault["seen"])


def test_a_long_text_is_measured_soon_and_keeps_nobody_from_stopping_the_server() -> None:
    with running() as process, ThreadPoolExecutor(1) as pool:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        text = "." * 99_999 + "a"
        # A fault that does nothing but count who has arrived.
        nothing = {"kind": "latency", "seconds": 0, "route": "/hrv"}
        assert requests.post(f"{url}/sandbox/faults", json=nothing, timeout=30).ok
        asked = pool.submit(requests.post, f"{url}/hrv", json={"text": text}, timeout=30)
        assert eventually(lambda: seen(url) == 1)
        process.terminate()
        process.communicate(timeout=SOON)
        assert asked.result(60).status_code == 200


@pytest.mark.parametrize("again", [False, True], ids=["once", "and again at once"])
def test_ctrl_c_with_requests_under_way_says_nothing(again: bool) -> None:
    with running("--latency", "30") as process, ThreadPoolExecutor(8) as pool:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        body = {"prompt": "tea"}
        for _ in range(6):
            pool.submit(requests.post, f"{url}/hr_generate", json=body, timeout=60)
        half = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))
        half.sendall(b"POST /hrv HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        time.sleep(0.7)
        process.send_signal(signal.SIGINT)
        if again:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
        half.close()
        assert (out, said, process.returncode) == ("", "", 0)
