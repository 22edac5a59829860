"""A batch against the sandbox's real rate limits: it uses them, and hardly ever meets one."""

from __future__ import annotations

import pytest

import resonance_sandbox as sandbox
from resonance_helpers.batch import run_batch
from resonance_helpers.client.api import ResonanceOSAPIClient


def refused(server: sandbox.Sandbox) -> int:
    return sum(entry["status"] == 429 for entry in server.requests())


@pytest.mark.soak  # on a machine of its own: where others work, requests arrive late and together
def test_it_slows_down_before_it_is_told_to():
    requests = [{"prompt": f"Topic {number}", "paragraphs": 1} for number in range(45)]
    with sandbox.start(burst=20, rate_limit=100_000) as server:
        report = run_batch(ResonanceOSAPIClient(server.url), requests, concurrency=8)
        assert report.stats.successful == 45
        assert refused(server) == 0
        assert report.stats.total_time > 1  # 20 in any second: two more seconds have to begin


@pytest.mark.soak
def test_it_uses_what_the_server_allows():
    requests = [{"prompt": f"Topic {number}", "paragraphs": 1} for number in range(360)]
    with sandbox.start(rate_limit=120) as server:
        report = run_batch(ResonanceOSAPIClient(server.url), requests, concurrency=8)
        assert report.stats.successful == 360
        assert refused(server) <= 0.01 * 360
    # 120 at once, 120 after a minute and 120 after two: two minutes, and the work of the last 120,
    # which takes as long as that of the first.
    ends = sorted(result["started"] + result["seconds"] for result in report.results)
    assert report.stats.total_time <= (120 + ends[119] - ends[0]) / 0.95
