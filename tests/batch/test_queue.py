"""The queue: what goes now, what later, and when all is over. The clock is the test's own."""

from __future__ import annotations

import threading

import pytest

from resonance_helpers.batch.items import Item
from resonance_helpers.batch.pacing import Pacer
from resonance_helpers.batch.queue import WorkQueue


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> WorkQueue:
    return WorkQueue(Pacer(), look_ahead=4, aside=3, clock=clock)


def items(*indices: int) -> list[Item]:
    return [Item(index, f"key-{index}") for index in indices]


def test_items_come_in_order_and_an_end_comes_after_the_last(queue):
    queue.feed(items(0, 1), last=True)
    assert [queue.take().index, queue.take().index] == [0, 1]
    assert not queue.over
    queue.settle(), queue.settle()
    assert queue.over
    assert queue.take() is None
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


def test_a_worker_waits_for_an_item_and_gets_it(queue):
    got = []
    worker = threading.Thread(target=lambda: got.append(queue.take()))
    worker.start()
    queue.feed(items(7), last=True)
    worker.join(10)
    assert got[0].index == 7


def test_a_stop_wakes_all_who_wait(queue):
    got = []
    workers = [threading.Thread(target=lambda: got.append(queue.take())) for _ in range(5)]
    for worker in workers:
        worker.start()
    assert queue.stop() is False
    for worker in workers:
        worker.join(10)
    assert got == [None] * 5


def test_an_earlier_due_time_wakes_who_watches_the_clock_for_a_later_one():
    # On the real clock, since it is the waiting that is tried.
    import time

    queue = WorkQueue(Pacer(), look_ahead=4, aside=9, clock=time.monotonic)
    queue.feed(items(0, 1), last=True)
    late, soon = queue.take(), queue.take()
    queue.put_aside(late, seconds=60)
    got = []
    workers = [threading.Thread(target=lambda: got.append(queue.take())) for _ in range(3)]
    for worker in workers:
        worker.start()
    queue.put_aside(soon, seconds=0.01)
    until = time.monotonic() + 10
    while not got and time.monotonic() < until:
        time.sleep(0.01)
    assert got == [soon]
    queue.stop()
    for worker in workers:
        worker.join(10)


def test_a_limit_holds_the_items_back(clock):
    queue = WorkQueue(Pacer(), look_ahead=4, aside=3, clock=clock)
    queue.feed(items(0, 1), last=True)
    first = queue.take()
    queue.answered(first, remaining=0, reset=30)
    got = []
    worker = threading.Thread(target=lambda: got.append(queue.take()))
    worker.start()
    worker.join(0.1)
    assert not got
    queue.stop()
    worker.join(10)
    assert got == [None]


def test_what_was_taken_and_not_sent_is_given_back(queue, clock):
    queue.feed(items(0), last=True)
    queue.give_back(queue.take(), seconds=1)
    clock.now = 1.0
    assert queue.take().index == 0
