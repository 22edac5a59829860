"""What a batch hands back: its figures, its answers, and why some of them failed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from .journal import Answers
from .stats import BatchStats, Tally

if TYPE_CHECKING:
    import pandas as pd

    from ..client.types import Article

__all__ = ["BatchReport", "BatchResult", "Failure", "read_report"]


class BatchResult(TypedDict):
    """A request that ended.

    item: Its place in the batch, from 0.
    request: Its arguments.
    result: The answer, or the error's dict.
    success: Which of the two.
    final: False where the same batch over its journal tries it again.
    attempts: How often it was tried.
    started: When, in seconds since 1970.
    seconds: How long it took, with all attempts and waits.
    """

    item: int
    request: dict[str, Any]
    result: Article
    success: bool
    final: bool
    attempts: int
    started: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed, and why.

    Attributes:
        item: its place in the batch, from 0.
        request: its arguments.
        type: the reason's short name, such as ``"validation-failed"``.
        message: one sentence for people.
        response_code: the HTTP status; None where there was no answer.
        request_id: the server's name for it; None where it never answered.
        retryable: whether the same call might have succeeded a moment later.
        final: False where the same batch over its journal tries it again (an outcome that is not
            known for as long as the server keeps the key, a day), True where it never does.
        attempts: how often it was tried.
    """

    item: int
    request: dict[str, Any]
    type: str
    message: str
    response_code: int | None
    request_id: str | None
    retryable: bool
    final: bool
    attempts: int

    def __str__(self) -> str:
        code = f"{self.response_code} " if self.response_code else ""
        return f"item {self.item}: {code}{self.type}: {self.message}"


class BatchReport:
    """The outcome of a batch. Over a journal, answers are read from the file when asked for.

    Attributes:
        stats: the figures, a `BatchStats`.
        stopped: why the batch ended before its last request; None if it did not.
        journal: the journal's path, or None.
    """

    def __init__(
        self,
        stats: BatchStats,
        records: Iterable[dict[str, Any]],
        *,
        stopped: str | None = None,
        journal: Path | None = None,
    ) -> None:
        self.stats = stats
        self.stopped = stopped
        self.journal = journal
        self._records = records

    @property
    def results(self) -> Iterator[BatchResult]:
        """Every request that ended, in order: a dict with the keys of `BatchResult`."""
        return cast("Iterator[BatchResult]", iter(self._records))

    @cached_property
    def failures(self) -> list[Failure]:
        """The requests that failed, in order."""
        return [
            Failure(
                item=one["item"],
                request=one["request"],
                type=one["result"]["type"],
                message=one["result"]["message"],
                response_code=one["result"]["response_code"],
                request_id=one["result"].get("request_id"),
                retryable=one["result"]["retryable"],
                final=one["final"],
                attempts=one["attempts"],
            )
            for one in self.results
            if not one["success"]
        ]

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row for each request that ended, indexed by `item`.

        Its columns are the request's and the answer's plain fields, `success`, `attempts`,
        `started` and `seconds`. `started` counts in seconds from the first request of the batch.
        """
        import pandas as pd

        rows = [_row(result) for result in self.results]
        frame = pd.DataFrame(rows, columns=None if rows else ["item", "success"])
        if rows:
            frame["started"] -= frame["started"][frame["attempts"] > 0].min()
        return frame.set_index("item")

    def __repr__(self) -> str:
        lines = [str(self.stats)]
        if self.stopped:
            how = "Run it again with the same journal to go on."
            if not self.journal:
                how = "It has no journal, so it can't go on from here."
            lines.insert(0, f"Stopped: {self.stopped}. {how}")
        return "\n".join(lines)


def read_report(journal: str | os.PathLike[str]) -> BatchReport:
    """The report of a batch as its journal tells it: after a crash, or while it still runs.

    `stats.total` counts the requests that the journal has seen; `total_time` is from its
    beginning to the last answer.
    """
    answers = Answers(journal)
    total, began = answers.about()
    tally = Tally()
    last = began
    for record in answers:
        tally.recall(record)
        last = max(last, record["started"] + record["seconds"])
    # A run that goes on meanwhile may have sent some since they were counted.
    tally.take(max(total, tally.successful + tally.failed))
    return BatchReport(tally.stats(last - began), answers, journal=answers.path)


def _row(result: BatchResult) -> dict[str, Any]:
    answer = result["result"]
    return {
        "item": result["item"],
        **_plain(result["request"]),
        "success": result["success"],
        "attempts": result["attempts"],
        "started": result["started"],
        "seconds": result["seconds"],
        **{
            name: value
            for name, value in _plain(answer).items()
            if name not in ("status", "attempts")
        },
    }


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in fields.items()
        if value is None or isinstance(value, str | int | float | bool)
    }
