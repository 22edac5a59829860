"""The client against the real sandbox: every fault, every method; and a total outage."""

from __future__ import annotations

import pytest

from benchmarks.awaited import FACES
from benchmarks.fault_matrix import METHODS, matrix, percentile
from benchmarks.fault_matrix import faults as all_faults
from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.client.transport import RetryPolicy
from resonance_sandbox import Sandbox
from resonance_sandbox.faults.control import Faults

SLOW = ("beyond", "dripped", "stall", "slow", "narrow", "date")


def quick(name: str) -> bool:
    return not any(word in name for word in SLOW)


def test_the_matrix_is_as_large_as_it_says():
    assert len(all_faults(1)) >= 20
    public = {
        name
        for name in dir(ResonanceOSAPIClient)
        if name.startswith(("get_", "create_", "generate_", "health_", "update_", "delete_",
                            "iter_", "measure_"))
    }  # fmt: skip
    # These are an administrator's, who has no realm of open tenants to be struck in.
    admins = {"create_tenant", "create_api_key", "get_api_keys", "delete_api_key"}
    # These are calls of the kinds that are there; a tenant may have no more than 20 webhooks.
    of_one_webhook = {
        *("create_webhook", "get_webhook", "update_webhook", "delete_webhook"),
        *("get_delivery", "get_deliveries", "iter_deliveries"),
    }
    assert public - admins - of_one_webhook == set(METHODS)


def test_nothing_is_lost_or_done_twice_when_a_first_attempt_fails():
    tallies, duplicates, lost = matrix(("http",), only=quick, situations=("once",))
    assert len(tallies) >= 20
    assert [what for tally in tallies.values() for what in tally.wrong] == []
    assert (duplicates, lost) == (0, 0)


@pytest.mark.parametrize(
    ("scheme", "face"),
    [
        ("https", "asyncio"),
        pytest.param("https", "threads", marks=pytest.mark.soak),
        pytest.param("http", "asyncio", marks=pytest.mark.soak),
    ],
)
def test_https_and_asyncio_meet_the_same_faults(scheme: str, face: str):
    tallies, duplicates, lost = matrix(
        (scheme,),
        only=lambda name: "reset" in name or "cut short" in name,
        situations=("once",),
        face=face,
    )
    assert sum(tally.succeeded for tally in tallies.values()) > 0
    assert [what for tally in tallies.values() for what in tally.wrong] == []
    assert (duplicates, lost) == (0, 0)


@pytest.mark.parametrize("face", ["threads", pytest.param("asyncio", marks=pytest.mark.soak)])
def test_slow_faults_end_in_a_typed_error(face: str):
    tallies, duplicates, lost = matrix(
        ("http",), timeout=0.3, only=lambda name: not quick(name), situations=("alone",), face=face
    )
    assert [what for tally in tallies.values() for what in tally.wrong] == []
    assert (duplicates, lost) == (0, 0)
    types = set().union(*(tally.types for tally in tallies.values()))
    assert types <= {"timeout", "connect-timeout", "faulted"}


@pytest.mark.soak
@pytest.mark.parametrize("face", FACES)
def test_ten_thousand_calls(face: str):
    tallies, duplicates, lost = matrix(repeats=5, face=face)
    assert sum(tally.calls for tally in tallies.values()) >= 10_000
    assert [what for tally in tallies.values() for what in tally.wrong] == []
    assert (duplicates, lost) == (0, 0)
    overshoots = [over for tally in tallies.values() for over in tally.overshoots]
    assert percentile(overshoots, 0.99) <= 0.1


def test_an_outage_is_not_met_with_a_storm(resonance_sandbox: Sandbox, faults: Faults):
    """At most 1.1 times the steady state once the retry budget is spent."""
    calls = 100
    with ResonanceOSAPIClient(resonance_sandbox.url, retry=RetryPolicy(base=0.001)) as api:

        def attempts_of(kind: str) -> int:
            with faults.inject(kind, route="/tenants", **DOWN[kind]) as fault:
                for _ in range(calls):
                    api.get_tenants()
            return int(fault["seen"])

        steady = attempts_of("latency")
        assert steady == calls
        spending = attempts_of("reset_before_request")
        assert spending > 1.5 * steady, "single failures are retried"
        for kind in ("reset_before_request", "unavailable", "close_without_answer"):
            assert attempts_of(kind) <= 1.1 * steady
        assert attempts_of("latency") == calls, "and the server finds its client again"
        assert api.get_tenants()["tenants"]


DOWN = {
    "latency": {"seconds": 0},
    "reset_before_request": {},
    "unavailable": {},
    "close_without_answer": {},
}
