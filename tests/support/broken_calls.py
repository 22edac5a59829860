"""What the tests of calls that are broken off have in common."""

from __future__ import annotations

import sys
import threading
from functools import partial

from tests.support import waiting

SOON = 5.0
"""Seconds for what has to come about at once: well within the 30 of the client's own timeout."""

eventually = partial(waiting.eventually, seconds=SOON)


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
