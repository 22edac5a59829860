"""A call that is broken off, wherever it waits, leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from resonance_helpers import AsyncResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client.asynchronous import idempotency_key_of
from resonance_helpers.client.auth import OAuth2ClientCredentials
from resonance_helpers.client.transport.cancellation import Cancellation, wait_on
from tests.support.broken_calls import SOON, calls_under_way, eventually
from tests.support.raw_server import (
    RawServer,
    answer,
    drips,
    full_backlog,
    raw_server,
    replies,
    stalls,
)

ARTICLE = {"article": "An article.", "hrv_feedback": 0.9}
LONG = answer({"tenants": [], "padding": "x" * 5000})


@contextmanager
def silent() -> Iterator[str]:
    """Accepts, and says nothing: not even in a TLS handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


async def cancelled(call: Coroutine[Any, Any, Any], when: Callable[[], bool]) -> str | None:
    """The key of a call that is cancelled as soon as it has come so far; its thread comes back."""
    task = asyncio.create_task(call)
    assert await asyncio.to_thread(eventually, lambda: when() and calls_under_way() == 1)
    await asyncio.sleep(0.05)  # until it waits
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as raised:
        await task
    assert await asyncio.to_thread(eventually, lambda: calls_under_way() == 0)
    return idempotency_key_of(raised.value)


def open_files() -> int:
    return len(os.listdir("/dev/fd"))


def always() -> bool:
    return True


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_call_that_connects_is_broken_off(scheme: str) -> None:
    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url, retry=RetryPolicy()) as api:
            await cancelled(api.get_tenants(), always)

    with silent() if scheme == "https" else full_backlog() as address:
        asyncio.run(use(f"{scheme}://{address}"))


def test_a_look_up_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: let_go.wait(20) and [])

    async def use() -> None:
        async with AsyncResonanceOSAPIClient("http://slow.example") as api:
            await cancelled(api.get_tenants(), always)

    asyncio.run(use())
    let_go.set()


@pytest.mark.parametrize("warm", [False, True], ids=["new", "in use"])
@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(stalls, id="silence"),
        pytest.param(drips(LONG), id="head"),
        pytest.param(drips(LONG, after=200), id="body"),
        pytest.param(
            drips(LONG.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), after=200), id="closing"
        ),
    ],
)
@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
def test_an_answer_that_is_waited_for_is_broken_off(
    handler: Any, warm: bool, encrypted: bool, tls: ssl.SSLContext, authority_file: Path
) -> None:
    gone = threading.Event()
    handlers = [replies({"tenants": []})] * 2 * warm

    def watched(connection: Any, request: bytes) -> None:
        try:
            handler(connection, request) if handler is not stalls else connection.recv(1)
        finally:
            gone.set()  # it could not write, or read the end

    async def use(server: RawServer) -> None:
        async with AsyncResonanceOSAPIClient(server.url, retry=RetryPolicy()) as api:
            api.sync.session.verify = str(authority_file)
            for _ in handlers:
                await api.get_tenants()
            key = await cancelled(
                api.generate_content("x"), lambda: len(server.requests) > len(handlers)
            )
            assert key
            assert gone.wait(SOON), "the connection is open still"
            assert key.encode() in server.requests[-1]
            assert len(server.requests) == len(handlers) + 1, "it is not tried again"

    context = tls if encrypted else None
    with raw_server(*handlers, watched, replies(ARTICLE), tls=context) as server:
        asyncio.run(use(server))


def test_a_wait_between_two_attempts_is_broken_off() -> None:
    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url, retry=RetryPolicy()) as api:
            assert await cancelled(api.get_tenants(), lambda: bool(server.requests)) is None

    with raw_server(replies({}, 503, headers={"Retry-After": "20"})) as server:
        asyncio.run(use(server.url))


def test_a_wait_for_a_turn_is_broken_off() -> None:
    spent = {"X-RateLimit-Limit": "1", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "30"}

    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url, pace=True) as api:
            await api.get_tenants()
            await cancelled(api.get_tenants(), always)

    with raw_server(replies({"tenants": []}, headers=spent)) as server:
        asyncio.run(use(server.url))
        assert len(server.requests) == 1


def test_a_wait_for_a_token_is_broken_off_and_the_token_comes_all_the_same() -> None:
    come = threading.Event()

    def token(connection: Any, _request: bytes) -> None:
        come.wait(20)
        connection.sendall(answer({"access_token": "t", "token_type": "Bearer"}))

    async def use(url: str, token_url: str) -> None:
        auth = OAuth2ClientCredentials(token_url, "me", "secret")
        async with AsyncResonanceOSAPIClient(url, auth=auth) as api:
            await cancelled(api.get_tenants(), lambda: bool(tokens.requests))
            come.set()
            assert await api.get_tenants() == {"tenants": []}

    with raw_server(token) as tokens, raw_server(replies({"tenants": []})) as server:
        asyncio.run(use(server.url, tokens.url))
        assert len(tokens.requests) == 1


def test_who_waits_many_times_is_woken_once() -> None:
    class Counted(threading.Condition):
        woken = 0

        def notify_all(self) -> None:
            self.woken += 1
            super().notify_all()

    condition, cancellation = Counted(), Cancellation()

    def wait() -> None:
        with condition:
            for _ in range(5):
                wait_on(condition, 0)

    cancellation.run(wait)
    cancellation.cancel()
    cancellation.cancel()
    assert condition.woken == 1


def test_a_stock_session_is_waited_for_no_longer_than_the_caller_waits() -> None:
    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url, timeout=2.0, session=requests.Session()) as api:
            task = asyncio.create_task(api.get_tenants())
            assert await asyncio.to_thread(eventually, lambda: server.requests)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert calls_under_way() == 1
        assert calls_under_way() == 0

    with raw_server(stalls) as server:
        asyncio.run(use(server.url))


@pytest.mark.skipif(sys.platform == "win32", reason="nothing counts its open files there")
@pytest.mark.parametrize("count", [30, pytest.param(1000, marks=pytest.mark.soak)])
def test_nothing_is_left_behind(count: int) -> None:
    """Calls are cancelled at random moments, beside others that must notice nothing."""
    chance = random.Random(4)

    def serve(connection: Any, request: bytes) -> None:
        if b"/tenants" in request.split(b"\r\n")[0]:
            connection.sendall(answer({"tenants": []}))
            return
        time.sleep(0.005 * chance.random())
        connection.sendall(answer(ARTICLE))

    async def one(api: AsyncResonanceOSAPIClient) -> bool:
        try:
            async with asyncio.timeout(0.02 * chance.random()):
                await api.generate_content("x")
        except TimeoutError:
            return True
        return False

    async def bystander(api: AsyncResonanceOSAPIClient, done: asyncio.Event) -> int:
        calls = 0
        while not done.is_set():
            assert await api.get_tenants() == {"tenants": []}
            calls += 1
        return calls

    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(
            url, retry=None, on_error="raise", max_concurrent=20
        ) as api:
            done = asyncio.Event()
            beside = [asyncio.create_task(bystander(api, done)) for _ in range(2)]
            broken_off = 0
            while broken_off < count:
                broken_off += sum(await asyncio.gather(*(one(api) for _ in range(10))))
            done.set()
            assert all(await asyncio.gather(*beside)), "calls beside these came through"
        gc.collect()

    with raw_server(serve) as server:
        threads, files = threading.active_count(), open_files()
        asyncio.run(use(server.url))
        assert eventually(lambda: threading.active_count() <= threads)
        assert eventually(lambda: open_files() <= files)
