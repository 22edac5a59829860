"""Makes timed calls from several threads, at moments fixed beforehand or one after another."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..client.errors import ResonanceError
from ..client.system import needing
from ..progress import SILENT, TICK, Progress, Snapshot, Stopped
from .run import Sample

__all__ = ["MOST_CALLS", "MOST_WORKERS", "Generates", "Plan", "execute"]

MOST_CALLS = 20_000
MOST_WORKERS = 256


GRACE = 0.5
"""Seconds that calls under way may take to end after an interrupt."""


class Generates(Protocol):
    """What is measured: anything that generates as the client does."""

    @property
    def generate_content(self) -> Callable[..., dict[str, Any]]:
        """A function of a prompt, and perhaps of more: an answer, or an error dict."""
        ...


@dataclass(frozen=True)
class Plan:
    """Which calls to make, and when.

    Attributes:
        prompts: One for each call, in order.
        parameters: Sent with every call.
        workers: Threads, each with one call under way at most.
        due: Seconds from the beginning at which each call is due, ascending; None in a closed
            loop, where a worker makes its next call as soon as the last one is answered.
        last_start: Seconds after which no further call is sent.
        on_sample: Told of each call when it ends, from the thread that made it.
        stop: Set it, from anywhere, to send no further call. What falls due later is no part of
            the run; what is due already and has not been sent counts as a failure. Set before
            the run begins, nothing falls due.
        progress: Is shown how far the run is.
    """

    prompts: Sequence[str]
    parameters: Mapping[str, Any]
    workers: int
    due: Sequence[float] | None = None
    last_start: float = float("inf")
    on_sample: Callable[[Sample], None] | None = None
    stop: threading.Event | None = None
    progress: Progress = SILENT


def execute(
    client: Generates,
    plan: Plan,
    *,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] | None = None,
) -> tuple[list[Sample], float]:
    """Carry a plan out. Returns its samples in the plan's order and the seconds it took.

    What a client raises other than a `ResonanceError` (a wrong argument, say) stops the run and
    is raised here. `clock` and `sleep` are for tests.
    """
    stop = plan.stop or threading.Event()
    wait = sleep or stop.wait  # an interrupt must not have to wait for the next call to be due
    samples: list[Sample | None] = [None] * len(plan.prompts)
    broken: list[BaseException] = []
    turn = iter(range(len(plan.prompts)))
    mutex = threading.Lock()
    workers = 0 if stop.is_set() else min(plan.workers, len(plan.prompts))
    meter = _Meter(len(plan.prompts), plan.progress)
    # Give the threads a moment to start, so that the first calls can be on time.
    zero = clock() + (0.02 if plan.due is not None and workers > 1 else 0.0)

    def work() -> None:
        try:
            while True:
                with mutex:
                    place = next(turn, None)
                if place is None:
                    return
                samples[place] = sample = one(place)
                if sample:
                    meter.count(sample)
                    if plan.on_sample:
                        plan.on_sample(sample)
                if workers == 1:
                    meter.show()
        except BaseException as error:
            broken.append(error)
            stop.set()

    def one(place: int) -> Sample | None:
        prompt = plan.prompts[place]
        due = None if plan.due is None else plan.due[place]
        # A worker takes the next call and then waits until it is due. While one is free, calls go
        # out on time; when all are held up, the calls are late, and their waiting is counted.
        if due is not None and due <= plan.last_start:
            while (early := zero + due - clock()) > 0 and not stop.is_set():
                wait(early)
        sent = clock() - zero
        if stop.is_set() and (due is None or due > sent):
            return None  # it never fell due
        if stop.is_set() or sent > plan.last_start:
            return Sample(len(prompt), sent if due is None else due, sent, sent, "not-sent")
        answer = _generate(client, prompt, plan.parameters)
        finished = clock() - zero
        return _sample(prompt, sent if due is None else due, sent, finished, answer)

    try:
        _run_all(work, workers, stop, meter.show)
        if broken:
            raise broken[0]
    except KeyboardInterrupt:
        raise stopped(meter.now) from None
    finally:
        plan.progress.close(meter.now)
    return [sample for sample in samples if sample is not None], clock() - zero


def stopped(far: Snapshot) -> Stopped:
    """What an interrupt of a measurement becomes."""
    return Stopped(f"Stopped: {far.ended} of {far.total} calls had ended; no other is sent.")


class _Meter:
    """Counts the calls that have ended, and shows it now and then."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total, self._progress = total, progress
        self._began = self._shown = time.monotonic()
        self._counts: Counter[str] = Counter()
        self._mutex = threading.Lock()

    def count(self, sample: Sample) -> None:
        """One more has ended; from any thread."""
        if sample.failure != "not-sent":
            with self._mutex:
                self._counts["successful" if sample.ok else "failed"] += 1
                self._counts["retries"] += sample.attempts - 1

    def show(self) -> None:
        """Show how far it is, unless that was done a moment ago; from the calling thread."""
        if time.monotonic() - self._shown >= TICK:
            self._shown = time.monotonic()
            self._progress.show(self.now)

    @property
    def now(self) -> Snapshot:
        """How far it is."""
        with self._mutex:
            good, bad, retries = (self._counts[k] for k in ("successful", "failed", "retries"))
        seconds = time.monotonic() - self._began
        rate = (good + bad) / seconds if seconds else 0.0
        return Snapshot(good + bad, self._total, good, bad, retries, 0, seconds, rate)


def _run_all(
    work: Callable[[], None], workers: int, stop: threading.Event, tick: Callable[[], None]
) -> None:
    if workers == 1:
        work()
        return
    threads = [threading.Thread(target=work, name=f"load-{i}", daemon=True) for i in range(workers)]
    try:
        with needing(f"{workers} callers can't begin"):
            for thread in threads:
                thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(TICK)
                tick()
    except BaseException:
        stop.set()  # an interrupt: what is under way then ends by the client's own timeout
        end = time.monotonic() + GRACE
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))
        raise


def _generate(client: Generates, prompt: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return client.generate_content(prompt, **parameters)
    except ResonanceError as error:  # of a client with on_error="raise"
        return error.as_dict()


def _sample(
    prompt: str, due: float, sent: float, finished: float, answer: Mapping[str, Any]
) -> Sample:
    failed = answer.get("status") == "error"
    return Sample(
        prompt_length=len(prompt),
        due=due,
        sent=sent,
        finished=finished,
        failure=str(answer.get("type") or "error") if failed else "",
        server=getattr(answer, "server_time", None),
        content_length=0 if failed else len(answer.get("article", "")),
        hrv_feedback=None if failed else answer.get("hrv_feedback"),
        attempts=getattr(answer, "attempts", 0) or answer.get("attempts", 1),
    )
