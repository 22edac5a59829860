"""The server's figures are read alike from JSON and Prometheus text, and agree with the client."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from resonance_helpers import ResonanceOSAPIClient
from resonance_helpers.performance import compare, measure, read_json, read_prometheus
from resonance_helpers.performance.server_view import Reading

TEXT = """\
# HELP resonance_requests_total Requests answered.
# TYPE resonance_requests_total counter
resonance_requests_total{method="GET",route="/health",status="200"} 7.0
resonance_requests_total{method="POST",route="/hr_generate",status="200"} 8.0
resonance_requests_total{method="POST",route="/hr_generate",status="422"} 2.0
# HELP resonance_response_seconds Server time.
# TYPE resonance_response_seconds histogram
resonance_response_seconds_bucket{le="+Inf",method="POST",route="/hr_generate"} 10.0
resonance_response_seconds_count{method="POST",route="/hr_generate"} 10.0
resonance_response_seconds_sum{method="POST",route="/hr_generate"} 0.25
# HELP resonance_generations_stored_total Stored.
# TYPE resonance_generations_stored_total counter
resonance_generations_stored_total 8.0
# HELP resonance_generated_characters_total Characters.
# TYPE resonance_generated_characters_total counter
resonance_generated_characters_total 12000.0
# HELP resonance_hrv_feedback_sum_total Sum.
# TYPE resonance_hrv_feedback_sum_total counter
resonance_hrv_feedback_sum_total 7.2
"""
JSON = {
    "endpoints": {
        "POST /hr_generate": {"requests": 10, "errors": 2, "response_time": {"mean": 0.025}}
    },
    "generations": {"stored": 8},
    "characters_generated": 12_000,
    "mean_hrv_feedback": 0.9,
}


def test_both_forms_give_the_same_reading() -> None:
    for reading in (read_json(JSON), read_prometheus(TEXT)):
        assert (reading.requests, reading.errors, reading.articles) == (10, 2, 8)
        assert reading.mean_time == pytest.approx(0.025)
        assert reading.success_rate == pytest.approx(0.8)
        assert reading.hrv_feedback == pytest.approx(0.9)
        assert reading.characters == 12_000


def test_a_server_that_has_generated_nothing_yet() -> None:
    fresh = {
        "endpoints": {},
        "generations": {"stored": 0},
        "characters_generated": 0,
        "mean_hrv_feedback": None,
    }
    nothing = read_json(fresh)
    assert nothing == Reading(0, 0, 0, 0, 0, 0) == read_prometheus("")
    assert math.isnan(nothing.mean_time)
    assert math.isnan(nothing.success_rate)


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"status": "error", "message": "Nobody is there."}, "no metrics: Nobody is there"),
        ({}, "no 'endpoints'"),
    ],
)
def test_what_is_no_reading_says_so(metrics: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_json(metrics)
    with pytest.raises(TypeError, match="metrics is a list"):
        read_json([])


@pytest.fixture(scope="module")
def api() -> Iterator[ResonanceOSAPIClient]:
    import resonance_sandbox as sandbox

    with sandbox.start() as running, ResonanceOSAPIClient(running.url) as client:
        yield client


@pytest.mark.parametrize("form", ["json", "prometheus"])
def test_client_and_sandbox_agree_on_a_run(api: ResonanceOSAPIClient, form: str) -> None:
    def reading() -> Reading:
        if form == "json":
            return read_json(api.get_system_metrics())
        return read_prometheus(api.get_prometheus_metrics()["text"])

    before = reading()
    prompts = ["The history of tea", "How bridges stand", ""]  # the last one is refused
    run = measure(api, prompts, repeat=2, warmup=0)
    table = compare(run, before, reading())
    for figure in ("requests", "success rate", "characters"):
        assert table.loc[figure, "client"] == table.loc[figure, "server"], figure
    feedback = table.loc["mean hrv_feedback"]
    assert feedback["client"] == pytest.approx(feedback["server"], abs=1e-4)
    assert run.failures == {"validation-failed": 2}


def test_server_time_is_part_of_what_the_client_waited(api: ResonanceOSAPIClient) -> None:
    run = measure(api, ["The history of tea"], repeat=3)
    for sample in run.samples:
        assert sample.server_time is not None
        assert 0 < sample.server_time < sample.service_time
        assert sample.network_time == pytest.approx(sample.service_time - sample.server_time)
