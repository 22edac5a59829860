"""Server-Timing as servers write it, well and badly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from resonance_helpers.performance.server_timing import parse, server_time


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("app;dur=12.5", {"app": 0.0125}),
        ("app;dur=12.5, db;dur=4", {"app": 0.0125, "db": 0.004}),
        ('cache;desc="Cache, read; twice";dur=23.2,app;dur=1', {"cache": 0.0232, "app": 0.001}),
        ('db ; DUR = "5"', {"db": 0.005}),
        ("miss, app;dur=2", {"app": 0.002}),
        ("app;dur=1;dur=9", {"app": 0.001}),
        ("app;dur=1, app;dur=9", {"app": 0.001}),
        ("app;dur=-1", {}),
        ("app;dur=nan", {}),
        ("app;dur=1e999", {}),
        ("app;dur=", {}),
        ("", {}),
        ("=;,;", {}),
    ],
)
def test_durations_are_read_in_seconds(header: str, seconds: dict[str, float]) -> None:
    assert parse(header) == pytest.approx(seconds)


@given(st.text(alphabet='app;dur=1.5, "\\\t\x00é'))
def test_no_header_fails_a_call(header: str) -> None:
    assert all(value >= 0 for value in parse(header).values())


def test_the_servers_own_time_is_app() -> None:
    assert server_time(CaseInsensitiveDict({"server-timing": "db;dur=1, app;dur=7"})) == 0.007
    assert server_time({}) is None
