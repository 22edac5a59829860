"""The benchmarks' server: it must count truly, or what is measured against it means nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from benchmarks.server import FAULTS, Options, Running, running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as started:
        yield started


def post(server: Running, prompt: str, key: str | None = None) -> requests.Response:
    headers = {"Idempotency-Key": key} if key else {}
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            server.url + "/hr_generate", json={"prompt": prompt}, headers=headers, timeout=5
        )


def test_effects_and_duplicates_are_counted(server: Running) -> None:
    server.reset(fault_rate=0.0)
    for prompt in ("a", "b", "a"):
        assert post(server, prompt).json()["article"].startswith(prompt)
    stats = server.stats()
    assert (stats["requests"], stats["effects"], stats["distinct"]) == (3, 3, 2)
    assert stats["duplicates"] == 1


def test_a_key_is_honoured(server: Running) -> None:
    server.reset(fault_rate=0.0)
    first, again = post(server, "a", "k"), post(server, "a", "k")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    stats = server.stats()
    assert (stats["effects"], stats["replays"]) == (1, 1)


@pytest.mark.parametrize(
    ("fault", "effects", "outcome"),
    [
        ("503", 0, 503),
        ("429", 0, 429),
        ("reset-before", 0, requests.ConnectionError),
        ("reset-after", 1, requests.ConnectionError),
        ("truncated", 1, requests.exceptions.ChunkedEncodingError),
    ],
)
def test_each_fault_is_what_it_says(
    server: Running, fault: str, effects: int, outcome: int | type[Exception]
) -> None:
    server.reset(fault_rate=1.0, faults=[fault])
    if isinstance(outcome, int):
        answer = post(server, "a")
        assert (answer.status_code, answer.headers["Retry-After"]) == (outcome, "0")
    else:
        with pytest.raises(outcome):
            post(server, "a")
    stats = server.stats()
    assert (stats["effects"], stats["faults"]) == (effects, {fault: 1})


def test_faults_fall_by_hash_at_the_rate_that_was_asked_for() -> None:
    options = Options(fault_rate=0.2, seed=7)
    fates = [options.fault(b"%d" % n, attempt) for n in range(2000) for attempt in (1, 2, 3)]
    assert fates == [options.fault(b"%d" % n, a) for n in range(2000) for a in (1, 2, 3)]
    share = sum(fate is not None for fate in fates) / len(fates)
    assert 0.18 < share < 0.22
    for fault in FAULTS:
        assert 0.15 < fates.count(fault) / (share * len(fates)) < 0.25
    other = Options(fault_rate=0.2, seed=8)
    assert fates[:300] != [other.fault(b"%d" % n, a) for n in range(100) for a in (1, 2, 3)]
    assert Options().fault(b"x", 1) is None
