"""A kill, a stop or a full disk while a sandbox writes: nothing is lost, and it is told."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from resonance_sandbox import start
from tests.support.full_disk import on_a_full_disk
from tests.support.waiting import eventually

UNLIMITED = 10**9


@pytest.mark.stored
@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_killed_mid_write_then_started_again(database: str, tmp_path: Path) -> None:
    answers: dict[str, bytes] = {}
    bodies = {
        f"key-{number}": {
            "tenant": "default",
            "profile_name": f"p{number}",
            "hrv_vector": [0.5] * 8,
        }
        for number in range(90)
    }

    def send(session: requests.Session, url: str, key: str) -> requests.Response:
        return session.post(
            f"{url}/profiles", json=bodies[key], headers={"Idempotency-Key": key}, timeout=60
        )

    with start(database=database, rate_limit=UNLIMITED, burst=UNLIMITED) as server:
        under_way = threading.Event()

        def work(keys: list[str]) -> None:
            session = requests.Session()
            session.trust_env = False
            with contextlib.suppress(requests.RequestException):
                for key in keys:
                    answer = send(session, server.url, key)
                    assert answer.status_code == 201
                    answers[key] = answer.content
                    if len(answers) > 20:
                        under_way.set()

        keys = list(bodies)
        threads = [threading.Thread(target=work, args=(keys[part::8],)) for part in range(8)]
        for thread in threads:
            thread.start()
        assert under_way.wait(60)
        os.kill(server.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
        old_key = server.credentials["acme_corp"]["api_key"]

    if "://" not in database:
        with contextlib.closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    with start(database=database, rate_limit=UNLIMITED, burst=UNLIMITED) as server:
        session = requests.Session()
        session.trust_env = False
        for key in bodies:
            answer = send(session, server.url, key)
            assert answer.status_code == 201, "done once, and not left in progress"
            if key in answers:
                assert answer.content == answers[key]
                assert answer.headers["Idempotency-Replayed"] == "true"
        listed = session.get(f"{server.url}/profiles?limit=200", timeout=60).json()["profiles"]
        names = [profile["profile_name"] for profile in listed]
        assert sorted(set(names)) == sorted(names)
        assert sum(name.startswith("p") and name[1:].isdigit() for name in names) == 90
        assert server.credentials["acme_corp"]["api_key"] != old_key
        kept = session.get(f"{server.url}/tenants", headers={"X-API-Key": old_key}, timeout=60)
        assert kept.status_code == 200
    data = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for held in server.credentials.values():
        assert held["api_key"].encode() not in data


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM is of POSIX")
def test_a_stop_lets_what_is_under_way_finish() -> None:
    with start() as server, ThreadPoolExecutor(1) as pool:
        server.faults.add("latency", seconds=0.8, route="/hr_generate")
        asked = pool.submit(
            requests.post, f"{server.url}/hr_generate", json={"prompt": "tea"}, timeout=20
        )
        assert eventually(lambda: server.faults.list()[0]["seen"])
        os.kill(server.pid, signal.SIGTERM)
        assert asked.result(20).status_code == 200
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{server.url}/health", timeout=5)


def test_a_full_disk_is_told_and_what_needs_none_goes_on() -> None:
    with on_a_full_disk() as server, requests.Session() as session:
        session.trust_env = False

        def send(path: str, key: str, **body: object) -> requests.Response:
            headers = {"Idempotency-Key": key}
            return session.post(f"{server.url}{path}", json=body, headers=headers, timeout=60)

        profile = {"tenant": "default", "hrv_vector": [0.5] * 8, "metadata": {"a": "x" * 16_000}}
        for number in range(50):
            answer = send("/profiles", f"key-{number}", profile_name=f"p{number}", **profile)
            if answer.status_code != 201:
                break
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["type"].endswith("database-unavailable")
        small = {"hrv_vector": [0.5] * 8}
        while session.put(f"{server.url}/profiles/default/p0", json=small, timeout=60).ok:
            pass
        deadline = time.monotonic() + 20
        while True:  # the last page is soon used up by the probes themselves
            health = session.get(f"{server.url}/health", timeout=60)
            if health.status_code == 503 or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        assert health.json()["status"] == "unhealthy"
        assert health.json()["checks"]["database"]["status"] == "failing"
        assert send("/hrv", "measured", text="Why not?").status_code == 200
        assert send("/hrv", "refused", text="").status_code == 422
        listed = session.get(f"{server.url}/profiles?limit=200", timeout=60).json()["profiles"]
        made = [one for one in listed if one["profile_name"].startswith("p") and one["metadata"]]
        assert len(made) == number
    assert "Traceback" not in server.log()
