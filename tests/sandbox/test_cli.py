"""``python -m resonance_sandbox`` as a person meets it."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

COMMAND = [sys.executable, "-m", "resonance_sandbox"]


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
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
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
