"""A clock that moves only when told to, and a server that takes a stated time by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from resonance_helpers.client.transport.answer import Answer
from tests.support.clock import Clock


class FakeServer:
    """Answers after `takes(n)` seconds of its clock, n counting its calls from 0."""

    def __init__(self, clock: Clock, takes: Callable[[int], float]) -> None:
        self.clock = clock
        self.takes = takes
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
        seconds = self.takes(len(self.calls))
        self.calls.append((prompt, parameters))
        self.clock.sleep(seconds)
        server = f"app;dur={seconds * 1000 * 0.75:.6f}"
        return Answer(
            {"article": "x" * 10 * len(prompt), "hrv_feedback": 0.9},
            headers={"Server-Timing": server},
        )


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)
