"""A run for people: as lines, as an HTML page of its own, as CSV.

The page the project started from quotes four figures for the service; they are in `PUBLISHED`,
so that they can stand beside what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from .histogram import histogram
from .levels import ServiceLevel, Verdicts, check_levels
from .run import Run

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["PUBLISHED", "Report", "beside_published", "report"]

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
        parts += ["<h2>Figures</h2>", f"<p>{READING}</p>", self.run._repr_html_()]
        return "".join(parts)


def report(
    run: Run, levels: Iterable[ServiceLevel] = (), title: str = "Performance of ResonanceOS v6"
) -> Report:
    """A report of a run, with the service levels checked."""
    return Report(run, check_levels(run, levels), title)
