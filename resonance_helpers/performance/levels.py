"""Service levels: what was promised, beside what a run shows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from ..client.transport import arguments
from .run import TIMES, Run

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["METRICS", "ServiceLevel", "Verdict", "Verdicts", "check_levels"]

METRICS = ("mean", "success_rate", "requests_per_second", "characters_per_second", "hrv_feedback")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True, kw_only=True)
class ServiceLevel:
    """One promise about a run.

    >>> ServiceLevel(metric="p99", at_most=1.0)
    >>> ServiceLevel(metric="success_rate", at_least=0.985)

    Attributes:
        metric: "p99" or any other percentile, or "mean", both in seconds; "success_rate" 0..1;
            "requests_per_second"; "characters_per_second"; "hrv_feedback" 0..1.
        at_most, at_least: The bound; exactly one of the two.
        of: Which time a percentile or mean is of, see `run.TIMES`.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None
    of: str = "response_time"

    def __post_init__(self) -> None:
        q = self.q
        if self.metric not in METRICS and (q is None or not 0 < q < 1):
            raise ValueError(
                f'metric is {self.metric!r}; it has to be a percentile such as "p99", or one of '
                f"{', '.join(METRICS)}"
            )
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError(f"{self.metric} needs either at_most or at_least, and not both")
        arguments.number(f"the bound of {self.metric}", self.bound)
        if self.of not in TIMES:
            raise ValueError(f"of is {self.of!r}; it has to be one of {', '.join(TIMES)}")

    @property
    def q(self) -> float | None:
        """0.99 for "p99"; None for what is no percentile."""
        match = _PERCENTILE.fullmatch(self.metric)
        return float(match[1]) / 100 if match else None

    @property
    def bound(self) -> float:
        """The value that must not be passed, from whichever side."""
        return self.at_least if self.at_most is None else self.at_most  # type: ignore[return-value]

    def keeps(self, value: float) -> bool:
        """Whether a value is on the right side of the bound."""
        return value >= self.bound if self.at_most is None else value <= self.bound

    def check(self, run: Run) -> Verdict:
        """This promise beside what `run` shows."""
        low: float | None = None
        high: float | None = None
        if self.q is not None:
            found = run.percentile(self.q, self.of)
            measured, low, high = found.value, found.low, found.high
        elif self.metric == "mean":
            measured = run.mean(self.of)
        elif self.metric == "success_rate":
            rate = run.success_rate
            measured, low, high = rate.value, rate.low, rate.high
        else:
            measured = getattr(run, self.metric)
        return Verdict(self, measured, low, high)

    def __str__(self) -> str:
        about = f" of {self.of.replace('_', ' ')}" if self.q or self.metric == "mean" else ""
        sign = "at least" if self.at_most is None else "at most"
        return f"{self.metric.replace('_', ' ')}{about} {sign} {self.bound:g}{self._unit}"

    @property
    def _unit(self) -> str:
        return " s" if self.q or self.metric == "mean" else ""


@dataclass(frozen=True)
class Verdict:
    """Whether one run kept one promise, and whether it shows that the server keeps it.

    Attributes:
        level: The promise.
        measured: What the run came to; infinite where too many calls failed for a percentile,
            NaN where nothing was answered.
        low, high: Its 95 % interval, where there is one.
    """

    level: ServiceLevel
    measured: float
    low: float | None
    high: float | None

    @property
    def kept(self) -> bool:
        """Whether the measured value keeps the bound. NaN does not."""
        return self.level.keeps(self.measured)

    @property
    def margin(self) -> float:
        """How much room is left, as a share of the bound; negative where it is broken."""
        room = self.measured - self.level.bound
        room = room if self.level.at_most is None else -room
        return room / abs(self.level.bound) if self.level.bound else room

    @property
    def shown(self) -> bool | None:
        """True or False where the whole interval is on one side of the bound.

        None where the run is too small to tell, or the metric has no interval.
        """
        if self.low is None or self.high is None:
            return None
        ends = {self.level.keeps(self.low), self.level.keeps(self.high)}
        return ends.pop() if len(ends) == 1 else None

    @property
    def word(self) -> str:
        """``"kept"`` or ``"broken"``."""
        return "kept" if self.kept else "broken"

    @property
    def doubt(self) -> str:
        """Why another run may come out otherwise.

        Empty where the interval is clear, or there is none to go by.
        """
        if self.shown is not None or (self.low is None and self.level.at_least is not None):
            return ""
        if self.level.q is not None and (self.low is None or self.high is None):
            return "too few calls to be sure"
        return "" if self.low is None else "the bound lies within the interval"

    def __str__(self) -> str:
        doubt = f"; {self.doubt}" if self.doubt else ""
        return (
            f"{self.word}: {self.level}; measured {self.measured:.4g} ({self.margin:+.0%}){doubt}"
        )


class Verdicts(tuple[Verdict, ...]):
    """The verdicts of one run; true when every promise was kept."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return all(verdict.kept for verdict in self)

    @property
    def frame(self) -> DataFrame:
        """One row for each promise."""
        from pandas import DataFrame

        return DataFrame(
            {
                "service_level": str(verdict.level),
                "measured": verdict.measured,
                "low": verdict.low,
                "high": verdict.high,
                "kept": verdict.kept,
                "margin": verdict.margin,
            }
            for verdict in self
        )

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "no service levels"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{verdict.word}</td><td>{escape(str(verdict.level))}</td>"
            f"<td>{verdict.measured:.4g}</td><td>{verdict.margin:+.0%}</td>"
            f"<td>{verdict.doubt}</td></tr>"
            for verdict in self
        )
        head = "<tr><th></th><th>service level</th><th>measured</th><th>margin</th><th></th></tr>"
        return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"


def check_levels(run: Run, levels: Iterable[ServiceLevel]) -> Verdicts:
    """Check a run against several service levels."""
    return Verdicts(level.check(run) for level in levels)
