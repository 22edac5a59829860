"""The plugin, as somebody else's test suite would use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ("pytester",)

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
    faults.add("unavailable", may_miss=True)

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
    loaded += ["-p", "no:schemathesis", "-p", "no:nbval"]  # they take long to load
    done = subprocess.run(
        loaded,
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


STRIKES = """
import pytest, requests

def get(sandbox, who=None, path="/profiles"):
    key = sandbox.credentials[who]["api_key"] if who else None
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.get(sandbox.url + path, headers=headers, timeout=10).status_code

def each(sandbox):
    return [get(sandbox, who) for who in ("acme_corp", "globex", None)]

def test_one_private_tenant_alone_is_struck(resonance_sandbox, faults):
    with faults.inject("status", status=500, tenant="acme_corp") as fault:
        assert each(resonance_sandbox) == [500, 200, 200]
        assert [one["tenant"] for one in faults.list()] == ["acme_corp"]
    assert (fault["seen"], fault["struck"]) == (1, 1)
    assert each(resonance_sandbox) == [200, 200, 200]
    with pytest.raises(ValueError, match="No such fault"):
        faults.clear(fault)

def test_several_tenants_meet_their_own(resonance_sandbox, faults):
    first = faults.add("status", status=500, tenant="acme_corp")
    faults.add("status", status=502)
    faults.add("status", status=503, tenant="globex")
    assert each(resonance_sandbox) == [500, 503, 502]
    faults.clear(first["id"])
    assert each(resonance_sandbox) == [200, 503, 502]
    with pytest.raises(ValueError, match="no such tenant"):
        faults.add("status", status=500, tenant="nobody")

def test_nothing_is_left_of_it(resonance_sandbox, faults):
    assert each(resonance_sandbox) == [200, 200, 200]
    assert faults.list() == []

def test_a_route_that_is_misspelt(resonance_sandbox, faults):
    with faults.inject("unavailable", route="/profile", method="GET"):
        assert get(resonance_sandbox) == 200

def test_a_client_that_does_not_call(resonance_sandbox, faults):
    faults.add(["html", "unavailable"], tenant="acme_corp")
    assert get(resonance_sandbox) == 200

def test_that_is_meant(resonance_sandbox, faults):
    faults.add("unavailable", may_miss=True)
    with faults.inject("html", may_miss=True):
        pass

def test_that_fails_for_another_reason(resonance_sandbox, faults):
    faults.add("unavailable")
    assert 1 == 2
"""


def test_a_fault_strikes_whom_it_names_and_is_missed_by_nobody(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(STRIKES)
    done = pytester.runpytest("-p", "resonance_sandbox.pytest_plugin", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=4, failed=3)
    done.stdout.fnmatch_lines(
        [
            "The fault unavailable on GET /profile met no request of this test. "
            "The server saw GET /profiles. Fix: its route, *",
            "The fault html or unavailable of acme_corp met no request of this test. "
            "The server saw none at all. Fix: *",
            "*assert 1 == 2*",
        ]
    )
    assert "The fault unavailable met no request" not in done.stdout.str()
