"""`execute` from outside: ended in the middle, and where few files may be open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.name == "nt", reason="signals and limits are of POSIX"),
]
ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "authoring", "execute", "--check"]
PATIENCE = 120
"""Seconds; a loaded machine starts a kernel slowly."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_no_child_is_left(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*COMMAND, "1"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        family = psutil.Process(process.pid)
        deadline = time.monotonic() + PATIENCE
        children: list[psutil.Process] = []
        while len(children) < 2:  # the kernel, and the sandbox that its first cell started
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
            children = family.children(recursive=True)
        process.send_signal(number)
        process.wait(PATIENCE)
        _, alive = psutil.wait_procs(children, timeout=PATIENCE)
        assert not [one.cmdline() for one in alive if one.is_running()]
    finally:
        process.kill()


@pytest.mark.parametrize("lesson", ["4", "8"])
def test_it_does_with_few_open_files(lesson: str) -> None:
    limited = ["sh", "-c", 'ulimit -n 256; exec "$@"', "sh", *COMMAND, lesson]
    done = subprocess.run(limited, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
