"""What a forked process must not share with the one it came from.

A connection that two processes use at once brings each of them the other's answers, and a thread
that was to do something did not come along. Where there is no `fork` there is nothing to do.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import requests
from requests.adapters import HTTPAdapter

_T = TypeVar("_T")

_renewals: WeakKeyDictionary[Any, Callable[[Any], object]] = WeakKeyDictionary()


def renewed_in_child(owner: _T, renew: Callable[[_T], object]) -> None:
    """Have `renew(owner)` called in each forked process, if `owner` still lives there."""
    _renewals[owner] = renew


def new_connections(session: requests.Session) -> None:
    """Leave a session's connections to the process that opened them."""
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            adapter.__setstate__(adapter.__getstate__())  # as in a process it was pickled to


def _renew_all() -> None:
    for owner, renew in list(_renewals.items()):
        renew(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
