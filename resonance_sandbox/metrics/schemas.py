"""The body of GET /metrics."""

from __future__ import annotations

from pydantic import BaseModel

__all__ = ["Figures", "Generations", "MetricsSummary", "ResponseTime"]


class ResponseTime(BaseModel):
    """Seconds of server time; null without requests."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Figures(BaseModel):
    """Requests and their outcomes."""

    requests: int
    errors: int
    success_rate: float | None
    statuses: dict[str, int]
    response_time: ResponseTime


class Generations(BaseModel):
    """Generations, counted.

    Runs of the writer, generations stored, and answers replayed under an idempotency key, all since
    the start; and the generations that the database holds.
    """

    executed: int
    stored: int
    replayed: int
    kept: int


class MetricsSummary(Figures):
    """The figures of the caller's own requests; an administrator's are those of all."""

    uptime_seconds: float
    generations: Generations
    characters_generated: int
    characters_per_second: float | None
    mean_hrv_feedback: float | None
    endpoints: dict[str, Figures]
