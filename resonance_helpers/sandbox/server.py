"""Runs the application on a socket of its own: binding, readiness, and the ways it ends."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from fastapi import FastAPI

from .settings import Settings

__all__ = ["BindError", "Server", "bind", "die_with_parent", "run"]

GRACE = 3
"""Seconds that requests under way have to finish when the server is told to stop."""


class BindError(OSError):
    """The address cannot be listened on; the message is one sentence for who chose it."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        BindError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With IPPROTO_TCP named, asyncio turns Nagle's algorithm off on what this socket accepts;
    # with 0 it does not, and each keep-alive request then waits 40 ms for a delayed ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":  # where this option means that two may share one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} on {host} is in use; stop what uses it, or take --port 0"
        elif error.errno == errno.EACCES:
            reason = f"port {port} needs privileges; take one above 1023, or --port 0"
        elif isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            reason = f"{host} is no address of this machine; 127.0.0.1 always is"
        else:
            reason = f"cannot listen on {host} port {port}: {error.strerror or error}"
        raise BindError(reason) from None
    return listening


class Server(uvicorn.Server):
    """uvicorn, which says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()


def run(
    app: FastAPI,
    settings: Settings,
    listening: socket.socket,
    ready: Callable[[], None],
    *,
    until_stdin_ends: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C, or until stdin ends."""
    config = uvicorn.Config(
        app,
        http=_protocol(),
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
    )
    server = Server(config, ready)
    if until_stdin_ends:
        threading.Thread(target=_watch_stdin, args=(server,), daemon=True).start()
    # Generations are pure Python: with the usual 5 ms they would keep the event loop waiting.
    sys.setswitchinterval(0.001)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()


def url_of(listening: socket.socket) -> str:
    """The base URL of what listens there."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


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


def _watch_stdin(server: Server) -> None:
    """Stop when whoever holds the other end of stdin is gone."""
    try:
        # The descriptor itself: a daemon thread inside sys.stdin's lock aborts the exit.
        while os.read(0, 1024):
            pass
    except OSError:
        pass
    server.should_exit = True
    threading.Event().wait(GRACE + 2)
    os._exit(1)


def _protocol() -> Any:
    from .faults.wire import FaultyHTTP

    return FaultyHTTP
