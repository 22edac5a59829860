"""A benchmark's result as horizontal bars in SVG: the same figures give the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.harness import Spread

if TYPE_CHECKING:
    from benchmarks.harness import Result


def save_bars(result: Result, path: Path) -> None:
    """Draws the column `result.bars`, one bar a row, the first row on top."""
    import matplotlib
    from matplotlib.figure import Figure  # without pyplot: no window system, no global state

    column = list(result.columns).index(str(result.bars))
    cells = [(str(row[0]), row[column]) for row in result.rows]
    spreads = [
        (label, cell if isinstance(cell, Spread) else Spread((float(cell),)))
        for label, cell in cells
        if isinstance(cell, Spread | int | float)
    ]
    labels = [label for label, _ in spreads]
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
        figure = Figure(figsize=(8, 0.8 + 0.36 * len(labels)), layout="constrained")
        axes = figure.add_subplot()
        axes.barh(labels, medians, xerr=whiskers, color="#4477aa", ecolor="#222222", capsize=3)
        axes.invert_yaxis()
        axes.set_xlabel(str(result.bars))
        axes.set_title(result.title, fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        if result.line is not None:
            axes.axvline(result.line, color="#cc3311", linestyle="--", linewidth=1)
        figure.savefig(path, format="svg", metadata={"Date": None})
