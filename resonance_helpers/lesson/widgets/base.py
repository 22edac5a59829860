"""The base of every widget.

Each widget answers one question. All of it works by keyboard, every control has a label, and what
was chosen or answered stands in a trait that a later cell can read. Nothing is sent while a slider
moves: only a button sends. One line says how things stand: idle, busy, done or failed, and then
why and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets as ipw
import traitlets

from ...client.errors import ResonanceError

__all__ = ["BESIDE", "LABEL", "WIDE", "Panel", "columns", "dropdown", "got", "labelled", "offer"]

WIDE = {"width": "32em"}
"""As wide as a control with its label gets."""
LABEL = {"description_width": "11em"}
"""Labels of one width, so that the controls stand in a column."""
BESIDE = {"margin": "2px 2px 2px 11.4em"}
"""Puts a button under the controls and not under their labels."""

STATES = {
    "idle": ("", "inherit"),
    "busy": ("… Busy.", "var(--jp-info-color0, #0277bd)"),
    "done": ("✓ Done.", "var(--jp-success-color0, #2e7d32)"),
    "failed": ("✗ Failed.", "var(--jp-error-color0, #b71c1c)"),
}
"""How things can stand: a sign with a word, and a colour of the page's theme."""

WAY_OUT = "Run the set-up cell, then this one."


class Panel(ipw.VBox):  # type: ignore[misc]
    """A column of controls above a line of news and a place for pictures and texts.

    Its `repr` is what a frontend without widgets shows, and what tests compare: `told` in words.

    Attributes:
        status: How things stand, one of `STATES`.
        news: The line in words.
        view: Where pictures and texts are shown.
    """

    status = traitlets.Enum(list(STATES), "idle")
    news = traitlets.Unicode()

    def __init__(self, *controls: ipw.Widget, **options: Any) -> None:
        self.line = ipw.HTML()
        self.view = ipw.HTML()
        super().__init__([*controls, self.line, self.view], **options)

    @traitlets.observe("news", "status")
    def _show(self, change: Any) -> None:
        word, colour = STATES[self.status]
        word = word and f"<strong>{word}</strong> "
        # A screen reader says a line of this role as it changes.
        self.line.value = f'<p role="status" style="color:{colour}">{word}{escape(self.news)}</p>'

    def tell(self, status: str, news: str) -> None:
        """Set `status` and `news` together."""
        with self.hold_trait_notifications():
            self.status, self.news = status, news

    @contextmanager
    def working(self, doing: str) -> Iterator[None]:
        """Be busy `doing` something; whatever goes wrong in it is told in the line.

        A second press meanwhile does nothing. An interrupt ends the work and nothing else.
        """
        buttons = [one for one in _inside(self) if isinstance(one, ipw.Button) and not one.disabled]
        self.tell("busy", doing)
        for button in buttons:
            button.disabled = True
        try:
            yield
        except KeyboardInterrupt:
            self.tell("failed", "Stopped.")
        except Exception as error:
            self.tell("failed", in_words(error))
        finally:
            for button in buttons:
                button.disabled = False

    def told(self) -> str:
        """What the panel shows, in words."""
        return self.news

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.told()}"


def _inside(widget: ipw.Widget) -> Iterator[ipw.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _inside(child)


def got(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, unless it is an error: that is raised."""
    if answer.get("status") == "error":
        code = answer.get("response_code")
        raise getattr(answer, "error", None) or ResonanceError(
            answer["message"], response_code=code
        )
    return answer


def in_words(error: Exception) -> str:
    """What went wrong, and the way out where there is one."""
    if isinstance(error, ResonanceError):
        refused = error.response_code is not None
        said = f"The call failed: {error.message}"
    else:
        refused = isinstance(error, ValueError | TypeError)
        said = str(error).partition(": <")[0] or type(error).__name__  # no repr in angle brackets
        said = said[0].upper() + said[1:]
    return said if refused else f"{said.rstrip('.')}. {WAY_OUT}"


def labelled(label: str, slider: ipw.Widget) -> ipw.HBox:
    """A slider beside a box for the same number, which takes an exact one.

    The box also gives a screen reader the name: the handle of a slider has none.
    """
    kind = ipw.BoundedIntText if isinstance(slider, ipw.IntSlider) else ipw.BoundedFloatText
    box = kind(
        slider.value,
        min=slider.min,
        max=slider.max,
        step=slider.step,
        description=label,
        tooltip=slider.tooltip,
        style=LABEL,
        layout={"width": "17em"},
    )
    slider.readout = False
    slider.layout = {"width": "15em"}
    ipw.link((slider, "disabled"), (box, "disabled"))
    # A browser counts in steps, so that 0.55 + 0.05 comes as 0.6000000000000001.
    round_off = lambda value: round(value, 4)  # noqa: E731
    ipw.link((slider, "value"), (box, "value"), transform=(round_off, round_off))
    return ipw.HBox([box, slider])


def dropdown(label: str) -> ipw.Dropdown:
    return ipw.Dropdown(description=label, style=LABEL, layout=WIDE)


def offer(dropdown: ipw.Dropdown, options: Sequence[Any], wanted: Any = None) -> None:
    """Set the options and choose one: `wanted` if it is there, else the first."""
    # In one message: whoever chooses the moment the options come is not overruled by the next.
    with dropdown.hold_sync():
        dropdown.options = options
        dropdown.disabled = not options
        dropdown.index = 0 if options else None
        if wanted in options:
            dropdown.value = wanted


def columns(texts: Mapping[str, str]) -> str:
    """Articles beside each other, each under its title."""
    columns = "".join(
        f'<section style="flex: 1 1 20em"><h4>{escape(title)}</h4>'
        + "".join(f"<p>{escape(paragraph)}</p>" for paragraph in text.split("\n\n"))
        + "</section>"
        for title, text in texts.items()
    )
    return (
        f'<div style="display: flex; flex-wrap: wrap; gap: 2em; line-height: 1.5">{columns}</div>'
    )
