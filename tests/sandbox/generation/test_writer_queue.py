"""Realms take turns at the writer."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from resonance_sandbox.generation.writer_queue import WriterQueue
from resonance_sandbox.http.problems import Problem


async def settled(queue: WriterQueue, inside: int) -> None:
    while queue._inside < inside:
        await asyncio.sleep(0)


def test_a_realm_with_hundreds_of_requests_makes_another_wait_for_one() -> None:
    async def scene() -> list[str]:
        queue, order, go = WriterQueue(1, 400), list[str](), threading.Event()

        def work(name: str) -> None:
            assert go.wait(20)
            order.append(name)

        many = [asyncio.create_task(queue.run("many", lambda: work("many"))) for _ in range(300)]
        await settled(queue, 300)
        few = [asyncio.create_task(queue.run("few", lambda: work("few"))) for _ in range(3)]
        await settled(queue, 303)
        go.set()
        await asyncio.gather(*few, *many)
        assert (queue._inside, queue._running, dict(queue._waiting)) == (0, 0, {})
        return order

    order = asyncio.run(scene())
    assert len(order) == 303
    places = [place for place, name in enumerate(order) if name == "few"]
    gaps = [after - before for before, after in itertools.pairwise(places)]
    assert places[0] <= 2  # behind the one at work, and the one whose turn it was already
    assert gaps == [2, 2]


def test_a_full_queue_refuses_who_has_more_than_a_share() -> None:
    async def scene() -> None:
        queue, go = WriterQueue(1, 10), asyncio.Event()
        loop = asyncio.get_running_loop()

        def work() -> None:
            asyncio.run_coroutine_threadsafe(go.wait(), loop).result()

        many = [asyncio.create_task(queue.run("many", work)) for _ in range(11)]
        await settled(queue, 11)
        with pytest.raises(Problem, match="wait already"):
            await queue.run("many", work)
        few = [asyncio.create_task(queue.run("few", work)) for _ in range(5)]
        await settled(queue, 16)
        with pytest.raises(Problem, match="wait already"):
            await queue.run("few", work)
        go.set()
        await asyncio.gather(*many, *few)
        assert (queue._inside, queue._running) == (0, 0)

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_who_goes_away_leaves_the_turn_to_the_next() -> None:
    async def scene() -> None:
        queue, go = WriterQueue(1, 10), threading.Event()
        first = asyncio.create_task(queue.run("a", lambda: go.wait(20)))
        await settled(queue, 1)
        gone = asyncio.create_task(queue.run("a", lambda: None))
        stays = asyncio.create_task(queue.run("b", lambda: "done"))
        await settled(queue, 3)
        gone.cancel()
        go.set()
        assert await stays == "done"
        await first
        assert (queue._inside, queue._running, dict(queue._waiting)) == (0, 0, {})

    asyncio.run(asyncio.wait_for(scene(), 30))
