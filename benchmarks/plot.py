"""A benchmark's result as horizontal bars in SVG: the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.spread import Spread


def save_bars(
    path: Path,
    title: str,
    label: str,
    bars: Sequence[tuple[str, object]],
    line: float | None = None,
) -> None:
    """Draw one bar a row, the first on top; what is no number has none.

    A spread's bar is its median, with its quartiles as a whisker; `line` is a vertical line.
    """
    import matplotlib
    from matplotlib.figure import Figure  # without pyplot: no window system, no global state

    spreads = [
        (name, cell if isinstance(cell, Spread) else Spread((float(cell),)))
        for name, cell in bars
        if isinstance(cell, Spread | int | float)
    ]
    names = [name for name, _ in spreads]
    medians = [spread.median for _, spread in spreads]
    whiskers = [
        [
            median - spread.quartiles[0]
            for median, (_, spread) in zip(medians, spreads, strict=True)
        ],
        [
            spread.quartiles[1] - median
            for median, (_, spread) in zip(medians, spreads, strict=True)
        ],
    ]
    # The fixed salt and the absent date make the file depend on the figures alone.
    with matplotlib.rc_context({"svg.hashsalt": "resonance", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 0.8 + 0.36 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        axes.barh(names, medians, xerr=whiskers, color="#4477aa", ecolor="#222222", capsize=3)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        axes.set_title(title, fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        if line is not None:
            axes.axvline(line, color="#cc3311", linestyle="--", linewidth=1)
        figure.savefig(path, format="svg", metadata={"Date": None})
