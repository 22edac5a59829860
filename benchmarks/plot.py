"""Figures as horizontal bars in SVG: the same figures give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["save_bars"]


def save_bars(
    path: Path,
    bars: Mapping[str, tuple[float, float, float]],
    *,
    title: str,
    axis: str,
    line: float | None = None,
) -> None:
    """Draws a bar for each label, the first on top, with a whisker from its low to its high end.

    Args:
        path: where the SVG goes.
        bars: a label for each (low, middle, high).
        title: stands above.
        axis: what the bars measure, with its unit.
        line: where to draw a vertical line, such as the baseline 1.0 of a ratio.
    """
    import matplotlib
    from matplotlib.figure import Figure  # without pyplot: no window system, no global state

    middles = [middle for _, middle, _ in bars.values()]
    whiskers = [
        [middle - low for low, middle, _ in bars.values()],
        [high - middle for _, middle, high in bars.values()],
    ]
    # The fixed salt and the absent date make the file depend on the figures alone.
    with matplotlib.rc_context({"svg.hashsalt": "resonance", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 0.8 + 0.36 * len(bars)), layout="constrained")
        axes = figure.add_subplot()
        axes.barh(list(bars), middles, xerr=whiskers, color="#4477aa", ecolor="#222222", capsize=3)
        axes.invert_yaxis()
        axes.set_xlabel(axis)
        axes.set_title(title, fontsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
        if line is not None:
            axes.axvline(line, color="#cc3311", linestyle="--", linewidth=1)
        figure.savefig(path, format="svg", metadata={"Date": None})
