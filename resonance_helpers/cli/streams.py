"""What a command says, wherever it goes: to an old code page, or to who has heard enough."""

from __future__ import annotations

import io
import os
import sys

__all__ = ["hear_no_more", "print_anything"]


def print_anything() -> None:
    """Let no letter that a code page lacks, as in a path, end the command that prints it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def hear_no_more() -> None:
    """Print nothing more: who reads, as `head` does, has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else Python tries again at its end
