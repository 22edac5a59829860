"""Lets other users reach what stands in a private folder such as /root, for as long as a block.

Nothing on the disk changes: this thread, and what it starts, get a mount namespace of their own, in
which an empty folder that all may enter stands in the place of the private one, with what is needed
bound into it. For root on Linux alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["hidden", "open_to_others"]

CLONE_FS, CLONE_NEWNS = 0x200, 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18


def hidden(path: Path) -> Path | None:
    """The outermost folder on the way to `path` that others may not enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


@contextlib.contextmanager
def open_to_others(paths: Iterable[Path]) -> Iterator[None]:
    """Within the block others can reach `paths`, as far as these let them.

    Raises:
        OSError: it cannot be done here, as in a container without the right to mount.
    """
    needed = {path: folder for path in paths if (folder := hidden(path))}
    if not needed:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)

    def call(result: int) -> None:
        if result:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    here = Path.cwd()
    outside = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        call(libc.unshare(CLONE_NEWNS))
        try:
            call(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
            for folder in set(needed.values()):
                inside = [path for path in needed if needed[path] == folder]
                handles = {path: os.open(path, os.O_PATH) for path in inside}
                call(libc.mount(b"none", os.fsencode(folder), b"tmpfs", 0, b"mode=755"))
                for path, handle in handles.items():
                    path.mkdir(parents=True, exist_ok=True)
                    source = b"/proc/self/fd/%d" % handle  # what it was before the empty folder
                    call(libc.mount(source, os.fsencode(path), None, MS_BIND | MS_REC, None))
                    os.close(handle)
            os.chdir(here)
            yield
        finally:
            call(libc.unshare(CLONE_FS))  # from threads that began within: there it has to be ours
            call(libc.setns(outside, CLONE_NEWNS))
            os.chdir(here)
    finally:
        os.close(outside)
