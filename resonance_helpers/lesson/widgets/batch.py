"""A panel for one question: how many requests at once are enough?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as ipw
import traitlets

from ...batch.report import BatchReport
from ...batch.run import run_batch
from ...client.api import ResonanceOSAPIClient
from ...progress import Snapshot
from ..batch import timeline
from .base import Panel, button, labelled, table

__all__ = ["ConcurrencyPanel"]


class ConcurrencyPanel(Panel):
    """*How many at once are enough?* A slider sets how many, a button runs the batch.

    Args:
        client: A client; the panel sends through it.
        requests: The batch that each run carries out.
        reports: Of earlier runs, drawn until the next one.

    Attributes:
        reports: How many at once, to the report of the last run with that many.
    """

    reports: traitlets.Dict[int, BatchReport] = traitlets.Dict()

    def __init__(
        self,
        client: ResonanceOSAPIClient,
        requests: Sequence[Mapping[str, Any]],
        reports: Mapping[int, BatchReport] | None = None,
    ) -> None:
        self._requests = list(requests)
        self.concurrency = ipw.IntSlider(4, 1, 16)
        self.button = button("Run the batch", self.run, button_style="primary")
        self._bar = ipw.IntProgress(
            0, 0, len(self._requests), layout={"width": "30em"}, tooltip="requests answered"
        )
        row = ipw.HBox([labelled("At once:", self.concurrency), self.button])
        super().__init__(client, row, self._bar)
        self.news = f"Choose how many of {len(self._requests)} requests go at once, then run."
        if reports:
            self.reports = dict(reports)
            self._draw_reports(*sorted(self.reports))

    def run(self) -> None:
        """Run the batch with what the slider says; what the button does."""
        at_once = self.concurrency.value
        with self.working(f"{at_once} at once …"):
            self.reach()
            report = run_batch(
                self._client, self._requests, concurrency=at_once, progress=self._progress
            )
            self.reports = {**self.reports, at_once: report}
            self._draw_reports(at_once)
            self.tell("done", f"{at_once} at once: {_line(report)}.")

    def _draw_reports(self, *levels: int) -> None:
        chosen = {f"{at_once} at once": self.reports[at_once] for at_once in levels}
        self.draw(timeline(chosen), self._compared())

    def _progress(self, snapshot: Snapshot) -> None:
        self._bar.value = snapshot.ended
        self.news = str(snapshot)

    def _compared(self) -> str:
        """All runs so far as a table, so that the next one can be guessed before it is run."""
        return table(
            "Runs so far",
            ("at once", "requests", "total time", "requests/s", "time of one (p50)"),
            [
                (
                    at_once,
                    report.stats.total,
                    f"{report.stats.total_time:.2f} s",
                    f"{report.stats.throughput:.1f}",
                    f"{report.stats.p50:.3f} s",
                )
                for at_once, report in sorted(self.reports.items())
            ],
        )


def _line(report: BatchReport) -> str:
    stats = report.stats
    return (
        f"{stats.successful} of {stats.total} in {stats.total_time:.2f} s, "
        f"{stats.throughput:.1f} requests/s"
    )
