"""A process that can open no more than a few files."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest


@contextmanager
def few_files(left: int) -> Iterator[None]:
    """Only so many more can be opened in the block.

    The limit is on a file's number. It is put where so many numbers below are free: those are taken
    by files that stay open, while others come and go with the threads of earlier tests.
    """
    resource = pytest.importorskip("resource")
    gc.collect()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = (number for number in itertools.count() if not is_open(number))
    limit = next(itertools.islice(free, left, None))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def is_open(number: int) -> bool:
    from fcntl import F_GETFD, fcntl

    with suppress(OSError):
        return fcntl(number, F_GETFD) >= 0
    return False
