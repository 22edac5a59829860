"""The plugin, as somebody else's test suite would use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SUITE = """
import pytest, requests

@pytest.fixture(scope="session")
def resonance_options():
    return {"latency": 0.01}

def post(url):
    return requests.post(url + "/hr_generate", json={"prompt": "Tides"}, timeout=10)

def test_one(resonance_sandbox, faults):
    with faults.inject("reset_after_commit", attempts=1) as fault:
        with pytest.raises(requests.ConnectionError):
            post(resonance_sandbox.url)
        assert post(resonance_sandbox.url).ok
    assert fault["struck"] == 1
    assert len(resonance_sandbox.requests()) == 2
    faults.add("unavailable")

def test_days_pass(resonance_sandbox, clock):
    def replayed():
        sent = {"json": {"text": "Tides."}, "headers": {"Idempotency-Key": "k"}, "timeout": 10}
        answer = requests.post(resonance_sandbox.url + "/hrv", **sent)
        return "Idempotency-Replayed" in answer.headers
    assert [replayed(), replayed()] == [False, True]
    clock.advance(hours=28)
    assert not replayed()

def test_and_have_not_for_the_others(resonance_sandbox):
    assert not resonance_sandbox.clock.ahead

def test_two(resonance_sandbox):
    assert resonance_sandbox.requests() == []
    assert post(resonance_sandbox.url).ok
"""


def test_a_suite_of_somebody_else(tmp_path: Path):
    (tmp_path / "test_theirs.py").write_text(SUITE)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    loaded = [*command, "-p", "resonance_sandbox.pytest_plugin"]
    done = subprocess.run(
        loaded,
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
