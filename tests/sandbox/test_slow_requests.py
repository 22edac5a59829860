"""A request has so long to arrive; a connection that waits between two has the usual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.server import ServerState

from resonance_sandbox.faults import wire

WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhell"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.request":
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
        )
        await send({"type": "http.response.body", "body": b"hi"})


@contextlib.asynccontextmanager
async def peer() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    config = Config(hello, http=wire.FaultyHTTP, log_config=None)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: wire.FaultyHTTP(config, ServerState(), {}), "127.0.0.1", 0
    )
    async with asyncio.timeout(20), server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET / HT", WHOLE[:-2], BODY, WHOLE + b"GE", WHOLE + BODY])
def test_who_never_ends_a_request_loses_the_connection(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "ARRIVAL", 0.1)

    async def talk() -> bytes:
        async with peer() as (reader, writer):
            writer.write(sent)
            return await reader.read()

    assert asyncio.run(talk()).count(b"200 OK") == sent.startswith(WHOLE)


def test_who_ends_one_may_take_their_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "ARRIVAL", 0.3)

    async def talk() -> list[bytes]:
        async with peer() as (reader, writer):
            answers = []
            for _ in range(2):
                writer.write(WHOLE)
                answers.append(await reader.readuntil(b"hi"))
                await asyncio.sleep(0.5)
            return answers

    assert all(answer.startswith(b"HTTP/1.1 200") for answer in asyncio.run(talk()))
