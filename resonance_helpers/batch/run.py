"""`run_batch`: many requests at once, each done exactly once, whatever happens on the way."""

from __future__ import annotations

import concurrent.futures
import contextvars
import math
import os
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

from ..client.api import ResonanceOSAPIClient
from ..client.errors import OutcomeUnknownError, ResonanceError
from ..client.system import needing
from ..client.transport import arguments
from ..client.transport.arguments import kind
from ..client.transport.quota import RETRY_COST
from ..progress import TICK, Snapshot, Stopped, in_notebook, progress_for
from .attempts import Here, InvalidRequestError, Remote, is_final
from .crew import Crew
from .dispatcher import Dispatcher, Waker
from .intake import KEY_LIFETIME, Intake, too_long
from .interrupts import Interrupts
from .items import Item
from .journal import Answers, Journal, JournalError
from .queue import WorkQueue
from .report import BatchReport
from .stats import Tally

__all__ = ["run_batch"]

LOOK_AHEAD = 1024
"""Requests read from the input before they are needed, at most, and as many put aside."""

LONGEST_HOLD = 120.0
"""Seconds for which a batch lets the rate limit hold it up; a day's quota that is spent stops
it."""

GRACE = 2.0
"""Seconds that a stopped batch waits for the answers to what is under way."""

LONGEST_ROUND = 60.0
"""Seconds, at most, until an item that was given up is tried again, where there is time."""

PROBE = 1.0
"""Seconds between two attempts while the retry budget is spent."""


def run_batch(
    client: ResonanceOSAPIClient | Callable[[], ResonanceOSAPIClient],
    requests: Iterable[Mapping[str, Any] | str],
    *,
    concurrency: int = 8,
    executor: Executor | None = None,
    journal: str | os.PathLike[str] | None = None,
    progress: bool | Callable[[Snapshot], object] = True,
    until: float | None = None,
) -> BatchReport:
    """Generate content for every request, `concurrency` of them at a time.

    One failure never stops the rest. A request that has to wait is put aside while others go, and
    all of them together keep to the server's rate limit.

    Args:
        client: a client, or a function that makes one. An executor of processes needs the
            function, which runs once in each worker and reads its secret there.
        requests: dicts of `generate_content`'s arguments, or prompts. Any iterable; it is read
            as needed, in the calling thread.
        concurrency: requests under way at once, 1 or more.
        executor: any `concurrent.futures.Executor` to make the calls in; threads of the batch's
            own where there is none. A smaller pool of threads has fewer under way.
        journal: a file that makes the batch resumable: call `run_batch` again with the same
            requests and the same file, and it goes on where it was killed, and no request has its
            effect twice. Answers are then kept in the file, not in memory.
        progress: shown where there is someone to see it (True), not at all (False), or each
            `Snapshot` handed to a function.
        until: for so many seconds from now go on until every failure is final: what would be left
            to a next run is tried again in this one. None: leave it.

    Returns:
        The report. After Ctrl-C too, and when the server's quota is spent for longer than two
        minutes (or `until`): `stopped` says so, and `stats` what was left undone. A second Ctrl-C
        raises KeyboardInterrupt.

        In a notebook, *Stop* ends the cell instead: `Stopped`, a KeyboardInterrupt, says how far
        the batch had come, and has the `report`.

    Raises:
        TypeError, ValueError: an argument is wrong; nothing was sent.
        SystemLimitError: the machine has no more files to open; nothing was sent.
        JournalError: the journal belongs to another batch, is in use, damaged, or can't be
            written any more.
        Exception: what the input raised, or an executor that died. What was under way is
            finished first, and a journal is good to resume from.
    """
    if hasattr(requests, "columns") and hasattr(requests, "to_dict"):  # it would give their names
        raise TypeError(f"requests is a {kind(requests)}. Fix: give its rows: .to_dict('records')")
    if isinstance(requests, str | bytes | Mapping) or not isinstance(requests, Iterable):
        raise TypeError(f"requests is a {kind(requests)}; give a list of requests")
    concurrency = arguments.whole("concurrency", concurrency, 1, arguments.MOST)
    until = arguments.optional_seconds("until", until)
    if journal is not None:
        journal = arguments.file("journal", journal)
    if not (callable(progress) or isinstance(progress, bool)):
        raise TypeError(f"progress is a {kind(progress)}; it has to be True, False or a function")
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise TypeError(f"executor is a {kind(executor)}, not one of concurrent.futures")
    source = iter(requests)
    total = len(requests) if isinstance(requests, Sized) else None
    with Journal(journal) if journal is not None else nullcontext() as book:
        if book and total is not None and total < book.known:
            raise too_long(book, total)
        batch = book.id if book else uuid.uuid4().hex
        pool = executor if isinstance(executor, ThreadPoolExecutor) else None
        # None on a Python 3.14 that has no interpreters.
        interpreters = getattr(concurrent.futures, "InterpreterPoolExecutor", None) or ()
        if isinstance(pool, interpreters):
            pool = None  # its threads, from Python 3.14 on, share nothing with this one
        attempts: Here | Remote
        if executor is None or pool is not None:
            attempts = Here(client, starts=pool is None)
        else:
            attempts = Remote(client, executor, batch)  # type: ignore[arg-type]
        run = _Run(attempts, batch, book, until or 0.0)
        return run.run(source, total, concurrency, pool, progress)


class _Run:
    """One run of a batch.

    The calling thread feeds it, a dispatcher hands its items out, and that thread or those of the
    crew carry them out.
    """

    def __init__(
        self, attempts: Here | Remote, batch: str, journal: Journal | None, until: float
    ) -> None:
        self._attempts = attempts
        self._batch = batch
        self._journal = journal
        self._answers = Answers(journal.path) if journal else None
        with needing("the batch can't begin"):
            self._waker = Waker()
        self._queue = WorkQueue(
            attempts.limiter,
            look_ahead=LOOK_AHEAD,
            aside=LOOK_AHEAD,
            wake=self._waker,
            clock=time.monotonic,
        )
        self._interrupts = Interrupts()
        self._tally = Tally()
        self._records: dict[int, dict[str, Any]] = {}
        self._unanswered: set[int] = set()
        self._error: BaseException | None = None
        self._stopped: str | None = None
        self._closed = False
        self._probed = -math.inf
        self._shown = -math.inf
        self._began = time.monotonic()
        self._until = self._began + until
        self._epoch = time.time() - self._began

    # -- the calling thread ----------------------------------------------------------------------

    def run(
        self,
        source: Iterator[Mapping[str, Any] | str],
        total: int | None,
        size: int,
        pool: ThreadPoolExecutor | None,
        progress: bool | Callable[[Snapshot], object],
    ) -> BatchReport:
        """Carry the batch out, or as much of it as can be; the report."""
        try:
            if self._answers:
                self._attempts.limiter.recall(self._recall(self._answers))
            shown = progress_for(progress)
        except BaseException:
            self._waker.close()
            raise
        crew = Crew(self._work, size, self._waker, pool)
        dispatch = contextvars.copy_context().run
        dispatching: threading.Thread | None = threading.Thread(
            target=dispatch, args=(self._dispatch, crew), name="batch", daemon=True
        )
        intake = Intake(
            source, self._batch, self._journal, self._tally, self._interrupts, self._fail
        )

        def feed(timeout: float) -> bool:
            return self._feed_more(intake, lambda: shown.show(self._snapshot(total)), timeout)

        self._attempts.limiter.watch(self._waker)
        with self._interrupts:
            try:
                try:
                    assert dispatching is not None
                    dispatching.start()
                except RuntimeError:  # no thread can be had: then this one does both
                    dispatching = None
                    self._dispatch(crew, lambda: feed(0) or self._queue.stop())
                while dispatching and feed(TICK):
                    pass
            except KeyboardInterrupt:
                if self._interrupts.count > 1:
                    raise
            finally:
                done = self._queue.stop()
                grace = None if done else GRACE
                if dispatching:
                    dispatching.join(grace)
                crew.wait(grace)
                self._attempts.limiter.unwatch(self._waker)
                self._closed = True
            interrupted = self._interrupts.count > 0 and not done
            if interrupted:
                self._stopped = "interrupted by Ctrl-C"
            shown.close(self._snapshot(total))
        if self._error is not None and not self._stopped:
            raise self._error
        report = self._report(total)
        if interrupted and in_notebook():
            raise Stopped(self._how_far(total), report)  # nothing else of the cell is to start
        return report

    def _recall(self, answers: Answers) -> Iterator[float]:
        """Take over what ended in earlier runs; when each request left, in seconds since 1970."""
        for record in answers:
            self._tally.recall(record, resumed=True)
            if record["attempts"]:
                again = record["attempts"] > 1
                yield record["started"] + (record["seconds"] if again else 0.0)

    def _how_far(self, total: int | None) -> str:
        """One sentence about a batch that was stopped, and how to go on where one can."""
        ended = str(self._tally.successful + self._tally.failed)
        far = ended if total is None else f"{ended} of {total}"
        if self._unanswered:
            far += f" ({len(self._unanswered)} more were sent and have no answer yet)"
        on = " To go on, run it again with the same journal." if self._journal else ""
        return f"Stopped: {far}, the rest was not sent.{on}"

    def _report(self, total: int | None) -> BatchReport:
        known = max(total or 0, self._journal.known if self._journal else 0)
        self._tally.take(max(0, known - self._tally.total))  # those that were not read
        records = [self._records[index] for index in sorted(self._records)]
        return BatchReport(
            self._tally.stats(time.monotonic() - self._began),
            self._answers or records,
            stopped=self._stopped,
            journal=self._answers.path if self._answers else None,
        )

    def _snapshot(self, total: int | None) -> Snapshot:
        seconds = time.monotonic() - self._began
        return self._tally.snapshot(total, self._queue.waiting, seconds)

    def _feed_more(self, intake: Intake, show: Callable[[], None], timeout: float) -> bool:
        """Feed what is wanted within `timeout` seconds; whether there may be more to do."""
        if self._queue.over or self._interrupts.count:
            return False
        if wanted := self._queue.wanted(timeout):
            items, ended = intake.block(wanted)
            self._error = self._error or intake.error
            self._queue.feed(items, last=ended)
        now = time.monotonic()
        if now - self._shown >= TICK:
            self._shown = now
            show()
            held = self._queue.held
            if held > max(LONGEST_HOLD, self._until - now):
                minutes = math.ceil(held / 60)
                self._stopped = f"the server takes no more requests for {minutes:,} minutes"
                return False
        return True

    # -- the dispatcher and its crew -------------------------------------------------------------

    def _dispatch(self, crew: Crew, meanwhile: Callable[[], object] | None = None) -> None:
        """Hand the items out until all are settled; if it can be had, in a thread of its own."""
        try:
            with needing("the batch can't begin"):
                dispatcher = Dispatcher(
                    self._take, self._attempts.start, self._carry_out, self._save, crew, self._waker
                )
            dispatcher.run(lambda: self._queue.over, meanwhile)
        except BaseException as error:
            self._break_off(error)
        finally:
            crew.dismiss()
            self._waker.close()

    def _break_off(self, error: BaseException) -> None:
        """A journal or an executor is no more, or there is a mistake."""
        if not self._queue.over:
            self._error = error
        self._queue.stop()

    def _take(self) -> Item | float:
        """The next item that may go, with one more attempt begun; or the moment to ask again."""
        while isinstance(item := self._queue.take(), Item):
            try:
                if item.starved is not None and not self._paid(item):
                    continue
            except JournalError as error:  # what is in flight is picked up all the same
                self._break_off(error)
                continue
            if not item.attempts:
                item.began = time.monotonic()
                item.started = self._since_1970(item.began)
                self._unanswered.add(item.index)
            item.attempts += 1
            break
        return item

    def _since_1970(self, moment: float) -> float:
        """A moment just now; evenly, but where the clocks part: a laptop sleeps, or one is set."""
        epoch = time.time() - time.monotonic()
        if abs(epoch - self._epoch) > 1:
            self._epoch = epoch
        return self._epoch + moment

    def _carry_out(self, item: Item) -> None:
        try:
            self._attempt(item)
        except BaseException as error:
            self._break_off(error)

    def _work(self, item: Item) -> None:
        self._carry_out(item)
        self._save()

    def _save(self) -> None:
        if self._journal:
            try:
                self._journal.commit()
            except JournalError as error:
                self._break_off(error)

    def _attempt(self, item: Item) -> None:
        outcome = self._attempts.make(item)
        error = outcome.error
        if error is None:
            if item.starved is not None:
                self._attempts.quota.refund(RETRY_COST)
            self._end(
                item, success=True, final=True, harmless=False, result=dict(outcome.answer or {})
            )
            self._queue.settle()
            return
        item.doubt |= isinstance(error, OutcomeUnknownError)
        if outcome.wait is None:
            if not self._begin_anew(item, error):
                self._fail(item, error)
                self._queue.settle()
            return
        # One that is not starved has paid for its next attempt.
        item.starved = (item.starved or time.monotonic()) if outcome.starved else None
        item.error = error
        self._queue.put_aside(item, outcome.wait)

    def _begin_anew(self, item: Item, error: ResonanceError) -> bool:
        """Put an item aside that would be left to a next run, if this one has the time."""
        item.rounds += 1
        wait = min(2.0 ** min(item.rounds, 10), LONGEST_ROUND) * (1 + random.random()) / 2
        wait = max(wait, error.retry_after or 0.0)
        too_late = time.monotonic() + wait > self._until
        if too_late or is_final(error) or time.time() + wait - item.started > KEY_LIFETIME:
            return False
        item.call, item.starved, item.spent = None, None, item.attempts
        self._queue.put_aside(item, wait)
        return True

    def _paid(self, item: Item) -> bool:
        """Whether an item that waits for the retry budget may go now.

        Else it is put aside again, or given up. One at a time may go unpaid: somebody has to find
        out that the server is back.
        """
        now = time.monotonic()
        assert item.starved is not None
        assert item.error is not None
        if self._attempts.quota.pay(RETRY_COST):
            return True
        if now - self._probed >= PROBE:
            self._probed = now
            return True
        if now - item.starved > self._attempts.patience and now > self._until:
            self._queue.give_back(item)
            self._fail(item, item.error)
            self._queue.settle()
        else:
            self._queue.give_back(item, PROBE)
        return False

    def _fail(self, item: Item, error: ResonanceError, final: bool | None = None) -> None:
        error.attempts = item.attempts
        doubt = item.doubt or isinstance(error, OutcomeUnknownError)
        if final is None:
            final = is_final(error)
        harmless = isinstance(error, InvalidRequestError) or not (final or doubt)
        result = error.as_dict()
        self._end(item, success=False, final=final, harmless=harmless, result=result)

    def _end(
        self, item: Item, *, success: bool, final: bool, harmless: bool, result: dict[str, Any]
    ) -> None:
        seconds = time.monotonic() - item.began if item.attempts else 0.0
        self._unanswered.discard(item.index)
        if self._closed:
            return  # too late for the report; a next run will hear the answer again
        fields: dict[str, Any] = {
            "success": success,
            "final": final,
            "attempts": item.attempts,
            "started": item.started or time.time(),
            "seconds": seconds,
            "result": result,
        }
        if not self._journal:
            self._records[item.index] = {"item": item.index, "request": item.request, **fields}
        elif item.text:
            self._journal.answer(item.index, harmless=harmless, **fields)
        else:
            self._journal.refuse(item.index, item.request, **fields)
        self._tally.end(success=success, attempts=item.attempts, seconds=seconds)
