"""Each event once: whichever thread or process asks, and whatever becomes of the first."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from resonance_helpers.webhooks import EventInProgress, SeenEvents


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_time_and_every_other() -> None:
    seen = SeenEvents()
    assert "msg_1" not in seen
    with seen.once("msg_1") as first:
        assert first
        assert "msg_1" not in seen
    assert "msg_1" in seen
    with seen.once("msg_1") as first:
        assert not first
    with seen.once("msg_2") as first:
        assert first


def test_a_handler_that_raises_gives_the_event_back() -> None:
    seen = SeenEvents()
    with pytest.raises(ZeroDivisionError), seen.once("msg_1"):
        _ = 1 / 0
    assert "msg_1" not in seen
    with seen.once("msg_1") as first:
        assert first


def test_what_is_being_handled_is_nobody_elses() -> None:
    seen = SeenEvents()
    with seen.once("msg_1"):
        with pytest.raises(EventInProgress, match="msg_1"), seen.once("msg_1"):
            pass
        with seen.once("msg_2") as first:
            assert first
    assert "msg_1" in seen


def test_a_claim_lapses_and_whoever_lost_it_takes_nothing_back() -> None:
    clock = Clock()
    seen = SeenEvents(lease=60, clock=clock)
    with pytest.raises(ZeroDivisionError), seen.once("msg_1"):  # noqa: PT012
        clock.now += 61
        with seen.once("msg_1") as first:
            assert first
        _ = 1 / 0
    assert "msg_1" in seen


def test_ids_are_forgotten_in_the_end() -> None:
    clock = Clock()
    seen = SeenEvents(keep=100, clock=clock)
    with seen.once("msg_1"):
        pass
    clock.now += 99
    assert "msg_1" in seen
    clock.now += 2
    assert "msg_1" not in seen
    with seen.once("msg_1") as first:
        assert first


def test_of_64_threads_one_is_first() -> None:
    seen = SeenEvents()
    start, told = threading.Barrier(64), []

    def come() -> None:
        start.wait()
        try:
            with seen.once("msg_1") as first:
                told.append(first)
        except EventInProgress:
            told.append(None)

    threads = [threading.Thread(target=come) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 64
    assert told.count(True) == 1


WORKER = """
import sys, time
from resonance_helpers.webhooks import EventInProgress, SeenEvents
seen, first = SeenEvents(sys.argv[1]), 0
for number in range(50):
    try:
        with seen.once(f"msg_{number}") as mine:
            first += mine
    except EventInProgress:
        pass
print(first)
"""


def test_processes_share_a_file_and_it_outlives_them(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    workers = [
        subprocess.Popen([sys.executable, "-c", WORKER, path], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    firsts = [int(worker.communicate()[0]) for worker in workers]
    assert sum(firsts) == 50
    seen = SeenEvents(path)
    assert all(f"msg_{number}" in seen for number in range(50))
    seen.close()
