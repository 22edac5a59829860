"""Repeated measurements of one thing, and how a number is written."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

__all__ = ["Spread", "number"]


@dataclass(frozen=True)
class Spread:
    """Repeated measurements of one thing: their median, and the quartiles around it."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("a spread needs one value at least")

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The first and third quartile; with a single value, that value twice."""
        if len(self.values) == 1:
            return self.values[0], self.values[0]
        first, _, third = statistics.quantiles(self.values, n=4, method="inclusive")
        return first, third

    def scaled(self, factor: float) -> Spread:
        """The same measurements in another unit."""
        return Spread(tuple(value * factor for value in self.values))

    def over(self, base: Spread) -> Spread:
        """This divided by `base` round by round: what drifts between rounds cancels out."""
        if len(self.values) != len(base.values):
            raise ValueError("a ratio round by round needs equally many rounds on both sides")
        return Spread(tuple(a / b for a, b in zip(self.values, base.values, strict=True)))

    def __str__(self) -> str:
        low, high = self.quartiles
        return f"{number(self.median)} ({number(low)}–{number(high)})"  # noqa: RUF001


def number(value: float) -> str:
    """Three significant digits, without an exponent: 0.0123, 1.20, 45.0, 12,300."""
    if isinstance(value, int) or value == 0:
        return f"{value:,}"
    digits = max(0, 2 - _magnitude(value))
    return f"{value:,.{digits}f}"


def _magnitude(value: float) -> int:
    return int(f"{value:e}".partition("e")[2])
