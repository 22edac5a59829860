"""Arguments that several classes take. What could not work raises at once, and says how it could.

Whatever a URL holds is not repeated: it may be a password in the wrong place.
"""

from __future__ import annotations

from numbers import Real
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests

from .fork import new_connections, renewed_in_child
from .retry import NO_RETRIES, RetryPolicy
from .session import Session

LONGEST = 1_000_000
"""Seconds that a timeout may last; not every system can wait for much longer."""


def kind(value: object) -> str:
    return type(value).__name__


def is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def seconds(name: str, value: Any) -> float:
    if not is_number(value):
        raise TypeError(f"{name} is a {kind(value)}, not a number of seconds")
    if not 0 < value <= LONGEST:
        raise ValueError(f"{name} is {value}; it has to be above 0 and at most {LONGEST:,} seconds")
    return float(value)


def policy(retry: Any) -> RetryPolicy:
    """The policy that `retry` means; None is one attempt."""
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise TypeError(f"retry is a {kind(retry)}; it has to be a RetryPolicy or None")
    return retry or NO_RETRIES


def session(given: Any) -> requests.Session:
    """The session to use, one of ours if none is `given`. Forked processes leave its connections
    alone."""
    if given is not None and not isinstance(given, requests.Session):
        raise TypeError(f"session is a {kind(given)}, not a requests.Session")
    used = Session() if given is None else given
    renewed_in_child(used, new_connections)
    return used


def web_address(name: str, value: Any) -> SplitResult:
    """The parts of a URL that requests can be sent to."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {kind(value)}, not a string")
    try:
        parts = urlsplit(value.strip())
        named = parts.hostname and (parts.port is None or parts.port >= 0)
    except ValueError:
        raise ValueError(f"{name} is no valid URL: its host or its port can't be one") from None
    if parts.scheme not in ("http", "https") or not named:
        raise ValueError(f"{name} has to begin with http:// or https:// and to name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{name} can't hold credentials: take them out, and pass them as such")
    try:
        requests.PreparedRequest().prepare_url(parts.geturl(), None)
    except requests.exceptions.InvalidURL:
        raise ValueError(f"{name} is no valid URL: no host can have this name") from None
    return parts


def origin(parts: SplitResult) -> str:
    """Scheme, host and port, which a message may show."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
