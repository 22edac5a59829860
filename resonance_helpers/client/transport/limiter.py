"""When the next request may leave, so that it is not refused: one limiter for a whole client.

It counts every request that leaves and reads every answer, refusals too; `policy` says what follows
for each policy that the server names, or lets one guess.
"""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from ..errors import NotSentError
from .cancellation import wait_on
from .fork import renewed_in_child
from .policy import BACK_OFF, KEPT, LONGEST_BACK_OFF, Departures, Policy
from .rate_limit import MOST_POLICIES, RateLimit, parse_policies, parse_rate_limits

__all__ = ["Limiter"]

SOFT_START = 0.25
"""Seconds between two requests while no answer has come yet; and after the first one, seconds in
which they keep `STEP`."""

WARY, GAP, STEP = 1000, 0.05, 0.003
"""The older headers tell one limit and may hide another. So for `WARY` answers, requests keep
`GAP` seconds' distance where twice as many have left as were answered, and `STEP` elsewhere."""


class Limiter:
    """Says when a request may leave. Safe for threads; times are seconds on `clock`.

    >>> limiter = Limiter()
    >>> turn = limiter.turn()
    >>> if isinstance(turn, int):
    ...     response = requests.get(url)
    ...     limiter.answered(turn, response.headers)

    Args:
        clock: Seconds on a clock that only moves forward.
        now: Seconds since 1970; for a ``Reset`` that is Unix time.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._now = now
        self._sent = Departures()
        self._policies: dict[str | None, Policy] = {}  # None: guessed from refusals
        self._answers = 0
        self._wary = False  # whether the server may have limits that it does not name
        self._soft_until = self._paused = self._last = -math.inf
        self._trip = self._jitter = 0.0  # the round trip's mean, and four mean deviations
        # Refusals without a reason, in a row; the last one's request, and when it and the one
        # before it were known.
        self._unexplained, self._refused = 0, -1
        self._since = self._earlier = -math.inf
        self._backed_off = -math.inf  # until when, of our own accord
        # The newest answer's request, headers and time; it is read when somebody asks.
        self._unread: tuple[int, Mapping[str, str], float] | None = None
        self._newest: tuple[Mapping[str, str], float] | None = None
        renewed_in_child(self, Limiter._renew)
        self._renew()

    def _renew(self) -> None:
        self._lock = threading.RLock()  # a cancellation may wake its own thread
        self._changed = threading.Condition(self._lock)
        self._waiting = 0
        self._watchers: list[Callable[[], object]] = []
        for policy in self._policies.values():
            policy.probe = None

    # --- asking -----------------------------------------------------------------------------

    def ready_at(self) -> float:
        """The earliest moment for the next request; infinite if only an answer can tell."""
        with self._lock:
            return self._ready_at(self._clock())

    def held(self) -> float:
        """Seconds for which nothing may leave, as far as it is known."""
        now, moment = self._clock(), self.ready_at()
        return 0.0 if moment == math.inf else max(0.0, moment - now)

    def turn(self, now: float | None = None) -> int | float:
        """The number of a request that leaves now, an int; or when one may, a float.

        Args:
            now: What the clock reads, if it was read already.
        """
        with self._lock:
            now = self._clock() if now is None else now
            moment = self._ready_at(now)
            return moment if moment > now else self._take(now)

    def take(self) -> int:
        """A request leaves now, whether it may or not; the number to hand in with its answer."""
        with self._lock:
            return self._take(self._clock())

    def acquire(self, longest: float) -> int | float:
        """Wait until a request may leave, and take its number.

        Args:
            longest: Seconds to wait at most.

        Returns:
            The number, an int; or, at once, the seconds that it would take, a float.
        """
        with self._changed:
            until = self._clock() + longest
            self._waiting += 1
            try:
                while (moment := self._ready_at(now := self._clock())) > now:
                    if (until if moment == math.inf else moment) > until or now >= until:
                        return max(moment if moment < math.inf else until, now) - now
                    wait_on(self._changed, min(moment, until) - now)
                return self._take(now)
            finally:
                self._waiting -= 1

    def limit(self) -> RateLimit | None:
        """What the newest answer said is left, with its `reset` counted from now on."""
        newest = self._newest
        if newest is None:
            return None
        headers, then = newest
        age = self._clock() - then
        limit = RateLimit.from_headers(headers, self._now() - age)
        return limit and limit.aged(age)

    def watch(self, changed: Callable[[], object]) -> None:
        """Have `changed` called whenever what it knows may have changed."""
        with self._lock:
            self._watchers.append(changed)

    def unwatch(self, changed: Callable[[], object]) -> None:
        """Call it no more."""
        with self._lock:
            self._watchers.remove(changed)

    # --- telling ----------------------------------------------------------------------------

    def ended(self, ticket: int, headers: Mapping[str, str] | None, outcome: object) -> None:
        """An attempt has ended, with the headers of its answer, if any, and an outcome."""
        if not isinstance(outcome, BaseException) and headers is not None:
            self.answered(ticket, headers)
        elif isinstance(outcome, NotSentError | ValueError):
            self.kept(ticket)
        elif headers is None:
            self.lost(ticket)
        else:
            refused = getattr(outcome, "response_code", None) == 429
            asked = getattr(outcome, "retry_after", None)
            self.answered(ticket, headers, refused=refused, retry_after=asked)

    def answered(
        self,
        ticket: int,
        headers: Mapping[str, str],
        *,
        refused: bool = False,
        retry_after: float | None = None,
    ) -> None:
        """An answer has come.

        Args:
            ticket: What `turn`, `take` or `acquire` gave.
            headers: The answer's.
            refused: Whether it was a 429.
            retry_after: Seconds that it asked to wait, if any.
        """
        tells = "RateLimit" in headers or "X-RateLimit-Remaining" in headers
        tells = tells or "RateLimit-Policy" in headers or "RateLimit-Remaining" in headers
        with self._lock:
            self._answers += 1
            if not refused:
                if self._unexplained:
                    self._relent(ticket)
                if not (tells or self._policies or self._answers == 1):
                    return
            now = self._clock()
            if tells:
                self._newest = headers, now
                if refused:  # it is read at once
                    self._take_in()
                if self._unread is None or ticket > self._unread[0]:
                    self._unread = ticket, headers, now
            if refused:
                self._refuse(ticket, now, retry_after)
            else:
                self._measure(now - self._sent.at(ticket, now))
            if not tells:
                self._find_out_otherwise(ticket, now)
            self._tell()

    def lost(self, ticket: int) -> None:
        """No answer has come, or one that says nothing: the server may have counted it."""
        with self._lock:
            for policy in self._policies.values():
                policy.lose(ticket, self._clock() + BACK_OFF)
            self._tell()

    def kept(self, ticket: int) -> None:
        """The request of that number did not leave after all."""
        with self._lock:
            self._sent.void(ticket)
            for policy in self._policies.values():
                policy.lose(ticket, -math.inf)
            self._tell()

    def recall(self, moments: Iterable[float]) -> None:
        """An earlier process under the same credential has sent requests, which may still count.

        Args:
            moments: When each left, in seconds since 1970.
        """
        now = self._now()
        latest = heapq.nlargest(KEPT, (moment for moment in moments if moment <= now))
        with self._lock:
            epoch = self._now() - self._clock()
            self._sent.recall(moment - epoch for moment in latest)

    # --- under the lock ---------------------------------------------------------------------

    def _tell(self) -> None:
        if self._waiting:
            self._changed.notify_all()
        for changed in self._watchers:
            changed()

    def _take(self, now: float) -> int:
        for policy in self._policies.values():
            policy.leaves(self._sent.next, now)
        self._last = now
        return self._sent.add(now)

    def _ready_at(self, now: float) -> float:
        self._take_in()
        if (paused := max(self._paused, self._backed_off)) > now:
            return paused
        if not self._answers:
            return max(now, self._last + SOFT_START)
        if not self._policies:
            return now
        ready = max(policy.opens(now) for policy in self._policies.values())
        guessed = self._policies.get(None)
        if guessed is not None:
            guessed.try_more(now)
            return ready
        wary = self._wary and self._answers < WARY
        if wary and self._sent.next > 2 * self._answers:
            return max(ready, self._last + GAP)
        return max(ready, self._last + STEP) if wary or now < self._soft_until else ready

    def _take_in(self) -> None:
        """Read the newest answer, if nobody has yet."""
        if self._unread is not None:
            (ticket, headers, then), self._unread = self._unread, None
            self._read(ticket, headers, then)

    def _measure(self, trip: float) -> None:
        self._trip = self._trip or trip
        self._jitter += (4 * abs(trip - self._trip) - self._jitter) / 8
        self._trip += (trip - self._trip) / 8
        for policy in self._policies.values():
            policy.allow_for(self._jitter)

    def _read(
        self, ticket: int, headers: Mapping[str, str], now: float, *, refused: bool = False
    ) -> bool:
        """Take over what an answer says of each policy; whether it says that one is spent."""
        if not self._policies:
            self._soft_until = now + SOFT_START
        for name, (quota, span) in parse_policies(headers).items():
            policy = self._policy(name)
            policy.quota, policy.span = quota, span
        limits = parse_rate_limits(headers, self._now() - (self._clock() - now))
        for limit in limits:
            self._wary = not limit.name
            policy = self._policy(limit.name)
            policy.learn(ticket, limit, now, refused=refused)
            policy.allow_for(self._jitter)
        self._find_out_otherwise(ticket, now)
        return any(not limit.remaining for limit in limits)

    def _find_out_otherwise(self, ticket: int, now: float) -> None:
        """Of policies that a request was to ask about, its answer, or a later one, says nothing.

        What is known of one no more than that it was spent is forgotten.
        """
        for name, policy in list(self._policies.items()):
            if policy.probe is not None and policy.probe <= ticket:
                if policy.quota is None or policy.span is None:
                    del self._policies[name]
                else:
                    policy.lose(policy.probe, now + BACK_OFF)

    def _policy(self, name: str | None) -> Policy:
        """That policy, which has just been told of; the one not told of for longest makes room."""
        known = name in self._policies
        policy = self._policies[name] = self._policies.pop(name) if known else Policy(self._sent)
        if len(self._policies) > MOST_POLICIES:
            del self._policies[next(iter(self._policies))]
        return policy

    def _relent(self, ticket: int) -> None:
        """A request has got through: what was refused before it is no more in a row."""
        if ticket > self._refused:
            self._unexplained, self._backed_off = 0, -math.inf
        elif self._sent.at(ticket, -math.inf) > self._earlier:  # beside one that has not
            self._unexplained = 1
            self._backed_off = min(self._backed_off, self._since + BACK_OFF)

    def _refuse(self, ticket: int, now: float, retry_after: float | None) -> None:
        """A request was refused: learn from it."""
        left = self._sent.at(ticket, now)
        self._sent.void(ticket)
        if self._unread is not None and self._unread[0] == ticket:
            headers, self._unread = self._unread[1], None
            if self._read(ticket, headers, now, refused=True):
                self._unexplained = 0
                return
        policy = self._policies.get(None) or Policy(self._sent)
        if retry_after is None:
            self._refused = max(self._refused, ticket)
            if left <= self._since:
                return  # it left before the last such refusal was known
            pause = min(BACK_OFF * 2.0**self._unexplained, LONGEST_BACK_OFF)
            self._unexplained = min(self._unexplained + 1, 10)
            self._earlier, self._since = self._since, now
            policy.guess(ticket, BACK_OFF, now)
            self._backed_off = now + pause
        elif not (retry_after and policy.guess(ticket, retry_after, now)):
            self._paused = max(self._paused, now + retry_after)
        if policy.quota is not None:
            policy.allow_for(self._jitter)
            self._policies[None] = policy
