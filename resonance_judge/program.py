"""The program that is judged: started, watched, ended, started again in the same folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["Program", "seen_in"]

KEPT = 4 << 20
"""Bytes of output that are kept: the beginning."""


class Program:
    """One command with its environment.

    Args:
        command: what to run, with the caller's rights.
        environment: what it is told, beside the caller's own environment.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = list(command)
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._given_up = False
        self.output = bytearray()
        self.sought: Sequence[bytes] = ()
        """What must not be printed."""
        self.printed = False
        """Whether it was, wherever in the output."""
        self.killed = threading.Event()
        """Set once the judge has killed it."""

    def tell(self, **environment: str) -> None:
        """Add to its environment."""
        self._environment |= environment

    def start(self) -> None:
        """Start it, for the first time or anew, unless it was given up.

        Raises:
            OSError: there is no such command.
        """
        with self._lock:
            if self._given_up:
                return
            self.killed.clear()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=os.name != "nt",
            )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def wait(self, seconds: float) -> int | None:
        """Its exit code; None if it has not ended within `seconds`."""
        if self._process is None:
            return None
        try:
            code = self._process.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(timeout=1)
        return code

    def kill(self) -> None:
        """End it and what it started with SIGKILL, as a lost machine would."""
        with self._lock:
            self.killed.set()
            self.end()

    def give_up(self) -> None:
        """End it, and never start it again."""
        with self._lock:
            self._given_up = True
            self.end()

    def end(self) -> bool:
        """End what is left of it; whether it had left others after its own end."""
        process = self._process
        if process is None:
            return False
        over = process.poll() is not None
        left: list[int] = []
        if os.name == "nt":
            process.kill()
        else:
            # Its whole group, which outlives its leader as long as anything in it runs.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            left = self._strays()
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        process.wait()
        return over and bool(left)

    def _strays(self) -> list[int]:
        """What it has started and that has left its group, where the system tells (Linux)."""
        mark = f"RESONANCE_FOLDER={self._environment['RESONANCE_FOLDER']}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        longest = max(map(len, self.sought), default=1)
        before = b""
        with process.stdout as stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                if len(self.output) < KEPT:
                    self.output += chunk
                before = before[1 - longest :] + chunk if longest > 1 else chunk
                self.printed = self.printed or any(text in before for text in self.sought)


def seen_in(folder: Path, sought: Sequence[bytes]) -> list[Path]:
    """The files below `folder` that hold one of `sought`."""
    found = []
    for path in sorted(folder.rglob("*")):
        with contextlib.suppress(OSError):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= 16 * KEPT:
                held = path.read_bytes()
                if any(text in held for text in sought):
                    found.append(path)
    return found
