"""Runs as pictures.

The picture shows what was timed; its text says only what does not depend on the machine, since it
is compared: how many calls, how many failed, what is drawn.
"""

from __future__ import annotations

import math

from ..performance.concurrency import Sweep
from ..performance.reporting import PUBLISHED, beside_published
from ..performance.run import Run
from ..performance.statistics import calls_needed
from .plots import FAINT, INK, MEASURED, RIM, TARGET, Picture, blank, canvas, style

__all__ = ["against_published", "relation", "scaling", "shape", "split", "timeline"]

LABELS = {
    "prompt_length": "prompt length, characters",
    "response_time": "response time, s",
    "content_length": "article length, characters",
    "hrv_feedback": "hrv_feedback",
    "chars_per_second": "characters per second",
}


@style()
def shape(run: Run, title: str = "Where the response times lie") -> Picture:
    """Every call as a dot, in the order of its time, with the mean and the percentiles."""
    times = sorted(time for time in run.times() if math.isfinite(time))
    figure, axes = canvas(7.5, 3.4)
    shares = [(place + 1) / len(run) for place in range(len(times))]
    axes.step(times, shares, where="post", color=TARGET)
    axes.plot(times, shares, ".", color=TARGET, markersize=4)
    axes.axvline(run.mean(), color=MEASURED, linestyle="--", label=f"mean {run.mean():.3f} s")
    said = []
    for q in (0.5, 0.9, 0.99):
        found = run.percentile(q)
        said.append(f"{found.name} {'with' if found.enough else 'without'} an interval")
        if math.isfinite(found.value):
            label = f"{found.name} {found.value:.3f} s"
            axes.plot([found.value], [q], "o", color=INK, markerfacecolor="none")
            axes.annotate(label, (found.value, q), (7, -13), textcoords="offset points", bbox=RIM)
            if found.low is not None and found.high is not None:
                axes.plot([found.low, found.high], [q, q], color=INK, linewidth=1)
    axes.set(
        title=title, xlabel="response time, s", ylabel="share of calls answered", ylim=(0, 1.04)
    )
    axes.legend(frameon=False, loc="lower right")
    said.append(f"p99 takes {calls_needed(0.99)} calls for one")
    text = f"{title}\n{_counted(run)}\n{', '.join(said)}"
    return Picture(figure, text, f"{title}: share of {len(run)} calls answered within a time.")


@style()
def split(run: Run, title: str = "What the server counts, and what its caller waits") -> Picture:
    """Each call as a column: server time below, the rest of its service time on top."""
    pairs = [
        (sample.server_time, sample.network_time)
        for sample in run.samples
        if sample.server_time is not None and sample.network_time is not None
    ]
    pairs.sort(key=lambda pair: sum(pair))
    figure, axes = canvas(7.5, 3.2)
    server, network = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    places = range(len(pairs))
    axes.bar(places, server, width=1, color=TARGET, label="server time (Server-Timing)")
    axes.bar(
        places, network, width=1, bottom=server, color=MEASURED, hatch="//", label="everything else"
    )
    axes.set(title=title, xlabel="calls, the quickest first", ylabel="seconds")
    axes.set_xticks([])
    axes.legend(frameon=False, loc="upper left")
    axes.margins(x=0, y=0.25)
    text = f"{title}\n{_counted(run)}\nstacked: server time, everything else"
    return Picture(figure, text, f"{title}: {len(pairs)} calls, server time and the rest stacked.")


@style()
def relation(run: Run, x: str, y: str) -> Picture:
    """Two fields of the run's calls, one dot a call."""
    pairs = [(getattr(s, x), getattr(s, y)) for s in run.samples if s.ok]
    figure, axes = canvas(5.2, 3.2)
    axes.plot(*zip(*pairs, strict=True), "o", color=TARGET, alpha=0.5)
    across, up = LABELS.get(x, x), LABELS.get(y, y)
    axes.set(xlabel=across, ylabel=up)
    axes.margins(0.08)
    text = f"{up} against {across}\n{_counted(run)}"
    return Picture(figure, text, f"{up} against {across}, one dot for each of {len(pairs)} calls.")


@style()
def scaling(sweep: Sweep) -> Picture:
    """Throughput and response time over concurrency, with the ideal of each."""
    from matplotlib.ticker import LogLocator

    levels = list(sweep.runs)
    rates = [run.requests_per_second for run in sweep.runs.values()]
    means = [run.mean() for run in sweep.runs.values()]
    tails = [run.percentile(0.9).value for run in sweep.runs.values()]
    figure = blank(9, 3.4)
    left, right = figure.subplots(1, 2)
    each = range(levels[0], levels[-1] + 1)
    left.plot(
        each,
        [rates[0] * level / levels[0] for level in each],
        "--",
        color=FAINT,
        label="ideal: as many times as fast",
    )
    left.plot(levels, rates, "o-", color=TARGET, label="measured")
    left.set(title="Throughput", ylabel="requests per second", yscale="log")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter("")
    right.plot(levels, tails, "s:", color=MEASURED, label="p90")
    right.plot(levels, means, "o-", color=TARGET, label="mean")
    right.set(
        title="Response time",
        ylabel="seconds",
        ylim=(0, 1.15 * max(filter(math.isfinite, (*tails, *means)))),
    )
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(levels, [str(level) for level in levels])
        axes.set_xlabel("calls at once")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    text = "Throughput and response time at a concurrency of " + ", ".join(map(str, levels))
    return Picture(figure, text, f"{text}: throughput levels off, and response time climbs.")


@style()
def timeline(
    runs: dict[str, Run], title: str = "When a call was due, and how long it took"
) -> Picture:
    """Response times over the moments when the calls were due, one mark a run."""
    figure, axes = canvas(8, 3.4)
    looks = zip(runs.items(), (MEASURED, TARGET, INK), "x.o", strict=False)
    for (name, run), colour, mark in looks:
        points = [(s.due, s.response_time) for s in run.samples if s.ok]
        axes.plot(*zip(*points, strict=True), mark, color=colour, label=name, markersize=7)
    axes.set(title=title, xlabel="due, s after the beginning", ylabel="response time, s")
    axes.legend(frameon=False)
    lines = [f"{name}: {_counted(run)}" for name, run in runs.items()]
    return Picture(figure, "\n".join([title, *lines]), f"{title}. {'; '.join(lines)}.")


@style()
def against_published(run: Run) -> Picture:
    """This run's four figures as multiples of the published ones."""
    table = beside_published(run)
    ratios = [row.measured / row.published for row in table.itertuples()]
    figure, axes = canvas(7.5, 2.4)
    bars = axes.barh(list(PUBLISHED), ratios, color=TARGET, height=0.6)
    told = [f"{_short(row.measured)}, published {row.published:g}" for row in table.itertuples()]
    axes.bar_label(bars, labels=told, padding=4)
    axes.axvline(1, color=MEASURED, linestyle="--")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}x")
    axes.set(title="Measured over published", xlim=(0.5, 40 * max(*ratios, 1)))
    axes.invert_yaxis()
    lines = [f"{name}: published {value:g}" for name, value in PUBLISHED.items()]
    text = "\n".join(["Measured over published", *lines])
    return Picture(figure, text, "Four figures of this run as multiples of the published ones.")


def _counted(run: Run) -> str:
    failed = sum(run.failures.values())
    return f"{len(run)} calls, {failed or 'none'} failed"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
