"""A process that can open no more than a few files."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def few_files(left: int) -> Iterator[None]:
    """Only so many more can be opened in the block."""
    resource = pytest.importorskip("resource")
    gc.collect()  # or what an earlier test has left gives its files back in the middle of this one
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held: list[int] = []
    highest = max(map(int, os.listdir("/dev/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 40, before[1]))
    try:
        with contextlib.suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(left):
            os.close(held.pop())
        yield
    finally:
        for file in held:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
