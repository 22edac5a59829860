"""Clauses of rate limits: a stated number of requests, until the server refuses one."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import requests

from .clause import NotShown, clause, require
from .prober import Prober, problem
from .reading import limits

__all__ = ["MOST"]

MOST = 400
"""Requests at most that the clauses of limits send."""

LONGEST = 65.0
"""Seconds that they wait at most for a limit to end."""


AT_ONCE = 16
"""Requests that are under way together."""


def _provoked(call: Prober) -> tuple[requests.Response, float]:
    """The first answer that refuses, and when it came."""
    found: list[tuple[requests.Response, float]] = []

    def send(_: int) -> None:
        if not found:
            response = call.get("/profiles?limit=1", paced=False)
            if response.status_code == 429:
                found.append((response, time.monotonic()))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, range(MOST)))
    if not found:
        raise NotShown(f"{MOST} requests, as fast as they go, were not refused.")
    return found[0]


@clause("limits-refuse", "Over the limit it answers 429, and Retry-After is true.", "limits")
def _refuse(call: Prober) -> None:
    refused, at = _provoked(call)
    problem(refused, 429)
    told = refused.headers.get("Retry-After", "")
    require(told.replace(".", "", 1).isdecimal(), f"Retry-After is {told or 'missing'}.")
    spent = [limit["t"] for limit in limits(refused).values() if limit["r"] == 0]
    require(spent, "it says that every limit has something left.")
    require(
        float(told) > max(spent) - 1,
        f"it asks to wait for {told} s, where a limit that is spent has {max(spent)} s to go.",
    )
    if float(told) > LONGEST:
        raise NotShown(f"it asks to wait for {told} s.")
    time.sleep(max(0.0, at + float(told) - time.monotonic()))
    again = call.get("/profiles?limit=1", paced=False)
    require(again.status_code != 429, f"after {told} s, as asked, it still refuses.")
