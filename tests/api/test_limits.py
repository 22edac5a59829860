"""Rate limits and quotas, told on every answer and true."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from resonance_sandbox import Sandbox, start

from .conftest import API, slug


def remaining(response: object, policy: str) -> int:
    found = re.search(rf'"{policy}";r=(\d+)', response.headers["RateLimit"])  # type: ignore[attr-defined]
    assert found
    return int(found[1])


@pytest.fixture(scope="module")
def tight() -> Iterator[Sandbox]:
    with start(rate_limit=8, burst=4, quota=10) as server:
        yield server


@pytest.fixture
def caller(tight: Sandbox) -> API:
    tight.reset()
    return API(tight)


def test_a_burst_is_refused_until_its_second_is_over(caller: API) -> None:
    answers = [caller("GET", "/profiles") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    assert [remaining(answer, "burst") for answer in answers] == [3, 2, 1, 0, 0, 0]
    refused = answers[-1]
    assert slug(refused) == "rate-limited"
    wait = int(refused.headers["Retry-After"])
    assert wait == 1
    caller.server.clock.advance(seconds=wait)
    assert caller("GET", "/profiles").status_code == 200


def test_refused_requests_are_not_counted_and_the_minute_holds(caller: API) -> None:
    for _ in range(2):
        while caller("GET", "/profiles").status_code == 200:
            pass
        caller.server.clock.advance(seconds=1)
    last = caller("GET", "/profiles")
    assert (last.status_code, slug(last)) == (429, "rate-limited")
    assert last.headers["X-RateLimit-Limit"] == "8"
    assert last.headers["X-RateLimit-Remaining"] == "0"
    assert remaining(last, "day") == 2
    wait = int(last.headers["Retry-After"])
    assert 50 <= wait <= 60
    assert abs(int(last.headers["X-RateLimit-Reset"]) - caller.server.clock() - wait) <= 2


def test_health_and_documentation_are_free(caller: API) -> None:
    for _ in range(12):
        assert caller("GET", "/health").status_code == 200
    assert remaining(caller("GET", "/openapi.json"), "minute") == 8


def test_each_credential_has_its_own(caller: API) -> None:
    while caller("GET", "/profiles").status_code == 200:
        pass
    acme = API(caller.server, "acme_corp")
    assert remaining(acme("GET", "/profiles"), "burst") == 3


def test_guessing_keys_is_limited_too(caller: API) -> None:
    statuses = [
        caller("GET", "/profiles", Authorization=f"Bearer guess{number}").status_code
        for number in range(6)
    ]
    assert statuses == [401] * 4 + [429] * 2


def test_the_day_has_a_quota() -> None:
    with start(rate_limit=100, burst=100, quota=3) as server:
        caller = API(server)
        answers = [caller("GET", "/profiles") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429]
        assert slug(answers[-1]) == "quota-exceeded"
        assert 86_000 < int(answers[-1].headers["Retry-After"]) <= 86_400
        server.clock.advance(seconds=int(answers[-1].headers["Retry-After"]))
        assert caller("GET", "/profiles").status_code == 200


def test_auth_required_leaves_health_alone_open() -> None:
    with start(auth="required") as server:
        anonymous, acme = API(server), API(server, "acme_corp")
        assert anonymous("GET", "/health").status_code == 200
        for method, path in (
            ("GET", "/profiles"),
            ("GET", "/metrics"),
            ("GET", "/docs"),
            ("GET", "/openapi.json"),
            ("GET", "/nothing"),
            ("GET", "/healthy"),
            ("POST", "/hr_generate"),
            ("GET", "/sandbox/requests"),
        ):
            refused = anonymous(method, path)
            assert (refused.status_code, slug(refused)) == (401, "missing-credentials"), path
            assert refused.headers["WWW-Authenticate"] == 'Bearer realm="resonanceos"'
        assert acme.generate().status_code == 200
        document = acme("GET", "/openapi.json").json()
        assert {} not in document["paths"]["/profiles"]["get"]["security"]
        assert server.requests() is not None
