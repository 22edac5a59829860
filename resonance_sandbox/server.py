"""Runs the application on a listening socket, until one of the ways it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from .faults.wire import FaultyHTTP
from .http.connections import tell_once

__all__ = ["SandboxServer", "die_with_parent", "run"]

GRACE = 3
"""Seconds that requests under way have to finish when the server is told to stop."""


QUEUE = 2048
"""Connections that the system holds until they are accepted."""

AT_ONCE = 32
"""Connections that are accepted before others get a turn: fewer than there are files in reserve."""

SWEEP = 20
"""Ticks of uvicorn, ten a second, between two looks for connections that are not read."""


class SandboxServer(uvicorn.Server):
    """uvicorn, which says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(tell_once())
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(QUEUE)
        if not self.should_exit:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % SWEEP == 0:
            now = asyncio.get_running_loop().time()
            FaultyHTTP.room.sweep(self.server_state.connections, now)  # type: ignore[arg-type]
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; if that is not done soon after the grace, end."""
        super().handle_exit(sig, frame)
        threading.Thread(target=_end_later, daemon=True).start()


class _Ordinary(logging.Filter):
    """Keeps quiet about what a stop cuts short: that is no fault."""

    def filter(self, record: logging.LogRecord) -> bool:
        kind = record.exc_info[0] if record.exc_info else None
        cut_short = kind is not None and issubclass(kind, asyncio.CancelledError)
        told = str(record.msg).rstrip()
        # As text, where a second signal cuts the stop itself short.
        cut_short |= told.endswith("asyncio.exceptions.CancelledError")
        return not (cut_short or told.startswith("Cancel %s running task"))


def run(
    app: FastAPI,
    listening: socket.socket,
    ready: Callable[[], None],
    *,
    until_stdin_ends: bool = False,
    certificate: tuple[str, str] | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C, or until stdin ends.

    Over TLS with a `certificate`, the paths of a chain and its key.
    """
    chain, key = certificate or (None, None)
    config = uvicorn.Config(
        app,
        http=FaultyHTTP,
        ws="none",
        backlog=AT_ONCE,
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # the application says what time its clock has
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=chain,
        ssl_keyfile=key,
    )
    quiet = _Ordinary()
    logging.getLogger("uvicorn.error").addFilter(quiet)
    server = SandboxServer(config, ready)
    if until_stdin_ends:
        threading.Thread(target=_watch_stdin, args=(server,), daemon=True).start()
    # Generations are pure Python: with the usual 5 ms they would keep the event loop waiting.
    sys.setswitchinterval(0.001)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        logging.getLogger("uvicorn.error").removeFilter(quiet)
        listening.close()


def die_with_parent(parent: int) -> None:
    """Ask Linux for a SIGTERM when the thread that started this process ends.

    For a start from a main thread alone: the end of any other would take the server with it.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    pr_set_pdeathsig = 1
    libc: Any = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(pr_set_pdeathsig, signal.SIGTERM, 0, 0, 0) != 0:
        return
    if os.getppid() != parent:  # it was gone before we asked
        os.kill(os.getpid(), signal.SIGTERM)


def _watch_stdin(server: SandboxServer) -> None:
    """Stop when whoever holds the other end of stdin is gone."""
    try:
        # The descriptor itself: a daemon thread inside sys.stdin's lock aborts the exit.
        while os.read(0, 1024):
            pass
    except OSError:
        pass
    server.should_exit = True
    _end_later()


def _end_later() -> None:
    """End this process, though a thread of it may never come back from what it computes."""
    threading.Event().wait(GRACE + 2)
    os._exit(1)
