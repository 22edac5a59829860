"""Each picture draws what a run holds; its text does not depend on how fast the machine was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resonance_helpers.lesson import performance as pictures
from resonance_helpers.lesson.plots import Picture
from resonance_helpers.performance import Run, Sample, Sweep


def run(speed: float, calls: int = 40, failed: int = 2, workers: int = 1) -> Run:
    answered = [
        Sample(10 + i, i, i, i + speed * (1 + i % 7), "", speed / 2, 700 + i, 0.8 + i / 1000)
        for i in range(calls)
    ]
    lost = [Sample(5, calls, calls, calls + 1, "overloaded") for _ in range(failed)]
    return Run([*answered, *lost], workers, wall=calls * speed)


def sweep(speed: float) -> Sweep:
    return Sweep({c: run(speed / c, workers=c) for c in (1, 4, 16)})


DRAWN: dict[str, Callable[[float], Picture]] = {
    "shape": lambda speed: pictures.shape(run(speed)),
    "split": lambda speed: pictures.split(run(speed)),
    "relation": lambda speed: pictures.relation(run(speed), "prompt_length", "response_time"),
    "scaling": lambda speed: pictures.scaling(sweep(speed)),
    "timeline": lambda speed: pictures.timeline({"slow": run(speed), "quick": run(speed / 2)}),
    "published": lambda speed: pictures.against_published(run(speed)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_the_picture_moves_with_the_machine_and_the_text_does_not(name: str) -> None:
    quick, slow = DRAWN[name](0.01), DRAWN[name](0.5)
    assert str(quick) == str(slow)
    assert quick.png() != slow.png()
    assert quick.png().startswith(b"\x89PNG")
    assert quick.alt


def test_the_text_counts_the_calls_and_the_failures() -> None:
    assert "42 calls, 2 failed" in str(pictures.shape(run(0.1)))
    assert "40 calls, none failed" in str(pictures.shape(run(0.1, failed=0)))
    assert "p90 with an interval, p99 without an interval" in str(pictures.shape(run(0.1)))


def test_a_run_without_an_answer_can_be_drawn() -> None:
    nothing = run(0.1, calls=0, failed=3)
    nothing = Run(nothing.samples, 1, wall=1.0)
    assert "3 calls, 3 failed" in str(pictures.shape(nothing))
    assert "3 calls, 3 failed" in str(pictures.split(nothing))
    assert "3 calls, 3 failed" in str(pictures.relation(nothing, "prompt_length", "response_time"))
    assert "3 calls, 3 failed" in str(pictures.timeline({"a": nothing}))
