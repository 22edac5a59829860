"""The base of every widget.

Each widget answers one question. All of it works by keyboard, every control has a label, and what
was chosen or answered stands in a trait that a later cell can read. Nothing is sent while a slider
moves: only a button sends. One line says how things stand: idle, busy, done or failed, and then
why and what to do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any, TypeVar

import ipywidgets as ipw
import traitlets

from ...client.errors import ResonanceError
from ..connect import panels
from ..plots import Picture

__all__ = [
    "BESIDE",
    "LABEL",
    "WIDE",
    "Panel",
    "PanelError",
    "button",
    "columns",
    "dropdown",
    "got",
    "in_words",
    "labelled",
    "offer",
    "on_enter",
    "table",
]

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

PATIENCE = 3.0
"""Seconds that a server may take to say that it is there."""
WAY_OUT = "Run the set-up cell, then this one."
RECONNECTED = "connect() was called again since. Run this cell again."

FRAME = """\
<style>
.jp-OutputArea:has(.resonance-panel:not(.jupyter-widgets-disconnected)) .resonance-again,
.resonance-panel .jupyter-widgets-disconnected::before { display: none }
.resonance-panel.jupyter-widgets-disconnected > *, .resonance-outdated { opacity: 0.4 }
.resonance-panel .widget-box { max-width: 100% }
.resonance-panel .widget-inline-hbox { max-width: calc(100% - 4px) }  /* less its margins */
.resonance-panel .widget-hbox { flex-wrap: wrap; overflow: visible }
.resonance-panel :is(.jupyter-button, .widget-label) { flex-shrink: 0 }
.resonance-panel :is(td, th) { overflow-wrap: anywhere }
.resonance-busy button { opacity: 0.5; cursor: progress }
.resonance-panel a.resonance-link { color: var(--jp-content-link-color, #0b57d0);
  text-decoration: underline }
</style>
<script>
if (!window.resonancePanels) {
  window.resonancePanels = true;
  const panel = (event) => event.target.closest?.(".resonance-panel");
  // No key that is pressed in a panel is a shortcut of the notebook, such as D D: delete the cell.
  window.addEventListener("focusin", (event) => {
    if (panel(event)) event.target.setAttribute("data-lm-suppress-shortcuts", "");
  }, true);
  // The handle of a slider has no name of its own; it gets that of the box beside it.
  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    setTimeout(() => {
      due = false;
      for (const handle of document.querySelectorAll(".resonance-panel .noUi-handle")) {
        const label = handle.closest(".widget-hbox")?.querySelector("label")?.textContent;
        if (label && handle.ariaLabel !== label) handle.ariaLabel = label;
      }
    }, 50);
  }).observe(document.body, { childList: true, subtree: true });
  // While a panel is busy, a press does nothing. A disabled button would lose the focus.
  let last = 0, pressed = null;
  window.addEventListener("input", () => { pressed = null; }, true);  // no second press after that
  window.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!panel(event) || !button || button.matches(".widget-toggle-button")) return;
    const twice = button === pressed && event.timeStamp - last < 250;
    [pressed, last] = [button, event.timeStamp];
    if (twice || event.target.closest(".resonance-busy")) event.stopImmediatePropagation();
  }, true);
}
</script>"""
"""What a page needs for all panels on it: their looks, and the three things that widgets lack."""

AGAIN = """\
<p class="resonance-again">
○ This panel needs a running kernel: run the set-up cell, then this one.</p>
<style>
.jp-OutputArea:has(.resonance-again) .jp-OutputArea-output.jupyter-widgets:not(:has(*)) {
  display: none }
</style>"""
"""Stands for a panel where there is no live one: after a restart, the next day, in a static page.
There it takes the place of *Error displaying widget*."""


class Panel(ipw.VBox):  # type: ignore[misc]
    """A column of controls above a line of news and a place for pictures and texts.

    Its `repr` is what a frontend without widgets shows, and what tests compare: `told` in words.

    Attributes:
        status: How things stand, one of `STATES`.
        news: The line in words.
        view: Where pictures and texts are shown.
    """

    blocking = True
    """Whether nothing else can be pressed while the panel is busy."""

    status = traitlets.Enum(list(STATES), "idle")
    news = traitlets.Unicode()

    def __init__(self, client: Any, *controls: ipw.Widget, **options: Any) -> None:
        self._client = client
        self._picture: Picture | None = None
        self.line = ipw.HTML()
        self.view = ipw.HTML()
        frame = ipw.Output(layout={"display": "none"})
        data = {"text/html": FRAME, "text/plain": ""}
        frame.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)
        super().__init__([frame, *controls, self.line, self.view], **options)
        self.add_class("resonance-panel")
        panels.add(self)

    @traitlets.observe("news", "status")
    def _show(self, change: Any) -> None:
        word, colour = STATES[self.status]
        word = word and f"<strong>{word}</strong> "
        # First, so that a press counts from the moment the line says that it does.
        busy = self.blocking and self.status == "busy"
        (self.add_class if busy else self.remove_class)("resonance-busy")
        # A screen reader says a line of this role as it changes.
        self.line.value = f'<p role="status" style="color:{colour}">{word}{escape(self.news)}</p>'

    def tell(self, status: str, news: str) -> None:
        """Set `status` and `news` together; of a panel whose server was replaced nothing else."""
        if isinstance(self._client, _Gone):
            status, news = "failed", RECONNECTED
        with self.hold_trait_notifications():
            self.status, self.news = status, news

    def draw(self, picture: Picture, more: str = "") -> None:
        """Show a picture, and HTML below it."""
        self._picture = picture
        self.view.value = picture.svg() + more
        self.view.remove_class("resonance-outdated")

    def outdated(self, *_: Any) -> None:
        """Fade what is shown: it no longer belongs to what the controls say."""
        self.view.add_class("resonance-outdated")

    @contextmanager
    def working(self, doing: str) -> Iterator[None]:
        """Be busy `doing` something; whatever goes wrong in it is told in the line.

        An interrupt ends the work and nothing else.
        """
        self.tell("busy", doing)
        try:
            yield
        except KeyboardInterrupt as stopped:
            self.tell("failed", str(stopped) or "Stopped.")
        except Exception as error:
            self.tell("failed", in_words(error))
        else:
            if self.status == "busy":
                self.status = "idle"

    def reach(self) -> None:
        """Find out in seconds, and not by the client's patience, that nobody is there."""
        if hasattr(self._client, "health_check"):
            answer = self._client.with_options(timeout=PATIENCE).health_check()
            if answer.get("response_code", 0) is None:
                got(answer)

    def reconnected(self) -> None:
        """`connect()` was called again: this panel has lost its server, and says so."""
        self._client = _Gone()
        self.tell("failed", "")

    def told(self) -> str:
        """What the panel shows, in words."""
        return self.news

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.told()}"

    def _still(self) -> tuple[dict[str, str], dict[str, Any]]:
        """What it shows now, for a page where nothing lives: MIME types to data, and metadata."""
        return self._picture._repr_mimebundle_() if self._picture else ({}, {})

    def _ipython_display_(self) -> None:
        from IPython.core.display_functions import display

        again = {"text/html": AGAIN, "text/plain": "To use this panel, run this cell."}
        display(again, raw=True)  # type: ignore[no-untyped-call]
        data, about = self._still()
        data |= self._repr_mimebundle_() | {"text/plain": repr(self)}
        display(data, metadata=about, raw=True)  # type: ignore[no-untyped-call]


class PanelError(Exception):
    """What a panel can't do, in a sentence that is shown as it is."""


class _Gone:
    """Stands for a client of an earlier `connect()`."""

    def __getattr__(self, name: str) -> Any:
        raise PanelError(RECONNECTED)


Given = TypeVar("Given", bound=dict[str, Any])


def got(answer: Given) -> Given:
    """The answer, unless it is an error: that is raised."""
    if answer.get("status") == "error":
        code = answer.get("response_code")
        raise getattr(answer, "error", None) or ResonanceError(
            answer["message"], response_code=code
        )
    return answer


def in_words(error: Exception) -> str:
    """What went wrong, and the way out where there is one."""
    if isinstance(error, PanelError):
        return str(error)
    if isinstance(error, ResonanceError):
        refused = error.response_code is not None
        said = f"The call failed: {error.message if refused else error.message.partition(';')[0]}"
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


def on_enter(text: ipw.Text, work: Callable[[], object]) -> None:
    """Have the Enter key in a box do what a button does."""
    with warnings.catch_warnings():  # what replaces it fires when the box loses the focus, too
        warnings.simplefilter("ignore", DeprecationWarning)
        text.on_submit(lambda _: work())


def button(text: str, work: Callable[[], object], **look: Any) -> ipw.Button:
    """A button that does `work`."""
    made = ipw.Button(description=text, **look)
    made.on_click(lambda _: work())
    return made


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


def table(label: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A small table: the first cell of each row names it, text stands left and figures right."""
    body = ""
    for first, *rest in rows:
        cells = "".join(_cell("td", one) for one in rest)
        body += f"<tr>{_cell('th', first, 'row')}{cells}</tr>"
    head = "".join(_cell("th", one, "col") for one in heads)
    return f'<table aria-label="{escape(label)}">{f"<tr>{head}</tr>" if body else ""}{body}</table>'


def _cell(tag: str, content: Any, scope: str = "") -> str:
    text = str(content)
    side = "right" if text[:1].isdigit() else "left"
    named = f' scope="{scope}"' if scope else ""
    return f'<{tag}{named} style="text-align: {side}; padding: 0.2em 0.6em">{escape(text)}</{tag}>'
