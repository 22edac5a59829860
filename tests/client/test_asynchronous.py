"""The client for asyncio: every call, and what becomes of one that is cancelled."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from resonance_helpers import AsyncResonanceOSAPIClient, ResonanceOSAPIClient
from resonance_helpers.client.asynchronous import idempotency_key_of
from resonance_helpers.client.errors import NotFoundError
from tests.support.broken_calls import calls_under_way, eventually
from tests.support.forks import forks, in_a_fork
from tests.support.raw_server import answer, raw_server, replies, stalls

ARTICLE = {"article": "An article.", "hrv_feedback": 0.9}


NOT_CALLS = ("close", "with_options", "prepare_generation")


def test_it_has_every_call_with_the_same_signature() -> None:
    sync = {
        name: member
        for name, member in inspect.getmembers(ResonanceOSAPIClient, inspect.isfunction)
        if not name.startswith("_") and name not in NOT_CALLS
    }
    for name, method in sync.items():
        ours = inspect.getattr_static(AsyncResonanceOSAPIClient, name)
        assert inspect.signature(ours) == inspect.signature(method), name
        assert ours.__name__ == name
        assert ours.__doc__ == method.__doc__
        iterates = name.startswith("iter_")
        assert inspect.isasyncgenfunction(ours) == iterates, name
        assert inspect.iscoroutinefunction(ours) != iterates, name


def test_it_is_made_as_the_other_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONANCE_URL", "http://localhost:1/there")
    for api in (
        AsyncResonanceOSAPIClient("http://localhost:1/there", timeout=3, on_error="raise"),
        AsyncResonanceOSAPIClient.from_env(timeout=3, on_error="raise"),
    ):
        assert repr(api.sync) == "ResonanceOSAPIClient('http://localhost:1/there', timeout=3)"
        assert api.sync.on_error == "raise"
    with pytest.raises(ValueError, match="max_concurrent is 0"):
        AsyncResonanceOSAPIClient(max_concurrent=0)


def test_it_is_called_as_the_other_one_is(resonance_sandbox: Any) -> None:
    async def use() -> None:
        async with AsyncResonanceOSAPIClient(resonance_sandbox.url) as api:
            assert (await api.health_check())["status"] == "healthy"
            assert (await api.generate_content("Tides", paragraphs=1))["article"]
            names = [one["profile_name"] async for one in api.iter_profiles(limit=2)]
            assert len(names) > 4
            missing = await api.get_profile("default", "nobody")
            assert (missing["status"], missing["response_code"]) == ("error", 404)
            with pytest.raises(NotFoundError):
                await api.with_options(on_error="raise").get_profile("default", "nobody")
            with pytest.raises(TypeError, match="prompt"):
                await api.generate_content(5)  # type: ignore[arg-type]
            assert api.sync.rate_limit is not None
        with pytest.raises(RuntimeError):
            await api.health_check()

    asyncio.run(use())


def test_calls_run_at_once_and_no_more_than_there_are_places() -> None:
    most, now, lock = 0, 0, threading.Lock()

    def slow(connection: Any, _request: bytes) -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        assert eventually(lambda: most == 3)
        time.sleep(0.05)  # in which a fourth would come
        with lock:
            now -= 1
        connection.sendall(answer({"tenants": []}))

    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url, max_concurrent=3) as api:
            await asyncio.gather(*(api.get_tenants() for _ in range(7)))

    with raw_server(slow) as server:
        asyncio.run(use(server.url))
        assert len(server.requests) == 7
    assert most == 3


def test_waiting_for_a_place_can_be_cancelled() -> None:
    async def use(url: str) -> None:
        api = AsyncResonanceOSAPIClient(url, max_concurrent=1)
        first = asyncio.create_task(api.get_tenants())
        await asyncio.to_thread(eventually, lambda: bool(server.requests))
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(0.05):
                await api.generate_content("x")
        assert idempotency_key_of(raised.value) is None
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await api.aclose()

    with raw_server(stalls) as server:
        asyncio.run(use(server.url))
        assert len(server.requests) == 1


Arrival = Coroutine[Any, Any, Any]
"""Ends once the request of the call is there."""


async def in_time(call: Coroutine[Any, Any, Any], arrival: Arrival) -> None:
    async def over() -> None:
        await arrival
        limit.reschedule(0)

    async with asyncio.timeout(None) as limit:
        watching = asyncio.create_task(over())
        await call
    await watching


async def waited_for(call: Coroutine[Any, Any, Any], arrival: Arrival) -> None:
    arrived = asyncio.create_task(arrival)
    await asyncio.wait_for(call, 1)
    await arrived


async def told(call: Coroutine[Any, Any, Any], arrival: Arrival) -> None:
    task = asyncio.create_task(call)
    await arrival
    task.cancel()
    await task


async def beside_one_that_fails(call: Coroutine[Any, Any, Any], arrival: Arrival) -> None:
    async def fail() -> None:
        await arrival
        raise ValueError

    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(call)
            group.create_task(fail())
    except* ValueError:
        pass
    task.result()


@pytest.mark.parametrize("broken_off", [in_time, waited_for, told, beside_one_that_fails])
def test_the_key_of_a_call_that_was_broken_off_is_reached(broken_off: Any) -> None:
    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url) as api:
            arrival = asyncio.to_thread(eventually, lambda: server.requests)
            with pytest.raises((TimeoutError, asyncio.CancelledError)) as raised:
                await broken_off(api.generate_content("x"), arrival)
            key = idempotency_key_of(raised.value)
            assert key is not None
            again = await api.generate_content("x", idempotency_key=key)
            assert again["article"] == "An article."
        assert all(key.encode() in request for request in server.requests)

    with raw_server(stalls, replies(ARTICLE)) as server:
        asyncio.run(use(server.url))
        assert len(server.requests) == 2


def test_so_is_that_of_a_call_whose_answer_had_come_and_was_not_taken() -> None:
    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url) as api:
            task = asyncio.create_task(api.generate_content("x"))
            await asyncio.sleep(0)
            # Nothing else of the loop runs meanwhile.
            assert eventually(lambda: server.requests and not calls_under_way())
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as raised:
                await task
            assert idempotency_key_of(raised.value)

    with raw_server(replies(ARTICLE)) as server:
        asyncio.run(use(server.url))


async def several(api: AsyncResonanceOSAPIClient, reached: Callable[[], bool]) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(api.get_profiles())
        await asyncio.to_thread(eventually, reached)
        group.create_task(api.get_profile("acme", "missing"))


def test_a_group_cancels_the_calls_of_one_that_failed() -> None:
    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url, on_error="raise") as api:
            with pytest.raises(ExceptionGroup) as raised:
                await several(api, lambda: len(server.requests) == 5)
            assert [type(one) for one in raised.value.exceptions] == [NotFoundError]
            assert await asyncio.to_thread(eventually, lambda: calls_under_way() == 0)

    def serve(connection: Any, request: bytes) -> None:
        if b"missing" in request:
            connection.sendall(answer({}, 404))
        else:
            connection.recv(1)

    with raw_server(serve) as server:
        asyncio.run(use(server.url))


def test_context_variables_reach_the_thread() -> None:
    who = contextvars.ContextVar("who", default="nobody")
    seen = []

    async def one(api: AsyncResonanceOSAPIClient, name: str) -> None:
        who.set(name)
        await api.get_tenants()

    async def use(url: str) -> None:
        async with AsyncResonanceOSAPIClient(url) as api:
            api.sync.session.hooks["response"].append(lambda *_, **__: seen.append(who.get()))
            await asyncio.gather(*(one(api, name) for name in "abc"))

    with raw_server(replies({"tenants": []})) as server:
        asyncio.run(use(server.url))
    assert sorted(seen) == ["a", "b", "c"]


def test_closing_waits_for_what_is_under_way() -> None:
    def slow(connection: Any, _request: bytes) -> None:
        time.sleep(0.3)
        connection.sendall(answer({"tenants": []}))

    async def use(url: str) -> None:
        api = AsyncResonanceOSAPIClient(url, max_concurrent=5)
        tasks = [asyncio.create_task(api.get_tenants()) for _ in range(4)]
        await asyncio.to_thread(eventually, lambda: len(server.requests) == 4)
        await asyncio.gather(*(api.aclose() for _ in range(3)))
        await asyncio.gather(*tasks)
        assert not [t for t in threading.enumerate() if t.name.startswith("resonance-call")]

    with raw_server(slow) as server:
        asyncio.run(use(server.url))


async def six_at_once(api: AsyncResonanceOSAPIClient) -> list[Any]:
    return await asyncio.gather(*(api.generate_content("x") for _ in range(6)))


def test_one_loop_comes_after_another() -> None:
    # More calls than places, so that some wait: that is what binds a lock to its loop.
    with raw_server(replies(ARTICLE)) as server:
        api = AsyncResonanceOSAPIClient(server.url, max_concurrent=2)
        for _ in range(2):
            assert asyncio.run(six_at_once(api)) == [ARTICLE] * 6
        both = [threading.Thread(target=lambda: asyncio.run(six_at_once(api))) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert len(server.requests) == 24
        asyncio.run(api.aclose())


@forks
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("with_options", [False, True])
def test_its_threads_do_not_come_along_into_a_fork(with_options: bool) -> None:
    with raw_server(replies(ARTICLE)) as server:
        api = AsyncResonanceOSAPIClient(server.url, max_concurrent=2)
        api = api.with_options(timeout=20) if with_options else api
        assert asyncio.run(six_at_once(api)) == [ARTICLE] * 6
        assert in_a_fork(lambda: asyncio.run(asyncio.wait_for(six_at_once(api), 20))) == str(
            [ARTICLE] * 6
        )
        asyncio.run(api.aclose())
