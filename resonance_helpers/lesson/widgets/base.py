"""The base of every widget.

Each widget answers one question. All of it works by keyboard, every control has a label, an error
is shown as a sentence in the widget, and what was chosen or answered stands in a trait that a
later cell can read. Nothing is sent while a slider moves: only a button sends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as ipw
import traitlets

__all__ = ["BESIDE", "LABEL", "WIDE", "Panel", "columns", "dropdown", "labelled", "offer"]

WIDE = {"width": "32em"}
"""As wide as a control with its label gets."""
LABEL = {"description_width": "11em"}
"""Labels of one width, so that the controls stand in a column."""
BESIDE = {"margin": "2px 2px 2px 11.4em"}
"""Puts a button under the controls and not under their labels."""


class Panel(ipw.VBox):  # type: ignore[misc]
    """A column of controls above a line of news and a place for pictures and texts.

    Its `repr` is what a frontend without widgets shows, and what tests compare: `told` in words.
    """

    news = traitlets.Unicode()

    def __init__(self, *controls: ipw.Widget, **options: Any) -> None:
        self._news = ipw.HTML()
        self.view = ipw.HTML()
        super().__init__([*controls, self._news, self.view], **options)

    @traitlets.observe("news")
    def _show_news(self, change: Any) -> None:
        # A screen reader says a line of this role as it changes.
        self._news.value = f'<p role="status">{escape(change["new"])}</p>'

    def _failed(self, answer: Mapping[str, Any]) -> bool:
        """Tell what went wrong, if something did."""
        if answer.get("status") != "error":
            return False
        self.news = f"The call failed: {answer['message']}"
        return True

    def told(self) -> str:
        """What the panel shows, in words."""
        return self.news

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.told()}"


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
