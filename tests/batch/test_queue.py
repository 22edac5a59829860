"""The queue: what goes now, what later, and when all is over. The clock is the test's own."""

from __future__ import annotations

import math

import pytest

from resonance_helpers.batch.items import Item
from resonance_helpers.batch.queue import WorkQueue
from resonance_helpers.client.transport import Limiter
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def woken() -> list[bool]:
    return []


@pytest.fixture
def queue(clock: Clock, woken: list[bool]) -> WorkQueue:
    limiter = Limiter(clock)
    limiter.answered(limiter.take(), {})  # it knows that there is no limit
    wake = lambda: woken.append(True)  # noqa: E731
    return WorkQueue(limiter, look_ahead=4, aside=3, wake=wake, clock=clock)


def items(*indices: int) -> list[Item]:
    return [Item(index, f"key-{index}") for index in indices]


def test_items_come_in_order_and_an_end_comes_after_the_last(queue):
    queue.feed(items(0, 1), last=True)
    assert [queue.take().index, queue.take().index] == [0, 1]
    assert not queue.over
    queue.settle(), queue.settle()
    assert queue.over
    assert queue.stop() is True


def test_an_item_put_aside_comes_when_it_is_due_and_before_new_ones(queue, clock):
    queue.feed(items(0, 1, 2), last=True)
    queue.put_aside(queue.take(), seconds=5)
    assert queue.waiting == 1
    assert queue.take().index == 1
    clock.now = 5.0
    assert queue.take().index == 0
    assert queue.take().index == 2


def test_the_one_that_is_due_first_comes_first(queue, clock):
    queue.feed(items(0, 1), last=True)
    first, second = queue.take(), queue.take()
    queue.put_aside(first, seconds=9)
    queue.put_aside(second, seconds=3)
    clock.now = 10.0
    assert [queue.take().index, queue.take().index] == [1, 0]


def test_more_is_wanted_below_half_and_not_with_too_many_aside(queue):
    assert queue.wanted(0) == 4
    queue.feed(items(0, 1, 2, 3), last=False)
    assert queue.wanted(0) == 0
    taken = [queue.take(), queue.take()]
    assert queue.wanted(0) == 2
    for item in taken:
        queue.put_aside(item, seconds=100)
    queue.put_aside(queue.take(), seconds=100)
    assert queue.wanted(0) == 0


def test_after_the_last_nothing_is_wanted(queue):
    queue.feed(items(0), last=True)
    assert queue.wanted(0) == 0


def test_where_nothing_may_go_it_says_when_something_will(queue, clock):
    assert queue.take() == math.inf
    queue.feed(items(0), last=True)
    queue.put_aside(queue.take(), seconds=5)
    clock.now = 2.0
    assert queue.take() == 5.0


def test_a_limit_holds_the_items_back(queue, clock):
    queue.feed(items(0, 1), last=True)
    spent = {"RateLimit-Policy": '"x";q=1;w=60', "RateLimit": '"x";r=0;t=30'}
    queue._limiter.answered(queue.take().ticket, spent)
    assert queue.take() == queue.held == 30.0
    clock.now = 30.0
    assert queue.take().index == 1


def test_after_a_stop_nothing_is_handed_out(queue):
    queue.feed(items(0), last=True)
    assert queue.stop() is False
    assert queue.over
    assert queue.take() == math.inf


@pytest.mark.parametrize(
    "change",
    [
        lambda queue, item: queue.feed(items(7), last=False),
        lambda queue, item: queue.put_aside(item, seconds=1),
        lambda queue, item: queue.give_back(item, seconds=1),
        lambda queue, item: queue.settle(),
        lambda queue, item: queue.stop(),
    ],
    ids=["fed", "put aside", "given back", "settled", "stopped"],
)
def test_whoever_takes_is_woken_when_it_may_go_on(queue, woken, change):
    queue.feed(items(0), last=True)
    item = queue.take()
    woken.clear()
    change(queue, item)
    assert woken


def test_what_was_taken_and_not_sent_is_given_back(queue, clock):
    queue.feed(items(0), last=True)
    queue.give_back(queue.take(), seconds=1)
    clock.now = 1.0
    assert queue.take().index == 0
