"""A disk that takes a number of changes and no more."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_full: list[Any] = []  # the folder, and how many changes it still takes


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _full or event not in ("open", "os.mkdir", "os.rename", "os.remove"):
        return
    if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        return
    path = arguments[1] if event == "os.rename" else arguments[0]
    if not isinstance(path, str | Path) or not os.path.abspath(path).startswith(_full[0]):
        return
    _full[1] -= 1
    if _full[1] < 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


sys.addaudithook(_watch)  # one for all: a hook is never taken off


@contextmanager
def full_after(changes: int, folder: Path) -> Iterator[None]:
    """Below `folder`, the first `changes` files are opened, made, moved or removed; then none."""
    _full[:] = [str(folder), changes]
    try:
        yield
    finally:
        _full.clear()
