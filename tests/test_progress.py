"""The line that a long job shows, and where it is shown."""

from __future__ import annotations

import io
import sys

import pytest

from resonance_helpers.progress import (
    SILENT,
    Snapshot,
    TerminalLine,
    WidgetLine,
    progress_for,
)

SNAPSHOT = Snapshot(
    ended=30, total=120, successful=29, failed=1, retries=4, waiting=2, seconds=2.0, rate=15.0
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_snapshot_says_how_far_how_well_how_fast_and_how_long_still():
    assert str(SNAPSHOT) == (
        "30/120, 96.7 % success, 1 failed, 4 retries, 2 waiting, 15.0/s, 6 s left"
    )


def test_without_a_total_nobody_knows_how_long():
    endless = Snapshot(
        ended=3, total=None, successful=3, failed=0, retries=0, waiting=0, seconds=1, rate=3
    )
    assert endless.seconds_left is None
    assert str(endless) == "3, 100.0 % success, 3.0/s"


@pytest.mark.parametrize(("seconds", "shown"), [(59, "59 s"), (61, "1:01"), (3661, "1:01:01")])
def test_long_times_are_written_like_a_clock(seconds, shown):
    snapshot = Snapshot(
        ended=0, total=seconds, successful=0, failed=0, retries=0, waiting=0, seconds=1, rate=1
    )
    assert str(snapshot).endswith(f"{shown} left")


def test_choices(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert progress_for(False) is SILENT
    assert isinstance(progress_for(True), TerminalLine)
    monkeypatch.setattr(sys, "stderr", None)  # as under pythonw
    assert progress_for(True) is SILENT


def test_a_notebook_gets_a_widget_whose_text_is_the_same_each_time(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    line = WidgetLine("a batch")
    assert not shown  # a batch that is refused shows no progress
    line.show(SNAPSHOT)
    line.show(SNAPSHOT)
    (widget,) = shown
    assert widget.value.startswith('<progress max="120" value="30"></progress> 30/120')
    assert repr(widget) == "Progress of a batch, live in JupyterLab"


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("closed")])
def test_a_terminal_that_is_gone_ends_no_job(error):
    class Gone(Terminal):
        def flush(self) -> None:
            raise error

    line = TerminalLine(Gone())
    line.show(SNAPSHOT)
    line.close(SNAPSHOT)
