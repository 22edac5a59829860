"""The server that benchmarks measure against: HTTP/1.1 on bare asyncio, in a process of its own.

It is cheap, so that what is measured is the client, and it keeps count, so that nothing can hide:
an *effect* is one generation carried out. It honours `Idempotency-Key` as the contract says.

    python -m benchmarks.server --port 0 --delay 0.005 --fault-rate 0.2 --seed 1

prints ``{"url", "pid"}`` as one line when it is ready and ends when its stdin does. From Python::

    with running(delay=0.005, fault_rate=0.2, seed=1) as server:
        ...                     # server.url
        server.stats()          # {"requests", "effects", "distinct", "duplicates", "faults", ...}
        server.reset(seed=2)    # forget all, and change some options

Faults fall on a share of the attempts. Which attempt gets which is a hash of the seed, the
request's body and the number of times that body has come, so every client meets the same faults,
whatever the order of arrival:

    503, 429      refused, with `Retry-After: 0`
    reset-before  the connection is reset and nothing done
    reset-after   the work is done and stored, then the connection is reset
    truncated     the work is done and stored, half of the answer sent, the connection closed
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
import os
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

FAULTS = ("503", "429", "reset-before", "reset-after", "truncated")

PROBLEM = "application/problem+json"
VECTOR = [0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8]


@dataclass
class Options:
    """What the server does to a generation.

    Attributes:
        delay: Seconds from a generation's arrival to its answer.
        fault_rate: The share of attempts that meet a fault, 0 to 1.
        faults: Which ones, equally likely.
        seed: Another seed, other faults.
    """

    delay: float = 0.0
    fault_rate: float = 0.0
    faults: tuple[str, ...] = FAULTS
    seed: int = 0

    def fault(self, body: bytes, attempt: int) -> str | None:
        """The fault that this attempt meets, or None."""
        if not self.fault_rate:
            return None
        token = b"%d:%d:" % (self.seed, attempt) + body
        share, which = struct.unpack("<II", hashlib.blake2b(token, digest_size=8).digest())
        return self.faults[which % len(self.faults)] if share < self.fault_rate * 2**32 else None


@dataclass
class Counts:
    """What has happened since the start or the last reset."""

    requests: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    attempts: Counter[bytes] = field(default_factory=Counter)
    effects: Counter[bytes] = field(default_factory=Counter)
    stored: dict[str, bytes] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    replays: int = 0

    def as_dict(self) -> dict[str, Any]:
        effects = self.effects.total()
        return {
            "requests": self.requests,
            "effects": effects,
            "distinct": len(self.effects),
            "duplicates": effects - len(self.effects),
            "replays": self.replays,
            "faults": dict(self.faults),
        }


class Server:
    def __init__(self, options: Options) -> None:
        self.options = options
        self.counts = Counts()

    def reset(self, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            setattr(self.options, name, value)
        self.counts = Counts()

    def connection(self) -> Connection:
        return Connection(self)


class Connection(asyncio.Protocol):
    """One connection: requests come one after another, each is answered before the next is read."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.received = b""
        self.busy = False
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.next_request()

    def next_request(self) -> None:
        if self.busy:
            return
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        headers = {}
        first, *lines = head.split(b"\r\n")
        for line in lines:
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        length = int(headers.get(b"content-length", 0))
        if len(rest) < length:
            return
        body, self.received = rest[:length], rest[length:]
        method, target, _version = first.split(b" ")
        self.handle(method.decode(), target.decode().partition("?")[0], headers, body)

    def handle(self, method: str, path: str, headers: dict[bytes, bytes], body: bytes) -> None:
        counts, options = self.server.counts, self.server.options
        if path == "/stats":
            self.answer(200, json.dumps(counts.as_dict()).encode())
        elif path == "/reset":
            self.server.reset(json.loads(body))
            self.answer(200, b"{}")
        elif method == "GET":
            counts.requests += 1
            self.answer(200, HEALTH if path == "/health" else b"{}")
        else:
            counts.requests += 1
            counts.attempts[body] += 1
            fault = options.fault(body, counts.attempts[body])
            if fault:
                counts.faults[fault] += 1
            self.generate(path, headers.get(b"idempotency-key", b"").decode(), body, fault)

    def generate(self, path: str, key: str, body: bytes, fault: str | None) -> None:
        counts, options = self.server.counts, self.server.options
        if fault == "503":
            return self.refuse(503, "overloaded")
        if fault == "429":
            return self.refuse(429, "rate-limited")
        if fault == "reset-before":
            return self.reset()
        if key in counts.stored:
            counts.replays += 1
            return self.finish(counts.stored[key], fault, replayed=True)
        if key and key in counts.running:
            # When the work will be done; at once would only cost the caller its attempts.
            return self.refuse(409, "idempotency-in-progress", after=math.ceil(options.delay))

        def work() -> None:
            # What has been reset meanwhile belongs to an earlier run.
            counts.running.discard(key)
            counts.effects[body] += 1
            answer = article(path, body)
            if key:
                counts.stored[key] = answer
            self.finish(answer, fault)

        counts.running.add(key)
        self.busy = True
        if options.delay:
            asyncio.get_running_loop().call_later(options.delay, work)
        else:
            work()
        return None

    def finish(self, answer: bytes, fault: str | None, replayed: bool = False) -> None:
        if fault == "reset-after":
            self.reset()
        elif fault == "truncated":
            self.send(200, answer, sent=len(answer) // 2)
            self.transport.close()
        else:
            self.answer(200, answer, b"Idempotency-Replayed: true\r\n" if replayed else b"")

    def refuse(self, status: int, slug: str, after: int = 0) -> None:
        problem = {"type": f"urn:resonanceos:problem:{slug}", "status": status, "detail": slug}
        self.answer(status, json.dumps(problem).encode(), b"Retry-After: %d\r\n" % after, PROBLEM)

    def answer(
        self, status: int, body: bytes, more: bytes = b"", kind: str = "application/json"
    ) -> None:
        self.send(status, body, more, kind)
        self.busy = False
        self.next_request()

    def send(
        self,
        status: int,
        body: bytes,
        more: bytes = b"",
        kind: str = "application/json",
        sent: int | None = None,
    ) -> None:
        self.transport.write(
            b"HTTP/1.1 %d x\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
            b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nServer: benchmark\r\n"
            b"X-Request-ID: req_0123456789abcdef\r\nServer-Timing: app;dur=0.1\r\n%s\r\n"
            % (status, kind.encode(), len(body), more)
            + body[:sent]
        )

    def reset(self) -> None:
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


HEALTH = json.dumps({"status": "healthy", "version": "6", "checks": {}}).encode()


def article(path: str, body: bytes) -> bytes:
    """An answer as large as a short article; in OpenAI's form where that is what was asked for."""
    text = "The quick brown fox jumps over the lazy dog. " * 20
    if path.endswith("/chat/completions"):
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        return json.dumps({**answer, "choices": [choice]}).encode()
    prompt = json.loads(body).get("prompt", "")
    return json.dumps(
        {
            "article": f"{prompt}. {text}",
            "hrv_feedback": 0.93,
            "hrv_vector": VECTOR,
            "target_hrv": VECTOR,
            "content_length": len(text),
        }
    ).encode()


# --- as a process --------------------------------------------------------------------------------


class Running:
    """A server in a process of its own."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    def stats(self) -> dict[str, Any]:
        return self._call("/stats")

    def reset(self, **changes: Any) -> None:
        """Forget all that was counted and stored; change some `Options`."""
        self._call("/reset", changes)

    def _call(self, path: str, payload: Any = None) -> dict[str, Any]:
        body = None if payload is None else json.dumps(payload).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(self.url + path, body), timeout=10) as answer:
            document: dict[str, Any] = json.load(answer)
        return document


@contextmanager
def running(**options: Any) -> Iterator[Running]:
    """A server with these `Options`, while the block runs."""
    arguments = []
    for name, value in options.items():
        text = ",".join(value) if name == "faults" else str(value)
        arguments += [f"--{name.replace('_', '-')}", text]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", "--port", "0", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    )
    assert process.stdin
    assert process.stdout
    try:
        ready = json.loads(process.stdout.readline())
        yield Running(ready["url"], ready["pid"])
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=10)


async def serve(port: int, options: Options) -> None:
    loop = asyncio.get_running_loop()
    server = Server(options)
    listener = await loop.create_server(server.connection, "127.0.0.1", port, backlog=1024)
    port = listener.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{port}", "pid": os.getpid()}), flush=True)
    ended = asyncio.Event()

    def watch() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    await ended.wait()
    listener.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    for option in fields(Options):
        default = option.default
        kind = type(default) if option.name != "faults" else lambda text: tuple(text.split(","))
        parser.add_argument(f"--{option.name.replace('_', '-')}", type=kind, default=default)
    given = vars(parser.parse_args())
    asyncio.run(serve(given.pop("port"), Options(**given)))


if __name__ == "__main__":
    main()
