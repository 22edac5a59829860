"""Clients under a rate limit on a simulated clock: an hour of waiting takes seconds.

The limiter is the client's own, and what counts is a window of the sandbox; only the way between
them is made up. Each way takes a little under two milliseconds, drawn anew, and a thread wakes as
late; a server works on what it takes for `latency` seconds and refuses at once.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from resonance_helpers.client.transport import Limiter
from resonance_sandbox.limits.windows import MovingWindow

__all__ = ["Answered", "Limit", "Moving", "headers", "most_accepted", "simulated"]

EPOCH = 1_700_000_000.37
"""The simulated clock's beginning, in seconds since 1970."""

STARTS = 0.5
"""Seconds until a new process is where the old one was killed."""


class Limit(Protocol):
    """A policy of a server: at most `quota` requests in `span` seconds, however it counts."""

    quota: int
    span: float

    def left(self, now: float) -> tuple[int, float]:
        """Requests left, and seconds until there are more."""

    def hit(self, now: float) -> None:
        """Count one."""


class Moving:
    """As the sandbox counts: those of the last `span` seconds."""

    def __init__(self, quota: int, span: float) -> None:
        self.quota, self.span = quota, span
        self._window = MovingWindow(span)
        self.hit = self._window.hit

    def left(self, now: float) -> tuple[int, float]:
        return self.quota - self._window.used(now), self._window.wait(now)


@dataclass(frozen=True, slots=True)
class Answered:
    """A request as the server saw it: when, from which client, and whether it was taken."""

    at: float
    client: int
    accepted: bool


def headers(dialect: str, limits: Sequence[Limit], now: float) -> dict[str, str]:
    """What an answer tells: of all limits, or (in the older dialects) of the last."""
    told = [(limit, *limit.left(now)) for limit in limits]
    if dialect == "RateLimit-Policy":
        return {
            "RateLimit-Policy": ", ".join(f'"{n}";q={one.quota};w={one.span:g}'
                                          for n, (one, *_) in enumerate(told)),
            "RateLimit": ", ".join(f'"{n}";r={left};t={math.ceil(wait)}'
                                   for n, (_, left, wait) in enumerate(told)),
        }  # fmt: skip
    limit, left, wait = told[-1]
    reset = math.ceil(EPOCH + now + wait) if dialect == "Unix time" else math.ceil(wait)
    return {
        "X-RateLimit-Limit": str(limit.quota),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(reset),
    }


def simulated(
    limits: Sequence[Limit],
    dialect: str = "RateLimit-Policy",
    *,
    clients: int = 1,
    at_once: int = 8,
    latency: float = 0.1,
    seconds: float = 60.0,
    rows: float = math.inf,
    faulty: float = 0.0,
    killed: float = math.inf,
    leaves: float = math.inf,
    jitter: float = 0.0,
    seed: int = 1,
) -> list[Answered]:
    """Clients that always have more to send; every request that the server has seen.

    Args:
        limits: The server's.
        dialect: How it tells them: ``RateLimit-Policy``, ``Unix time`` or ``seconds left``.
        clients: How many there are, with a limiter each and one credential.
        at_once: Requests that each has under way, at most.
        latency: Seconds that the server works on one.
        seconds: How long it goes on, at most; what comes before a kill not included.
        rows: How many are taken, at most; likewise.
        faulty: The share of rows that the server refuses for what they say, at once.
        killed: When the first client is killed; a new one, number 1, begins `STARTS` later, with
            a journal of what was answered.
        leaves: When the first client has nothing more to send.
        jitter: Mean seconds by which a request comes later still, exponentially distributed.
        seed: Of what is drawn.
    """
    chance, now, serial = random.Random(seed), 0.0, itertools.count()
    begins = [0.0] * clients if killed == math.inf else [0.0, killed + STARTS]
    ends = [begins[-1] + seconds] * len(begins)
    ends[0] = min(ends[0], killed, leaves)
    limiters = [Limiter(clock=lambda: now, now=lambda: EPOCH + now) for _ in begins]
    under_way = [0] * len(begins)
    alarms = list(begins)  # when each looks again, whatever happens
    events: list = [(at, next(serial), "wake", one, None) for one, at in enumerate(begins)]
    if killed < math.inf:
        heapq.heappush(events, (begins[1], -1, "resumes", 1, None))
    log: list[Answered] = []
    taken = 0
    while events and taken < rows:
        moment, _, event, client, what = heapq.heappop(events)
        now = max(now, moment)
        if event == "resumes":  # the journal has what was answered
            known = [one.at for one in log if one.accepted and one.at + latency < killed]
            limiters[client].recall(EPOCH + at for at in known)
            continue
        if event == "arrives":
            told = [limit.left(now) for limit in limits]
            accepted = all(left > 0 for left, _ in told)
            wait = max((wait for left, wait in told if left <= 0), default=0.0)
            if accepted:
                for limit in limits:
                    limit.hit(now)
            log.append(Answered(now, client, accepted))
            taken += accepted and (killed == math.inf or client == 1)
            works = accepted and chance.random() >= faulty
            came = now + latency * works + chance.uniform(0.0005, 0.002)
            answer = (what, headers(dialect, limits, now), not accepted, math.ceil(wait))
            heapq.heappush(events, (came, next(serial), "answer", client, answer))
            continue
        if now >= ends[client] or (event == "wake" and moment != alarms[client]):
            continue
        if event == "wake":
            alarms[client] = math.inf
        limiter = limiters[client]
        if event == "answer":
            under_way[client] -= 1
            ticket, said, refused, wait = what
            limiter.answered(ticket, said, refused=refused, retry_after=wait if refused else None)
        while under_way[client] < at_once:
            ready = limiter.ready_at()
            if ready > now:
                woken = ready + chance.uniform(0, 0.002)
                if woken < alarms[client]:
                    alarms[client] = woken
                    heapq.heappush(events, (woken, next(serial), "wake", client, None))
                break
            under_way[client] += 1
            arrives = now + chance.uniform(0.0003, 0.002)
            arrives += chance.expovariate(1 / jitter) if jitter else 0.0
            heapq.heappush(events, (arrives, next(serial), "arrives", client, limiter.take()))
    return log


def most_accepted(
    limits: Iterable[tuple[int, float]], before: Iterable[float], first: float, last: float
) -> int:
    """How many requests moving windows take between two moments, from one who wastes nothing.

    Args:
        limits: Quota and seconds of each.
        before: When those came that were counted already.
        first: The first of the two moments.
        last: The second.
    """
    windows = [Moving(quota, span) for quota, span in limits]
    for moment in before:
        for window in windows:
            window.hit(moment)
    now, count = first, 0
    while now <= last:
        waits = [wait for left, wait in (window.left(now) for window in windows) if left <= 0]
        if waits:
            now += max(1e-9, *waits)
            continue
        for window in windows:
            window.hit(now)
        count += 1
    return count
