"""Articles asked for and events handled, drawn over time: what waits, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..webhooks.receiver import WebhookReceiver

if TYPE_CHECKING:
    from .plots import Picture

__all__ = ["backlog"]


def backlog(asked: Mapping[str, float], receiver: WebhookReceiver) -> Picture:
    """Two stairs: articles that were asked for, and their events as they were handled.

    What lies between them waits. Where the receiver was stopped, the ground is grey. The text
    beside it leaves the seconds out: it counts at the end of each stretch in which the receiver
    was up, or down.

    Args:
        asked: The ``request_id`` of each article, to when it was asked for, in seconds since 1970
            by the receiver's clock.
        receiver: What handled the events; those of other articles are left out.
    """
    from .plots import FAINT, MEASURED, TARGET, Picture, blank, style

    made, now = sorted(asked.values()), receiver.now
    began = min(made, default=now)
    handled = _handled(asked, receiver)
    outages = [(down, up or now) for down, up in receiver.outages if (up or now) >= began]
    end = max([*made, *handled, *(up for _, up in outages)], default=began)
    figure = blank(7.5, 3.2)
    with style():
        axes: Any = figure.add_subplot()
        margin = 0.05 * (end - began) or 0.1
        times = sorted({began, end + margin, *made, *handled})
        stairs = [[_count(moments, t) for t in times] for moments in (made, handled)]
        minutes = [(t - began) / 60 for t in times]
        for number, (down, up) in enumerate(outages):
            label = None if number else "receiver is down"
            axes.axvspan(
                max(down - began, 0) / 60,
                (up - began) / 60,
                color="#e4e4e4",
                label=label,
                linewidth=0,
            )
        axes.fill_between(
            minutes,
            *stairs,
            step="post",
            hatch="////",
            facecolor="none",
            edgecolor=FAINT,
            label="waiting",
            linewidth=0,
        )
        for heights, colour, line, label in (
            (stairs[0], TARGET, "--", "asked for"),
            (stairs[1], MEASURED, "-", "handled"),
        ):
            axes.step(minutes, heights, line, where="post", color=colour, label=label, linewidth=2)
        axes.set_xlabel("minutes since the first article was asked for")
        axes.set_ylabel("articles")
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(0, len(made) + 0.5)
        axes.set_xlim(0, (end + margin - began) / 60)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside lower center", ncols=4, frameon=False)
    stretches = _stretches(outages, end)
    counts = [(state, _count(made, t), _count(handled, t)) for state, t in stretches]
    lines = [f"{'receiver':<10} {'asked for':>9} {'handled':>8} {'waiting':>8}"]
    lines += [f"{state:<10} {a:>9} {b:>8} {a - b:>8}" for state, a, b in counts]
    most = max((a - b for _, a, b in counts), default=0)
    alt = f"{len(made)} articles asked for, {len(handled)} events handled; at most {most} waited."
    return Picture(figure, "\n".join(lines), alt)


def _handled(asked: Mapping[str, float], receiver: WebhookReceiver) -> list[float]:
    """When the event of each article was handled."""
    ours = {
        event.id
        for event in receiver.events
        if isinstance(event.data, dict) and event.data.get("request_id") in asked
    }
    return sorted(
        one.at for one in receiver.receipts if one.outcome == "handled" and one.id in ours
    )


def _stretches(outages: Sequence[tuple[float, float]], end: float) -> list[tuple[str, float]]:
    """The receiver's states in time's order, each with its end."""
    found = []
    for down, up in outages:
        found += [("up", down), ("down", up)]
    return [*found, ("up", end)] if not found or found[-1][1] < end else found


def _count(moments: Sequence[float], until: float) -> int:
    return sum(moment <= until for moment in moments)
