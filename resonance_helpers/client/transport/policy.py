"""What is known of one policy of a server's rate limit, and which requests have left.

The server's word counts: its newest answer tells how many requests it has counted, others'
included. What has left since is spent, and each request of our own comes free a window after it
left, and a little later. (A request's way takes a while that differs from one to the next. If the
first of two was slow and the second quick, the server sees them less than a window apart. So the
margin is four times the mean deviation of the round trips, as in TCP's timer, RFC 6298, within
bounds, and refusals widen it.) To send one's own again a window later is right for windows that
move, for windows that are fixed, and for buckets. Where the server gives more sooner than that,
one request goes at the time that it has told, to find out.

Others may call under the same credential. They show as requests that the server has counted and
nobody here has sent. Once they were seen to send, what they let go stays theirs for a while.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass

from .rate_limit import RateLimit

__all__ = ["Departures", "Policy"]

KEPT = 20_000
"""Requests that are remembered at least, and half of those at most."""

LEAST_MARGIN, USUAL_MARGIN, MOST_MARGIN, WIDENS = 0.002, 0.02, 0.045, 0.005
"""The margin, as a share of the window: at least, at most, at most after refusals, and what a
refusal adds. Beside others, whose way varies too, twice as much is usual at most."""

LONGEST_MARGIN = 0.5
"""Seconds, whatever the window."""

NEAR = 0.1
"""The share of a window, at most, in which requests may pass each other on their way."""

HELD, MOST_HELD = 2.0, 30.0
"""For how many windows what others let go stays theirs: at first, and at most; doubled whenever
they have come back for it."""

GONE = 6.0
"""After half as many windows without a sign of others, half of what is theirs is taken over, and so
on; it never waits for more windows than these."""

PATIENCE = 3
"""Windows without a refusal until a quota that was only guessed is tried one higher; doubled
whenever that was too much."""

BACK_OFF, LONGEST_BACK_OFF = 1.0, 60.0
"""Seconds to hold after a refusal that gives no time; doubled for each further."""


class Departures:
    """When each request left, by number, and which of them the server has not counted.

    Numbers begin at 0; those of an earlier process are below it.
    """

    def __init__(self) -> None:
        self._times = array("d")
        self._first = 0
        self._void: list[int] = []  # in order
        self.next = 0

    def add(self, now: float) -> int:
        """One leaves; its number."""
        if len(self._times) >= 2 * KEPT:
            del self._times[:KEPT]
            self._first += KEPT
            del self._void[: bisect_left(self._void, self._first)]
        self._times.append(now)
        self.next += 1
        return self.next - 1

    def recall(self, moments: Iterable[float]) -> None:
        """An earlier process has sent these; what left after the first that is known is known."""
        first = self._times[0] if self._times else math.inf
        earlier = sorted(moment for moment in moments if moment < first)
        self._times = array("d", earlier) + self._times
        self._first -= len(earlier)

    def void(self, number: int) -> None:
        """The server has not counted this one."""
        insort(self._void, number)

    def at(self, number: int, otherwise: float) -> float:
        """When it left; for one that is forgotten, or is yet to leave, `otherwise`."""
        known = self._first <= number < self.next
        return self._times[number - self._first] if known else otherwise

    def after(self, moment: float) -> int:
        """The number of the first that left after a moment."""
        return self._first + bisect_right(self._times, moment)

    def count(self, low: int, high: int) -> int:
        """How many of these numbers, without the end, the server may have counted."""
        if not self._void or high <= low:
            return max(0, high - low)
        return high - low - (bisect_left(self._void, high) - bisect_left(self._void, low))


@dataclass(slots=True)
class Policy:
    """One policy, and what it lets go. Times are seconds on the limiter's clock.

    Attributes:
        sent: What has left.
        quota, span: Requests in a window, and its seconds; None where nobody says.
        left, number: What the newest answer said is left, and its request; -1 if none has told.
        resets, early: When more is left, by the same; whether that is before ours come free.
        sooner: The earliest that answers have told of that moment.
        margin: Seconds to wait longer than `span`.
        near: Seconds in which requests may pass each other on their way.
        slack, refused: What refusals have added to that, and when the latest was.
        hold: When the next request may leave at the earliest.
        floor: The first request of our own that the server may still count.
        began, settled: When the first answer told, and whether one to a later request did. Until
            then, half of the quota is left to others: they may begin at the same moment.
        others, alive: How many that it counts are not ours, and whether they were seen to send.
        stood: How many that were not ours it may have counted when we began: all of a client that
            was killed, say, which sends no more.
        seen, peak, since: How many they seem to be lately; at most, since when.
        met: When there last seemed to be any, or half of what was theirs was taken over.
        held, fell: For how many windows they keep what they let go, and whether it was taken.
        probe, tries: The request that is to find out whether more is left, and how many of those
            were refused in a row.
        patience, tried: Windows until a guessed quota is tried one higher, and whether it was.
    """

    sent: Departures
    quota: int | None = None
    span: float | None = None
    left: int = 0
    number: int = -1
    resets: float = -math.inf
    early: bool = False
    sooner: float = -math.inf
    margin: float = 0.0
    near: float = 0.0
    slack: float = 0.0
    refused: float = -math.inf
    hold: float = -math.inf
    floor: int = -2 * KEPT
    began: float = -math.inf
    settled: bool = False
    others: int = 0
    alive: bool = False
    stood: int = 0
    seen: float = 0.0
    peak: float = 0.0
    since: float = -math.inf
    met: float = -math.inf
    held: float = HELD
    fell: bool = False
    probe: int | None = None
    tries: int = 0
    patience: int = PATIENCE
    tried: bool = False

    def opens(self, now: float) -> float:
        """When the next request may leave; infinite if only an answer can tell."""
        if self.hold > now:
            return self.hold
        if self.free(now) > 0:
            # A window that was concluded from what is left of it may be too short.
            said = self.left - self.sent.count(self.number + 1, self.sent.next)
            return now if said > 0 else max(now, self.resets - 1)
        ours = math.inf
        if self.span is not None and self.quota is not None:
            ours = self.sent.at(self._oldest(now), math.inf) + self.span + self.margin
            ours = max(ours, math.nextafter(now, math.inf))  # it is still counted, if by a hair
        asks = self.number >= 0 and self.probe is None
        if asks and (ours == math.inf or (self.early and not self.alive)):
            ours = min(ours, self.sooner if self.others else self.resets)
        return max(ours, now)

    def free(self, now: float) -> int:
        """How many requests it lets go now."""
        if self.span is None or self.quota is None:
            return self.left - self.sent.count(self.number + 1, self.sent.next)
        oldest = self._oldest(now)
        free = self.quota - self.others - self.sent.count(oldest, self.sent.next)
        young = not self.settled or (self.alive and now < self.began + self.span)
        if young and self.number >= 0:
            half = max(2, self.quota - self.quota // 2)
            free = min(free, half - self.sent.count(max(0, oldest), self.sent.next))
        return free

    def _oldest(self, now: float) -> int:
        """The oldest request of our own that may still be counted."""
        return max(self.floor, self.sent.after(now - (self.span or 0.0) - self.margin))

    def leaves(self, number: int, now: float) -> None:
        """A request is about to leave."""
        if self.number >= 0 and self.free(now) <= 0:
            self.probe = number

    def allow_for(self, jitter: float) -> None:
        """The way takes `jitter` seconds more or less."""
        span = self.span or 0.0
        usual = USUAL_MARGIN * (2 if self.alive else 1)
        usual = min(max(jitter, LEAST_MARGIN * span), usual * span)
        self.margin = min(usual + self.slack, MOST_MARGIN * span, LONGEST_MARGIN)
        self.near = max(self.margin, min(jitter, NEAR * span, LONGEST_MARGIN))

    # --- what answers tell ------------------------------------------------------------------

    def learn(self, number: int, limit: RateLimit, now: float, *, refused: bool) -> None:
        """Take over what the answer to a request says."""
        if self.probe == number:
            self.tries = self.tries + 1 if refused else 0
        if number <= self.number:
            return
        if self.probe is not None and self.probe <= number:
            self.probe = None
        self.quota = limit.limit
        if limit.window is not None:
            self.span = limit.window
        elif limit.limit and limit.reset:  # in whole seconds, rounded up, a window at most
            self.span = max(self.span or 1.0, math.floor(limit.reset))
        self.resets = now + limit.reset
        # In whole seconds, rounded up: while answers can mean the same moment, the earliest holds.
        same = max(now, self.sent.at(number, now) + limit.reset - 1) < self.sooner
        self.sooner = min(self.sooner, self.resets) if same else self.resets
        if self.tries > 1:  # others are quicker whenever we ask
            rest = (self.span or BACK_OFF) * 2.0 ** min(self.tries - 1, 6)
            self.resets += min(rest, LONGEST_BACK_OFF)
            self.sooner = self.resets
        if self.span is not None and self.quota is not None:
            self._compare(number, max(0, self.quota - limit.remaining), now, refused)
        self.left, self.number = limit.remaining, number
        if refused and not limit.remaining:
            self._refused(number, now)

    def _compare(self, number: int, counted: int, now: float, refused: bool) -> None:
        """Find out how many of those that the server counts are ours, and how many others'."""
        assert self.span is not None
        sent = self.sent.at(number, now)
        first = self.number < 0
        if first:
            self.began = now
        self.settled = self.settled or refused or sent > self.began
        # Requests that leave together arrive in any order: what left a little before or after
        # this one may have been counted before it, or not.
        sure = max(self.near, min(USUAL_MARGIN * self.span, LONGEST_MARGIN))
        oldest = max(self.floor, self.sent.after(sent - self.span + sure))
        least = self.sent.count(oldest, self.sent.after(sent - sure)) + (not refused)
        if least > counted:  # it has forgotten the oldest of them
            self.floor = oldest + least - counted
        if first:
            self.stood = max(0, counted - least)
        oldest = max(self.floor, self.sent.after(sent - self.span - self.margin))
        self.early = self.resets < self.sent.at(oldest, now) + self.span
        most = self.sent.count(
            max(self.floor, self.sent.after(sent - self.span - self.near)),
            self.sent.after(sent + self.near),
        )
        likely = max(0, counted - self.sent.count(oldest, number) - (not refused))
        if likely:
            self.met = now
        self.seen += (likely - self.seen) / 4
        self.peak = max(self.peak, self.seen)
        if counted - most > self.others:
            if self.fell:
                self.held, self.fell = min(2 * self.held, MOST_HELD), False
            more = counted - most > self.stood or now > self.began + self.span
            self.alive = self.alive or (self.number >= 0 and more)
            self.others = counted - most
            self.seen = self.peak = max(self.seen, self.others)
            self.since = now
        elif not self.alive:
            self.others = min(self.others, likely)
        elif now - self.met >= min(self.held / 2, GONE) * self.span:
            self.others, self.fell = self.others // 2, True
            self.alive, self.met = self.others > 0, now
            self.peak, self.since = self.seen, now
        elif now - self.since >= self.held * self.span:
            if round(self.peak) < self.others:
                self.others -= 1 if self.peak > 0.5 else (self.others + 1) // 2
                self.fell = True
            self.alive = self.others > 0
            self.peak, self.since = self.seen, now

    def _refused(self, number: int, now: float) -> None:
        """A request came too early: all is spent, and if that was our own doing, widen."""
        self.hold = now + self.margin
        if self.span is None or self.quota is None:
            return
        ours = self.sent.count(self._oldest(now), self.sent.next)
        unexplained = not self.others or self.quota - ours > self.others
        if unexplained and self.sent.at(number, now) > self.refused:
            self.slack = min(self.slack + WIDENS * self.span, LONGEST_MARGIN)
            self.refused = now
        self.others = max(self.others, self.quota - ours)

    def lose(self, number: int, until: float) -> None:
        """No answer has come to this request. If it was to find out, another is, from then on."""
        self.settled = True
        if self.probe == number:
            self.probe, self.resets = None, max(self.resets, until)
            self.sooner = max(self.sooner, until)

    # --- what can only be guessed -----------------------------------------------------------

    def guess(self, number: int, span: float, now: float) -> bool:
        """Conclude from a refusal without a reason how many a policy allows that nobody names.

        Returns:
            Whether that is good enough to go on by it at once.
        """
        sent, known = self.sent.at(number, now), self.quota
        span = max(math.ceil(span), self.span or 0.0)
        passed = self.sent.count(self.sent.after(sent - span), self.sent.next)
        if not passed:
            return False
        if known is not None and sent < self.refused:
            self.quota = min(known, passed)  # it left before the last refusal was known
            return True
        if self.tried:
            self.patience, self.tried = min(2 * self.patience, 1000), False
        self.quota, self.span, self.refused = passed, span, now
        return known is not None

    def try_more(self, now: float) -> None:
        """Try one more where no refusal has come for long."""
        if self.span and self.quota and now - self.refused > self.patience * self.span:
            self.quota += 1
            self.tried, self.refused = True, now
