"""The slider sets the load, the histogram follows, and the load ends by itself."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

from resonance_helpers.lesson.widgets.performance import LoadPanel


class Server:
    """Answers after a moment, and counts."""

    def __init__(self, takes: float = 0.002) -> None:
        self.takes = takes
        self.calls = 0
        self.mutex = threading.Lock()

    def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
        with self.mutex:
            self.calls += 1
        time.sleep(self.takes)
        return {"article": prompt, "hrv_feedback": 0.5}


def drawn(panel: LoadPanel) -> int:
    """How many calls the histogram says it shows."""
    found = re.search(r">(\d+) calls<", panel.view.value)
    assert found
    return int(found[1])


def test_moving_the_slider_makes_calls_and_the_histogram_grows() -> None:
    server = Server()
    panel = LoadPanel(server, ["a", "b"])
    assert drawn(panel) == 0
    panel.load.value = 50
    assert panel.status == "busy"
    assert panel.wait(5)
    first = drawn(panel)
    assert panel.wait(first + 10)
    assert drawn(panel) > first
    assert "p99" in panel.view.value
    panel.load.value = 0
    assert panel.wait_idle()
    assert panel.status == "done"
    assert len([s for s in panel.run.samples if s.ok]) == drawn(panel) == server.calls


def test_another_load_begins_another_histogram() -> None:
    panel = LoadPanel(Server(), ["a"])
    panel.load.value = 80
    assert panel.wait(30)
    panel.load.value = 5
    assert panel.calls < 30
    panel.stop_button.click()
    assert panel.wait_idle()
    assert panel.load.value == 0
    assert panel.run.rate == 5


def test_a_load_ends_by_itself() -> None:
    server = Server()
    panel = LoadPanel(server, ["a"], seconds=0.3)
    panel.load.value = 40
    assert panel.wait_idle()
    assert panel.load.value == 0
    assert server.calls == 12
    assert "Stopped. 40 calls per second were due; 12 calls ended." in panel.news


def test_failures_are_drawn_apart() -> None:
    class Failing:
        def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
            return {"status": "error", "type": "overloaded", "message": "full"}

    panel = LoadPanel(Failing(), ["a"], seconds=0.2)
    panel.load.value = 40
    assert panel.wait_idle()
    assert "8 calls, 8 failed" in panel.view.value
    assert "p50 never" in panel.view.value


def test_a_mistake_is_told_in_the_panel() -> None:
    class Mistaken:
        def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
            raise TypeError("prompt is a <b>list</b>, not a string")

    panel = LoadPanel(Mistaken(), ["a"])
    panel.load.value = 10
    assert panel.wait_idle()
    assert "The load ended. Prompt is a &lt;b&gt;list&lt;/b&gt;" in panel.line.value
    assert panel.load.value == 0
