"""The states of a token, on a clock that stands still until it is moved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from math import inf
from typing import Any

import pytest

from resonance_helpers.client.auth.clock import ServerClock
from resonance_helpers.client.auth.secret import Secret
from resonance_helpers.client.auth.tokens import PAUSE, Token, TokenCache
from resonance_helpers.client.errors import TokenError
from resonance_helpers.client.transport.deadline import Deadline, bounded


class Source:
    """Makes tokens t1, t2, ... of 1,000 seconds, as slowly as `gate` allows.

    Attributes:
        now: The time.
        asked: The token that each renewal came with.
        failure: Is raised instead.
    """

    def __init__(self, life: float | None = 1000.0) -> None:
        self.now = 5000.0
        self.life = life
        self.asked: list[Token | None] = []
        self.kept: list[str] = []
        self.failure: BaseException | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.running = self.most = 0
        self.lock = threading.Lock()
        self.cache = TokenCache(
            self.fetch,
            ServerClock(lambda: self.now),
            lambda token: self.kept.append(token.access.reveal()),
        )

    def fetch(self, last: Token | None) -> Token:
        with self.lock:
            self.asked.append(last)
            number = len(self.asked)
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.gate.wait(10)
        with self.lock:
            self.running -= 1
        if self.failure is not None:
            raise self.failure
        ends = None if self.life is None else self.now + self.life
        return Token(Secret(f"t{number}"), ends, self.life or inf, Secret(f"r{number}"))

    def get(self) -> str:
        return self.cache.get().reveal()

    def landed(self) -> None:
        """Wait until no renewal is under way."""
        for thread in threading.enumerate():
            if thread.name == "resonance-token":
                thread.join(10)


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()
    yield made
    made.gate.set()
    made.landed()


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    """What `work` gave or raised in each of `count` threads that start together."""
    results: list[Any] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


def test_the_first_gets_a_token_and_the_next_the_same(source: Source) -> None:
    assert [source.get(), source.get()] == ["t1", "t1"]
    assert source.asked == [None]


@pytest.mark.parametrize("after", [0, 900, 939.9])
def test_fresh_is_fresh(source: Source, after: float) -> None:
    source.get()
    source.now += after
    assert source.get() == "t1"
    source.landed()
    assert len(source.asked) == 1


@pytest.mark.parametrize("after", [940, 989.9])
def test_ageing_goes_on_with_what_there_is_while_one_renewal_runs(
    source: Source, after: float
) -> None:
    source.get()
    source.now += after
    source.gate.clear()
    assert [source.get() for _ in range(5)] == ["t1"] * 5  # nobody waits
    source.gate.set()
    source.landed()
    assert source.get() == "t2"
    assert len(source.asked) == 2


@pytest.mark.parametrize("after", [990, 1000, 100_000])
def test_stale_waits(source: Source, after: float) -> None:
    source.get()
    source.now += after
    assert source.get() == "t2"


def test_a_short_life_has_short_margins() -> None:
    source = Source(life=2.0)
    source.get()
    source.now += 1.5
    assert source.get() == "t1"
    source.landed()
    assert len(source.asked) == 1
    source.now += 0.2
    assert source.get() == "t1"
    source.landed()
    assert source.get() == "t2"


def test_an_early_renewal_that_fails_is_not_tried_again_at_once(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.get()
    source.now += 950
    source.failure = TokenError("down", retryable=True)
    for _ in range(3):
        assert source.get() == "t1"
        source.landed()
    assert len(source.asked) == 2
    assert caplog.messages == ["the access token could not be renewed early: down [no-token]"]
    source.now += PAUSE
    source.failure = None
    assert source.get() == "t1"
    source.landed()
    assert source.get() == "t3"


def test_a_stale_token_is_not_served_however_the_renewal_fails(source: Source) -> None:
    source.get()
    source.now += 2000
    source.failure = TokenError("down")
    for _ in range(2):
        with pytest.raises(TokenError, match="down"):
            source.get()
    assert len(source.asked) == 3
    source.failure = None
    assert source.get() == "t4"


def test_a_token_without_an_end_is_good_until_it_is_refused() -> None:
    source = Source(life=None)
    assert source.get() == "t1"
    source.now += 1e9
    assert source.get() == "t1"
    source.cache.refuse(Secret("t1"))
    assert source.get() == "t2"


def test_a_refusal_that_comes_late_changes_nothing(source: Source) -> None:
    source.get()
    source.cache.refuse(Secret("t1"))
    source.get()
    source.cache.refuse(Secret("t1"))
    assert source.get() == "t2"
    assert len(source.asked) == 2


@pytest.mark.parametrize("rounds", [10, pytest.param(300, marks=pytest.mark.soak)])
def test_sixty_four_threads_make_one_renewal(source: Source, rounds: int) -> None:
    for number in range(1, rounds + 1):
        assert in_threads(64, source.get) == [f"t{number}"] * 64
        source.now += 5000
    assert len(source.asked) == rounds
    assert source.most == 1
    assert source.kept == [f"t{number}" for number in range(1, rounds + 1)]


def test_all_who_wait_hear_of_the_failure_each_in_an_error_of_their_own(source: Source) -> None:
    source.gate.clear()
    source.failure = TokenError("down", reason="invalid_client", response_code=401)
    threading.Timer(0.3, source.gate.set).start()
    errors = in_threads(16, source.get)
    assert {str(error) for error in errors} == {"down [401, no-token]"}
    assert {error.reason for error in errors} == {"invalid_client"}
    assert len({id(error) for error in errors}) == 16
    assert len(source.asked) < 16


def test_each_waits_as_long_as_its_own_attempt_may_take(source: Source) -> None:
    source.gate.clear()
    with bounded(Deadline(0.05)), pytest.raises(TokenError, match="within the time") as raised:
        source.get()
    assert not raised.value.retryable
    # The renewal went on without anybody, and its token is there for the next.
    source.gate.set()
    source.landed()
    assert source.get() == "t1"
    assert len(source.asked) == 1


def test_what_a_way_to_get_a_token_raises_is_passed_on(source: Source) -> None:
    for failure in (RuntimeError("vault sealed"), TimeoutError("vault slow"), SystemExit(3)):
        source.failure = failure
        with pytest.raises(type(failure)) as raised:
            source.get()
        assert raised.value is failure


def test_a_token_is_in_place_before_it_is_kept() -> None:
    seen: list[Any] = []

    def keep(token: Token) -> None:
        seen.append(cache.token)
        raise OSError("disk full")

    cache = TokenCache(lambda last: Token(Secret("t")), ServerClock(), keep)
    with pytest.raises(OSError, match="disk full"):
        cache.get()
    assert cache.get().reveal() == "t"  # it is not lost, and not bought again
    assert seen == [cache.token]
