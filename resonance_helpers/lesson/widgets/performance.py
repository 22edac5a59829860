"""A live histogram: what does more load do to response times?"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import ipywidgets as ipw
import traitlets

from ...performance.histogram import histogram
from ...performance.open_loop import load
from ...performance.run import Run, Sample
from ...performance.runner import Generates
from ...performance.statistics import percentile
from ..performance import shape
from .base import WAY_OUT, Panel, button, in_words, labelled

__all__ = ["LoadPanel"]

REDRAWN_EVERY = 0.2  # seconds
LATE = 1.0  # seconds by which the last calls may go out late, so that they are part of the picture


class LoadPanel(Panel):
    """*What does more load do?* A slider sets the load; the histogram shows what comes of it.

    The load is an open loop: calls fall due by the clock, however slow the answers are. Each
    setting of the slider begins a new histogram. The load ends by itself after `seconds`.

    Args:
        client: Anything with `generate_content(prompt)`, safe for threads.
        prompts: Taken in turn.
        seconds: How long calls fall due, at most; the last may go out `LATE` seconds late.
        run: An earlier one, drawn until the next.

    Attributes:
        load: The slider; set its `value` to do what a hand does. 0 stops.
        calls: Calls that ended under the present load.
        running: Whether calls are being made.
        run: The last load that ended, a `Run`, or None.
    """

    blocking = False  # Stop can be pressed
    calls = traitlets.Int()
    running = traitlets.Bool()
    run = traitlets.Any()

    def __init__(
        self,
        client: Generates,
        prompts: Sequence[str],
        *,
        seconds: float = 20,
        run: Run | None = None,
    ) -> None:
        self._prompts, self._seconds = list(prompts), seconds
        self._stop = threading.Event()
        self._mutex = threading.RLock()
        self.load = ipw.IntSlider(
            0,
            0,
            80,
            5,
            tooltip="calls due per second; 0 stops",
            continuous_update=False,
        )
        self.stop_button = button("Stop", lambda: setattr(self.load, "value", 0))
        load = labelled("Load:", self.load)
        super().__init__(client, ipw.HBox([load, ipw.Label("calls per second"), self.stop_button]))
        self.load.observe(self._moved, "value")
        self._draw(run.times() if run else [])
        if run:
            self.run, self._picture = run, shape(run)
        self.news = "Move the slider: calls fall due at that rate, however slow the answers are."

    def wait(self, calls: int, timeout: float = 30) -> bool:
        """Wait until so many calls have ended under the present load, or `timeout` seconds."""
        return _comes(lambda: self.calls >= calls, timeout)

    def wait_idle(self, timeout: float = 30) -> bool:
        """Wait until no call is under way any more, or `timeout` seconds."""
        return _comes(lambda: not self.running, timeout)

    def _moved(self, change: Any) -> None:
        rate = change["new"]
        with self._mutex:
            self._stop.set()  # what is under way ends by itself, and counts no more
            if self.running and not rate:
                self.news = "Stopping: no further call is sent, those under way will end."
            if rate:
                self._stop = threading.Event()
                self.calls, self.running = 0, True
                self.tell("busy", f"{rate} calls per second …")
                threading.Thread(target=self._work, args=(rate, self._stop), daemon=True).start()

    def _work(self, rate: int, stop: threading.Event) -> None:
        """One load, in a thread of its own, so that the slider stays free."""
        seen: list[float] = []

        def ended(sample: Sample) -> None:
            if sample.failure != "not-sent":
                seen.append(sample.response_time)

        with ThreadPoolExecutor(1) as executor:
            loading = executor.submit(
                load,
                self._client,
                self._prompts,
                rate=rate,
                duration=self._seconds,
                overrun=LATE,
                warmup=0,
                on_sample=ended,
                stop=stop,
                progress=False,
            )
            while not wait([loading], REDRAWN_EVERY).done:
                if stop is self._stop:
                    self._draw(list(seen))
        with self._mutex:
            if stop is not self._stop:
                return
            self._draw(list(seen))
            self.load.value = 0
            try:
                self.run = loading.result()
                told = f"{rate} calls per second were due; {len(seen)} calls ended."
                if seen and not any(map(math.isfinite, seen)):
                    why = ", ".join(self.run.failures)
                    self.tell("failed", f"No call was answered ({why}). {WAY_OUT}")
                else:
                    self.tell("done", f"Stopped. {told}")
            except Exception as error:
                self.tell("failed", f"The load ended. {in_words(error)}")
            self.running = False

    def _draw(self, times: list[float]) -> None:
        marks = []
        if times:
            marks = [(p.name, p.value) for p in (percentile(times, q) for q in (0.5, 0.9, 0.99))]
        self.calls = len(times)
        self.view.value = histogram(times).svg(marks, f"{len(times)} calls")

    def reconnected(self) -> None:
        self.load.value = 0
        super().reconnected()

    def told(self) -> str:
        return "a slider sets the load, a histogram shows the response times"


def _comes(holds: Callable[[], bool], timeout: float) -> bool:
    end = time.monotonic() + timeout
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()
