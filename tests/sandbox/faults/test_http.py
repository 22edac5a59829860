"""Faults that are answers; and /sandbox/faults itself, by HTTP and from Python."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import pytest
import requests

from resonance_sandbox import Sandbox
from resonance_sandbox.faults.control import Faults
from resonance_sandbox.faults.kinds import KINDS


@pytest.fixture
def session():
    with requests.Session() as session:
        session.trust_env = False
        yield session


def generate(session: requests.Session, sandbox: Sandbox, **headers: str) -> requests.Response:
    return session.post(
        f"{sandbox.url}/hr_generate",
        json={"prompt": "Tides", "paragraphs": 1},
        headers=headers,
        timeout=10,
    )


def stored(sandbox: Sandbox) -> int:
    return int(sandbox.call("GET", "/metrics?tenant=default")["generations"]["stored"])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_status_comes_before_or_after_the_work(
    status: int, when: str, resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    faults.add("status", status=status, when=when)
    answer = generate(session, resonance_sandbox)
    assert answer.status_code == status
    assert answer.json()["type"] == "urn:resonanceos:problem:faulted"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert "Retry-After" not in answer.headers
    assert stored(resonance_sandbox) == (when == "after")


def test_retry_after_in_every_form(
    resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    seen: dict[Any, str] = {}
    for asked in (0, 3, 0.5, "date", "malformed"):
        with faults.inject("unavailable", retry_after=asked):
            seen[asked] = generate(session, resonance_sandbox).headers["Retry-After"]
    assert (seen[0], seen[3], seen[0.5], seen["malformed"]) == ("0", "3", "0.5", "soon")
    assert 0 <= parsedate_to_datetime(seen["date"]).timestamp() - time() <= 3


@pytest.mark.parametrize("kind", ["truncated_json", "malformed_json", "empty_body"])
def test_a_body_that_is_no_json(
    kind: str, resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    faults.add(kind)
    answer = generate(session, resonance_sandbox)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)
    assert stored(resonance_sandbox) == 1


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_answer_without_a_body_meets_faults_too(
    kind: str, resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    slow = {"drip_headers": {"interval": 0.001}, "bandwidth": {"bytes_per_second": 10_000}}
    brief = {"seconds": 0.05} if "seconds" in str(KINDS[kind].parameters) else slow.get(kind, {})
    address = f"{resonance_sandbox.url}/profiles/default"
    with faults.inject(kind, method="DELETE", **brief):
        try:
            answer = session.delete(f"{address}/house_style", timeout=30)
        except requests.RequestException:
            pass  # most of the wire's faults; whether the work was done is checked below
        else:
            assert answer.status_code in (204, 200, 429, 503)
    executed = KINDS[kind].executed
    # A new connection: a whole answer that a reset follows leaves a dead one behind.
    with requests.Session() as another:
        another.trust_env = False
        after = another.get(f"{address}/house_style", timeout=30).status_code
    assert after == (404 if executed else 200)
    assert "Traceback" not in resonance_sandbox.log()


def test_a_web_page_instead_of_an_answer(
    resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    faults.add("html")
    answer = generate(session, resonance_sandbox)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (200, "text/html")
    assert stored(resonance_sandbox) == 0


def test_latency_waits_and_is_left_out_of_the_servers_figures(
    resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    faults.add("latency", seconds=0.4, jitter=0.2)
    answer = session.get(f"{resonance_sandbox.url}/health", timeout=30)
    waited = answer.elapsed.total_seconds()
    assert waited >= 0.4
    # What is left of the caller's wait without the declared one; more would count it in.
    assert float(answer.headers["Server-Timing"].split("dur=")[1]) / 1000 <= waited - 0.4


def test_a_key_makes_a_lost_answer_harmless_and_no_key_doubles_the_work(
    resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    for headers, effects in (({}, 2), ({"Idempotency-Key": "one"}, 1)):
        resonance_sandbox.reset()
        with faults.inject("reset_after_commit", attempts=1):
            with pytest.raises(requests.ConnectionError):
                generate(session, resonance_sandbox, **headers)
            assert generate(session, resonance_sandbox, **headers).ok
        assert stored(resonance_sandbox) == effects


def test_problems_meet_faults_too(
    resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    faults.add("truncated_json")
    answer = session.post(f"{resonance_sandbox.url}/hr_generate", json={"prompt": ""}, timeout=30)
    assert answer.status_code == 422
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_each_tenant_meets_its_own_alone(resonance_sandbox: Sandbox, session: requests.Session):
    keys = resonance_sandbox.credentials
    acme, globex = (
        Faults(resonance_sandbox.url, api_key=keys[name]["api_key"])
        for name in ("acme_corp", "globex")
    )
    anyone = Faults(resonance_sandbox.url)
    acme.add("status", status=500)
    anyone.add("status", status=502)

    def status_for(who: str | None) -> int:
        headers = {"Authorization": f"Bearer {keys[who]['api_key']}"} if who else {}
        url = f"{resonance_sandbox.url}/profiles"
        return session.get(url, headers=headers, timeout=30).status_code

    assert (status_for("acme_corp"), status_for("globex"), status_for(None)) == (500, 200, 502)
    assert [len(one.list()) for one in (acme, globex, anyone)] == [1, 0, 1]
    with pytest.raises(ValueError, match="No such fault"):
        globex.clear(acme.list()[0])
    globex.clear()
    assert len(acme.list()) == 1
    resonance_sandbox.reset("acme_corp")
    assert (len(acme.list()), len(anyone.list())) == (0, 1)


def test_the_log_of_requests_names_the_fault(
    resonance_sandbox: Sandbox, faults: Faults, session: requests.Session
):
    with faults.inject("reset_after_commit"), pytest.raises(requests.ConnectionError):
        generate(session, resonance_sandbox)
    with faults.inject("latency", seconds=0), faults.inject("unavailable"):
        generate(session, resonance_sandbox)
    generate(session, resonance_sandbox)
    kinds = [entry["fault"] for entry in resonance_sandbox.requests()]
    assert kinds == ["reset_after_commit", "unavailable", None]


def test_from_python(resonance_sandbox: Sandbox, faults: Faults, session: requests.Session):
    kept = faults.add(["status", "html"], rate=0, route="/hr_generate")
    with faults.inject("unavailable", count=1) as fault:
        assert [one["id"] for one in faults.list()] == [kept["id"], fault["id"]]
        assert generate(session, resonance_sandbox).status_code == 503
        assert generate(session, resonance_sandbox).status_code == 200
        assert fault["struck"] == 0, "counts are those of the last look"
    assert (fault["seen"], fault["struck"]) == (2, 1)
    assert [one["id"] for one in faults.list()] == [kept["id"]]
    faults.clear(kept)
    assert faults.list() == []
    assert faults.clear() == []
    assert set(faults.kinds()) == set(KINDS)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"kind": "reset"}, "kind: there is no such fault"),
        ({"kind": "latency", "seconds": -1}, "seconds: it is a number 0 to 600"),
    ],
)
def test_a_wrong_fault_is_one_sentence_from_python(
    declared: dict[str, Any], words: str, faults: Faults
):
    with pytest.raises(ValueError, match=words):
        faults.add(**declared)


def test_a_wrong_fault_is_a_problem_by_http(resonance_sandbox: Sandbox, session: requests.Session):
    url = f"{resonance_sandbox.url}/sandbox/faults"
    answer = session.post(url, json={"kind": "status", "rate": 7, "<b>": 1}, timeout=30)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "rate"
    for body in ("[]", "7", '{"kind": "status", "<b>x": 1}', "not json"):
        refused = session.post(
            url, data=body, headers={"Content-Type": "application/json"}, timeout=30
        )
        assert refused.status_code in (400, 422)
        assert "<b>" not in refused.text
    assert session.get(url, timeout=30).json()["faults"] == []


def test_it_is_not_in_the_openapi_document(resonance_sandbox: Sandbox, session: requests.Session):
    paths = session.get(f"{resonance_sandbox.url}/openapi.json", timeout=30).json()["paths"]
    assert not [path for path in paths if "sandbox" in path]


def test_no_fault_keeps_faults_from_being_lifted(resonance_sandbox: Sandbox, faults: Faults):
    for kind in KINDS:
        faults.add(kind, may_miss=True)
    assert len(faults.list()) == len(KINDS)
    assert len(faults.clear()) == len(KINDS)
