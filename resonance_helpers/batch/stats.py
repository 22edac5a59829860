"""The statistics of a batch, counted as its answers come: eight bytes for each request."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, quantiles
from threading import Lock
from typing import Any

from ..progress import Snapshot

__all__ = ["BatchStats", "Tally"]


@dataclass(frozen=True, slots=True)
class BatchStats:
    """What a batch came to. Times are in seconds; with nothing to divide by, a figure is 0.

    Attributes:
        total: requests that were taken from the input.
        successful, failed: how they ended.
        unfinished: neither: the batch was stopped before they ended. Run it again to go on.
        success_rate: successful of total, in percent.
        total_time: wall-clock time of this run.
        mean_time: mean time per request, from its first attempt to its answer, waits included.
        throughput: requests that ended in this run, per second of it.
        p50, p90, p99: percentiles of the same times as `mean_time`.
        retries: attempts beyond each request's first, in all runs over the journal.
        resumed: requests whose answer an earlier run had written to the journal.
    """

    total: int
    successful: int
    failed: int
    unfinished: int
    success_rate: float
    total_time: float
    mean_time: float
    throughput: float
    p50: float
    p90: float
    p99: float
    retries: int
    resumed: int

    def rows(self) -> list[tuple[str, str]]:
        """``(label, figure)`` as people read them."""
        rows = [
            ("Total requests", f"{self.total}"),
            ("Successful", f"{self.successful}"),
            ("Failed", f"{self.failed}"),
            ("Unfinished", f"{self.unfinished}"),
            ("Success rate", f"{self.success_rate:.1f} %"),
            ("Total time", f"{self.total_time:.2f} s"),
            ("Mean time per request", f"{self.mean_time:.3f} s"),
            ("Time p50 / p90 / p99", f"{self.p50:.3f} / {self.p90:.3f} / {self.p99:.3f} s"),
            ("Throughput", f"{self.throughput:.1f} requests/s"),
            ("Retries", f"{self.retries}"),
            ("From the journal", f"{self.resumed}"),
        ]
        hidden = {"Unfinished": self.unfinished, "From the journal": self.resumed}
        return [(label, figure) for label, figure in rows if hidden.get(label, 1)]

    def __str__(self) -> str:
        return "\n".join(f"{label + ':':<23} {figure}" for label, figure in self.rows())

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th style="text-align:left">{label}</th><td>{figure}</td></tr>'
            for label, figure in self.rows()
        )
        return f"<table>{cells}</table>"


class Tally:
    """Counts how items end. Safe for threads; eight bytes for each item."""

    def __init__(self) -> None:
        self._mutex = Lock()
        self._seconds = array("d")
        self.total = 0
        self.successful = 0
        self.failed = 0
        self.retries = 0
        self.resumed = 0

    def take(self, items: int = 1) -> None:
        """So many items were taken from the input."""
        with self._mutex:
            self.total += items

    def end(self, *, success: bool, attempts: int, seconds: float, resumed: bool = False) -> None:
        """An item has ended, after `attempts` attempts (0: it was never sent)."""
        with self._mutex:
            if success:
                self.successful += 1
            else:
                self.failed += 1
            if attempts:
                self._seconds.append(seconds)
                self.retries += attempts - 1
            self.resumed += resumed

    def recall(self, record: Mapping[str, Any], *, resumed: bool = False) -> None:
        """An item has ended as a record of a journal tells it."""
        self.end(
            success=record["success"],
            attempts=record["attempts"],
            seconds=record["seconds"],
            resumed=resumed,
        )

    def undo_failure(self) -> None:
        """A failure of an earlier run is tried again."""
        with self._mutex:
            self.failed -= 1
            self.resumed -= 1

    def snapshot(self, total: int | None, waiting: int, seconds: float) -> Snapshot:
        """How far it is of `total` items after so many seconds, with so many put aside."""
        ended = self.successful + self.failed
        return Snapshot(
            ended=ended,
            total=total,
            successful=self.successful,
            failed=self.failed,
            retries=self.retries,
            waiting=waiting,
            seconds=seconds,
            rate=(ended - self.resumed) / seconds if seconds else 0.0,
        )

    def stats(self, total_time: float) -> BatchStats:
        """The figures as they stand after `total_time` seconds of this run."""
        with self._mutex:
            seconds = self._seconds
            # Of a single time all percentiles are that time; of none they are 0.
            several = len(seconds) > 1
            cuts = quantiles(seconds, n=100, method="inclusive") if several else [sum(seconds)] * 99
            ended = self.successful + self.failed
            return BatchStats(
                total=self.total,
                successful=self.successful,
                failed=self.failed,
                unfinished=self.total - ended,
                success_rate=100 * self.successful / self.total if self.total else 0.0,
                total_time=total_time,
                mean_time=fmean(seconds) if seconds else 0.0,
                throughput=(ended - self.resumed) / total_time if total_time > 0 else 0.0,
                p50=cuts[49],
                p90=cuts[89],
                p99=cuts[98],
                retries=self.retries,
                resumed=self.resumed,
            )
