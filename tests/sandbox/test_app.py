"""The application in this process, with writers and settings of the test's own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio.to_thread
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from resonance_sandbox import Settings, app, create_app
from resonance_sandbox.health import components
from resonance_sandbox.settings import SettingsError, is_loopback
from resonance_sandbox.writer import ResonantWriter
from resonance_sandbox.writer.base import Brief, Draft, WriterError

UNLIMITED = 10**9


class OneLiner:
    """A writer that says one sentence and remembers what it was asked."""

    name = "one-liner"

    def __init__(self) -> None:
        self.briefs: list[Brief] = []

    def write(self, brief: Brief) -> Draft:
        self.briefs.append(brief)
        return Draft((f"This is about {brief.prompt}.",), ("one line only",))


class Failing(OneLiner):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def write(self, brief: Brief) -> Draft:
        raise self.error


class Held(OneLiner):
    """Writes when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = threading.Semaphore(0)
        self.let = threading.Event()

    def write(self, brief: Brief) -> Draft:
        if brief.prompt != "health":
            self.inside.release()
            assert self.let.wait(20)
        return super().write(brief)


@contextlib.contextmanager
def serving(writer: Any, **settings: Any) -> Iterator[TestClient]:
    settings = {"rate_limit": UNLIMITED, "burst": UNLIMITED, **settings}
    app = create_app(Settings(**settings), writer)
    with TestClient(app, "http://localhost", raise_server_exceptions=False) as client:
        yield client


def test_another_writer_takes_the_place_of_the_built_in_one() -> None:
    writer = OneLiner()
    with serving(writer) as client:
        body = client.post(
            "/hr_generate",
            json={
                "prompt": "tea",
                "paragraphs": 2,
                "temperature": 0,
                "max_length": 60,
                "seed": 5,
                "profile_name": "tech_startup",
            },
        ).json()
        assert body["article"] == "This is about tea."
        assert body["warnings"] == ["one line only"]
        [brief] = writer.briefs
        assert (brief.paragraphs, brief.temperature, brief.max_length, brief.seed) == (2, 0, 60, 5)
        assert tuple(brief.target) == tuple(body["target_hrv"])
        assert client.get("/health").json()["checks"]["writer"]["detail"] == "one-liner"


def test_without_a_seed_it_is_derived_from_the_request() -> None:
    writer = OneLiner()
    with serving(writer) as client:
        for fields in ({}, {}, {"paragraphs": 2}, {"profile_name": "tech_startup"}):
            client.post("/hr_generate", json={"prompt": "tea", **fields})
    seeds = [brief.seed for brief in writer.briefs]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3


def test_a_writer_that_fails_is_503_and_degrades(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(Failing(WriterError("The engine is being serviced."))) as client:
        answer = client.post("/hr_generate", json={"prompt": "tea"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["type"].endswith("writer-unavailable")
        assert answer.json()["detail"] == "The engine is being serviced."
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert capfd.readouterr().err == ""
    with serving(Failing(KeyError("canary7f3a"))) as client:
        answer = client.post("/hr_generate", json={"prompt": "tea"})
        assert answer.status_code == 503
        assert "canary" not in answer.text
    assert "canary7f3a" in capfd.readouterr().err


def test_what_nobody_expected_is_500_without_a_traceback(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(OneLiner()) as client:
        monkeypatch.setattr(client.app.state.directory, "usable", lambda _: 1 / 0)  # type: ignore[attr-defined]
        answer = client.get("/tenants")
        assert answer.status_code == 500
        assert answer.json()["type"].endswith("internal-error")
        assert "RateLimit" in answer.headers
        assert "Traceback" not in answer.text
        assert "ZeroDivisionError" not in answer.text
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_without_a_thread_to_be_had_it_is_503_and_no_fault(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run_sync(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")  # as threading.Thread.start does

    with serving(OneLiner()) as client:
        monkeypatch.setattr(anyio.to_thread, "run_sync", run_sync)
        for method, path, body in (
            ("GET", "/profiles", None),
            ("POST", "/hr_generate", {"prompt": "tea"}),
            ("POST", "/sandbox/reset", None),
        ):
            answer = client.request(method, path, json=body)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), path
            assert answer.json()["type"].endswith("overloaded")
        monkeypatch.undo()
        assert client.get("/profiles").status_code == 200
    assert capfd.readouterr().err == ""


def test_too_many_waiting_is_503_and_health_answers_meanwhile() -> None:
    writer = Held()
    with serving(writer, writer_threads=2, max_queue=3) as client, ThreadPoolExecutor(8) as pool:

        def send(number: int) -> int:
            return client.post("/hr_generate", json={"prompt": f"t{number}"}).status_code

        waiting = [pool.submit(send, number) for number in range(5)]
        assert writer.inside.acquire(timeout=10)
        assert writer.inside.acquire(timeout=10)
        deadline = time.monotonic() + 10
        while client.app.state.writer_queue._inside < 5:  # type: ignore[attr-defined]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        refused = client.post("/hr_generate", json={"prompt": "more"})
        assert refused.status_code == 503
        assert refused.json()["type"].endswith("overloaded")
        assert int(refused.headers["Retry-After"]) >= 1
        assert client.get("/health").status_code == 200
        writer.let.set()
        assert [future.result(20) for future in waiting] == [200] * 5
        assert client.get("/metrics").json()["generations"]["stored"] == 5


def test_a_writer_that_hangs_does_not_hang_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resonance_sandbox.health.components.PATIENCE", 0.2)

    class Hanging(OneLiner):
        let = threading.Event()

        def write(self, brief: Brief) -> Draft:
            assert self.let.wait(20)
            return super().write(brief)

    with serving(Hanging()) as client:
        body = client.get("/health").json()
        assert not Hanging.let.is_set()
        Hanging.let.set()
    assert body["status"] == "degraded"
    assert body["checks"]["writer"]["detail"] == "no answer within 0.2 seconds"


def test_a_sound_writer_stays_so_while_it_is_asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a probe takes long, which says nothing of the writer."""
    monkeypatch.setattr(components, "MOMENT", 0.05)
    monkeypatch.setitem(components.FRESH, "writer", 0.0)
    slow, let = threading.Event(), threading.Event()

    class Slowing(OneLiner):
        def write(self, brief: Brief) -> Draft:
            assert not slow.is_set() or let.wait(20)
            return super().write(brief)

    with serving(Slowing()) as client:
        assert client.get("/health").json()["status"] == "healthy"
        slow.set()
        assert [client.get("/health").json()["status"] for _ in range(3)] == ["healthy"] * 3
        assert not let.is_set()
        let.set()


def test_declared_latency_is_waited_and_left_out_of_the_figures() -> None:
    with serving(OneLiner(), latency=0.5) as client:
        started = time.perf_counter()
        answer = client.post("/hr_generate", json={"prompt": "tea"})
        waited = time.perf_counter() - started
        assert waited >= 0.5
        told = float(answer.headers["Server-Timing"].removeprefix("app;dur=")) / 1000
        assert told <= waited - 0.5
        times = client.get("/metrics").json()["endpoints"]["POST /hr_generate"]["response_time"]
        assert times["mean"] <= waited - 0.5
        assert answer.json()["generation_time"] <= waited - 0.5


def test_32_threads_store_all_they_generate() -> None:
    with serving(OneLiner(), writer_threads=4) as client:

        def send(number: int) -> int:
            return client.post("/hr_generate", json={"prompt": f"topic {number}"}).status_code

        with ThreadPoolExecutor(32) as pool:
            assert set(pool.map(send, range(320))) == {200}
        figures = client.get("/metrics").json()["generations"]
        assert (figures["executed"], figures["stored"]) == (320, 320)


def test_a_request_that_is_not_there_any_more_is_stored_under_its_key() -> None:
    """The client's timeout is over before the answer is there; its retry gets that answer."""
    writer = Held()
    with serving(writer) as client, ThreadPoolExecutor(1) as pool:
        headers = {"Idempotency-Key": "k"}
        lost = pool.submit(client.post, "/hr_generate", json={"prompt": "tea"}, headers=headers)
        assert writer.inside.acquire(timeout=10)
        early = client.post("/hr_generate", json={"prompt": "tea"}, headers=headers)
        assert early.status_code == 409
        writer.let.set()
        lost.result(20)
        late = client.post("/hr_generate", json={"prompt": "tea"}, headers=headers)
        assert late.headers["Idempotency-Replayed"] == "true"
        assert len(writer.briefs) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": -1},
        {"latency": float("inf")},
        {"auth": "maybe"},
        {"host": "0.0.0.0"},
        {"host": "example.org"},
        {"quota": 0},
        {"quota": 10**12},
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Settings(**wrong)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_housekeeping_goes_on_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    failed, again = threading.Event(), threading.Event()

    def clear(connection: Connection, now: float) -> None:
        if not failed.is_set():
            failed.set()
            raise OperationalError("DELETE", None, Exception("the disk is full"))
        again.set()

    monkeypatch.setattr(app, "HOUSEKEEPING", 0.01)
    monkeypatch.setattr(app, "purge", clear)
    with TestClient(create_app(Settings())):
        assert again.wait(20)


def test_the_writer_is_warmed_up_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    warm = threading.Event()
    monkeypatch.setattr(app, "WARM_UP", 0)
    monkeypatch.setattr(ResonantWriter, "warm_up", lambda self: warm.set())
    with TestClient(create_app(Settings())):
        assert warm.wait(20)
