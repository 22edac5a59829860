"""What the tests of calls that are broken off have in common."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

SOON = 5.0
"""Seconds for what has to come about at once, on a machine that does much else."""


def eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + SOON
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def calls_under_way() -> int:
    """How many threads make a call, as their stacks tell."""
    frames = sys._current_frames()
    working = 0
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if not thread.name.startswith("resonance-call"):
            continue
        while frame is not None:
            working += frame.f_code.co_qualname == "Cancellation.run"
            frame = frame.f_back
    return working
