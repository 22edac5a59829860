"""A run for people: as lines, as an HTML page of its own, as CSV.

The page the project started from quotes four figures for the service; they are in `PUBLISHED`,
so that they can stand beside what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .histogram import histogram
from .levels import ServiceLevel, Verdicts, check_levels
from .run import QUANTILES, Run
from .statistics import Percentile

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["PUBLISHED", "Report", "beside_published", "report", "summary", "summary_table"]

PUBLISHED = {
    "mean response time, s": 0.234,
    "characters per second": 156.7,
    "success rate, %": 98.5,
    "mean hrv_feedback": 0.742,
}
"""The figures that ResonanceOS publishes."""

READING = (
    "A response time begins when a call was due, a service time when it was sent. A call that "
    "failed counts as one that was never answered. In brackets: 95 % intervals."
)


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


def summary_table(run: Run) -> str:
    """The same as an HTML table."""
    cells = "".join(
        f'<tr><th scope="row" style="text-align:left">{escape(label)}</th>'
        f'<td style="text-align:left">{escape(figure)}</td></tr>'
        for label, figure in summary(run)
    )
    return f"<table><tbody>{cells}</tbody></table>"


def beside_published(run: Run) -> DataFrame:
    """The four published figures beside this run's."""
    from pandas import DataFrame

    measured = [
        run.mean(),
        run.characters_per_second,
        100 * run.success_rate.value,
        run.hrv_feedback,
    ]
    return DataFrame({"published": PUBLISHED.values(), "measured": measured}, index=list(PUBLISHED))


@dataclass(frozen=True)
class Report:
    """A run and its verdicts, ready to be shown or saved."""

    run: Run
    verdicts: Verdicts
    title: str

    @property
    def frame(self) -> DataFrame:
        """One row a call."""
        return self.run.frame

    @property
    def html(self) -> str:
        """A whole page that needs nothing from the network."""
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>{escape(self.title)}</title><style>"
            "body{font:15px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em}"
            "table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ddd}"
            f"</style></head><body><h1>{escape(self.title)}</h1>{self._repr_html_()}</body></html>\n"
        )

    def save(self, path: str | Path) -> Path:
        """Write ``.html`` (this report) or ``.csv`` (one row a call), by the ending of `path`."""
        target = Path(path)
        if target.suffix == ".html":
            target.write_text(self.html, encoding="utf-8")
        elif target.suffix == ".csv":
            self.frame.to_csv(target, index=False)
        else:
            raise ValueError(f'path ends in "{target.suffix}"; give one in .html or .csv')
        return target

    def __repr__(self) -> str:
        told = f"{self.title}\n\n{self.run}"
        return f"{told}\n\n{self.verdicts!r}" if len(self.verdicts) else told

    def _repr_html_(self) -> str:
        marks = [(p.name, p.value) for p in self.run.percentiles()[:3]] if self.run.samples else []
        parts = [histogram(self.run.times()).svg(marks)]
        if len(self.verdicts):
            parts += ["<h2>Service levels</h2>", self.verdicts._repr_html_()]
        parts += ["<h2>Figures</h2>", f"<p>{READING}</p>", summary_table(self.run)]
        return "".join(parts)


def report(
    run: Run, levels: Iterable[ServiceLevel] = (), title: str = "Performance of ResonanceOS v6"
) -> Report:
    """A report of a run, with the service levels checked."""
    return Report(run, check_levels(run, levels), title)


def _figure(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.3f}"
