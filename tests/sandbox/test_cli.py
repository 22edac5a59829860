"""``python -m resonance_sandbox`` as a person meets it."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
import requests

COMMAND = [sys.executable, "-m", "resonance_sandbox"]
FULL = Path("/dev/full")


def refused(*options: str) -> str:
    """What a start that cannot be says; it has to be one line, and soon."""
    done = subprocess.run(
        [*COMMAND, "--port", "0", *options],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2, done
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


@contextlib.contextmanager
def running(
    *options: str,
    stdout: int | IO[str] = subprocess.PIPE,
    stderr: int | IO[str] = subprocess.PIPE,
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options], stdout=stdout, stderr=stderr, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_port_in_use() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused("--port", str(port))
        assert f"port {port}" in said
        assert "--port 0" in said


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_a_foreign_address_needs_the_flag(host: str) -> None:
    assert "--allow-remote" in refused("--host", host)


def test_an_address_of_another_machine() -> None:
    assert "no address of this machine" in refused("--host", "192.0.2.1", "--allow-remote")


def test_a_bad_database(tmp_path: Path) -> None:
    assert "there is no directory" in refused("--database", str(tmp_path / "none" / "a.db"))


def test_a_database_in_use(tmp_path: Path) -> None:
    path = str(tmp_path / "one.db")
    with running("--json", "--database", path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert "in use by another sandbox" in refused("--database", path)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--latency", "-1"), "latency"),
        (("--latency", "nan"), "latency"),
        (("--port", "70000"), "port"),
        (("--rate-limit", "0"), "rate_limit"),
        (("--webhook-retry", "5,soon"), "webhook_retry: '5,soon' is no list of seconds"),
    ],
)
def test_settings_that_cannot_be(options: tuple[str, ...], named: str) -> None:
    assert named in refused(*options)


def test_ready_as_json_and_stopped_by_sigterm() -> None:
    with running("--json") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert set(told) == {"url", "pid", "credentials"}
        assert told["pid"] == process.pid
        assert set(told["credentials"]) == {"acme_corp", "globex", "admin"}
        assert requests.get(told["url"] + "/health", timeout=60).json()["status"] == "healthy"
        process.terminate()
        out, err = process.communicate(timeout=60)
        assert (out, err) == ("", "")


def test_ready_as_one_friendly_line() -> None:
    with running() as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line
        assert "Ctrl-C" in line
        assert "ros_sandbox_" not in line
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (out, err, process.returncode) == ("", "", 0)


def test_the_access_log_has_no_secrets() -> None:
    with running("--json", "--access-log") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        key = told["credentials"]["acme_corp"]["api_key"]
        requests.get(
            told["url"] + "/profiles?limit=5",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        )
        process.terminate()
        _, err = process.communicate(timeout=60)
        assert "GET /profiles 200" in err
        assert key not in err


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_a_log_on_a_full_disk_breaks_no_answer() -> None:
    with FULL.open("w") as full, running("--json", "--access-log", stderr=full) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        with contextlib.closing(connection):
            connection.connect()
            ours = connection.sock.getsockname()
            for _ in range(3):
                connection.request("GET", "/tenants")
                assert json.loads(connection.getresponse().read())["count"] == 2
            assert connection.sock.getsockname() == ours  # it was not closed in between


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_where_it_cannot_say_its_address_it_runs_and_says_so() -> None:
    with FULL.open("w") as full, running(stdout=full) as process:
        assert process.stderr is not None
        [url] = re.findall(r"http://127\.0\.0\.1:\d+", line := process.stderr.readline())
        assert "No space left on device" in line
        assert requests.get(f"{url}/health", timeout=60).ok
        process.send_signal(signal.SIGINT)
        assert (process.communicate(timeout=60)[1], process.returncode) == ("", 0)


def test_ctrl_c_before_it_is_ready_is_no_fault() -> None:
    code = """
import runpy, sys
from resonance_sandbox import listening
def interrupted(*_):
    raise KeyboardInterrupt
listening.bind = interrupted
sys.argv[1:] = ["--port", "0"]
runpy.run_module("resonance_sandbox", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.stderr, done.returncode) == ("", 130)
