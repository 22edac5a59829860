"""Pictures that carry their own words.

Every plot here is a `Picture`: a PNG for the eye, and beside it, in the same output, a text that
says the same in numbers. The text is what a diff, a test and a reader without sight go by.

Colours are two of Okabe and Ito's, which people with any common colour blindness can tell apart,
and nothing is told by colour alone: a target is dashed with open marks, a measure solid with full
ones. A PNG has a quiet paper of its own, which does for a light page and for a dark one. An SVG
stands inside a page and takes its colours from it: no byte of either depends on a theme.
"""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from math import sin, tau
from typing import TYPE_CHECKING, Any

from resonance_sandbox.hrv import DIMENSIONS, HRVVector

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes

__all__ = ["Picture", "bars", "blank", "canvas", "profile_map", "radar", "radars", "steps", "style"]

# The first use on a machine lists its fonts and says so; a lesson's output is no place for that.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

MEASURED = "#D55E00"
TARGET = "#0072B2"
INK = "#222222"
FAINT = "#8a8a8a"
PAPER = "#f6f6f3"
GRID = "#dededb"
RIM = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.5}
"""Behind words that stand over a line (`bbox`)."""
DOTS_PER_INCH = 100
SHARPNESS = 2  # pixels of the PNG to each pixel of the page
OF_THE_PAGE = {
    INK: "currentColor",
    PAPER: "var(--jp-layout-color0, Canvas)",
    GRID: "color-mix(in srgb, currentColor 16%, transparent)",
}
"""What stands in an SVG in place of each colour that would not suit every theme."""


class Picture:
    """A figure with its text twin.

    Shown by a notebook as a PNG; `str` and `repr` give the twin, and so does a frontend that can't
    show pictures. `svg()` is for a widget.

    Args:
        figure: A matplotlib figure that no `pyplot` manages.
        text: The same content in words and rounded numbers. It has to be the same on every
            machine, since it is what tests compare.
        alt: One sentence for a screen reader, where the frontend hands it on.
    """

    def __init__(self, figure: Figure, text: str, alt: str) -> None:
        self.figure = figure
        self.text = text
        self.alt = alt
        # Settle the layout once: it moves a little with each drawing, and the bytes with it.
        with style():
            figure.draw_without_rendering()
            figure.set_layout_engine("none")

    def __repr__(self) -> str:
        return self.text

    def png(self) -> bytes:
        """The figure as PNG, at twice the page's resolution."""
        with style():
            return _saved(
                self.figure, "png", dpi=DOTS_PER_INCH * SHARPNESS, metadata={"Software": None}
            )

    def svg(self) -> str:
        """The figure as one `<svg>` element, labelled with `alt`, the same bytes each time.

        Its ink, paper and grid are the colours of the page that it stands in.
        """
        # Ids inside are salted by the content, so that two pictures on a page never share one.
        with style({"svg.hashsalt": self.text, "svg.fonttype": "none"}):
            document = _saved(self.figure, "svg", metadata={"Date": None, "Creator": None})
        element = document.decode()
        element = element[element.index("<svg") :]
        for ours, of_the_page in OF_THE_PAGE.items():
            element = element.replace(ours, of_the_page)
        label = (
            f'<svg role="img" aria-label="{escape(self.alt)}" style="max-width:100%;height:auto" '
        )
        return element.replace("<svg ", label, 1).strip()

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        width, height = (round(inches * DOTS_PER_INCH) for inches in self.figure.get_size_inches())
        image = base64.b64encode(self.png()).decode()
        about = {"alt": self.alt, "width": width, "height": height}
        return {"text/plain": self.text, "image/png": image}, {"image/png": about}


def blank(width: float, height: float) -> Figure:
    """An empty figure of so many inches, to draw a `Picture` on."""
    # Figure, not pyplot: no state shared between cells or threads, and no window to close.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor=PAPER, layout="constrained")


def canvas(
    width: float, height: float, spines: Collection[str] = ("left", "bottom")
) -> tuple[Figure, Axes]:
    """A `blank` figure and its axes, with these sides of their frame."""
    figure = blank(width, height)
    axes = figure.add_subplot()
    for side, spine in axes.spines.items():
        spine.set_visible(side in spines)
    return figure, axes


@contextmanager
def style(more: dict[Any, Any] | None = None) -> Iterator[None]:
    """The look of all pictures, for as long as the context or a function so decorated lasts.

    It starts from matplotlib's defaults: nobody's own style, LaTeX or dark, reaches a picture.

    Args:
        more: Is added to it.
    """
    from matplotlib.style import context

    ours = {
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.facecolor": "none",
        "axes.edgecolor": INK,
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
    with context(["default", {**ours, **(more or {})}]):
        yield


def radar(measured: Sequence[float], target: Sequence[float], title: str = "") -> Picture:
    """One article's eight measures against its target.

    Args:
        measured: Eight numbers, `hrv_vector` of an answer.
        target: Eight numbers, `target_hrv` of the same answer.
        title: A line above.
    """
    return radars({title: (measured, target)})


@style()
def radars(shapes: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Picture:
    """Several measures, each against its own target, side by side.

    Args:
        shapes: Title to (measured, target). The centre is the low end of each dimension's range
            and the rim its high end, so that an
            `emotional_valence` of -1 lies in the centre.
    """
    vectors = {title: (HRVVector(a), HRVVector(b)) for title, (a, b) in shapes.items()}
    each = min(5.0, 10.2 / max(len(vectors), 1))
    figure = blank(each * len(vectors), 0.8 * each + 0.7)
    for place, (title, (measured, target)) in enumerate(vectors.items(), 1):
        axes = figure.add_subplot(1, len(vectors), place, projection="polar")
        _web(axes)  # type: ignore[arg-type]
        _loop(axes, target, TARGET, "--o", "target", open_marks=True)
        _loop(axes, measured, MEASURED, "-o", "measured")
        feedback = f"feedback {measured.feedback(target):.2f}"
        axes.set_title(f"{title}\n{feedback}" if title else feedback, pad=14)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    text = "\n\n".join(
        _against(title, measured, target) for title, (measured, target) in vectors.items()
    )
    worst = {title: _furthest(*pair) for title, pair in vectors.items()}
    alt = "Radar of eight measured dimensions against target. " + " ".join(
        f"{title + ': ' if title else ''}feedback {pair[0].feedback(pair[1]):.2f}, furthest off is "
        f"{worst[title]}."
        for title, pair in vectors.items()
    )
    return Picture(figure, text, alt)


@style()
def profile_map(profiles: Mapping[str, Sequence[float]]) -> Picture:
    """Profiles as rows, dimensions as columns, a darker cell for a higher value, the number in it.

    Args:
        profiles: Profile name to its eight numbers.
    """
    import numpy as np

    vectors = {name: HRVVector(vector) for name, vector in profiles.items()}
    shades = np.array([_shares(vector) for vector in vectors.values()])
    figure, axes = canvas(9, 0.7 + 0.4 * len(vectors), ())
    axes.pcolormesh(shades, cmap="Blues", vmin=0, vmax=1, edgecolors=PAPER)
    axes.invert_yaxis()
    axes.set_xticks(
        [i + 0.5 for i in range(len(DIMENSIONS))],
        [d.label.replace(" ", "\n", 1) for d in DIMENSIONS],
    )
    axes.set_yticks([i + 0.5 for i in range(len(vectors))], list(vectors))
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for row, vector in enumerate(vectors.values()):
        for column, value in enumerate(vector):
            colour = "white" if shades[row, column] > 0.65 else "black"
            axes.text(column + 0.5, row + 0.5, f"{value:g}", ha="center", va="center", color=colour)
    wide = max(map(len, vectors), default=0)
    rows = [
        f"{name:<{wide}}  " + " ".join(f"{v:5.2f}" for v in vector)
        for name, vector in vectors.items()
    ]
    heads = [f"{i}: {d.label}" for i, d in enumerate(DIMENSIONS, 1)]
    numbers = f"{'':<{wide}}  " + " ".join(f"{i:>5}" for i in range(1, len(DIMENSIONS) + 1))
    text = "\n".join([numbers, *rows, "", ", ".join(heads[:4]), ", ".join(heads[4:])])
    count = f"{len(vectors)} profile{'' if len(vectors) == 1 else 's'}"
    return Picture(figure, text, f"Map of {count} by eight dimensions.")


@style()
def steps(states: Sequence[str], order: Sequence[str], title: str = "", axis: str = "") -> Picture:
    """What state something was in, look after look.

    Args:
        states: One word for each look, in time's order.
        order: All words there can be, the worst first (it is drawn lowest).
        title: A line above.
        axis: What a look is.

    Raises:
        ValueError: A state is not in ``order``.
    """
    if strangers := sorted(set(states) - set(order)):
        raise ValueError(f"{strangers[0]!r} is not in order: {', '.join(order)}")
    figure, axes = canvas(7.5, 1.3 + 0.4 * len(order), ("left", "right", "top", "bottom"))
    heights = [order.index(state) for state in states]
    looks = range(1, len(states) + 1)
    axes.step(looks, heights, where="mid", color=FAINT, linewidth=1.5)
    for height, (state, marker) in enumerate(zip(order, "XvDo", strict=False)):
        these = [look for look, other in zip(looks, states, strict=True) if other == state]
        colour = TARGET if height == len(order) - 1 else MEASURED
        axes.plot(these, [height] * len(these), marker, color=colour, markersize=9)
    axes.set_yticks(range(len(order)), list(order))
    axes.set_ylim(-0.5, len(order) - 0.5)
    axes.set_xticks(list(looks))
    axes.set_xlabel(axis)
    axes.set_title(title)
    axes.grid(axis="y", color=GRID)
    text = "\n".join(
        f"{order[height]:>{max(map(len, order))}} |"
        + "".join(" o" if state == order[height] else " ." for state in states)
        for height in reversed(range(len(order)))
    )
    return Picture(
        figure, f"{title}\n{text}" if title else text, f"{title or 'States'}: {', '.join(states)}."
    )


@style()
def bars(values: Mapping[str, float], title: str = "", axis: str = "") -> Picture:
    """One bar for each name, its number at its end, the first on top.

    Args:
        values: Name to a number of 0 or more; written with two decimals, or none if all are whole.
        title: A line above.
        axis: What the bars measure.
    """
    whole = all(float(value).is_integer() for value in values.values())
    written = {name: f"{value:.0f}" if whole else f"{value:.2f}" for name, value in values.items()}
    figure, axes = canvas(7.5, 1.2 + 0.4 * len(values))
    drawn = axes.barh(list(values), list(values.values()), color=TARGET, height=0.6)
    axes.bar_label(drawn, labels=list(written.values()), padding=4)
    axes.invert_yaxis()
    axes.set_xlabel(axis)
    axes.set_title(title)
    axes.margins(x=0.12)
    wide, most = max(map(len, values), default=0), max(values.values(), default=0) or 1
    lines = [
        f"{name:<{wide}}  {written[name]:>8}  {'#' * round(24 * value / most)}".rstrip()
        for name, value in values.items()
    ]
    text = "\n".join([title, *lines] if title else lines)
    told = ", ".join(f"{name} {number}" for name, number in written.items())
    return Picture(figure, text, f"{title or 'Bars'}: {told}.")


def _saved(figure: Figure, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    paper = "none" if kind == "svg" else PAPER
    figure.savefig(stream, format=kind, facecolor=paper, **options)
    return stream.getvalue()


def _shares(vector: HRVVector) -> list[float]:
    """Where each value lies in its dimension's range, 0 at the low end and 1 at the high."""
    return [(v - d.low) / d.span for d, v in zip(DIMENSIONS, vector, strict=True)]


def _web(axes: PolarAxes) -> None:
    axes.set_theta_offset(_turn(0.25))
    axes.set_theta_direction(-1)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.25, 0.5, 0.75, 1], [])
    axes.set_xticks(
        [_turn(i / len(DIMENSIONS)) for i in range(len(DIMENSIONS))],
        [d.label.replace(" ", "\n", 1) for d in DIMENSIONS],
    )
    # Words beside the web start or end at it, so that none lies over a line.
    for i, word in enumerate(axes.get_xticklabels()):
        across = round(sin(_turn(i / len(DIMENSIONS))), 6)
        word.set_horizontalalignment("center" if across == 0 else "left" if across > 0 else "right")
    axes.tick_params(pad=3)
    axes.grid(color=GRID)
    axes.spines["polar"].set_color(GRID)


def _loop(
    axes: Axes, vector: HRVVector, colour: str, style: str, label: str, open_marks: bool = False
) -> None:
    angles = [_turn(i / len(DIMENSIONS)) for i in range(len(DIMENSIONS))]
    radii = _shares(vector)
    axes.plot(
        [*angles, angles[0]],
        [*radii, radii[0]],
        style,
        color=colour,
        label=label,
        markersize=6 if open_marks else 4,
        markerfacecolor="none" if open_marks else colour,
        linewidth=1.8,
        clip_on=False,
    )


def _turn(share: float) -> float:
    return share * tau


def _against(title: str, measured: HRVVector, target: HRVVector) -> str:
    gaps = measured.gaps(target)
    lines = [
        f"{d.label:<20} {mine:8.2f} {theirs:7.2f} {gaps[d.name]:6.2f}"
        for d, mine, theirs in zip(DIMENSIONS, measured, target, strict=True)
    ]
    head = f"{'':<20} {'measured':>8} {'target':>7} {'gap':>6}"
    feedback = f"feedback {measured.feedback(target):.2f}"
    return "\n".join([f"{title}: {feedback}" if title else feedback, head, *lines])


def _furthest(measured: HRVVector, target: HRVVector) -> str:
    gaps = measured.gaps(target)
    return max(gaps, key=lambda name: gaps[name]).replace("_", " ")
