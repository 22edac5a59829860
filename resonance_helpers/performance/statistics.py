"""What a sample of calls tells, and how far it can be trusted. The standard library is enough.

Nothing here assumes a shape: response times are skewed and have long tails, so a percentile is an
observed value (an order statistic), and its interval comes from the binomial law alone.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, StatisticsError
from statistics import correlation as pearson

__all__ = [
    "Correlation",
    "Percentile",
    "Share",
    "calls_needed",
    "correlation",
    "percentile",
    "share",
]

CONFIDENCE = 0.95
"""Of every interval. What misses it lies to either side alike."""
_TAIL = (1 - CONFIDENCE) / 2
_DEVIATIONS = NormalDist().inv_cdf(1 - _TAIL)


@dataclass(frozen=True, slots=True)
class Percentile:
    """The value that a share of the population does not exceed, with its 95 % interval.

    `low` and `high` are None where the sample is too small for the interval to have an end;
    `needed` says how many calls it takes. A `value` or `high` of infinity means that so many
    calls failed that this one never was answered.
    """

    q: float
    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def name(self) -> str:
        """``"p50"``, ``"p99.9"``."""
        return f"p{self.q * 100:.10g}"

    @property
    def needed(self) -> int:
        """The number of calls from which on the interval has both its ends."""
        return calls_needed(self.q)

    @property
    def enough(self) -> bool:
        """Whether there are as many samples as it needs."""
        return self.n >= self.needed

    def __str__(self) -> str:
        if not self.enough:
            return (
                f"{self.name} {self.value:.3f}, no interval: {self.n} calls of {self.needed} needed"
            )
        return f"{self.name} {self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def percentile(values: Sequence[float], q: float) -> Percentile:
    """The smallest observed value that a share `q` of `values` does not exceed (nearest rank).

    The interval runs between two order statistics chosen so that each side is missed with a
    probability of at most 2.5 %, whatever the distribution: the number of values below the true
    percentile is binomial in (n, q). See Conover, *Practical Nonparametric Statistics* (3rd ed.,
    1999), section 3.2. It assumes that the values do not depend on each
    other; calls that queue behind the same stall do, and then the true interval is wider.

    Args:
        values: At least one number; infinity stands for a call that was never answered.
        q: Between 0 and 1, both excluded: 0.99 for the 99th percentile.

    Raises:
        ValueError: `values` is empty, holds a NaN, or a share is out of its range.
    """
    _check_share(q)
    ordered = sorted(values)
    n = len(ordered)
    if not n:
        raise ValueError("values is empty: a percentile needs one call at least")
    if any(math.isnan(value) for value in ordered):
        raise ValueError("values holds a NaN: give infinity for a call that was never answered")
    # n * q of 100 and 0.07 is 7.000000000000001 in binary: round before going up.
    rank = max(1, math.ceil(round(n * q, 9)))
    lower, upper = _ranks(n, q, _TAIL)
    return Percentile(
        q,
        ordered[rank - 1],
        ordered[lower - 1] if lower >= 1 else None,
        ordered[upper - 1] if upper <= n else None,
        n,
    )


def calls_needed(q: float) -> int:
    """The smallest sample whose interval for the percentile `q` has both ends.

    The n values must reach beyond the percentile on either side with a probability of at least
    97.5 %: 6 calls for the median, 368 for p99, 3,688 for p99.9.
    """
    _check_share(q)
    return math.ceil(math.log(_TAIL) / math.log(max(q, 1 - q)))


def _ranks(n: int, q: float, tail: float) -> tuple[int, int]:
    """Ranks, from 1, of the two order statistics; 0 or n + 1 where there is no such value.

    With K ~ Binomial(n, q) values below the percentile: the largest `lower` with
    P(K < lower) <= tail, the smallest `upper` with P(K >= upper) <= tail.
    """
    lower, upper = 0, n + 1
    below = 0.0
    for k in range(n + 1):
        below += _binomial(n, k, q)  # P(K <= k)
        if below <= tail:
            lower = k + 1
        if below >= 1 - tail - 1e-12:
            upper = k + 1
            break
    return lower, upper


def _binomial(n: int, k: int, q: float) -> float:
    # Logarithms: the coefficient alone passes the largest float from n = 1,030 on.
    logarithm = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(logarithm + k * math.log(q) + (n - k) * math.log1p(-q))


@dataclass(frozen=True, slots=True)
class Share:
    """A share of successes, 0..1, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%})"


def share(successes: int, n: int) -> Share:
    """`successes` of `n` as a share, with Wilson's interval (1927).

    It is sound near 1 too: 100 of 100 shows at least 96.3 %, not 100 %.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(
            f"{successes} successes of {n} is no share: need 0 <= successes <= n, n > 0"
        )
    z = _DEVIATIONS
    value = successes / n
    centre = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n))
    # At either end the interval touches it; rounding must not leave it just short.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Share(value, low, high, n)


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation coefficient, -1..1, with its 95 % interval.

    NaN, with an interval from -1 to 1, where one of the two never varies or n is below 4.
    """

    value: float
    low: float
    high: float
    n: int
    method: str

    @property
    def shown(self) -> bool:
        """Whether the data show a relation at all: the interval leaves out 0."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        if math.isnan(self.value):
            return f"{self.method} not defined for these {self.n} calls"
        verdict = "" if self.shown else ", no relation shown"
        return f"{self.method} {self.value:+.2f} ({self.low:+.2f} to {self.high:+.2f}){verdict}"


def correlation(xs: Sequence[float], ys: Sequence[float], method: str = "spearman") -> Correlation:
    """How far `xs` and `ys` rise together.

    The interval is Fisher's z; for Spearman with the variance of Bonett & Wright (Psychometrika 65,
    2000). Pearson's is sound for data near normal.

    Args:
        xs: Finite numbers.
        ys: As many, paired with them.
        method: ``"spearman"`` asks whether one rises with the other, in any shape, and does not
            mind outliers; ``"pearson"`` asks for a straight line, and one stalled call can decide
            it. Response times have outliers.

    Raises:
        ValueError: Lengths differ, a value is not finite, or the method is unknown.
    """
    if len(xs) != len(ys):
        raise ValueError(f"xs has {len(xs)} values and ys has {len(ys)}: they have to be pairs")
    if not all(map(math.isfinite, [*xs, *ys])):
        raise ValueError("xs and ys must be finite: leave out the calls that failed")
    if method == "spearman":
        value, spread = _pearson(_ranked(xs), _ranked(ys)), 0.5
    elif method == "pearson":
        value, spread = _pearson(xs, ys), 0.0
    else:
        raise ValueError(f'method is {method!r}; it has to be "spearman" or "pearson"')
    n = len(xs)
    if math.isnan(value) or n < 4:
        return Correlation(math.nan, -1.0, 1.0, n, method)
    if abs(value) == 1:
        return Correlation(value, value, value, n, method)
    half = _DEVIATIONS * math.sqrt((1 + spread * value * value) / (n - 3))
    z = math.atanh(value)
    return Correlation(value, math.tanh(z - half), math.tanh(z + half), n, method)


def _pearson(xs: Sequence[float], ys: Sequence[float]) -> float:
    try:
        return max(-1.0, min(1.0, pearson(xs, ys)))  # rounding must not leave the range
    except StatisticsError:  # one of the two never varies, or there are no two pairs
        return math.nan


def _ranked(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of their ranks."""
    ordered = sorted(values)
    return [(bisect_left(ordered, v) + 1 + bisect_right(ordered, v)) / 2 for v in values]


def _check_share(q: float) -> None:
    if not 0 < q < 1:
        raise ValueError(f"q is {q:g}; it has to lie between 0 and 1, both excluded")
