"""How response times are spread, as a histogram whose bins widen with the time (20 a decade).

Drawn by hand as SVG: it takes less than a millisecond, so that a live picture does not disturb
the measurement that it shows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Histogram", "histogram"]

BINS_A_DECADE = 20
FIRST, LAST = -2, 2  # decades of seconds: 10 ms to 100 s; what lies beyond goes to the end bins
BINS = (LAST - FIRST) * BINS_A_DECADE
BLUE, VERMILION = "#0072B2", "#D55E00"
PAPER = "var(--jp-layout-color0, Canvas)"  # the page's, as is the ink: it stands in a page
FAILURES = BINS + 6  # where they stand: far enough to the right that the labels keep apart
ROWS = 4  # of labels above the bars, so that none lies over one
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 46, 130, 26 + 14 * ROWS, 40


@dataclass(frozen=True)
class Histogram:
    """Counts of calls by response time.

    Attributes:
        counts: Calls in each of the bins from 10 ms to 100 s.
        failed: Calls that were never answered.
    """

    counts: tuple[int, ...]
    failed: int

    @property
    def total(self) -> int:
        return sum(self.counts) + self.failed

    @staticmethod
    def edge(place: int) -> float:
        """The lower edge of a bin, in seconds."""
        return float(10 ** (FIRST + place / BINS_A_DECADE))

    def text(self) -> str:
        """One line for each bin that has calls, with the bounds in milliseconds."""
        most = max([*self.counts, self.failed, 1])
        lines = [
            f"{self.edge(i) * 1000:8.3g} to {self.edge(i + 1) * 1000:<8.3g} ms {count:6} "
            + "#" * math.ceil(40 * count / most)
            for i, count in enumerate(self.counts)
            if count
        ]
        if self.failed:
            lines.append(
                f"{'failed':>23} {self.failed:6} " + "#" * math.ceil(40 * self.failed / most)
            )
        return "\n".join(lines) or "no calls yet"

    def svg(self, marks: Sequence[tuple[str, float]] = (), title: str = "") -> str:
        """The histogram as one `<svg>` element.

        Args:
            marks: Vertical lines, as (label, seconds): percentiles, or a service level. One at
                infinity stands with the failed calls.
            title: A line above.
        """
        most = max([*self.counts, self.failed, 1])
        # From left to right, each label a row lower: no line goes through another's label.
        rows = [
            (_mark_x(seconds), TOP - 14 * (ROWS - row % ROWS) + 6, f"{label} {_seconds(seconds)}")
            for row, (label, seconds) in enumerate(sorted(marks, key=lambda mark: mark[1]))
        ]
        parts = [_bar(i, count, most, BLUE) for i, count in enumerate(self.counts) if count]
        if self.failed:
            # Told apart by place and word, not by colour alone.
            parts.append(_bar(FAILURES, self.failed, most, VERMILION, wide=4))
        for decade in range(FIRST, LAST + 1):
            x = _x((decade - FIRST) * BINS_A_DECADE)
            parts.append(_line(x, TOP, HEIGHT - BOTTOM + 4, 'stroke-opacity="0.2"'))
            parts.append(_text(x, HEIGHT - 24, _seconds(10.0**decade)))
        parts += [
            _text(_x(FAILURES + 2), HEIGHT - 24, "failed"),
            _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "response time"),
            _text(LEFT - 6, TOP + 4, f"{most}", "end"),
            _text(LEFT - 6, HEIGHT - BOTTOM, "0", "end"),
            _text(LEFT, 13, title, "start"),
        ]
        parts += [_line(x, y - 9, HEIGHT - BOTTOM, 'stroke-dasharray="4 3"') for x, y, _ in rows]
        parts += [_text(x + 4, y, label, "start") for x, y, label in rows]
        told = f"{title or 'Histogram'}: {self.total} calls, {self.failed} failed. " + ", ".join(
            f"{label} {_seconds(seconds)}" for label, seconds in marks
        )
        return (
            f'<svg role="img" aria-label="{escape(told)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'style="max-width:{WIDTH}px;width:100%" fill="currentColor" '
            'font-family="sans-serif" font-size="11" xmlns="http://www.w3.org/2000/svg">'
            + "".join(parts)
            + "</svg>"
        )


def histogram(times: Sequence[float]) -> Histogram:
    """Sorts response times (seconds; infinite for a failed call) into bins."""
    answered = [seconds for seconds in times if math.isfinite(seconds)]
    counts = Counter(min(max(math.floor(_place(seconds)), 0), BINS - 1) for seconds in answered)
    return Histogram(tuple(counts[i] for i in range(BINS)), len(times) - len(answered))


def _place(seconds: float) -> float:
    """Where a time lies, counted in bins from the first."""
    return (math.log10(max(seconds, 1e-9)) - FIRST) * BINS_A_DECADE


def _x(place: float) -> float:
    """Where a bin's lower edge lies across the picture; places beyond the last are for failures."""
    return LEFT + (WIDTH - LEFT - RIGHT) * place / BINS


def _bar(place: float, count: int, most: int, colour: str, wide: float = 1) -> str:
    height = (HEIGHT - TOP - BOTTOM) * count / most
    return (
        f'<rect x="{_x(place) + 0.5:.1f}" y="{HEIGHT - BOTTOM - height:.1f}" '
        f'width="{_x(place + wide) - _x(place) - 1:.1f}" height="{height:.1f}" fill="{colour}"/>'
    )


def _mark_x(seconds: float) -> float:
    """Where a mark stands: at its time, or amid the failed calls."""
    return _x(min(max(_place(seconds), 0), FAILURES + 2))


def _line(x: float, top: float, bottom: float, look: str) -> str:
    ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"'
    return f'<line {ends} stroke="currentColor" {look}/>'


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    # A rim of the paper's colour keeps a label readable beside a line.
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="stroke:{PAPER}" '
        f'stroke-width="3" paint-order="stroke">{escape(text)}</text>'
    )


def _seconds(seconds: float) -> str:
    if math.isinf(seconds):
        return "never"
    return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"
