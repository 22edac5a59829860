"""How each fault of the wire spoils an answer that is ready to go."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from .engine import Fault
from .wire import Wire

__all__ = ["play"]

SETTLE = 0.02
"""Seconds for bytes to reach the peer before a reset, which would overtake them."""


async def play(wire: Wire, fault: Fault, answer: bytes) -> None:
    """Send `answer`, a whole HTTP response as the server wrote it, as `fault` has it."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    await _PLAYS[fault.kind](wire, head + separator, body, **fault.parameters)


async def _reset(wire: Wire, head: bytes, body: bytes) -> None:
    await wire.reset()


async def _reset_mid_headers(wire: Wire, head: bytes, body: bytes) -> None:
    wire.send(head[: len(head) // 2])
    await wire.wait(SETTLE)
    await wire.reset()


async def _reset_mid_body(wire: Wire, head: bytes, body: bytes) -> None:
    wire.send(head + body[: len(body) // 2])
    await wire.wait(SETTLE)
    await wire.reset()


async def _close(wire: Wire, head: bytes, body: bytes, when: str) -> None:
    await wire.finish()


async def _truncated_body(wire: Wire, head: bytes, body: bytes) -> None:
    wire.send(head + body[: len(body) // 2])
    await wire.finish()


async def _not_http(wire: Wire, head: bytes, body: bytes) -> None:
    wire.send(b"SSH-2.0-OpenSSH_9.9\r\n")
    await wire.finish()


async def _drip_headers(wire: Wire, head: bytes, body: bytes, interval: float, size: int) -> None:
    await _drip(wire, head, interval, size)
    wire.send(body)


async def _drip_body(wire: Wire, head: bytes, body: bytes, interval: float, size: int) -> None:
    wire.send(head)
    await _drip(wire, body, interval, size)


async def _stall_mid_body(wire: Wire, head: bytes, body: bytes, seconds: float) -> None:
    half = len(body) // 2
    wire.send(head + body[:half])
    await wire.wait(seconds)
    wire.send(body[half:])


async def _slow_close(wire: Wire, head: bytes, body: bytes, seconds: float) -> None:
    # Without a length the body ends where the connection does, so the peer has to wait for that.
    head = re.sub(rb"(?im)^(content-length|connection):[^\r\n]*\r\n", b"", head)
    wire.send(head[:-2] + b"connection: close\r\n\r\n" + body)
    await wire.wait(seconds)
    await wire.finish()


async def _bandwidth(wire: Wire, head: bytes, body: bytes, bytes_per_second: float) -> None:
    interval = max(0.05, 1 / bytes_per_second)
    await _drip(wire, head + body, interval, max(1, round(bytes_per_second * interval)))


async def _drip(wire: Wire, data: bytes, interval: float, size: int) -> None:
    for start in range(0, len(data), size):
        wire.send(data[start : start + size])
        if await wire.wait(interval):
            return


_PLAYS: dict[str, Callable[..., Awaitable[Any]]] = {
    "reset_before_request": _reset,
    "reset_mid_request": _reset,
    "reset_after_commit": _reset,
    "reset_mid_headers": _reset_mid_headers,
    "reset_mid_body": _reset_mid_body,
    "close_without_answer": _close,
    "truncated_body": _truncated_body,
    "not_http": _not_http,
    "drip_headers": _drip_headers,
    "drip_body": _drip_body,
    "stall_mid_body": _stall_mid_body,
    "slow_close": _slow_close,
    "bandwidth": _bandwidth,
}
