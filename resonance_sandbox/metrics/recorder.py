"""What the server measures of itself, per realm, as JSON; `exposition` has it as text for tools.

Times are the server's own: from a request's arrival to its last byte handed on, without declared
waiting (`--latency`, injected faults). Percentiles are exact over the latest `RECENT` requests.
"""

from __future__ import annotations

import bisect
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Collection
from typing import Any

__all__ = ["BUCKETS", "RECENT", "Metrics", "Recorder", "percentile", "summary"]

RECENT, SORTED = 10_000, 100_000
"""Times that are kept of an endpoint in a realm; and that are sorted at once, during which nobody
else has a turn. Of more than those, as of many realms together, each gives of its latest."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Counted by name; what else a caller makes up is counted together."""

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def percentile(ordered: list[float], share: float) -> float | None:
    """The smallest value that at least `share` of `ordered` does not pass (nearest rank)."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class _Endpoint:
    """Counts and times of one method and route."""

    __slots__ = ("buckets", "recent", "seconds", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.recent: deque[float] = deque(maxlen=RECENT)


class Recorder:
    """The figures of one realm.

    `request` is for the event loop's thread alone; `generation` and reading are free.

    Attributes:
        since: `time.perf_counter()` as it was last reset. Requests that came before do not count.
    """

    def __init__(self, since: float = 0.0) -> None:
        self.since = since
        self.endpoints: dict[tuple[str, str], _Endpoint] = {}
        self.replayed = 0
        self.executed = 0
        self.stored = 0
        self.characters = 0
        self.writing_seconds = 0.0
        self.feedback = 0.0
        self._lock = threading.Lock()

    def request(
        self, method: str, route: str, status: int, seconds: float, replayed: bool = False
    ) -> None:
        """Count one request; a `status` of 0 is an answer that was never begun."""
        if method not in METHODS:
            method = "(other)"
        endpoint = self.endpoints.get((method, route))
        if endpoint is None:
            endpoint = self.endpoints[method, route] = _Endpoint()
        endpoint.statuses[status] = endpoint.statuses.get(status, 0) + 1
        endpoint.buckets[bisect.bisect_left(BUCKETS, seconds)] += 1
        endpoint.seconds += seconds
        endpoint.recent.append(seconds)
        self.replayed += replayed

    def wrote(self) -> None:
        """Count one run of the writer."""
        with self._lock:
            self.executed += 1

    def generation(self, characters: int, seconds: float, feedback: float) -> None:
        """Count one generation that has been stored."""
        with self._lock:
            self.stored += 1
            self.characters += characters
            self.writing_seconds += seconds
            self.feedback += feedback


class Metrics:
    """A recorder for each realm."""

    def __init__(self) -> None:
        self._recorders: dict[str, Recorder] = {}

    def of(self, realm: str) -> Recorder:
        """The recorder of `realm`."""
        recorder = self._recorders.get(realm)
        if recorder is None:
            recorder = self._recorders.setdefault(realm, Recorder())
        return recorder

    def reset(self, realm: str) -> None:
        """Start `realm` anew."""
        self._recorders[realm] = Recorder(time.perf_counter())

    def seen(self, realm: str | None) -> list[Recorder]:
        """The recorder of `realm`, or all of them for None."""
        return list(self._recorders.values()) if realm is None else [self.of(realm)]


def summary(recorders: list[Recorder], uptime: float, kept: int) -> dict[str, Any]:
    """The figures of `recorders` together, as `GET /metrics` answers them.

    All are since the start but `kept`, the generations that the database holds.
    """
    by_endpoint: dict[tuple[str, str], list[_Endpoint]] = {}
    for recorder in recorders:
        for key, endpoint in list(recorder.endpoints.items()):
            by_endpoint.setdefault(key, []).append(endpoint)
    everything = [endpoint for group in by_endpoint.values() for endpoint in group]
    stored = sum(recorder.stored for recorder in recorders)
    characters = sum(recorder.characters for recorder in recorders)
    writing = math.fsum(recorder.writing_seconds for recorder in recorders)
    feedback = math.fsum(recorder.feedback for recorder in recorders)
    return {
        "uptime_seconds": round(uptime, 3),
        **_figures(everything),
        "generations": {
            "executed": sum(recorder.executed for recorder in recorders),
            "stored": stored,
            "replayed": sum(recorder.replayed for recorder in recorders),
            "kept": kept,
        },
        "characters_generated": characters,
        "characters_per_second": round(characters / writing, 3) if writing else None,
        "mean_hrv_feedback": round(feedback / stored, 6) if stored else None,
        "endpoints": {
            f"{method} {route}": _figures(group)
            for (method, route), group in sorted(by_endpoint.items())
        },
    }


def _figures(endpoints: Collection[_Endpoint]) -> dict[str, Any]:
    kept = sum(len(endpoint.recent) for endpoint in endpoints)
    share = min(1.0, SORTED / max(1, kept))
    statuses: dict[int, int] = {}
    recent: list[float] = []
    seconds = 0.0
    for endpoint in endpoints:
        for status, count in endpoint.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
        latest = math.ceil(share * len(endpoint.recent))
        recent.extend(itertools.islice(reversed(endpoint.recent), latest))
        seconds += endpoint.seconds
    recent.sort()
    requests = sum(statuses.values())
    errors = sum(count for status, count in statuses.items() if not 100 <= status < 400)
    return {
        "requests": requests,
        "errors": errors,
        "success_rate": round(1 - errors / requests, 6) if requests else None,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "response_time": {
            "mean": round(seconds / requests, 6) if requests else None,
            **{
                f"p{share}": None if value is None else round(value, 6)
                for share in (50, 95, 99)
                for value in (percentile(recent, share / 100),)
            },
        },
    }
