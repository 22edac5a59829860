"""Articles asked for and events handled, drawn over time: what waits, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..webhooks.receiver import WebhookReceiver
from .plots import FAINT, GRID, MEASURED, TARGET, Picture, canvas, style

__all__ = ["backlog", "tries"]


@style()
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
    made, now = sorted(asked.values()), receiver.now
    began = min(made, default=now)
    handled = _handled(asked, receiver)
    outages = [(down, up or now) for down, up in receiver.outages if (up or now) >= began]
    end = max([*made, *handled, *(up for _, up in outages)], default=began)
    figure, axes = canvas(7.5, 3.2)
    margin = 0.05 * (end - began) or 0.1
    times = sorted({began, end + margin, *made, *handled})
    wanted, had = ([_count(moments, t) for t in times] for moments in (made, handled))
    minutes = [(t - began) / 60 for t in times]
    for number, (down, up) in enumerate(outages):
        label = None if number else "receiver is down"
        axes.axvspan(
            max(down - began, 0) / 60, (up - began) / 60, color=GRID, label=label, linewidth=0
        )
    axes.fill_between(
        minutes,
        wanted,
        had,
        step="post",
        hatch="////",
        facecolor="none",
        edgecolor=FAINT,
        label="waiting",
        linewidth=0,
    )
    for heights, colour, line, label in (
        (wanted, TARGET, "--", "asked for"),
        (had, MEASURED, "-", "handled"),
    ):
        axes.step(minutes, heights, line, where="post", color=colour, label=label, linewidth=2)
    axes.set_xlabel("minutes since the first article was asked for")
    axes.set_ylabel("articles")
    axes.locator_params("y", integer=True)
    axes.set_ylim(0, len(made) + 0.5)
    axes.set_xlim(0, (end + margin - began) / 60)
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    stretches = _stretches(outages, end)
    counts = [(state, _count(made, t), _count(handled, t)) for state, t in stretches]
    lines = [f"{'receiver':<10} {'asked for':>9} {'handled':>8} {'waiting':>8}"]
    lines += [f"{state:<10} {a:>9} {b:>8} {a - b:>8}" for state, a, b in counts]
    most = max((a - b for _, a, b in counts), default=0)
    alt = f"{len(made)} articles asked for, {len(handled)} events handled; at most {most} waited."
    return Picture(figure, "\n".join(lines), alt)


@style()
def tries(
    rows: Mapping[str, tuple[str, str, str]], attempts: Mapping[str, Sequence[bool]]
) -> Picture:
    """Each event as a row, each try to deliver it as a mark: a cross failed, a dot arrived.

    Args:
        rows: Event id to (type, what the server says, what the receiver did), as in the panel.
        attempts: Event id to whether each try arrived, in time's order.
    """
    most = max((len(each) for each in attempts.values()), default=0) or 1
    figure, axes = canvas(7.5, 1.1 + 0.32 * max(len(rows), 1), ("bottom",))
    for row, (event, (_, says, did)) in enumerate(rows.items()):
        went = attempts[event]
        axes.plot([1, max(len(went), 1)], [row, row], color=FAINT, linewidth=1, zorder=1)
        for number, arrived in enumerate(went, start=1):
            mark, colour = ("o", TARGET) if arrived else ("X", MEASURED)
            axes.plot([number], [row], mark, color=colour, markersize=9)
        words = f"{says.partition(' ')[2].partition(',')[0]}; receiver: {did}"
        axes.text(max(len(went), 1) + 0.18, row, words, va="center")
    axes.set_yticks(
        range(len(rows)), [f"{kind} …{event[-6:]}" for event, (kind, _, _) in rows.items()]
    )
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_xlim(0.6, most + 2.6)
    axes.set_xticks(range(1, most + 1))
    axes.set_xlabel("try")
    axes.grid(axis="x", color=GRID)
    axes.tick_params(axis="y", length=0)
    lines = []
    for event, (kind, says, _) in rows.items():
        marks = "".join("o" if arrived else "x" for arrived in attempts[event])
        lines.append(f"{kind:<21} {marks:<{most}}  {says}")
    told = "; ".join(f"{kind}: {says}, receiver: {did}" for kind, says, did in rows.values())
    alt = f"Tries to deliver each event, the newest first. {told}."
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
