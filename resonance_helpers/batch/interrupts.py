"""Ctrl-C, taken at a moment that suits: an exception in mid-write would leave a state half made."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Counts Ctrl-C while it is open, in place of raising KeyboardInterrupt.

    The second one raises after all, and so does the first inside `allowed`. Away from the main
    thread there are no signals, and it counts none.
    """

    def __init__(self) -> None:
        self.count = 0
        self._allowed = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @contextlib.contextmanager
    def allowed(self) -> Iterator[None]:
        """Code of the caller's runs here, which may block: Ctrl-C breaks into it."""
        self._allowed = True
        try:
            yield
        finally:
            self._allowed = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self._allowed or self.count > 1:
            raise KeyboardInterrupt
