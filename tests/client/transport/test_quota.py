"""The budget of retries: what it lets through, and when it stops."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.client.transport.quota import (
    CAPACITY,
    RETRY_COST,
    SUCCESS_REFUND,
    RetryQuota,
)


def test_an_outage_is_met_by_a_hundred_retries() -> None:
    quota = RetryQuota()
    assert sum(quota.pay() for _ in range(1000)) == CAPACITY // RETRY_COST == 100
    assert quota.available == 0


def test_what_is_not_there_is_not_taken() -> None:
    quota = RetryQuota(7)
    assert quota.pay(5)
    assert not quota.pay(5)
    assert quota.available == 2
    assert quota.pay(2)


def test_successes_fill_the_purse_and_not_beyond() -> None:
    quota = RetryQuota(10)
    assert quota.pay(10)
    quota.refund()
    assert quota.available == SUCCESS_REFUND == 1
    quota.refund(5)
    assert quota.available == 6
    for _ in range(9):
        quota.refund(5)
    assert quota.available == quota.capacity == 10


@given(st.lists(st.one_of(st.just("refund"), st.integers(1, 20)), max_size=60))
def test_the_purse_never_holds_less_than_nothing_nor_more_than_all(steps: list[str | int]) -> None:
    quota = RetryQuota(30)
    held = 30
    for step in steps:
        if isinstance(step, int):
            paid = quota.pay(step)
            assert paid is (step <= held)
            held -= step if paid else 0
        else:
            quota.refund()
            held = min(30, held + 1)
        assert quota.available == held


def test_many_threads_share_one_purse() -> None:
    quota = RetryQuota()
    with ThreadPoolExecutor(16) as pool:
        paid = sum(pool.map(lambda _: quota.pay(), range(5000)))
    assert paid == 100
