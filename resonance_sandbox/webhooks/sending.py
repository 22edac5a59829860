"""One attempt: a signed POST to a checked address, within a bound of wall-clock time."""

from __future__ import annotations

import asyncio
import email.utils
import math
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import h11

from .ssrf_guard import ReceiverAddress, Refused, SSRFGuard

__all__ = ["LONGEST_ANSWER", "AttemptOutcome", "send", "signed"]

LONGEST_ANSWER = 64 << 10
"""Bytes that are read of an answer. Its status alone matters, and its body is not kept: what a
receiver says is not for the eyes of who named its address."""


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What came of an attempt.

    Attributes:
        at: when it began, as displayed.
        status: of the answer, None where none came.
        latency_ms: to the head of the answer, or to the failure.
        error: why it did not deliver, None if it did.
        retry_after: seconds that the receiver asks to be left alone.
    """

    at: str
    status: int | None = None
    latency_ms: float = 0.0
    error: str | None = None
    retry_after: float | None = None

    @property
    def delivered(self) -> bool:
        return self.error is None

    @property
    def gone(self) -> bool:
        """Whether the receiver says that it will never be there again."""
        return self.status == 410


def signed(identity: str, body: bytes, secrets: Iterable[str], now: float) -> dict[str, str]:
    """The headers of Standard Webhooks for an event sent at `now`, signed by each secret."""
    from standardwebhooks import Webhook

    at = datetime.fromtimestamp(now, UTC)
    text = body.decode()
    signatures = [Webhook(secret).sign(identity, at, text) for secret in secrets]
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(signatures),
    }


async def send(
    guard: SSRFGuard,
    url: str,
    headers: dict[str, str],
    body: bytes,
    at: str,
    timeout: float,
    now: float,
) -> AttemptOutcome:
    """POST `body`, JSON, to `url`. Whatever happens is an outcome; redirects are not followed."""
    started = time.perf_counter()
    answer: dict[str, Any] = {}
    failure = "The answer has no end."
    try:
        # By the wall clock: a receiver that drips its answer byte by byte is no exception.
        async with asyncio.timeout(timeout):
            target, addresses = await guard.admit(url)
            await _exchange(target, addresses, headers, body, answer)
    except Refused as refused:
        failure = f"The address is refused: it {refused}."
    except TimeoutError:
        failure = f"No answer within {timeout:g} seconds."
    except ConnectionRefusedError:
        failure = "The connection was refused."
    except ssl.SSLCertVerificationError as error:
        failure = f"The certificate is not valid: {error.verify_message}."
    except ssl.SSLError:
        failure = "The TLS handshake failed."
    except h11.RemoteProtocolError:
        failure = "The answer is not HTTP."
    except OSError:
        failure = "The connection failed."
    ended = answer.get("at", time.perf_counter())
    outcome = AttemptOutcome(at, latency_ms=round((ended - started) * 1000, 3), error=failure)
    if "status" not in answer:
        return outcome
    # Its head came; whatever befell its body changes nothing.
    status: int = answer["status"]
    if 200 <= status < 300:
        return replace(outcome, status=status, error=None)
    failure = f"The receiver answered {status}."
    if 300 <= status < 400:
        failure = f"The receiver answered {status}, and redirects are not followed."
    return replace(
        outcome,
        status=status,
        error=failure,
        retry_after=_seconds(answer["retry_after"], answer["date"], now),
    )


async def _exchange(
    target: ReceiverAddress,
    addresses: list[Any],
    headers: dict[str, str],
    body: bytes,
    answer: dict[str, Any],
) -> None:
    reader, writer = await _connected(target, addresses)
    try:
        protocol = h11.Connection(h11.CLIENT)
        sent = {
            "host": target.authority,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "connection": "close",
            **headers,
        }
        head = protocol.send(
            h11.Request(method="POST", target=target.path, headers=[*sent.items()])
        )
        tail = protocol.send(h11.Data(body))
        protocol.send(h11.EndOfMessage())
        writer.write((head or b"") + (tail or b""))
        received = 0
        while received <= LONGEST_ANSWER:
            event = protocol.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(16 << 10)
                received += len(data)
                protocol.receive_data(data)
            elif isinstance(event, h11.Response):
                found = dict(event.headers)
                answer["at"] = time.perf_counter()
                answer["retry_after"] = found.get(b"retry-after")
                answer["date"] = found.get(b"date")
                answer["status"] = event.status_code
            elif not isinstance(event, h11.InformationalResponse | h11.Data):
                break
    finally:
        writer.transport.abort()


async def _connected(
    target: ReceiverAddress, addresses: list[Any]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one.

    The name goes into SNI and the check of the certificate, and nowhere else.
    """
    failure: OSError = ConnectionError()
    for address in addresses:
        try:
            return await asyncio.open_connection(
                str(address),
                target.port,
                ssl=_context() if target.secure else None,
                server_hostname=target.host if target.secure else None,
            )
        except OSError as error:
            failure = error
    raise failure


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _seconds(retry_after: bytes | None, date: bytes | None, now: float) -> float | None:
    """The wait that a Retry-After asks for, None for what is none (RFC 9110, 10.2.3).

    A date in it is by the clock of whoever sent it, which `date` tells; it need not be ours.
    """
    if retry_after is None:
        return None
    text = retry_after.decode("latin-1").strip()
    try:
        wait = float(text) if text.isdecimal() else _date(text) - _told_by(date, now)
    except (ValueError, OverflowError):
        return None
    return max(0.0, wait) if math.isfinite(wait) else None


def _told_by(date: bytes | None, now: float) -> float:
    try:
        return now if date is None else _date(date.decode("latin-1"))
    except (ValueError, OverflowError):
        return now


def _date(text: str) -> float:
    return email.utils.parsedate_to_datetime(text).timestamp()
