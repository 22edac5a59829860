"""A batch drawn over time: what was under way, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..batch.report import BatchReport
from .plots import GRID, MEASURED, PAPER, TARGET, Picture, blank, style

__all__ = ["timeline"]


class Span(NamedTuple):
    """One request: when it began and ended, in seconds, and how."""

    item: int
    began: float
    ended: float
    success: bool


@style()
def timeline(reports: Mapping[str, BatchReport]) -> Picture:
    """Each request as a bar from its first attempt to its answer.

    The batches stand one below the other over the same seconds. The text beside it leaves the
    seconds out. There a request stands as far to the right as others had ended before it began:
    alike on any machine for a batch that goes one at a time, or all at once.

    Args:
        reports: A title for each report.
    """
    spans = {title: _spans(report) for title, report in reports.items()}
    rows = [max(3, len(some)) for some in spans.values()]
    figure = blank(7.5, 0.6 + sum(0.7 + 0.14 * count for count in rows))
    places: Any = figure.subplots(
        len(spans), 1, sharex=True, squeeze=False, height_ratios=[count + 3 for count in rows]
    )
    for axes, (title, some) in zip(places[:, 0], spans.items(), strict=True):
        for span in some:
            axes.barh(
                span.item,
                span.ended - span.began,
                left=span.began,
                height=0.8,
                color=TARGET if span.success else PAPER,
                edgecolor=TARGET if span.success else MEASURED,
                hatch=None if span.success else "////",
            )
        took = max((span.ended for span in some), default=0.0)
        axes.set_title(f"{title}: {len(some)} requests in {took:.2f} s", loc="left")
        axes.set_ylabel("request")
        every = 1 if len(some) <= 12 else 5
        axes.set_yticks([span.item for span in some if span.item % every == 0])
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", color=GRID)
        axes.set_axisbelow(True)
    places[-1, 0].set_xlabel("seconds since the batch began (hatched: failed)")
    text = "\n".join(_told(title, some) for title, some in spans.items())
    alt = "Requests over time. " + " ".join(
        f"{title}: {_headline(some)}." for title, some in spans.items()
    )
    return Picture(figure, text, alt)


def _spans(report: BatchReport) -> list[Span]:
    sent = [result for result in report.results if result["attempts"]]
    zero = min((result["started"] for result in sent), default=0.0)
    return [
        Span(
            result["item"],
            result["started"] - zero,
            result["started"] - zero + result["seconds"],
            result["success"],
        )
        for result in sent
    ]


def _told(title: str, spans: Sequence[Span]) -> str:
    lines = [f"{title}: {_headline(spans)}"]
    for span in spans:
        before = sum(other.ended <= span.began for other in spans)
        mark = "#" if span.success else "x"
        lines.append(f"{span.item:>4}  {' ' * before}{mark}")
    return "\n".join(lines)


def _headline(spans: Sequence[Span]) -> str:
    failed = sum(not span.success for span in spans)
    said = f"{len(spans)} requests, at most {_most_at_once(spans)} under way"
    return f"{said}, {failed} failed" if failed else said


def _most_at_once(spans: Sequence[Span]) -> int:
    # At equal times an end counts before a beginning.
    turns = sorted([(s.began, 1) for s in spans] + [(s.ended, -1) for s in spans])
    most = now = 0
    for _, step in turns:
        now += step
        most = max(most, now)
    return most
