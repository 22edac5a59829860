"""Faults of the wire: what happens between the socket and uvicorn.

A `Wire` stands in for the connection's transport, so every byte of an answer passes through it on
the way to the socket. It is a proxy without the second connection: the server's own parser keeps
what a separate proxy has to get right again (keep-alive, pipelining, chunked bodies, ``Expect:
100-continue``, TLS), and with no fault in force its `write` *is* the transport's, so that it
costs nothing.

To break an answer, `held()` collects it; the fault then sends what it sees fit (see `playing`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from ..http.connections import Connections, most_connections
from ..http.middleware.header_limits import too_large
from ..http.problems import Problem, render
from ..http.strict_http import LONGEST, StrictConnection

__all__ = ["STATE_KEY", "FaultyHTTP", "Wire"]

STATE_KEY = "resonance.wire"
"""Where a request's ASGI scope holds its wire: ``scope["state"][STATE_KEY]``."""

ARRIVAL = 60.0
"""Seconds that a request may take to arrive. Who sends a byte now and then, or none, would have a
connection for ever, and a thousand such all that a process may have."""

AT_ONCE = LONGEST
"""Bytes that are taken of a connection before others have their turn: in chunks of one byte each,
asyncio's usual 256 KiB are worth a quarter of a second. As many as a head may have: of one that is
refused nothing should be left unread, or the connection is reset and the answer lost."""

_NO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Wire:
    """One connection's transport, which can hold back and spoil what is written to it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._turn = asyncio.Lock()
        self._held = bytearray()
        self._closing = False
        self.gone = asyncio.Event()
        """Set once the connection is lost, or the server shuts down."""
        self.write: Callable[[bytes], None] = transport.write
        self.close: Callable[[], None] = transport.close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether the server closed the connection, though the socket may be open still."""
        return self._closing or self._transport.is_closing()

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold back what the server writes; what was not taken is sent at the end.

        Pipelined answers keep their order: one that is written while another is being played
        waits behind it.
        """
        async with self._turn:
            self.write, self.close = self._hold, self._close_later
            try:
                yield
            finally:
                self.write, self.close = self._transport.write, self._transport.close
                if rest := self.taken():
                    self.write(rest)
                if self._closing:
                    self.close()

    def _hold(self, data: bytes) -> None:
        self._held += data

    def _close_later(self) -> None:
        self._closing = True

    def taken(self) -> bytes:
        """What is held, which is then no longer held."""
        held = bytes(self._held)
        self._held.clear()
        return held

    def send(self, data: bytes) -> None:
        """Write past the hold."""
        if data and not self._transport.is_closing():
            self._transport.write(data)

    async def wait(self, seconds: float) -> bool:
        """Wait, or until the connection is gone; whether it is."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), seconds)
        return self.gone.is_set()

    async def reset(self) -> None:
        """Break the connection with RST: no goodbye, and what was not sent yet is lost."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._held.clear()
        self._transport.abort()
        # The server has to know that the peer is gone before the application returns.
        await self.gone.wait()

    async def finish(self) -> None:
        """Close in good order (FIN) once all is sent."""
        self._held.clear()
        self._transport.close()
        await self.gone.wait()


class FaultyHTTP(H11Protocol):
    """uvicorn's HTTP protocol with a `Wire` under it, and a bound for requests that arrive slowly.

    ``uvicorn.Config(app, http=FaultyHTTP)``. By h11, whatever else is installed: parsers differ in
    what they let pass.
    """

    conn: StrictConnection
    room = Connections(most_connections())
    """Of all connections of this process."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = StrictConnection()
        self.wire: Wire | None = None
        self.served = False
        self._quiet_since = self.loop.time()
        self._too_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        with contextlib.suppress(AttributeError):  # of asyncio's own transports
            transport.max_size = AT_ONCE  # type: ignore[attr-defined]
        self.wire = Wire(transport)
        # uvicorn copies its app_state into every request's scope.
        self.app_state: dict[str, Any] = {**self.app_state, STATE_KEY: self.wire}
        super().connection_made(self.wire)  # type: ignore[arg-type]
        self._await_request()
        self.room.make_room(self.connections, self)  # type: ignore[arg-type]

    @property
    def unsent(self) -> int:
        """Bytes that the peer has not taken yet."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Close at once."""
        self.connections.discard(self)  # which counts no more, though it takes a moment
        self.transport.abort()

    @property
    def idle_since(self) -> float | None:
        """The loop's time of the last answer; None while a whole request waits for its own."""
        answered = self.cycle is None or self.cycle.response_complete
        return self._quiet_since if answered or self.conn.their_state is h11.SEND_BODY else None

    def on_response_complete(self) -> None:
        self.served = True
        self._quiet_since = self.loop.time()
        super().on_response_complete()

    def handle_events(self) -> None:
        super().handle_events()
        begun = self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]
        if begun or self.conn.their_state is h11.SEND_BODY:
            self._await_request()
        elif self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request as all else is answered, and close the connection."""
        problem = Problem(
            "malformed-request",
            "This is no request of HTTP/1.1, or one that could be read in two ways; the "
            "connection is closed. Let an HTTP library write it.",
        )
        identity = f"req_{uuid.uuid4().hex}"
        answer = render(too_large() if self.conn.too_large else problem, identity)
        answer.headers["X-Request-ID"] = identity
        self.transport.write(self.conn.last_words(answer))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._too_late is not None:
            self._too_late.cancel()
        if self.wire is not None:
            self.wire.gone.set()

    def shutdown(self) -> None:
        if self.wire is not None:
            self.wire.gone.set()
        super().shutdown()

    def _await_request(self) -> None:
        if self._too_late is None:
            self._too_late = self.loop.call_later(ARRIVAL, self.transport.close)
