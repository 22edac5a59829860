"""An ASGI application on a port of this machine, in a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from resonance_sandbox.faults.wire import FaultyHTTP
from resonance_sandbox.listening import bind, url_of


@contextmanager
def served(make: Any) -> Iterator[tuple[str, Any]]:
    """The base URL of what `make(url)` gives, and that application."""
    listening = bind("127.0.0.1", 0)
    app = make(url_of(listening))
    config = uvicorn.Config(
        app, http=FaultyHTTP, log_config=None, lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    ready = threading.Event()
    started = server.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        ready.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        assert ready.wait(20)
        yield url_of(listening), app
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
