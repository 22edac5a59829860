"""When the next request may leave, so that it is not refused: one limiter for a whole client.

It counts every request that leaves and reads every answer, refusals too. Of each policy that the
server names it knows the quota, the window, and what the newest answer said is left. From there
on it keeps the books itself: what has left since is spent, and each request of its own comes free
a window after it left. That holds for windows that move and for buckets; where a window is fixed,
the server's next word corrects it.

Others may call under the same credential. They show as requests that the server has counted and
this limiter has not, and what they let go free stays theirs for a moment: whoever takes what he
sees free takes it from somebody who comes back for it.
"""

from __future__ import annotations

import math
import threading
import time
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..errors import NotSentError
from .cancellation import wait_on
from .fork import renewed_in_child
from .rate_limit import RateLimit, parse_policies, parse_rate_limits

__all__ = ["Limiter"]

KEPT = 20_000
"""Requests that are remembered at least, and half of those at most."""

SOFT_START = 0.25
"""Seconds between two requests while no answer has come yet."""

MARGIN, MOST_MARGIN = 0.01, 0.045
"""Shares of a window by which a request waits longer than it: at first, and after refusals."""

LONGEST_MARGIN = 0.5
"""Seconds that a margin lasts at most."""

GRACE, MOST_GRACE, GRACE_GROWS = 0.3, 20.0, 3.1
"""For how many windows what others let go stays theirs: at first, and at most; and how that grows
each time that they have come back for it. (Their rhythm is a window, too: so no whole number.)"""

SETTLES, LONGEST_SETTLES = 0.1, 0.25
"""The share of its first window, and seconds at most, in which a limiter takes half of what it sees
left: others may begin at the same moment."""

BACK_OFF, LONGEST_BACK_OFF = 1.0, 60.0
"""Seconds to hold after a refusal that gives no reason and no time; doubled for each further."""

CLEAN = 10
"""Windows without a refusal after which a quota that was only guessed is tried one higher."""


@dataclass(slots=True)
class _Window:
    """One policy.

    Attributes:
        quota: Requests in a window; None where nobody says.
        span: Seconds in a window; None where nobody says.
        untold: Whether no answer tells what is left.
        left: What the newest answer said is left.
        number, sent: The number of that answer's request, and when it left.
        resets, expected: When more is left, by the same, and by our own books.
        floor: The first request of our own that the server still counts.
        others: How many that it counts are not ours.
        reserved: How many that others have let go stay theirs.
        free_at: When a request is to find out whether they have come back.
        grace: Windows until then.
        half, half_until: How many are left to others at first, and up to when.
        margin: Seconds to wait longer than `span`.
        probe: The number of the request that is to find out whether more is left; None if none is
            under way.
        refused: How many of those were refused in a row.
        clean_since, patience: When the last refusal was, and how many windows without one have to
            pass before a quota that was concluded from refusals is tried one higher.
    """

    quota: int | None = None
    span: float | None = None
    untold: bool = False
    left: float = 0.0
    number: int = -1
    sent: float = -math.inf
    resets: float = -math.inf
    expected: float = -math.inf
    floor: int = 0
    others: int = 0
    reserved: int = 0
    free_at: float = math.inf
    grace: float = GRACE
    half: int = 0
    half_until: float = math.inf
    margin: float = 0.0
    probe: int | None = None
    refused: int = 0
    clean_since: float = 0.0
    patience: int = CLEAN

    def set_span(self, span: float | None) -> None:
        if span != self.span:
            self.span = span
            self.margin = min(MARGIN * span, LONGEST_MARGIN) if span else 0.0

    def set_free(self, now: float, grows: float = 1.0) -> None:
        """Look after a while whether what others have let go is still free."""
        self.grace = min(self.grace * grows, MOST_GRACE)
        self.free_at = now + self.grace * (self.span or 0.0)

    def widen(self) -> None:
        """A request came too early: keep more distance."""
        if self.span:
            most = min(MOST_MARGIN * self.span, LONGEST_MARGIN)
            self.margin = min(self.margin + MARGIN * self.span / 2, most)


class Limiter:
    """Says when a request may leave. Safe for threads; times are seconds on `clock`.

    >>> limiter = Limiter()
    >>> now = time.monotonic()
    >>> if limiter.ready_at(now) <= now:
    ...     ticket = limiter.take()
    ...     response = requests.get(url)
    ...     limiter.answered(ticket, response.headers)

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
        self._windows: dict[str | None, _Window] = {}  # None: concluded from refusals
        self._times = array("d")  # when each request left
        self._first = 0  # the number of the first of them
        self._void: list[int] = []  # numbers that the server has not counted, in order
        self._open: set[int] = set()  # the numbers of those that are under way
        self._known = False  # whether an answer has said what there is to know
        self._paused = -math.inf
        self._refused = 0  # refusals without a reason, in a row
        # The newest answer's request, headers and time; it is read when somebody asks.
        self._unread: tuple[int, Mapping[str, str], float] | None = None
        self._newest: tuple[Mapping[str, str], float] | None = None
        self._watchers: list[Callable[[], object]] = []
        self._changed = threading.Condition()
        renewed_in_child(self, Limiter._renew)

    def _renew(self) -> None:
        self._changed = threading.Condition()
        self._watchers = []
        self._open = set()

    # --- asking -----------------------------------------------------------------------------

    def ready_at(self, now: float | None = None) -> float:
        """The earliest moment for the next request; infinite if only an answer can tell.

        Args:
            now: What the clock reads, if it was read already.
        """
        with self._changed:
            return self._ready_at(self._clock() if now is None else now)

    def held(self) -> float:
        """Seconds for which nothing may leave, as far as it is known."""
        with self._changed:
            now = self._clock()
            moment = self._ready_at(now)
            return 0.0 if moment == math.inf else max(0.0, moment - now)

    def take(self) -> int:
        """A request leaves now; the number to hand in with its answer."""
        with self._changed:
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
            while (moment := self._ready_at(now := self._clock())) > now:
                if (until if moment == math.inf else moment) > until or now >= until:
                    return max(moment if moment < math.inf else until, now) - now
                wait_on(self._changed, min(moment, until) - now)
            return self._take(now)

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
        with self._changed:
            self._watchers.append(changed)

    def unwatch(self, changed: Callable[[], object]) -> None:
        """Call it no more."""
        with self._changed:
            self._watchers.remove(changed)

    # --- telling ----------------------------------------------------------------------------

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
            ticket: What `take` gave.
            headers: The answer's.
            refused: Whether it was a 429.
            retry_after: Seconds that it asked to wait, if any.
        """
        tells = "RateLimit" in headers or "X-RateLimit-Remaining" in headers
        tells = tells or "RateLimit-Policy" in headers
        with self._changed:
            now = self._clock()
            self._open.discard(ticket)
            self._known = True
            if tells:
                self._newest = headers, now
                if self._unread is None or ticket > self._unread[0] or refused:
                    self._unread = ticket, headers, now
            if refused:
                self._refuse(ticket, now, retry_after)
            else:
                self._refused = 0
            self._tell()

    def ended(self, ticket: int, headers: Mapping[str, str] | None, outcome: object) -> None:
        """An attempt has ended, with the headers of its answer, if any, and an outcome."""
        if isinstance(outcome, NotSentError | ValueError):
            self.kept(ticket)
        elif headers is None:
            self.lost(ticket)
        else:
            refused = getattr(outcome, "response_code", None) == 429
            asked = getattr(outcome, "retry_after", None)
            self.answered(ticket, headers, refused=refused, retry_after=asked)

    def lost(self, ticket: int) -> None:
        """No answer has come, or one that says nothing: the server may have counted it."""
        with self._changed:
            self._open.discard(ticket)
            for window in self._windows.values():
                if window.probe == ticket:
                    window.probe = None
                    window.resets = window.free_at = self._clock() + BACK_OFF
            self._tell()

    def kept(self, ticket: int) -> None:
        """The request of that number did not leave after all."""
        with self._changed:
            self._open.discard(ticket)
            insort(self._void, ticket)
            for window in self._windows.values():
                if window.probe == ticket:
                    window.probe = None
            self._tell()

    # --- under the lock ---------------------------------------------------------------------

    def _tell(self) -> None:
        self._changed.notify_all()
        for changed in self._watchers:
            changed()

    def _take(self, now: float) -> int:
        for window in self._windows.values():
            if not window.untold and self._left(window, now) <= 0:
                window.probe = self._next_number()
        if len(self._times) >= 2 * KEPT:
            del self._times[:KEPT]
            self._first += KEPT
            del self._void[: bisect_left(self._void, self._first)]
        self._times.append(now)
        ticket = self._next_number() - 1
        self._open.add(ticket)
        return ticket

    def _ready_at(self, now: float) -> float:
        if self._unread is not None:
            ticket, headers, then = self._unread
            self._unread = None
            self._read(ticket, headers, then)
        self._grow(now)
        if self._paused > now:
            return self._paused
        if not self._known and self._open:
            return max(now, self._times[-1] + SOFT_START)
        return max((self._opens(one, now) for one in self._windows.values()), default=now)

    def _opens(self, window: _Window, now: float) -> float:
        """When this policy lets the next request go, or gives more to go by."""
        if self._left(window, now) > 0:
            return now
        moments = [window.half_until] if window.half and now < window.half_until else []
        coming = math.inf
        if window.span:
            free = self._oldest(window, now)
            if free < self._next_number():
                coming = self._times[free - self._first] + window.span + window.margin
                moments.append(coming)
        if not window.untold and window.probe is None:
            if window.reserved:
                moments.append(window.free_at)
            if coming == math.inf or self._turns_early(window, coming):
                moments.append(window.resets)
        if not moments and not self._open:
            return now  # nothing is under way that could tell
        return max(min(moments, default=math.inf), now)

    def _turns_early(self, window: _Window, coming: float) -> bool:
        """Whether the server gives more before the oldest of our own requests comes free."""
        assert window.span is not None
        if window.refused or window.resets >= window.expected:
            return False
        shared = window.others or window.reserved
        return not shared or window.resets + GRACE * window.span < coming

    def _left(self, window: _Window, now: float) -> float:
        """How many requests this policy lets go now."""
        if window.span is None or window.quota is None:
            return window.left - len(self._open)
        ours = self._count(self._oldest(window, now), self._next_number())
        half = window.half if now < window.half_until else 0
        return window.quota - ours - window.others - window.reserved - half

    def _oldest(self, window: _Window, now: float) -> int:
        """The number of the oldest request of our own that may still be counted."""
        assert window.span is not None
        return max(window.floor, self._number(now - window.span - window.margin))

    def _read(
        self, ticket: int, headers: Mapping[str, str], now: float, *, refused: bool = False
    ) -> None:
        """Take over what an answer says of each policy."""
        policies = parse_policies(headers)
        told = parse_rate_limits(headers, self._now() - (self._clock() - now))
        for name, (quota, span) in policies.items():
            if all(limit.name != name for limit in told):
                window = self._windows.setdefault(name, _Window(untold=True))
                window.quota = quota
                window.set_span(span)
        for limit in told:
            window = self._windows.setdefault(limit.name, _Window())
            asked = window.probe == ticket
            if asked:
                window.refused = window.refused + 1 if refused else 0
            if ticket <= window.number:
                continue
            sent = self._times[ticket - self._first] if ticket >= self._first else now
            window.untold = False
            window.quota = limit.limit
            if limit.window:
                window.set_span(limit.window)
            elif limit.limit and limit.reset >= 1:  # rounded up, and at most a window away
                window.set_span(max(window.span or 0.0, math.floor(limit.reset)))
            window.left, window.number, window.sent = limit.remaining, ticket, sent
            window.resets = now + limit.reset
            if window.span:
                oldest = self._oldest(window, sent)
                began = self._times[oldest - self._first] if oldest <= ticket else sent
                window.expected = began + window.span
            if window.half_until == math.inf:
                window.half_until = now + min(SETTLES * (window.span or 0.0), LONGEST_SETTLES)
                window.half = limit.remaining // 2
            if window.probe is not None and window.probe <= ticket:
                window.probe = None
            if asked and window.refused > 1 and window.span:  # others are quicker whenever we ask
                rest = min(2 ** min(window.refused - 1, 9), MOST_GRACE) * window.span
                window.resets += min(rest, LONGEST_BACK_OFF)
            self._compare(window, now)
            if asked and window.reserved and now >= window.free_at:
                if not refused:
                    window.reserved, window.grace = 0, GRACE  # they have not come back
                else:
                    window.set_free(now, GRACE_GROWS)

    def _compare(self, window: _Window, now: float) -> None:
        """Find out what of that which the server counts is ours."""
        if not window.span or window.quota is None:
            return
        counted = max(0, window.quota - int(window.left))
        # Requests that leave together arrive in any order: what left within the margin may have
        # been counted before this one, or not.
        sent, margin = window.sent, window.margin
        oldest = max(window.floor, self._number(sent - window.span + margin))
        newest = self._number(sent - margin)
        surely = self._count(oldest, newest) - sum(oldest <= one < newest for one in self._open)
        if surely > counted:  # it has forgotten the oldest of them
            window.floor = oldest + surely - counted
        others = counted - self._count(self._oldest(window, sent), self._number(sent + margin))
        others = max(0, others)
        gone, window.others = window.others - others, others
        if gone > 0:
            if not window.reserved:
                window.set_free(now)
            window.reserved += gone
        elif gone < 0 and window.reserved:  # they are back
            window.reserved = max(0, window.reserved + gone)
            if now >= window.free_at:
                window.set_free(now, GRACE_GROWS)

    def _refuse(self, ticket: int, now: float, retry_after: float | None) -> None:
        """A request was refused: learn from it."""
        insort(self._void, ticket)
        explained = False
        if self._unread is not None and self._unread[0] == ticket:
            _, headers, then = self._unread
            self._unread = None
            self._read(ticket, headers, then, refused=True)
            for limit in parse_rate_limits(headers, self._now()):
                window = self._windows[limit.name]
                if limit.remaining == 0:
                    explained = True
                    # One less is ours of those that the server counts.
                    self._compare(window, now)
                    if not window.others:
                        window.widen()
        if explained:
            self._refused = 0
            return
        if retry_after is None:
            retry_after = min(BACK_OFF * 2.0**self._refused, LONGEST_BACK_OFF)
        self._refused = min(self._refused + 1, 10)
        self._paused = max(self._paused, now + retry_after)
        self._guess(ticket, now, retry_after)

    def _guess(self, ticket: int, now: float, span: float) -> None:
        """Conclude from a refusal without a reason how many a policy allows that nobody names."""
        if not span or ticket < self._first:
            return
        sent = self._times[ticket - self._first]
        window = self._windows.get(None, _Window(untold=True))
        if window.quota is not None and sent <= window.clean_since:
            return  # it left before the last refusal was known
        window.set_span(max(math.ceil(span), window.span or 0.0))
        assert window.span is not None
        passed = self._count(self._number(sent - window.span), ticket)
        if not passed:
            return
        if window.quota is not None and passed >= window.quota:
            window.patience = min(2 * window.patience, 1000)
        window.quota = passed
        window.clean_since = now
        window.widen()
        self._windows[None] = window

    def _grow(self, now: float) -> None:
        """Try one more where no refusal has come for long."""
        window = self._windows.get(None)
        if window is None or window.span is None or window.quota is None:
            return
        if now - window.clean_since > window.patience * window.span:
            window.quota += 1
            window.clean_since = now

    def _next_number(self) -> int:
        return self._first + len(self._times)

    def _number(self, moment: float) -> int:
        """The number of the first request that left after a moment."""
        return self._first + bisect_right(self._times, moment)

    def _count(self, low: int, high: int) -> int:
        """How many requests of these numbers, without the end, the server may have counted."""
        if high <= low:
            return 0
        return high - low - (bisect_left(self._void, high) - bisect_left(self._void, low))
