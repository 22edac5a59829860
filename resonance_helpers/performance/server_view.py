"""What the server says of itself, beside what its callers saw.

`GET /metrics` counts since the server began, so a run is the difference between two readings. The
same figures come as JSON and as Prometheus text; both are read into the same `Reading`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from ..client.transport.arguments import kind
from .run import Run

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Reading", "compare", "read_json", "read_prometheus"]

METHOD, ROUTE = "POST", "/hr_generate"


@dataclass(frozen=True, slots=True)
class Reading:
    """Totals of `POST /hr_generate` at one moment, or between two.

    Attributes:
        requests: Answered requests, errors included.
        errors: Those answered with 400 or more.
        seconds: Server time of all of them together.
        articles: Generations stored.
        characters: Of those articles.
        feedback: Sum of their hrv_feedback.
    """

    requests: float
    errors: float
    seconds: float
    articles: float
    characters: float
    feedback: float

    def __sub__(self, earlier: Reading) -> Reading:
        pairs = zip(astuple(self), astuple(earlier), strict=True)
        return Reading(*(now - before for now, before in pairs))

    @property
    def mean_time(self) -> float:
        """Mean server time of a request in seconds; NaN of none."""
        return _over(self.seconds, self.requests)

    @property
    def success_rate(self) -> float:
        """0..1; NaN of no requests."""
        return _over(self.requests - self.errors, self.requests)

    @property
    def hrv_feedback(self) -> float:
        """Mean over the articles, 0..1; NaN of none."""
        return _over(self.feedback, self.articles)


def read_json(metrics: Mapping[str, Any]) -> Reading:
    """A reading from the JSON of `GET /metrics`, as `client.get_system_metrics()` returns it.

    Raises:
        ValueError: It is an error dict, or lacks what this reads.
    """
    if not isinstance(metrics, Mapping):
        raise TypeError(f"metrics is a {kind(metrics)}, not the dict of get_system_metrics()")
    if metrics.get("status") == "error":
        raise ValueError(f"the server gave no metrics: {metrics.get('message')}")
    try:
        endpoint = metrics["endpoints"].get(f"{METHOD} {ROUTE}")
        articles = metrics["generations"]["stored"]
        characters = metrics["characters_generated"]
        feedback = articles * (metrics["mean_hrv_feedback"] or 0.0)
        if endpoint is None:  # nothing was generated yet
            return Reading(0, 0, 0.0, articles, characters, feedback)
        requests = endpoint["requests"]
        seconds = requests * (endpoint["response_time"]["mean"] or 0.0)
        return Reading(requests, endpoint["errors"], seconds, articles, characters, feedback)
    except KeyError as missing:
        raise ValueError(f"these metrics have no {missing}") from None


def read_prometheus(text: str) -> Reading:
    """A reading from `GET /metrics` in Prometheus's text format."""
    from prometheus_client.parser import text_string_to_metric_families

    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]

    def total(name: str, least_status: str = "", **labels: str) -> float:
        return math.fsum(
            one.value
            for one in samples
            if one.name == name
            and labels.items() <= one.labels.items()
            and one.labels.get("status", "") >= least_status
        )

    here = {"method": METHOD, "route": ROUTE}
    return Reading(
        requests=total("resonance_requests_total", **here),
        errors=total("resonance_requests_total", "400", **here),
        seconds=total("resonance_response_seconds_sum", **here),
        articles=total("resonance_generations_stored_total"),
        characters=total("resonance_generated_characters_total"),
        feedback=total("resonance_hrv_feedback_sum_total"),
    )


def compare(run: Run, before: Reading, after: Reading) -> DataFrame:
    """A run as its caller saw it, and as the server did between two readings.

    The server counts every request that reached it: calls of others, warm-up calls and retries
    too. Its times begin when a request arrives and leave out what came before.
    """
    from pandas import DataFrame

    server = after - before
    rows = {
        "requests": (sum(sample.attempts for sample in run.samples), server.requests),
        "success rate": (run.success_rate.value, server.success_rate),
        "mean time, s": (run.mean("service_time"), server.mean_time),
        "characters": (sum(s.content_length for s in run.samples), server.characters),
        "mean hrv_feedback": (run.hrv_feedback, server.hrv_feedback),
    }
    return DataFrame.from_dict(rows, orient="index", columns=["client", "server"])


def _over(total: float, count: float) -> float:
    return total / count if count else math.nan
