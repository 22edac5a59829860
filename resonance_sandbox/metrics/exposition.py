"""What `metrics` counts, in Prometheus's text format.

A module of its own, loaded by the first who asks for text: its library is a web server's too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client.exposition import generate_latest

from .recorder import BUCKETS, Recorder

__all__ = ["CONTENT_TYPE", "exposition"]


def exposition(recorders: list[Recorder], uptime: float) -> bytes:
    """The figures of `recorders` together, in the form of `CONTENT_TYPE`."""
    registry = CollectorRegistry(auto_describe=False)  # not the process's global one
    registry.register(_Collector(recorders, uptime))
    return generate_latest(registry)


class _Collector:
    def __init__(self, recorders: list[Recorder], uptime: float) -> None:
        self._recorders = recorders
        self._uptime = uptime

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "resonance_requests",
            "Requests answered.",
            labels=["method", "route", "status"],
        )
        times = HistogramMetricFamily(
            "resonance_response_seconds",
            "Server time of a request, without declared waiting.",
            labels=["method", "route"],
        )
        merged: dict[tuple[str, str], tuple[dict[int, int], list[int], list[float]]] = {}
        for recorder in self._recorders:
            for key, endpoint in list(recorder.endpoints.items()):
                statuses, buckets, seconds = merged.setdefault(
                    key, ({}, [0] * (len(BUCKETS) + 1), [])
                )
                for status, count in endpoint.statuses.items():
                    statuses[status] = statuses.get(status, 0) + count
                for index, count in enumerate(endpoint.buckets):
                    buckets[index] += count
                seconds.append(endpoint.seconds)
        for (method, route), (statuses, buckets, seconds) in sorted(merged.items()):
            for status, count in sorted(statuses.items()):
                requests.add_metric([method, route, str(status)], count)
            running = 0
            cumulated: list[tuple[str, float]] = []
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
                running += count
                cumulated.append((bound, running))
            times.add_metric([method, route], cumulated, sum_value=math.fsum(seconds))
        yield requests
        yield times
        for name, help_text, total in (
            ("generations_executed", "Runs of the writer.", self._sum("executed")),
            ("generations_stored", "Generations executed and stored.", self._sum("stored")),
            ("generated_characters", "Characters written.", self._sum("characters")),
            ("writing_seconds", "Seconds spent writing.", self._sum("writing_seconds")),
            ("hrv_feedback_sum", "Sum of hrv_feedback over generations.", self._sum("feedback")),
            ("replays", "Answers replayed under an idempotency key.", self._sum("replayed")),
        ):
            yield CounterMetricFamily(f"resonance_{name}", help_text, value=total)
        yield GaugeMetricFamily(
            "resonance_uptime_seconds", "Seconds since the start.", value=self._uptime
        )

    def _sum(self, figure: str) -> float:
        return math.fsum(getattr(recorder, figure) for recorder in self._recorders)
