"""A sandbox for one scenario: in a process of its own, watched, started anew where it has to."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from .observation import Mark, Observation
from .scenarios import OUTAGE, Scenario
from .server import END, serve

__all__ = ["JudgeError", "Stage"]

READY = 30.0
"""Seconds that a sandbox may take to be ready."""

LAST = 5.0
"""Seconds in which a sandbox has told all that it saw, once its program has ended."""

AWAY = 1.0
"""Seconds for which a server that was killed is away."""


class JudgeError(RuntimeError):
    """It could not be judged; the message says why, and what to do."""


def _context() -> BaseContext:
    """Processes that are forked from one that has imported the server once, where that can be."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["resonance_judge.server"])
    return context


class Stage:
    """A fresh sandbox, until the end of a ``with`` block.

    Args:
        folder: for its database.
        observation: where what is seen is entered.
        kill: ends the program at once.
        elsewhere: base URL of another host.
    """

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        stands_for: Mapping[str, str],
        observation: Observation,
        kill: Callable[[], None],
        elsewhere: str,
    ) -> None:
        self._scenario = scenario
        self._database = str(folder / "sandbox.db")
        self._stands_for = stands_for
        self._observation = observation
        self._kill = kill
        self._elsewhere = elsewhere
        self._context = _context()
        self._port = 0
        self._ready: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._closing = False
        self.began = time.monotonic()
        self.url = ""
        self.credentials: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Stage:
        self._start()
        self.began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        with contextlib.suppress(OSError):  # it is gone already
            self._pipe.send(END)
            self._process.join(LAST)
        self._end()

    def _start(self) -> None:
        self._pipe, theirs = self._context.Pipe()
        first = max(self._observation.requests, default=0) + 1
        self._process = self._context.Process(  # type: ignore[attr-defined]
            target=serve,
            args=(
                theirs,
                self._scenario,
                self._port,
                self._database,
                self._stands_for,
                first,
                self._elsewhere,
            ),
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self._reader = threading.Thread(target=self._read, args=(self._pipe,), daemon=True)
        self._reader.start()
        try:
            ready = self._ready.get(timeout=READY)
        except queue.Empty:
            self._end()
            raise JudgeError(f"a sandbox was not ready within {READY:g} seconds") from None
        self.url = ready["url"]
        self._port = int(self.url.rpartition(":")[2])
        self.credentials = self.credentials or ready["credentials"]

    def _end(self) -> None:
        self._process.kill()
        self._process.join()
        # What it told is read to its end. The pipe is closed once no thread has it any more:
        # closed under one that reads, its number may be the next pipe's, whose words it would take.
        self._reader.join(LAST)

    def _read(self, pipe: Connection) -> None:
        while True:
            try:
                what, fields = pipe.recv()
            except (EOFError, OSError):
                return
            if what == "ready":
                self._ready.put(fields)
            elif what == "moment":
                # The pipe is read on while the judge acts: other requests go on.
                threading.Thread(target=self._act, args=(pipe, fields), daemon=True).start()
            else:
                self._observation.take(what, fields, self.began)

    def _act(self, pipe: Connection, fields: Mapping[str, Any]) -> None:
        at = fields["at"] - self.began
        action = fields["action"]
        if action == "restart":
            self._process.kill()
            self._process.join()
            time.sleep(AWAY)
            if not self._closing:
                self._start()
        elif action == "kill":
            self._kill()
        until = at + OUTAGE if action == "outage" else time.monotonic() - self.began
        self._observation.marks.append(Mark(at, until, action))
        with contextlib.suppress(OSError):  # that server may be gone
            pipe.send("go")
