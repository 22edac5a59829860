"""Each event once: whichever thread or process asks, and whatever becomes of the first."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.queues
import multiprocessing.synchronize
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resonance_helpers.webhooks import EventInProgress, SeenEvents
from tests.support.clock import Clock
from tests.support.forks import forks, in_a_fork


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
    clock = Clock(1_000.0)
    seen = SeenEvents(lease=60, clock=clock)
    with pytest.raises(ZeroDivisionError), seen.once("msg_1"):  # noqa: PT012
        clock.now += 61
        with seen.once("msg_1") as first:
            assert first
        _ = 1 / 0
    assert "msg_1" in seen


@pytest.mark.parametrize("way", ["once", "transaction"])
def test_a_claim_of_before_the_clock_went_back_is_nobodys(tmp_path: Path, way: str) -> None:
    clock = Clock(1_000_000.0)
    died = SeenEvents(tmp_path / "events.db", lease=60, clock=clock).once("msg_1")
    died.__enter__()
    clock.now -= 59
    seen = SeenEvents(tmp_path / "events.db", lease=60, clock=clock)
    with pytest.raises(EventInProgress), getattr(seen, way)("msg_1"):
        pass  # a small step tells nothing
    clock.now -= 86_400
    with getattr(seen, way)("msg_1") as first:
        assert first
    assert "msg_1" in seen
    with getattr(seen, way)("msg_1") as first:
        assert not first


@pytest.mark.parametrize("name", ["event_id", "subject"])
def test_what_cannot_be_kept_is_told_before_it_is_handled(name: str) -> None:
    given = {"event_id": "msg_1", "subject": ""} | {name: "a\ud800"}
    seen = SeenEvents()
    for way in (seen.once, seen.transaction):
        with pytest.raises(ValueError, match=name), way(**given):
            raise AssertionError("it was handled")
    with seen.once("msg_1") as first:
        assert first


def test_ids_are_forgotten_in_the_end() -> None:
    clock = Clock(1_000.0)
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
from tests.support.forks import forks
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


# -- several processes ----------------------------------------------------------------------------


def at_once(path: str, gate: multiprocessing.synchronize.Event) -> None:
    gate.wait(30)
    SeenEvents(path).close()


@forks
def test_several_workers_may_make_the_file_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for attempt in range(4):
        gate = context.Event()
        path = str(tmp_path / f"{attempt}.db")
        workers = [context.Process(target=at_once, args=(path, gate)) for _ in range(4)]
        for worker in workers:
            worker.start()
        gate.set()
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0] * 4


def handle(seen: SeenEvents, event: str, go: multiprocessing.synchronize.Event) -> None:
    go.wait(30)
    with seen.once(event) as first:
        assert first


@forks
@pytest.mark.parametrize("held", [False, True])
def test_a_forked_worker_has_a_connection_of_its_own(tmp_path: Path, held: bool) -> None:
    context = multiprocessing.get_context("fork")
    seen = SeenEvents(tmp_path / "events.db")
    with seen.once("msg_0"):
        pass
    go = context.Event()
    with seen._lock if held else contextlib.nullcontext():  # as a thread holds it just then
        worker = context.Process(target=handle, args=(seen, "msg_1", go))
        worker.start()
    seen.close()  # the parent has no more use for it
    go.set()
    worker.join(60)
    assert worker.exitcode == 0
    with contextlib.closing(SeenEvents(tmp_path / "events.db")) as seen:
        assert "msg_1" in seen
        assert "msg_0" in seen


def share(seen: SeenEvents, firsts: multiprocessing.queues.Queue[str]) -> None:
    for number in range(50):
        with contextlib.suppress(EventInProgress), seen.once(f"msg_{number}") as mine:
            if mine:
                firsts.put(f"msg_{number}")


@forks
def test_forked_workers_share_what_their_parent_keeps_open(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    firsts = context.Queue()
    with contextlib.closing(SeenEvents(tmp_path / "events.db")) as seen:
        with seen.once("before"):
            pass
        workers = [context.Process(target=share, args=(seen, firsts)) for _ in range(4)]
        for worker in workers:
            worker.start()
        handled = [firsts.get(timeout=60) for _ in range(50)]
        for worker in workers:
            worker.join(60)
        assert [worker.exitcode for worker in workers] == [0] * 4
        assert firsts.empty()
        assert sorted(handled) == sorted(f"msg_{number}" for number in range(50))
        assert "before" in seen
        assert "msg_49" in seen
        with seen.once("after") as first:
            assert first


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        seen = SeenEvents(tmp_path / "events.db")
        with seen.once("msg_1"):
            pass
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert len(modes) > 1
    assert set(modes.values()) == {0o600}


def test_a_process_that_is_given_it_has_the_same_file(tmp_path: Path) -> None:
    seen = SeenEvents(tmp_path / "events.db", keep=100, lease=5, clock=time.time)
    with seen.once("msg_1"):
        pass
    there = pickle.loads(pickle.dumps(seen))
    assert "msg_1" in there
    assert (there._keep, there._lease) == (100, 5)
    with pytest.raises(TypeError, match="give them a file"):
        pickle.dumps(SeenEvents())


@pytest.mark.skipif(os.name == "nt", reason="a link takes a right of its own on Windows")
def test_so_is_one_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "events.db")
    before = os.umask(0o022)
    try:
        SeenEvents(tmp_path / "link.db").close()
    finally:
        os.umask(before)
    assert (tmp_path / "events.db").stat().st_mode & 0o777 == 0o600


@forks
def test_a_forked_worker_that_goes_elsewhere_has_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    seen = SeenEvents("events.db")
    with seen.once("msg_1"):
        pass

    def work() -> bool:
        os.chdir("elsewhere")  # as a daemon leaves the folder that it was started in
        return "msg_1" in seen

    assert in_a_fork(work) == "True"


# -- an event's own row ---------------------------------------------------------------------------


@pytest.fixture
def articles(tmp_path: Path) -> Iterator[SeenEvents]:
    path = tmp_path / "events.db"
    seen = SeenEvents(path)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE article (request_id TEXT PRIMARY KEY)")
    database.close()
    yield seen
    seen.close()


def rows(seen: SeenEvents) -> list[str]:
    return [str(row[0]) for row in seen._execute("SELECT request_id FROM article")]


def test_a_row_and_its_event_are_written_together(articles: SeenEvents) -> None:
    for _ in range(2):
        with articles.transaction("msg_1", "req_1") as database:
            if database is not None:
                database.execute("INSERT INTO article VALUES ('req_1')")
    assert rows(articles) == ["req_1"]
    assert "msg_1" in articles
    assert articles.handled(["req_1", "req_2"]) == {"req_1"}


def test_neither_is_where_the_block_raises(articles: SeenEvents) -> None:
    with pytest.raises(ZeroDivisionError), articles.transaction("msg_1") as database:  # noqa: PT012
        assert database is not None
        database.execute("INSERT INTO article VALUES ('req_1')")
        _ = 1 / 0
    assert rows(articles) == []
    assert "msg_1" not in articles


def killed(path: str) -> None:
    seen = SeenEvents(path)
    with seen.transaction("msg_1") as database:
        assert database is not None
        database.execute("INSERT INTO article VALUES ('req_1')")
        os.kill(os.getpid(), signal.SIGKILL)


@forks
def test_nor_where_the_process_is_killed(articles: SeenEvents, tmp_path: Path) -> None:
    worker = multiprocessing.get_context("fork").Process(
        target=killed, args=(str(tmp_path / "events.db"),)
    )
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    assert rows(articles) == []
    with articles.transaction("msg_1") as database:
        assert database is not None, "it comes again at once: no claim stands in its way"


def test_what_a_block_of_once_is_at_is_no_transactions(articles: SeenEvents) -> None:
    with (
        articles.once("msg_1"),
        pytest.raises(EventInProgress, match="msg_1"),
        articles.transaction("msg_1"),
    ):
        pass


def test_what_is_handled_is_forgotten_after_its_time() -> None:
    clock = Clock(1_000.0)
    seen = SeenEvents(keep=100, clock=clock)
    for number in range(50):
        with seen.once(f"msg_{number}", f"req_{number}"):
            clock.now += 10
    assert len(seen._execute("SELECT id FROM seen")) <= 12
    assert len(seen._execute("SELECT name FROM subject")) <= 12
    assert seen.handled(["req_0", "req_49"]) == {"req_49"}
