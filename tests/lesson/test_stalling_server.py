"""Coordinated omission: the same stall, hidden by a closed loop and shown by an open one."""

from __future__ import annotations

from resonance_helpers.lesson.stalling_server import StallingServer
from resonance_helpers.performance import load, measure

STALL = 1.0


def test_a_closed_loop_hides_the_stall_and_an_open_loop_shows_it() -> None:
    with StallingServer(on=40, stall=STALL) as server:
        closed = measure(server.client(), ["tea"], repeat=100, warmup=0)
    with StallingServer(on=40, stall=STALL) as server:
        opened = load(server.client(), ["tea"], rate=50, duration=2, warmup=0)
    assert closed.failures == opened.failures == {}
    # One caller in a loop meets the stall once, in a hundred calls.
    assert sum(time > STALL / 2 for time in closed.times()) == 1
    # Calls due during the stall waited for it: those of its first half, half of it at least.
    assert sum(time > STALL / 2 for time in opened.times()) >= 24
    assert max(opened.times()) >= STALL


def test_on_one_connection_only_the_response_time_shows_it() -> None:
    with StallingServer(on=10, stall=STALL) as server:
        run = load(server.client(), ["tea"], rate=50, duration=1.0, connections=1, warmup=0)
    assert sum(time > STALL / 2 for time in run.times("service_time")) == 1
    assert sum(time > STALL / 2 for time in run.times("response_time")) >= 20
