"""What a measurement shows while it runs, and what it says when it is stopped."""

from __future__ import annotations

import io
import itertools
import signal
import sys
import time

import pytest

from resonance_helpers.performance import load, measure, sweep
from resonance_helpers.progress import Stopped


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Server:
    """Answers at once; each fifth call fails."""

    number = itertools.count(1)  # one step, so that of two threads each gets its own

    def generate_content(self, prompt: str, **parameters: object) -> dict[str, object]:
        if next(Server.number) % 5 == 0:
            return {"status": "error", "type": "overloaded", "message": "full"}
        return {"article": prompt, "hrv_feedback": 0.5}


MEASUREMENTS = {
    "measure": lambda **options: measure(Server(), ["a"] * 40, warmup=0, **options),
    "measure, 4 at once": lambda **options: measure(
        Server(), ["a"] * 40, concurrency=4, warmup=0, **options
    ),
    "load": lambda **options: load(Server(), ["a"], rate=400, duration=0.1, warmup=0, **options),
    "sweep": lambda **options: sweep(
        Server(), ["a"], (1, 4), calls_each=1, least=20, warmup=0, **options
    ),
}


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_measurement_shows_how_far_it_is(name, monkeypatch):
    monkeypatch.setattr(Server, "number", itertools.count(1))
    seen = []
    MEASUREMENTS[name](progress=seen.append)
    last = seen[-1]
    assert (last.ended, last.total, last.successful, last.failed) == (40, 40, 32, 8)
    assert [one.ended for one in seen] == sorted(one.ended for one in seen)

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    MEASUREMENTS[name]()
    assert terminal.getvalue().count("\n") == 1
    assert "] 40/40, " in terminal.getvalue()
    monkeypatch.setattr(sys, "stderr", quiet := Terminal())
    MEASUREMENTS[name](progress=False)
    assert not quiet.getvalue()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
def test_a_sweep_that_is_stopped_counts_all_of_it(monkeypatch):
    class Stuck(Server):
        def generate_content(self, prompt: str, **parameters: object) -> dict[str, object]:
            number = next(Server.number)
            if number == 13:
                signal.raise_signal(signal.SIGINT)
            if number > 12:
                time.sleep(20)  # a daemon's: nobody waits for it
            return {"article": prompt, "hrv_feedback": 0.5}

    monkeypatch.setattr(Server, "number", itertools.count(1))
    with pytest.raises(Stopped, match=r"^Stopped: 12 of 24 calls had ended; no other is sent\.$"):
        sweep(Stuck(), ["a"], (1, 2), calls_each=1, least=12, warmup=0)
