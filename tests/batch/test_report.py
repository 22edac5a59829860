"""The figures and the shapes of a report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.batch import BatchReport, Failure
from resonance_helpers.batch.stats import Tally

SUCCESS = {
    "success": True,
    "final": True,
    "item": 0,
    "request": {"prompt": "p", "profile_name": "tech_startup", "seed": 3},
    "attempts": 2,
    "started": 1000.0,
    "seconds": 0.5,
    "result": {"article": "Text.", "hrv_feedback": 0.9, "hrv_vector": [0.1] * 8, "warnings": []},
}
FAILURE = {
    **SUCCESS,
    "success": False,
    "item": 1,
    "attempts": 1,
    "started": 1000.25,
    "result": {
        "status": "error",
        "message": "prompt is empty.",
        "response_code": 422,
        "type": "validation-failed",
        "request_id": "r1",
        "retryable": False,
        "retry_after": None,
        "attempts": 1,
    },
}


def report(*records) -> BatchReport:
    tally = Tally()
    tally.take(len(records))
    for record in records:
        tally.end(
            success=record["success"],
            attempts=record["attempts"],
            seconds=record["seconds"],
        )
    return BatchReport(tally.stats(2.0), list(records))


def test_the_frame_has_a_row_for_each_request():
    frame = report(SUCCESS, FAILURE).frame
    assert list(frame.index) == [0, 1]
    assert list(frame["success"]) == [True, False]
    assert list(frame["started"]) == [0, 0.25]
    assert list(frame["attempts"]) == [2, 1]
    assert frame.loc[0, "hrv_feedback"] == 0.9
    assert frame.loc[1, "type"] == "validation-failed"
    assert "hrv_vector" not in frame
    assert "status" not in frame


def test_a_failure_says_why():
    assert report(SUCCESS, FAILURE).failures == [
        Failure(
            item=1,
            request=FAILURE["request"],
            type="validation-failed",
            message="prompt is empty.",
            response_code=422,
            request_id="r1",
            retryable=False,
            final=True,
            attempts=1,
        )
    ]


def test_results_have_the_form_that_people_know():
    first, second = report(SUCCESS, FAILURE).results
    assert first["request"] == SUCCESS["request"]
    assert first["result"]["article"] == "Text."
    assert (first["success"], second["success"]) == (True, False)


def test_the_figures_of_a_small_batch():
    stats = report(SUCCESS, FAILURE).stats
    assert (stats.total, stats.successful, stats.failed, stats.unfinished) == (2, 1, 1, 0)
    assert stats.success_rate == 50
    assert stats.total_time == 2
    assert stats.mean_time == 0.5
    assert stats.throughput == 1
    assert stats.retries == 1
    assert "Success rate:           50.0 %" in str(stats)
    assert "Unfinished" not in str(stats)
    assert "<th" in stats._repr_html_()


def test_a_stopped_batch_says_so_first():
    stats = report(SUCCESS).stats
    stopped = BatchReport(stats, [SUCCESS], stopped="interrupted by Ctrl-C")
    assert repr(stopped).startswith("Stopped: interrupted by Ctrl-C. It has no journal")
    resumable = BatchReport(stats, [SUCCESS], stopped="interrupted by Ctrl-C", journal=Path("j"))
    assert "Run it again with the same journal" in repr(resumable)


def test_no_figure_divides_by_nothing():
    stats = Tally().stats(0.0)
    assert set(asdict(stats).values()) == {0}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_percentiles_are_linear_between_the_times(values):
    tally = Tally()
    for value in values:
        tally.end(success=True, attempts=1, seconds=value)
    stats = tally.stats(1.0)
    for percent, found in ((50, stats.p50), (90, stats.p90), (99, stats.p99)):
        assert found == pytest.approx(np.percentile(values, percent))
