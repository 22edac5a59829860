"""Words for whoever runs the server, on stderr."""

from __future__ import annotations

import contextlib
import sys

__all__ = ["tell"]


def tell(text: str) -> None:
    """Write `text` and a line's end, if that can be done.

    Where stderr is a file on a full disk, or a pipe that nobody reads any more, the words are lost
    and nothing else: not the request, the delivery or the start that they are about.
    """
    if sys.stderr is not None:  # or print() would take stdout
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            print(text, file=sys.stderr, flush=True)
