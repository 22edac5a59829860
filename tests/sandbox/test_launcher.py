"""`start()`: a sandbox ends with whoever started it, however that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from resonance_sandbox import SandboxError, start
from resonance_sandbox.faults.control import Faults
from tests.support.raw_server import RawServer, replies
from tests.support.waiting import eventually

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs prctl")


def gone(pid: int, within: float = 60.0) -> bool:
    """Whether the process ends in time; a zombie has ended."""

    def ended() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        with contextlib.suppress(OSError):  # it is gone by now, or the system does not tell
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return False

    return eventually(ended, within)


def kernel(code: str) -> subprocess.Popen[str]:
    """A Python process that stands for a kernel."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True
    )


STARTS = """
    from resonance_sandbox import start
    import os, signal, sys, threading, time
    server = start()
    print(server.pid, flush=True)
"""


def test_a_sandbox_answers_and_stops() -> None:
    with start() as server:
        assert server.running
        assert server.call("GET", "/health")["status"] == "healthy"
        assert repr(server) == f"<Sandbox {server.url}, running>"
    assert gone(server.pid)
    assert not server.running
    server.stop()
    with pytest.raises(SandboxError, match="has ended"):
        server.requests()


FORKED = """if os.fork() == 0:
        os.close(1)
        time.sleep(60)
    print(os.getpid(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@posix
@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "sys.stderr = open(os.devnull, 'w'); raise ValueError",
        pytest.param(FORKED, id="killed, and a fork of it lives on", marks=linux),
    ],
)
def test_it_ends_with_its_kernel(end: str) -> None:
    parent = kernel(f"{STARTS}    {end}")
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    parent.wait(timeout=60)
    assert gone(pid)


@posix
def test_a_fork_that_ends_does_not_take_it() -> None:
    parent = kernel(
        STARTS
        + """
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
    time.sleep(0.5)
    print(server.call("GET", "/health")["status"], flush=True)
    server.stop()
    """
    )
    out, _ = parent.communicate(timeout=300)
    assert out.split()[1:] == ["healthy"]


@posix
def test_an_interrupt_does_not_take_it() -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(
                STARTS
                + """
    try:
        # Not one long sleep: a signal that comes just before it would be seen only after it.
        for _ in range(600):
            time.sleep(0.05)
    except KeyboardInterrupt:
        time.sleep(0.5)
        print(server.call("GET", "/health")["status"], flush=True)
    server.stop()
    """
            ),
        ],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.3)
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal and JupyterLab do
    out, _ = parent.communicate(timeout=300)
    assert out.split() == ["healthy"]
    assert gone(pid)


@posix
def test_the_end_of_the_thread_that_started_it_does_not_take_it() -> None:
    parent = kernel(
        """
    import os, signal, threading, time
    from resonance_sandbox import start
    held = []
    thread = threading.Thread(target=lambda: held.append(start()))
    thread.start()
    thread.join()
    time.sleep(0.5)
    print(held[0].pid, held[0].call("GET", "/health")["status"], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid, status = parent.stdout.readline().split()
    parent.wait(timeout=60)
    assert status == "healthy"
    assert gone(int(pid))


@posix
def test_a_killed_sandbox_leaves_no_file_once_another_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with start() as server:
        left = list(tmp_path.glob("resonance-sandbox-*"))
        assert len(left) == 1
        os.kill(server.pid, signal.SIGKILL)
        assert gone(server.pid)
    with start() as another:
        assert another.pid != server.pid
        assert not left[0].exists()


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="there is no directory"):
        start(database=tmp_path / "none" / "a.db")
    with pytest.raises(SandboxError, match="latency"):
        start(latency=-1)


def test_a_start_that_takes_too_long_says_so() -> None:
    with pytest.raises(SandboxError, match=r"not ready within 0\.001 seconds"):
        start(timeout=0.001)


NO_ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
    b"HTTP/1.1 422 No\r\nContent-Length: 100\r\n\r\n{",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\n<html>",
    b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    b"SSH-2.0\r\n",
    b"",
)


@pytest.mark.parametrize("status", [200, 502])
def test_what_is_no_sandbox_injects_no_faults(status: int) -> None:
    with contextlib.closing(RawServer(replies([], status))) as other:
        with pytest.raises(RuntimeError, match="the sandbox does not answer: "):
            Faults(other.url).list()
        with pytest.raises(RuntimeError, match="the sandbox does not answer: "):
            Faults(other.url).add("unavailable")


def test_half_an_answer_is_none() -> None:
    """As of one that was killed in the middle of it."""
    with start() as sandbox:
        with pytest.raises(SandboxError, match="the sandbox refused: There is nothing at this"):
            sandbox.call("GET", "/nothing")
        for answer in NO_ANSWERS:

            def give(connection: socket.socket, _: bytes, answer: bytes = answer) -> None:
                connection.sendall(answer)
                connection.close()

            with contextlib.closing(RawServer(give)) as other:
                sandbox.url = other.url
                with pytest.raises(SandboxError, match="the sandbox does not answer: "):
                    sandbox.call("GET", "/health")
                with pytest.raises(RuntimeError, match="the sandbox does not answer: "):
                    Faults(other.url).list()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hush%23@there/room",
        "postgresql://me:hush#@there/room",
        "postgresql://me:hush#?/@there/room",
        "postgres://me@there/room?password=hush%23&connect_timeout=1",
        "postgresql+psycopg://me:other@there/room?password=hush%23",
    ],
)
def test_no_way_to_write_a_password_brings_it_into_the_command_line(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = {}

    def popen(command: list[str], **options: Any) -> None:
        started["command"], started["environment"] = command, options["env"]
        raise OSError("no process today")

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(SandboxError, match="no process today"):
        start(database=url)
    assert not [word for word in started["command"] if "hush" in word or "other" in word]
    assert started["environment"]["PGPASSWORD"].startswith("hush#")
    assert "@there/room" in " ".join(started["command"])


@pytest.mark.parametrize("url", ["postgresql://me:hush@there:port/room", "postgresql://[::1/room"])
def test_a_url_that_cannot_be_read_starts_nothing(url: str) -> None:
    with pytest.raises(SandboxError, match=r"URL cannot be read\. Fix:") as caught:
        start(database=url)
    assert "hush" not in str(caught.value)


def test_who_starts_one_loads_no_web_framework_and_it_loads_what_it_needs_alone() -> None:
    code = """
    import sys, resonance_sandbox
    def loaded(*names):
        return [name for name in names if name in sys.modules]
    resonance_sandbox.start
    early = loaded("fastapi", "sqlalchemy", "uvicorn")
    resonance_sandbox.create_app().state.database.close()
    late = loaded("joserfc", "prometheus_client", "standardwebhooks", "vaderSentiment", "requests")
    print(early + late)
    """
    done = kernel(code)
    assert done.communicate(timeout=300)[0].strip() == "[]"


def test_displayed_ids_and_times_of_a_still_sandbox_are_the_same_each_time() -> None:
    import json
    from concurrent.futures import ThreadPoolExecutor

    def shown() -> list[tuple[str, str, str]]:
        with start(still=True) as server:

            def send(number: int) -> tuple[str, str, str]:
                answer = server.call(
                    "POST", "/hr_generate", {"prompt": f"Topic {number % 4}", "paragraphs": 1}
                )
                return answer["article"], answer["request_id"], answer["created_at"]

            with ThreadPoolExecutor(4) as pool:
                answers = sorted(pool.map(send, range(8)))
            profiles = server.call("GET", "/profiles")
            assert len({request_id for _, request_id, _ in answers}) == 8
            return [*answers, ("", json.dumps(profiles), "")]

    assert shown() == shown()
