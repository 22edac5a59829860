"""A run: calls that were timed, and what follows from them.

Two times are told apart throughout:

- `service_time` begins when the call was really sent. It says how fast the server was for the
  calls that it got.
- `response_time` begins when the call was due. It says what somebody waited who came at that
  moment. Where a stall has delayed the sending itself, only this one shows it; to look at the
  first alone is *coordinated omission* (Gil Tene): the measurement waits together with the server.

In a closed loop nothing is ever due earlier than it is sent, so there both are the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from .statistics import Correlation, Percentile, Share, correlation, percentile, share

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["QUANTILES", "TIMES", "Run", "Sample", "summary"]

QUANTILES = (0.5, 0.9, 0.99, 0.999)
TIMES = ("response_time", "service_time", "server_time", "network_time")


@dataclass(frozen=True, slots=True)
class Sample:
    """One call. Times are seconds since the run began, on a monotonic clock.

    Attributes:
        prompt_length: characters.
        due: When the call should have been sent.
        sent: When it was; equal to `finished` for a call that was given up.
        finished: When its answer, or its failure, was there.
        failure: "" for an answer, else the type of the error, such as "rate-limited"; "not-sent"
            where the run ended before the call's turn came.
        server: Seconds that the server says it spent (`Server-Timing`), or None.
        content_length: Characters of the article.
        hrv_feedback: 0..1, or None without an article.
        attempts: How often the client tried.
    """

    prompt_length: int
    due: float
    sent: float
    finished: float
    failure: str = ""
    server: float | None = None
    content_length: int = 0
    hrv_feedback: float | None = None
    attempts: int = 1

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return not self.failure

    @property
    def response_time(self) -> float:
        """Seconds from when the call was due to its answer; infinite if it failed."""
        return self.finished - self.due if self.ok else math.inf

    @property
    def service_time(self) -> float:
        """Seconds from when the call was sent to its answer; infinite if it failed."""
        return self.finished - self.sent if self.ok else math.inf

    @property
    def server_time(self) -> float | None:
        """Seconds that the server says it spent on this answer."""
        return self.server if self.ok else None

    @property
    def network_time(self) -> float | None:
        """Seconds of `service_time` that the server does not count as its own.

        The way there and back, the client's work and retries, and any wait that the server
        leaves out.
        """
        return None if self.server_time is None else max(0.0, self.service_time - self.server_time)

    @property
    def chars_per_second(self) -> float:
        """Characters of this article per second of its `response_time`."""
        return self.content_length / self.response_time if self.response_time > 0 else 0.0


@dataclass(frozen=True)
class Run:
    """All calls of one measurement, in the order in which they were due.

    A call that failed counts as infinitely slow in every percentile: whoever made it never got
    an answer. Means are over the calls that were answered.

    Attributes:
        samples: One `Sample` a call; none if the run was stopped before the first.
        workers: How many calls could be under way at once.
        wall: Seconds from the beginning to the last answer.
        rate: Calls due per second, or None for a closed loop.
    """

    samples: Sequence[Sample]
    workers: int
    wall: float
    rate: float | None = None

    def __len__(self) -> int:
        return len(self.samples)

    def times(self, of: str = "response_time") -> list[float]:
        """One of `TIMES` for each call that has it, in seconds."""
        if of not in TIMES:
            raise ValueError(f"of is {of!r}; it has to be one of {', '.join(TIMES)}")
        return [time for sample in self.samples if (time := getattr(sample, of)) is not None]

    def percentile(self, q: float, of: str = "response_time") -> Percentile:
        """One percentile with its 95 % interval; `q` is 0.99 for the 99th."""
        times = self.times(of)
        if not self.samples:
            raise ValueError("this run has no calls, so it has no percentiles")
        if not times:
            raise ValueError(f"no call of this run has a {of}: the server sends no Server-Timing")
        return percentile(times, q)

    def percentiles(self, of: str = "response_time") -> list[Percentile]:
        """p50, p90, p99 and p99.9."""
        return [self.percentile(q, of) for q in QUANTILES]

    def mean(self, of: str = "response_time") -> float:
        """Mean over the answered calls, in seconds; NaN if none was."""
        return _mean([time for time in self.times(of) if math.isfinite(time)])

    @property
    def success_rate(self) -> Share:
        """The calls that succeeded, as a share of all."""
        return share(sum(sample.ok for sample in self.samples), len(self.samples))

    @property
    def failures(self) -> dict[str, int]:
        """Type of error to the number of calls that failed so, the most frequent first."""
        return dict(Counter(s.failure for s in self.samples if s.failure).most_common())

    @property
    def requests_per_second(self) -> float:
        """Answered calls per second of the run."""
        return sum(sample.ok for sample in self.samples) / self.wall

    @property
    def characters_per_second(self) -> float:
        """Characters of all articles per second of the run."""
        return sum(sample.content_length for sample in self.samples) / self.wall

    @property
    def hrv_feedback(self) -> float:
        """Mean feedback of the articles, 0..1; NaN if there is none."""
        return _mean([s.hrv_feedback for s in self.samples if s.hrv_feedback is not None])

    @property
    def in_flight(self) -> float:
        """How many calls were under way, on average over the run.

        By Little's law that is `requests_per_second` times the mean `service_time`.
        """
        return math.fsum(sample.finished - sample.sent for sample in self.samples) / self.wall

    def correlation(self, x: str, y: str, method: str = "spearman") -> Correlation:
        """How far two fields of a `Sample` rise together, over the calls that were answered.

        >>> run.correlation("prompt_length", "response_time")
        """
        pairs = [
            (float(a), float(b))
            for sample in self.samples
            if sample.ok
            and (a := getattr(sample, x)) is not None
            and (b := getattr(sample, y)) is not None
        ]
        return correlation([a for a, _ in pairs], [b for _, b in pairs], method)

    @property
    def frame(self) -> DataFrame:
        """One row a call; the seed's five columns first. A failed call has infinite times."""
        from pandas import DataFrame

        columns = (
            *("prompt_length", "response_time", "content_length", "hrv_feedback"),
            *("chars_per_second", "service_time", "server_time", "network_time"),
            *("due", "sent", "finished", "ok", "failure", "attempts"),
        )
        return DataFrame([[getattr(s, c) for c in columns] for s in self.samples], columns=columns)

    def __str__(self) -> str:
        return "\n".join(f"{label:<28} {figure}" for label, figure in summary(self))

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>'
            f'<td style="text-align:left">{escape(figure)}</td></tr>'
            for label, figure in summary(self)
        )
        return f"<table><tbody>{cells}</tbody></table>"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def summary(run: Run) -> list[tuple[str, str]]:
    """The run as (label, figure), times in seconds with their 95 % intervals in brackets."""
    loop = "closed loop" if run.rate is None else f"open loop, {run.rate:g} calls due a second"
    rows = [("calls", f"{len(run)}, {loop}, at most {run.workers} at once")]
    if not run.samples:
        return rows
    rows.append(("answered", str(run.success_rate)))
    rows += [(f"failed: {failure}", f"{count}") for failure, count in run.failures.items()]
    rows += [
        ("requests per second", f"{run.requests_per_second:.1f}"),
        ("characters per second", f"{run.characters_per_second:,.0f}"),
        ("mean hrv_feedback", _figure(run.hrv_feedback)),
    ]
    shown = ["response_time"] if run.rate is None else ["response_time", "service_time"]
    for of in [*shown, "server_time", "network_time"]:
        if run.times(of):
            rows.append((f"{of.replace('_', ' ')}, mean", f"{_figure(run.mean(of))} s"))
            for q in QUANTILES if of in shown else (0.5, 0.99):
                found = run.percentile(q, of)
                rows.append((f"{of.replace('_', ' ')}, {found.name}", _with_interval(found)))
    return rows


def _with_interval(found: Percentile) -> str:
    if found.low is None or found.high is None:
        return f"{_seconds(found.value)}, no interval: {found.n:,} calls of {found.needed:,} needed"
    return f"{_seconds(found.value)} ({_seconds(found.low)} to {_seconds(found.high)})"


def _seconds(value: float) -> str:
    return "never" if math.isinf(value) else f"{value:.3f} s"


def _figure(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.3f}"
