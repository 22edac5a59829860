"""The process that a scenario's sandbox runs in."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

import uvicorn
from starlette.middleware import Middleware

from resonance_sandbox.app import create_app, issue_credentials
from resonance_sandbox.faults.wire import FaultyHTTP
from resonance_sandbox.listening import BindError, bind, url_of
from resonance_sandbox.server import SandboxServer
from resonance_sandbox.settings import Settings

from .post import Post
from .scenarios import Moment, Scenario
from .witness import Effects, Moments, Trouble, Witness

__all__ = ["END", "serve"]

END = "end"
"""The judge's word that its program has ended."""

SETTLED = 0.1, 1.0
"""Seconds in which what has been answered is told of, at least and at most."""

TAKEN = 20.0
"""Seconds for which a port that is taken is waited for."""

UNLIMITED = 10**9
RETRIES = (0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 5.0, 5.0, 10.0, 10.0)
"""Seconds between two tries of a delivery: a judgement has no day to wait."""


class Line:
    """The way to the judge: tells what is seen, and waits while the judge acts."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._go: asyncio.Event | None = None
        self.trouble: Trouble | None = None
        self.app: Any = None
        self._presented: set[str] = set()
        self._open: set[int] = set()

    def tell(self, what: str, fields: Mapping[str, Any]) -> None:
        if what == "arrived":
            self._open.add(fields["number"])
            if fields["authorization"]:
                self._presented.add(fields["authorization"])
        with self._lock:
            self._pipe.send((what, dict(fields)))
        if what == "done":
            self._open.discard(fields["number"])

    async def act(self, moment: Moment, number: int) -> None:
        """Do what the moment says, here or in the judge's process."""
        if moment.action == "outage" and self.trouble is not None:
            self.trouble.go_down()
        elif moment.action == "end_tokens":
            self.app.state.tokens.forget_key()
        elif moment.action == "revoke":
            for header in self._presented:
                if identity := _token_id(header):
                    self.app.state.tokens.revoke(identity)
        self._loop, self._go = asyncio.get_running_loop(), asyncio.Event()
        fields = {"action": moment.action, "number": number, "at": time.monotonic()}
        self.tell("moment", fields)
        await self._go.wait()

    def listen(self) -> None:
        """Wait for the judge's word, until it says no more."""
        while True:
            try:
                word = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(0)  # nobody is there to judge
            if word == END:
                least, most = (time.monotonic() + seconds for seconds in SETTLED)
                while (now := time.monotonic()) < least or (self._open and now < most):
                    time.sleep(0.01)
                os._exit(0)
            if self._loop is not None and self._go is not None:
                self._loop.call_soon_threadsafe(self._go.set)


def _bound(port: int) -> socket.socket:
    """A listening socket; after a restart, its port may be somebody's outgoing one for a while."""
    until = time.monotonic() + TAKEN
    while True:
        try:
            return bind("127.0.0.1", port)
        except BindError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _token_id(header: str) -> str | None:
    """The id of the token in a header Authorization; None if none stands there."""
    parts = header.removeprefix("Bearer ").split(".")
    if len(parts) != 3:
        return None
    with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return str(claims["jti"])
    return None


def serve(
    pipe: Connection,
    scenario: Scenario,
    port: int,
    database: str,
    stands_for: Mapping[str, str],
    first: int,
    elsewhere: str,
) -> None:
    """Run the sandbox of a scenario until the process is ended.

    Args:
        pipe: the way to the judge.
        scenario: what trouble to make.
        port: 0 for any free one; after a restart, the one before.
        database: path of its file.
        stands_for: see `meaning`.
        first: number of the first request.
        elsewhere: base URL of another host, to redirect to.
    """
    # What a server says whose connections are being broken is no matter for who is judged.
    with open(f"{database}.log", "ab") as log:
        os.dup2(log.fileno(), 2)
    line = Line(pipe)
    listening = _bound(port)
    url = url_of(listening)
    settings = Settings(
        **{
            "port": listening.getsockname()[1],
            "database": database,
            "rate_limit": UNLIMITED,
            "burst": UNLIMITED,
            "quota": UNLIMITED,
            "allow_loopback_webhooks": True,
            "webhook_retry": RETRIES,
            "webhook_timeout": 10.0,
            **scenario.settings,
        }
    )
    line.trouble = Trouble(scenario)
    moments = Moments(scenario.moment if first == 1 else None, line)
    app = line.app = create_app(settings, url=url, faults=line.trouble, delivery_worker=Post)
    app.state.delivery_worker.prepare(scenario.post, line, moments)
    app.user_middleware.insert(
        0, Middleware(Witness, scenario, line, moments, stands_for, first, elsewhere)
    )
    app.user_middleware.append(Middleware(Effects, line, moments, stands_for))
    credentials = issue_credentials(app)
    threading.Thread(target=line.listen, daemon=True).start()
    config = uvicorn.Config(
        app,
        http=FaultyHTTP,
        log_config=None,
        log_level="critical",
        access_log=False,
        date_header=False,  # the witness says what time the server has
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    ready = {"url": url, "credentials": credentials}
    SandboxServer(config, lambda: line.tell("ready", ready)).run(sockets=[listening])
