"""Tests that fork: a worker of pytest-xdist has threads, and Python 3.12 and newer warn of that."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

__all__ = ["forks", "in_a_fork"]

forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_a_fork(work: Callable[[], object]) -> str:
    """What `work` returns or raises in a forked process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(work()).encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as told:
        said = told.read()
    os.waitpid(child, 0)
    return said
