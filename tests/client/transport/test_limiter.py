"""The limiter against servers that limit, on a clock of the test's own."""

from __future__ import annotations

import math
import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.simulated_limits import Moving, headers, simulated
from resonance_helpers.client.transport import Limiter
from tests.support.clock import Clock


class Fixed:
    """At most `quota` from one turn to the next."""

    def __init__(self, quota: int, span: float) -> None:
        self.quota, self.span = quota, span
        self.used, self.turns = 0, 0.4 * span  # it began before the client came

    def left(self, now: float) -> tuple[int, float]:
        while now >= self.turns:
            self.turns += self.span
            self.used = 0
        return self.quota - self.used, self.turns - now

    def hit(self, now: float) -> None:
        self.used += 1


class Bucket:
    """`quota` at once, and then one after another as it fills."""

    def __init__(self, quota: int, span: float) -> None:
        self.quota, self.span = quota, span
        self.then, self.level = 0.0, float(quota)

    def left(self, now: float) -> tuple[int, float]:
        self.level += (now - self.then) * self.quota / self.span
        self.level, self.then = min(self.level, float(self.quota)), now
        return int(self.level), (1 - self.level % 1) * self.span / self.quota

    def hit(self, now: float) -> None:
        self.level -= 1


def simulate(limits, dialect="RateLimit-Policy", *, clients=1, at_once=8, latency=0.1, **more):
    """The share of what is allowed that they use, and the share of requests that is refused."""
    log = simulated(limits, dialect, clients=clients, at_once=at_once, latency=latency, **more)
    took = log[-1].at - log[0].at
    possible = clients * at_once * (took / latency + 1) if latency else math.inf
    allowed = min(possible, *(one.quota * (took // one.span + 1) for one in limits))
    accepted = sum(one.accepted for one in log)
    return accepted / allowed, 1 - accepted / len(log)


@pytest.mark.parametrize("latency", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("at_once", [4, 8, 32])
@pytest.mark.parametrize("quota", [6, 20])
@pytest.mark.parametrize("kind", [Moving, Fixed, Bucket])
def test_it_uses_what_a_policy_allows_and_no_more(kind, quota, at_once, latency):
    policies = [kind(quota, 1), Moving(1000, 60)]
    used, refused = simulate(policies, at_once=at_once, latency=latency, seconds=25)
    assert used >= 0.95
    assert refused <= 0.01


@pytest.mark.parametrize("style", ["Unix time", "seconds left"])
@pytest.mark.parametrize("quota", [6, 20])
@pytest.mark.parametrize("latency", [0.0, 0.3])
def test_the_older_headers_are_enough(style, quota, latency):
    used, refused = simulate([Moving(quota, 1)], style, at_once=8, latency=latency)
    assert used >= 0.9
    assert refused <= 0.03


@pytest.mark.parametrize("latency", [0.1, 0.3])
@pytest.mark.parametrize("quota", [6, 20])
def test_two_clients_of_one_credential_share_what_there_is(quota, latency):
    used, refused = simulate([Moving(quota, 1)], clients=2, latency=latency, seconds=60)
    assert used >= 0.9
    assert refused <= 0.03


@pytest.mark.parametrize("quota", [6, 20])
def test_two_clients_share_windows_that_are_fixed(quota):
    used, refused = simulate([Fixed(quota, 1)], clients=2)
    assert used >= 0.9
    assert refused <= 0.03


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("quota", [6, 20])
def test_one_takes_over_what_another_has_left(quota, seed):
    log = simulated([Moving(quota, 1)], clients=2, leaves=12.0, seconds=24, seed=seed)
    later = [one for one in log if one.at >= 15]
    accepted = sum(one.accepted for one in later)
    assert accepted >= 0.9 * quota * (24 - 15)
    assert accepted >= 0.97 * len(later)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    quota=st.integers(3, 60),
    span=st.sampled_from([1, 2, 10]),
    at_once=st.integers(2, 40),
    latency=st.floats(0, 0.5),
    seed=st.integers(0, 99),
)
def test_whatever_the_burst(quota, span, at_once, latency, seed):
    limits = [Moving(quota, span)]
    used, refused = simulate(
        limits, at_once=at_once, latency=latency, seconds=40 * span, rows=1500, seed=seed
    )
    assert used >= 0.93  # the last window may have just begun
    assert refused <= 0.01


# --- one at a time -------------------------------------------------------------------------------


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> Limiter:
    return Limiter(clock)


def told(quota: int, span: int, left: int, wait: int) -> dict[str, str]:
    return {"RateLimit-Policy": f'"x";q={quota};w={span}', "RateLimit": f'"x";r={left};t={wait}'}


def test_while_it_knows_nothing_it_starts_softly(limiter, clock):
    first = limiter.take()
    assert limiter.ready_at() == 0.25
    clock.now = 0.25
    assert limiter.ready_at() == 0.25
    limiter.answered(first, {})
    for _ in range(1000):
        assert limiter.ready_at() == 0.25
        limiter.take()


def test_what_was_not_sent_after_all_is_not_counted(limiter):
    limiter.answered(limiter.take(), told(2, 60, 1, 60))
    limiter.ready_at()
    limiter.kept(limiter.take())
    assert limiter.ready_at() <= 0.25


def test_a_refusal_without_a_reason_holds_everyone_as_long_as_it_says(limiter, clock):
    limiter.answered(limiter.take(), {}, refused=True, retry_after=3.0)
    assert limiter.ready_at() == 3.0
    assert limiter.held() == 3.0


def test_refusals_that_give_no_time_hold_longer_and_longer(limiter, clock):
    for wait in (1, 2, 4, 8):
        limiter.answered(limiter.take(), {}, refused=True)
        assert limiter.ready_at() == clock.now + wait
        clock.now += wait


def test_a_limit_that_nobody_names_is_learnt_from_refusals(limiter, clock):
    limiter.answered(limiter.take(), {})
    tickets = [limiter.take() for _ in range(8)]
    for number, ticket in enumerate(tickets):
        limiter.answered(ticket, {}, refused=number >= 5, retry_after=1.0 if number >= 5 else None)
    clock.now = 1.02  # six were taken, the first one included
    left = 0
    while limiter.ready_at() <= clock.now:
        limiter.answered(limiter.take(), {})
        left += 1
    assert left == 6


def test_headers_of_a_refusal_are_read(limiter):
    limiter.answered(limiter.take(), {"RateLimit": '"minute";r=0;t=3'}, refused=True)
    assert limiter.ready_at() == 3.0


def test_a_wait_of_any_length_is_a_number(limiter):
    limiter.answered(limiter.take(), {"RateLimit": f'"month";r=0;t={28 * 86_400}'})
    assert limiter.held() == 28 * 86_400
    assert limiter.acquire(60) == 28 * 86_400


def test_a_lost_probe_is_followed_by_another(limiter, clock):
    limiter.answered(limiter.take(), {"RateLimit": '"x";r=0;t=5'})
    clock.now = limiter.ready_at()
    limiter.lost(limiter.take())
    assert limiter.ready_at() == clock.now + 1


def test_threads_wait_for_their_turns():
    limiter = Limiter()
    limiter.answered(limiter.take(), told(3, 1, 2, 1))
    sent: list[float] = []

    def work() -> None:
        limiter.acquire(10)
        sent.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(5)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(sent) == 5
    assert sorted(sent)[-1] - began >= 0.9


def test_a_long_life_does_not_grow(limiter):
    limiter.answered(limiter.take(), {})
    for _ in range(100_000):
        limiter.answered(limiter.take(), {}, refused=False)
    assert len(limiter._sent._times) <= 40_000


def test_a_server_that_names_new_policies_for_ever_fills_no_memory(limiter, clock):
    for number in range(50):
        names = [f"p{number}-{other}" for other in range(40)]
        said = {
            "RateLimit-Policy": ", ".join(f'"{name}";q=100;w=60' for name in names),
            "RateLimit": ", ".join(f'"{name}";r=100;t=1' for name in names),
        }
        limiter.answered(limiter.take(), said)
        limiter.ready_at()
        clock.now += 1
    assert len(limiter._policies) == 16
    limiter.answered(limiter.take(), told(5, 60, 0, 30))  # the last word counts
    assert limiter.ready_at() >= clock.now + 30


def test_the_older_headers_may_hide_a_limit_so_requests_leave_a_few_at_a_time(limiter, clock):
    said = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "990", "X-RateLimit-Reset": "60"}
    limiter.answered(limiter.take(), said)
    moments = []
    while len(moments) < 8:
        clock.now = limiter.ready_at()
        limiter.take()
        moments.append(clock.now)
    assert 0.2 <= moments[-1] - moments[0] <= 1


def test_a_window_that_turns_sooner_than_ours_comes_free_is_asked_for_at_its_time(limiter, clock):
    for left in (4, 3, 2, 1, 0):
        clock.now = limiter.ready_at()
        limiter.answered(limiter.take(), told(5, 60, left, 10))
    began = clock.now
    assert limiter.ready_at() == began + 10
    clock.now = began + 10
    ticket = limiter.take()
    assert limiter.ready_at() > clock.now  # one finds out
    limiter.answered(ticket, told(5, 60, 4, 60))
    assert limiter.ready_at() <= clock.now + 0.003  # and all may go


def test_whom_nobody_saw_send_keeps_nothing(limiter, clock):
    """What a process had sent that was killed is used as soon as it comes free."""
    limiter.answered(limiter.take(), told(9, 1, 0, 1), refused=True, retry_after=1)
    clock.now = limiter.ready_at()
    assert clock.now == pytest.approx(1, abs=0.01)
    limiter.answered(limiter.take(), told(9, 1, 8, 1))
    left = 0
    while limiter.ready_at() <= clock.now + 0.1:
        clock.now = max(clock.now, limiter.ready_at())
        limiter.take()
        left += 1
    assert left == 8


@pytest.mark.parametrize("moves", [False, True])
def test_what_a_killed_process_had_spent_is_asked_for_when_it_comes_free(limiter, clock, moves):
    """A time is told in whole seconds, rounded up: each answer bounds it anew."""
    free = 10.25
    for left in range(19, -1, -1):
        clock.now = limiter.ready_at()
        said = told(100, 60, left, math.ceil(free - clock.now))
        limiter.answered(limiter.take(), said)
        limiter.ready_at()  # it is read when somebody asks
        clock.now += 0.11
    rounded = clock.now - 0.11 + math.ceil(free - (clock.now - 0.11))
    asked = limiter.ready_at()
    assert free <= asked <= free + 0.11
    assert asked < rounded - 0.2
    # Where that was too early, as of a time that moves, the answer counts that says so.
    clock.now, free = asked, free + 20.5 if moves else free
    if not moves:
        limiter.answered(limiter.take(), told(100, 60, 79, 60))
        assert limiter.ready_at() == clock.now
        return
    wait = math.ceil(free - clock.now)
    limiter.answered(limiter.take(), told(100, 60, 0, wait), refused=True, retry_after=wait)
    clock.now = limiter.ready_at()
    assert clock.now - asked < 0.5
    assert limiter.ready_at() == pytest.approx(asked + wait)


def test_whom_nobody_saw_send_is_not_taken_for_one_who_does(limiter, clock):
    """Answers that pass each other on their way leave open how many a killed process had sent."""
    waiting = [limiter.take() for _ in range(3)]
    sent = len(waiting)
    clock.now += 0.1
    for late, ticket in enumerate(waiting):
        limiter.answered(ticket, told(100, 60, 100 - 40 - late - 1, 60))
        limiter.ready_at()  # it is read when somebody asks
    while clock.now < 30:
        clock.now += 0.1
        if limiter.ready_at() <= clock.now:
            sent += 1
            limiter.answered(limiter.take(), told(100, 60, 100 - 40 - sent, 60))
    assert sent == 60


@pytest.mark.parametrize("before", [0, 3])
def test_what_an_earlier_process_has_sent_comes_free_one_by_one(before):
    """It need not ask: whole seconds don't tell how many come free in them."""
    epoch, clock = 1_700_000_000, Clock()
    limiter, window = Limiter(lambda: clock.now, now=lambda: epoch + clock.now), Moving(20, 60)
    left: list[float] = []

    def send(moment: float) -> None:
        while clock.now < moment or limiter.ready_at() > clock.now:
            clock.now = max(moment, limiter.ready_at())
        ticket = limiter.take()
        assert window.left(clock.now)[0] > 0
        window.hit(clock.now)
        limiter.answered(ticket, headers("RateLimit-Policy", [window], clock.now))
        left.append(clock.now)

    earlier = [at / 2 for at in range(6)]
    for at in earlier:
        window.hit(at)
    clock.now = 40.0
    for _ in range(before):
        send(clock.now + 1)
    # What this process has sent is counted once, whatever the journal says.
    limiter.recall([*(epoch + at for at in earlier), *(epoch + at for at in left)])
    while len(left) < 20:
        send(50.0)
    assert left[13] < 51
    assert left[14:] == pytest.approx([60 + at for at in earlier], abs=0.15)


def test_of_what_is_recalled_too_much_does_not_count(clock):
    """Another credential's, say: the server's word counts."""
    clock.now = 10.0
    limiter = Limiter(lambda: clock.now, now=lambda: clock.now)
    limiter.recall(iter([math.inf, -math.inf, math.nan, *(at / 1e4 for at in range(200_000))]))
    assert len(limiter._sent._times) == 20_000
    for left in range(19, -1, -1):
        clock.now += 1
        assert limiter.ready_at() == clock.now
        limiter.answered(limiter.take(), told(20, 60, left, 60))
    assert limiter.ready_at() > clock.now + 30


@pytest.mark.parametrize("quota", [6, 20])
@pytest.mark.parametrize("jitter", [0.002, 0.005])
def test_requests_that_arrive_late_and_out_of_order_are_hardly_refused(quota, jitter):
    used, refused = simulate([Moving(quota, 1)], at_once=8, seconds=60, jitter=jitter)
    assert used >= 0.95
    assert refused <= 0.01


def test_refusals_without_a_word_hold_back_and_a_success_ends_that() -> None:
    now = [0.0]
    limiter = Limiter(lambda: now[0])

    def refused(*tickets: int) -> None:
        for ticket in tickets:
            limiter.answered(ticket, {}, refused=True)

    limiter.answered(limiter.take(), {})
    for pause in (1.0, 2.0, 4.0):  # doubled for each round, however many are refused in it
        together = limiter.take(), limiter.take()
        now[0] += 0.1
        refused(*together)
        assert limiter.ready_at() == pytest.approx(now[0] + pause)
        now[0] += pause
    first, second = limiter.take(), limiter.take()
    now[0] += 0.1
    refused(first)
    assert limiter.ready_at() == pytest.approx(now[0] + 8)
    limiter.answered(second, {})
    assert limiter.ready_at() <= now[0] + 1
    now[0] += 0.1
    refused(limiter.take())
    assert limiter.ready_at() == pytest.approx(now[0] + 1)


@pytest.mark.parametrize("later", [0, 1])
def test_refusals_beside_a_success_are_not_in_a_row(later: int) -> None:
    """Where some get through, whichever left first, a pause is never doubled for the next."""
    now = [0.0]
    limiter = Limiter(lambda: now[0])
    limiter.answered(limiter.take(), {})
    for _ in range(5):
        alone = limiter.take()
        now[0] += 0.1
        limiter.answered(alone, {}, refused=True)
        now[0] = limiter.ready_at()
        together = limiter.take(), limiter.take()
        now[0] += 0.1
        limiter.answered(together[later], {}, refused=True)
        limiter.answered(together[1 - later], {})
        assert limiter.ready_at() <= now[0] + 1
        now[0] = limiter.ready_at()


def test_a_success_that_left_before_the_refusals_says_nothing() -> None:
    now = [0.0]
    limiter = Limiter(lambda: now[0])
    limiter.answered(limiter.take(), {})
    slow = limiter.take()
    for pause in (1.0, 2.0, 4.0):
        quick = limiter.take()
        now[0] += 0.1
        limiter.answered(quick, {}, refused=True)
        assert limiter.ready_at() == pytest.approx(now[0] + pause)
        now[0] += pause
    limiter.answered(slow, {})
    quick = limiter.take()
    now[0] += 0.1
    limiter.answered(quick, {}, refused=True)
    assert limiter.ready_at() == pytest.approx(now[0] + 8)


SPENT = [
    {"RateLimit": '"x";r=0;t=1'},
    {"RateLimit": '"x";r=0;t=1', "RateLimit-Policy": '"x";q=5;w=10'},
    {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"},
]


@pytest.mark.parametrize("spent", SPENT)
@pytest.mark.parametrize("then", [{}, {"RateLimit": '"y";r=5;t=1'}, {"RateLimit": "nonsense"}])
@pytest.mark.parametrize("refused", [False, True])
def test_an_answer_that_does_not_tell_what_was_asked_leaves_nobody_waiting(
    spent: dict[str, str], then: dict[str, str], refused: bool, limiter, clock
) -> None:
    """One of a gateway, say: nothing is under way then, so no answer will ever tell."""
    limiter.answered(limiter.take(), spent)
    for pause in (1, 1, 2, 4):
        assert limiter.ready_at() - clock.now <= pause
        clock.now = limiter.ready_at()
        limiter.answered(limiter.turn(), then, refused=refused)


def odd_headers(draw: random.Random) -> dict[str, str]:
    left, reset = draw.choice("0001259"), draw.choice(["0", "1", "5", "3600"])
    name, policy = draw.choice("xy"), f'"x";q={draw.choice("0259")};w={draw.choice("0159")}'
    said = [
        {},
        {"RateLimit": f'"{name}";r={left};t={reset}'},
        {"RateLimit": f'"{name}";r={left};t={reset}', "RateLimit-Policy": policy},
        {"RateLimit-Policy": policy},
        {"X-RateLimit-Remaining": left, "X-RateLimit-Reset": reset},
        {"X-RateLimit-Remaining": left, "X-RateLimit-Limit": "5", "X-RateLimit-Reset": reset},
    ]
    return draw.choice(said)


def test_while_nothing_is_under_way_there_is_a_time_for_the_next_request() -> None:
    for seed in range(300):
        draw, clock = random.Random(seed), Clock()
        limiter = Limiter(lambda clock=clock: clock.now, now=lambda: 1_700_000_000.0)
        under_way: list[int] = []
        for _ in range(40):
            clock.now += draw.choice([0, 0.01, 1])
            turn = limiter.turn() if draw.random() < 0.5 else math.inf
            if isinstance(turn, int):
                under_way.append(turn)
            elif under_way:
                ticket = under_way.pop(draw.randrange(len(under_way)))
                refused = draw.random() < 0.2
                asked = draw.choice([None, 0, 1, 30]) if refused else None
                headers = odd_headers(draw)
                limiter.answered(ticket, headers, refused=refused, retry_after=asked)
            else:
                assert limiter.ready_at() < math.inf, seed
                clock.now = max(clock.now, limiter.ready_at())
