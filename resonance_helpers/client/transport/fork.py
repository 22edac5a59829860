"""What a forked process must not share with the one it came from.

A connection that two processes use at once brings each of them the other's answers, and a thread
that was to do something did not come along. Where there is no `fork` there is nothing to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import ref

import requests
from requests.adapters import HTTPAdapter

_T = TypeVar("_T")

# By identity: two sessions may count as equal, and one of a dataclass has no hash.
_renewals: dict[int, tuple[ref[Any], Callable[[Any], object]]] = {}


def renewed_in_child(owner: _T, renew: Callable[[_T], object]) -> None:
    """Have `renew(owner)` called in each forked process, if `owner` still lives there."""
    key = id(owner)
    _renewals[key] = ref(owner, lambda _: _renewals.pop(key, None)), renew


def new_connections(session: requests.Session) -> None:
    """Leave a session's connections to the process that opened them."""
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            adapter.__setstate__(adapter.__getstate__())  # as in a process it was pickled to


def _renew_all() -> None:
    for held, renew in list(_renewals.values()):
        if (owner := held()) is not None:
            renew(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
