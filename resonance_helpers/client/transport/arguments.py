"""Arguments that several classes take; what could not work raises at once, and says how."""

from __future__ import annotations

from math import inf
from numbers import Real
from typing import Any

import requests

from .fork import new_connections, renewed_in_child
from .retry import LONGEST, NO_RETRIES, RetryPolicy
from .session import Session


def kind(value: object) -> str:
    """The name of its type, for a message."""
    return type(value).__name__


def is_number(value: object) -> bool:
    """True for a real number, of any library."""
    return isinstance(value, Real) and not isinstance(value, bool)


def seconds(name: str, value: Any) -> float:
    """A number of seconds that a system can wait for."""
    if not is_number(value):
        raise TypeError(f"{name} is a {kind(value)}, not a number of seconds")
    try:
        number = float(value)  # before it is compared: the types of other libraries do that badly
    except OverflowError:
        number = inf
    if not 0 < number <= LONGEST:
        raise ValueError(f"{name} is {value}; it has to be above 0 and at most {LONGEST:,} seconds")
    return number


def policy(retry: Any) -> RetryPolicy:
    """The policy that `retry` means; None is one attempt."""
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise TypeError(f"retry is a {kind(retry)}; it has to be a RetryPolicy or None")
    return retry or NO_RETRIES


def session(given: Any) -> requests.Session:
    """The session to use, one of ours if none is `given`.

    Forked processes leave its connections alone.
    """
    if given is not None and not isinstance(given, requests.Session):
        raise TypeError(f"session is a {kind(given)}, not a requests.Session")
    used = Session() if given is None else given
    renewed_in_child(used, new_connections)
    return used
