"""A timeout that is a point in time.

A socket's timeout bounds one read. A server that sends a byte now and then never runs into it,
and a call may take for ever. `requests` passes a `urllib3.Timeout` through, so this is one; what
makes it hold before every operation on a socket is in `connections`.
"""

from __future__ import annotations

import time
from contextvars import ContextVar

from urllib3 import Timeout

_UNLIMITED = vars(Timeout())


class Deadline(Timeout):
    """A `urllib3.Timeout` whose parts all end at one moment, `seconds` from its making.

    It counts on through whatever happens within one attempt: a request that an auth class sends
    a second time has what the first one left.
    """

    def __init__(self, seconds: float) -> None:
        vars(self).update(_UNLIMITED)  # not by `Timeout`, which would check each None anew
        self.seconds = seconds
        self.expires = time.monotonic() + seconds

    def clone(self) -> Deadline:
        return self

    def start_connect(self) -> float:
        return 0.0

    @property
    def connect_timeout(self) -> float:
        return max(0.0, self.expires - time.monotonic())

    read_timeout = connect_timeout

    def __repr__(self) -> str:
        return f"Deadline({self.seconds:g})"


_attempt: ContextVar[Deadline | None] = ContextVar("attempt", default=None)


class bounded:
    """What runs inside belongs to an attempt that ends at `deadline`, as an auth class may ask."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline

    def __enter__(self) -> None:
        self._token = _attempt.set(self._deadline)

    def __exit__(self, *exc: object) -> None:
        _attempt.reset(self._token)


def time_left() -> float | None:
    """Seconds until the attempt that this thread makes has to end; None outside of one."""
    deadline = _attempt.get()
    return None if deadline is None else deadline.connect_timeout
