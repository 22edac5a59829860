"""What keeps an attendee's process from others, as far as it can be seen without being root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import eventually
from workshop import attendee

pytestmark = pytest.mark.skipif(os.name == "nt", reason="JupyterHub does not run on Windows")

TALKS = """\
import os, time
for _ in range(300):
    os.write(1, b"for ever " * 1_000)
os.write(2, b"the end")
"""


def test_who_prints_for_ever_fills_no_disk_and_is_not_held_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attendee, "LOGGED", 100_000)
    log = tmp_path / "ada.log"
    log.touch(0o600)
    log.write_text("of an earlier start")
    output = attendee.log_of(tmp_path, "ada")
    process = subprocess.Popen([sys.executable, "-c", TALKS], **attendee.confined(None, output))
    os.close(output)
    assert process.wait(60) == 0
    assert eventually(lambda: log.stat().st_size >= 100_000, 60)
    said = log.read_bytes()
    assert len(said) == 100_000
    assert said.startswith(b"for ever for ever ")
    assert log.stat().st_mode & 0o777 == 0o600


def test_what_little_is_said_is_kept_whole(tmp_path: Path) -> None:
    output = attendee.log_of(tmp_path, "ada")
    os.write(output, b"hello\n")
    os.close(output)
    assert eventually(lambda: (tmp_path / "ada.log").read_bytes() == b"hello\n", 60)
