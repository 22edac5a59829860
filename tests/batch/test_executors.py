"""The same batch in threads that someone lends, in processes, and on a Dask cluster."""

from __future__ import annotations

import concurrent.futures
import functools
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

from benchmarks.server import Running
from resonance_helpers.batch import WorkerSetupError, run_batch
from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.client.transport import RetryPolicy
from tests.support.waiting import eventually

PROMPTS = [f"prompt {number}" for number in range(40)]
SPAWN = multiprocessing.get_context("spawn")


def make_client(url: str) -> ResonanceOSAPIClient:
    return ResonanceOSAPIClient(url, retry=RetryPolicy(max_attempts=12, base=0.01))


def no_client() -> ResonanceOSAPIClient:
    raise LookupError("RESONANCE_API_KEY is not set")


def check(report, server: Running, items: int = len(PROMPTS)) -> None:
    assert report.stats.successful == items
    counted = server.stats()
    assert (counted["effects"], counted["duplicates"]) == (items, 0)


def test_a_pool_of_threads(cheap):
    cheap.reset(fault_rate=0.2)
    with ThreadPoolExecutor(3) as pool:
        check(run_batch(make_client(cheap.url), PROMPTS, concurrency=8, executor=pool), cheap)
        assert pool.submit(threading.active_count).result()  # it is there for others again


def test_an_executor_that_runs_at_once(cheap):
    class AtOnce(Executor):
        def submit(self, function, /, *args, **kwargs):
            future = Future()
            future.set_result(function(*args, **kwargs))
            return future

    cheap.reset(fault_rate=0.0)
    factory = functools.partial(make_client, cheap.url)
    check(run_batch(factory, PROMPTS, concurrency=2, executor=AtOnce()), cheap)


def test_a_pool_of_processes(cheap):
    cheap.reset(fault_rate=0.2)
    factory = functools.partial(make_client, cheap.url)
    with ProcessPoolExecutor(2, mp_context=SPAWN) as pool:
        report = run_batch(factory, PROMPTS, concurrency=4, executor=pool)
        check(report, cheap)
        assert report.stats.retries == sum(cheap.stats()["faults"].values())

        failed = run_batch(factory, [{"promt": "x"}, "y"], executor=pool)
        assert [failure.type for failure in failed.failures] == ["invalid-request"]
        assert failed.stats.successful == 1

        with pytest.raises(WorkerSetupError, match="RESONANCE_API_KEY is not set"):
            run_batch(no_client, PROMPTS, executor=pool)


def test_processes_get_a_function_and_no_client(cheap):
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        with pytest.raises(TypeError, match="a client does not travel"):
            run_batch(make_client(cheap.url), PROMPTS, executor=pool)
        with pytest.raises(TypeError, match="at the top of a module"):
            run_batch(lambda: make_client(cheap.url), PROMPTS, executor=pool)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_an_executor_that_dies_leaves_a_journal_to_resume_from(cheap, tmp_path):
    cheap.reset(fault_rate=0.0, delay=0.02)
    factory = functools.partial(make_client, cheap.url)

    killed = []

    def kill_a_worker(snapshot):
        if snapshot.ended > 4 and not killed:
            killed.append(next(iter(pool._processes)))
            os.kill(killed[0], signal.SIGKILL)

    try:
        with (
            ProcessPoolExecutor(2, mp_context=SPAWN) as pool,
            pytest.raises(BrokenProcessPool),
        ):
            run_batch(
                factory,
                PROMPTS,
                concurrency=2,
                executor=pool,
                journal=tmp_path / "j",
                progress=kill_a_worker,
            )
        resumed = run_batch(factory, PROMPTS, journal=tmp_path / "j")
        assert resumed.stats.resumed > 0
        check(resumed, cheap)
    finally:
        cheap.reset(delay=0.002)


@pytest.fixture(scope="module")
def dask():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_a_dask_cluster(cheap, dask):
    cheap.reset(fault_rate=0.2)
    report = run_batch(
        lambda url=cheap.url: make_client(url), PROMPTS, executor=dask.get_executor()
    )
    check(report, cheap)


def test_a_dask_worker_that_is_killed_costs_nothing(cheap, dask):
    cheap.reset(fault_rate=0.0, delay=0.05)
    killed = []

    def kill_a_worker(snapshot):
        if snapshot.ended >= 8 and not killed:
            pids = dask.run(os.getpid)
            killed.append(next(iter(pids.values())))
            os.kill(killed[0], signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    try:
        report = run_batch(
            functools.partial(make_client, cheap.url),
            PROMPTS,
            concurrency=4,
            executor=dask.get_executor(),
            progress=kill_a_worker,
        )
        assert killed
        check(report, cheap)
        assert eventually(lambda: len(dask.scheduler_info()["workers"]) >= 2)
    finally:
        cheap.reset(delay=0.002)


class Apart(ThreadPoolExecutor):
    """As a pool of interpreters: a pool of threads to which functions travel."""

    def submit(self, function, /, *args, **kwargs):
        return super().submit(unpacked, pickle.dumps((function, args, kwargs)))


def unpacked(packed):
    function, args, kwargs = pickle.loads(packed)
    return function(*args, **kwargs)


def test_a_pool_of_interpreters(cheap, monkeypatch):
    cheap.reset(fault_rate=0.0)
    pools = [Apart]
    if sys.version_info >= (3, 14):
        pools.append(concurrent.futures.InterpreterPoolExecutor)
    for kind in pools:
        monkeypatch.setattr(concurrent.futures, "InterpreterPoolExecutor", kind, raising=False)
        cheap.reset()
        with kind(2) as pool:
            with pytest.raises(TypeError, match="a client does not travel"):
                run_batch(make_client(cheap.url), PROMPTS, executor=pool)
            factory = functools.partial(ResonanceOSAPIClient, cheap.url)
            check(run_batch(factory, PROMPTS, concurrency=2, executor=pool), cheap)


def test_a_pool_of_threads_where_there_are_no_interpreters(cheap, monkeypatch):
    cheap.reset(fault_rate=0.0)
    monkeypatch.setattr(concurrent.futures, "InterpreterPoolExecutor", None, raising=False)
    with ThreadPoolExecutor(2) as pool:
        check(run_batch(make_client(cheap.url), PROMPTS, executor=pool), cheap)


@pytest.mark.parametrize("how", ["can't begin", "is shut down"])
def test_a_pool_of_threads_that_gives_no_place_is_not_waited_for(cheap, how):
    if how == "can't begin":
        pool, says = ThreadPoolExecutor(2, initializer=no_client), "initializer failed"
    else:
        pool, says = ThreadPoolExecutor(1), "was shut down before"
    raised = []

    def run():
        try:
            run_batch(make_client(cheap.url), PROMPTS, executor=pool)
        except RuntimeError as error:
            raised.append(str(error))

    busy = threading.Event()
    if how == "is shut down":
        pool.submit(busy.wait)
    running = threading.Thread(target=run, daemon=True)
    running.start()
    if how == "is shut down":
        assert eventually(lambda: pool._work_queue.qsize() == 1)
        pool.shutdown(wait=False, cancel_futures=True)
    running.join(30)
    busy.set()
    assert len(raised) == 1
    assert says in raised[0]
