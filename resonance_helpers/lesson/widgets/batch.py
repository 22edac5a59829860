"""A panel for one question: how many requests at once are enough?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as ipw
import traitlets

from ...batch.progress import Snapshot
from ...batch.report import BatchReport
from ...batch.run import run_batch
from ...client.api import ResonanceOSAPIClient
from ..batch import timeline
from .base import labelled

__all__ = ["ConcurrencyPanel"]


class ConcurrencyPanel(ipw.VBox):  # type: ignore[misc]
    """*How many at once are enough?* A slider sets how many, a button runs the batch.

    Args:
        client: a client; the panel sends through it.
        requests: the batch that each run carries out.
        most: the slider's upper end.

    Attributes:
        reports: how many at once, to the report of the last run with that many.
    """

    reports = traitlets.Dict()

    def __init__(
        self, client: ResonanceOSAPIClient, requests: Sequence[Mapping[str, Any]], most: int = 16
    ) -> None:
        self._client = client
        self._requests = list(requests)
        self.concurrency = ipw.IntSlider(4, 1, most)
        self.button = ipw.Button(description="Run the batch", button_style="primary")
        self.button.on_click(lambda _: self.run())
        self._bar = ipw.IntProgress(
            0, 0, len(self._requests), layout={"width": "30em"}, tooltip="requests answered"
        )
        self._news = ipw.HTML()
        self._view = ipw.HTML()
        row = ipw.HBox([labelled("At once:", self.concurrency), self.button])
        super().__init__([row, self._bar, self._news, self._view])
        self._tell(f"Choose how many of {len(self._requests)} requests go at once, then run.")

    def run(self) -> BatchReport:
        """Run the batch with what the slider says; what the button does."""
        at_once = self.concurrency.value
        self.button.disabled = True
        try:
            report = run_batch(
                self._client, self._requests, concurrency=at_once, progress=self._progress
            )
        finally:
            self.button.disabled = False
        self.reports = {**self.reports, at_once: report}
        self._tell(f"{at_once} at once: {_line(report)}.")
        picture = timeline({f"{at_once} at once": report})
        self._view.value = picture.svg() + self._compared()
        return report

    def __repr__(self) -> str:
        return f"ConcurrencyPanel: {self.told}"

    def _progress(self, snapshot: Snapshot) -> None:
        self._bar.value = snapshot.ended
        self._tell(str(snapshot))

    def _tell(self, text: str) -> None:
        self.told = text
        # A screen reader says a line of this role as it changes.
        self._news.value = f'<p role="status">{escape(text)}</p>'

    def _compared(self) -> str:
        """All runs so far as a table, so that the next one can be guessed before it is run."""
        rows = "".join(
            f"<tr><td>{at_once}</td><td>{report.stats.total_time:.2f} s</td>"
            f"<td>{report.stats.throughput:.1f}</td><td>{report.stats.p50:.3f} s</td></tr>"
            for at_once, report in sorted(self.reports.items())
        )
        heads = ("at once", "total time", "requests/s", "time of one (p50)")
        head = "".join(f'<th scope="col">{escape(one)}</th>' for one in heads)
        return f"<table><tr>{head}</tr>{rows}</table>"


def _line(report: BatchReport) -> str:
    stats = report.stats
    return (
        f"{stats.successful} of {stats.total} in {stats.total_time:.2f} s, "
        f"{stats.throughput:.1f} requests/s"
    )
