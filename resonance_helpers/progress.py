"""What a long job shows while it runs: one line, drawn again and again in its place.

Where it is drawn is found out: in JupyterLab as a widget, in a terminal on stderr. Anywhere else
(a pipe, a log, a test) nothing is drawn; and what a notebook file keeps of the widget is a text
that is the same in every run, so that outputs can be compared.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, TextIO

__all__ = ["Progress", "Snapshot", "Stopped", "in_notebook", "progress_for", "shell"]

BAR = 24

TICK = 0.1
"""Seconds between two looks at how far it is, and at Ctrl-C."""


class Stopped(KeyboardInterrupt):
    """A batch or a measurement was interrupted; the message says how far it had come.

    Attributes:
        report: Of a batch, what had come until then; None of a measurement.
    """

    def __init__(self, message: str, report: Any = None) -> None:
        super().__init__(message)
        self.report = report


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a batch or a measurement is.

    Attributes:
        ended: requests that have their answer, good or bad.
        total: requests in all; None where the input does not say how many come.
        successful, failed: of those that ended.
        retries: attempts beyond the first.
        waiting: requests put aside until the server takes them.
        seconds: since the run began.
        rate: requests that ended in this run, per second.
    """

    ended: int
    total: int | None
    successful: int
    failed: int
    retries: int
    waiting: int
    seconds: float
    rate: float

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at the rate so far; None where nobody can say, or at the end."""
        if self.total is None or self.ended >= self.total or not self.rate:
            return None
        return (self.total - self.ended) / self.rate

    def __str__(self) -> str:
        parts = [f"{self.ended}" if self.total is None else f"{self.ended}/{self.total}"]
        if self.ended:
            parts.append(f"{100 * self.successful / self.ended:.1f} % success")
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.retries:
            parts.append(f"{self.retries} retries")
        if self.waiting:
            parts.append(f"{self.waiting} waiting")
        parts.append(f"{self.rate:.1f}/s")
        if self.seconds_left is not None:
            parts.append(f"{_clock(self.seconds_left)} left")
        return ", ".join(parts)


class Calling:
    """Hands each snapshot to a function of the caller's."""

    def __init__(self, function: Callable[[Snapshot], object]) -> None:
        self._function = function

    def show(self, snapshot: Snapshot, /) -> None:
        self._function(snapshot)

    close = show


SILENT = Calling(lambda _: None)


class TerminalLine:
    """One line on a terminal, overwritten in place and left standing at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, snapshot: Snapshot, /, end: str = "") -> None:
        # A terminal may go while the job still runs, as one does with a lost connection.
        with contextlib.suppress(OSError, ValueError):
            # ESC [K clears what a longer line before has left.
            self._stream.write(f"\r{_bar(snapshot)}{snapshot}\x1b[K{end}")
            self._stream.flush()

    def close(self, snapshot: Snapshot, /) -> None:
        self.show(snapshot, "\n")


class WidgetLine:
    """The same line in a notebook: an `ipywidgets.HTML`, whose value changes."""

    def __init__(self, job: str) -> None:
        from IPython.display import display
        from ipywidgets import HTML

        class Line(HTML):  # type: ignore[misc]
            def __repr__(self) -> str:
                return f"Progress of {job}, live in JupyterLab"

        self._display = display
        self._line = Line()
        self._shown = False

    def show(self, snapshot: Snapshot, /) -> None:
        if not self._shown:
            self._shown = True
            self._display(self._line)  # type: ignore[no-untyped-call]
        bar = ""
        if snapshot.total:
            bar = f'<progress max="{snapshot.total}" value="{snapshot.ended}"></progress> '
        self._line.value = bar + escape(str(snapshot))

    close = show


Progress = Calling | TerminalLine | WidgetLine
"""What shows a job: a snapshot some ten times a second, and the last one when it is closed. All
calls come from the thread that runs the job."""


def progress_for(choice: bool | Callable[[Snapshot], object], job: str = "a batch") -> Progress:
    """What `progress=` asks for: False for none, True for what fits here, or a function."""
    if callable(choice):
        return Calling(choice)
    if not choice:
        return SILENT
    if in_notebook():
        try:
            return WidgetLine(job)
        except ImportError:
            return SILENT
    if sys.stderr is not None and sys.stderr.isatty():
        return TerminalLine(sys.stderr)
    return SILENT


def shell() -> Any:
    """IPython's shell, or None elsewhere."""
    ipython = sys.modules.get("IPython")  # there is no shell without it: nothing to import
    return ipython.get_ipython() if ipython is not None else None


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    return getattr(shell(), "kernel", None) is not None


def _bar(snapshot: Snapshot) -> str:
    if not snapshot.total:
        return ""
    full = BAR * snapshot.ended // snapshot.total
    return f"[{'#' * full}{'.' * (BAR - full)}] "


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
