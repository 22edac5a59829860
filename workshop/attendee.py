"""How a process runs that is an attendee's: all that keeps it from whoever started the workshop.

README.md beside this file tells where the boundary is; every process beyond it starts with
`confined`.
"""

from __future__ import annotations

import os
import stat
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["LOGGED", "USERS", "confined", "environment", "log_of", "own_folder", "theirs_to_change"]

USERS = range(52_000, 60_000)
"""The numbers that root gives to attendees; no account is needed for one."""

LOGGED = 4 << 20
"""Bytes that are kept of what an attendee's server says: who prints for ever fills no disk."""

KEEP = "exec 3<&0; {{ head -c {}; exec cat >/dev/null; }} <&3 3<&- &"
"""What does so, left to itself by the shell."""

HANDED_ON = ("LANG", "LC_ALL", "PATH", "TZ")
"""What of this environment a process of another user may see where nothing else is asked for."""


def confined(user: int | None, output: int) -> dict[str, Any]:
    """Options of `subprocess.Popen` for a process of `user` (None: the one who starts it).

    It has a session and no terminal of its own, nothing to read, and `output` (a file descriptor,
    never a terminal: whoever holds one can read what is typed there) to write to. It begins in a
    folder that nobody of the room can write to, since Python and others look there for code.
    """
    options: dict[str, Any] = {
        "cwd": "/",
        "stdin": subprocess.DEVNULL,
        "stdout": output,
        "stderr": subprocess.STDOUT,
        "start_new_session": True,
        "close_fds": True,
        "umask": 0o077,
    }
    if user is not None:
        options |= {"user": user, "group": user, "extra_groups": []}
    return options


def environment() -> dict[str, str]:
    """An environment without anything of whoever started the workshop."""
    return {name: os.environ[name] for name in HANDED_ON if name in os.environ}


def own_folder(path: Path, mode: int) -> None:
    """Make the folder `path`, if there is none, with `mode`.

    Raises:
        PermissionError: a link, or a folder of somebody else, stands there.
    """
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise PermissionError(
            error.errno, "is no folder, but a link or a file; move it away", str(path)
        ) from None
    try:
        if os.fstat(handle).st_uid != os.geteuid():
            raise PermissionError(1, "is a folder of another user; move it away", str(path))
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def log_of(folder: Path, tenant: str) -> int:
    """A descriptor to write an attendee's log anew, in a `folder` that is none of theirs.

    It is a pipe: of what comes through it the first `LOGGED` bytes are kept, and the rest is taken
    and dropped, by a process that outlives a hub as an attendee's server does.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW
    file = os.open(folder / f"{tenant}.log", flags, 0o600)
    try:
        reading, writing = os.pipe()
        try:
            subprocess.run(
                ["/bin/sh", "-c", KEEP.format(LOGGED)],
                check=True,
                stdin=reading,
                stdout=file,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=environment(),
                start_new_session=True,
            )
        finally:
            os.close(reading)
    finally:
        os.close(file)
    return writing


def theirs_to_change(path: Path) -> Path | None:
    """`path`, or the folder above it, in which an attendee could put something else.

    That is one of theirs, or one that everybody may write to. None: there is no such place.
    """
    inner = path.resolve()
    for at in (inner, *inner.parents):
        found = at.stat()
        # In a folder such as /tmp nobody moves what is another's.
        sticky = at != inner and found.st_mode & stat.S_ISVTX
        if (
            found.st_uid in USERS
            or (found.st_mode & stat.S_IWGRP and found.st_gid in USERS)
            or (found.st_mode & stat.S_IWOTH and not sticky)
        ):
            return at
    return None
