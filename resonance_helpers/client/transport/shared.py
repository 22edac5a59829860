"""What the calls of a client have in common."""

from __future__ import annotations

from dataclasses import dataclass, field

import requests
from requests.auth import AuthBase

from .content import SIZE_CAP
from .limiter import Limiter
from .quota import RetryQuota
from .retry import RetryPolicy

__all__ = ["Transport"]


@dataclass
class Transport:
    """What all calls of a client share: where they go, over what, and by which rules.

    Args:
        base_url: Scheme, host and port, and perhaps a path; without a slash at its end.
        session: Any `requests.Session`; with one of `transport.Session` a timeout holds in
            wall-clock time.
        auth: Signs each attempt anew, so a token may change between two of them.
        timeout: Seconds for one attempt.
        deadline: Seconds for a whole call, waits included, or None.
        trusted: True where credentials may travel: over TLS, to this machine, or by permission.
        limiter: Counts every request, and knows when the server takes the next one.
        pace: Wait for that before each attempt.
    """

    base_url: str
    session: requests.Session
    auth: AuthBase | None
    timeout: float
    deadline: float | None
    retry: RetryPolicy
    trusted: bool
    size_cap: int = SIZE_CAP
    quota: RetryQuota = field(default_factory=RetryQuota)
    limiter: Limiter = field(default_factory=Limiter)
    pace: bool = False
