"""One attempt at one item: in this process over a shared client, or in a worker of an executor."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import dataclass, replace
from typing import Any

from ..client.api import ResonanceOSAPIClient
from ..client.errors import ClientError, NotFoundError, OutcomeUnknownError, ResonanceError
from ..client.transport import Call, InFlight, Later, Limiter, RetryPolicy
from ..client.transport.quota import RetryQuota
from ..client.transport.rate_limit import RATE_LIMIT_HEADERS
from .items import Item

__all__ = [
    "Here",
    "InvalidRequestError",
    "Outcome",
    "Remote",
    "WorkerSetupError",
    "is_final",
]


OF_THE_REQUEST = (400, 404, 410, 413, 414, 415, 422)
"""Refusals of what was asked. The others are of the caller, the way or the moment (401, 402, 403,
405, 421, 425, 429, 451, ...): a next run tries again."""


class InvalidRequestError(ResonanceError, ValueError):
    """The request could not even be put into words: an argument is missing, unknown or wrong."""

    type = "invalid-request"
    category = "validation"


def is_final(error: ResonanceError) -> bool:
    """Whether the same request would fail in the same way again.

    It is none, or the server has refused it for good. A 404 that names no tenant or profile is that
    of a wrong address, or of a gateway behind which nobody is.
    """
    refused = isinstance(error, ClientError) and error.response_code in OF_THE_REQUEST
    astray = type(error) is NotFoundError
    return isinstance(error, InvalidRequestError) or (refused and not astray)


class WorkerSetupError(RuntimeError):
    """The function that makes the client failed in a worker."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: an `answer`, or an `error`.

    Attributes:
        wait: seconds until the next attempt; None for never.
        starved: the error may pass, but there is no next attempt as long as the retry budget is
            spent.
        told: what the answer's headers said of the server's rate limit, from another process;
            None if there was no answer.
    """

    answer: dict[str, Any] | None = None
    error: ResonanceError | None = None
    wait: float | None = None
    starved: bool = False
    told: Mapping[str, str] | None = None


class Here:
    """Attempts over one client that all threads share.

    Args:
        starts: whether a request may be sent before there is a thread that waits for its answer.

    Attributes:
        quota: the budget out of which retries are paid.
        patience: seconds for which an item waits for that budget.
        limiter: says when the next attempt may be made.
    """

    def __init__(
        self, client: ResonanceOSAPIClient | Callable[[], ResonanceOSAPIClient], *, starts: bool
    ) -> None:
        self._client = _made(client)
        self._starts = starts
        self.quota = self._client.retry_quota
        self.patience = self._client.retry.max_wait
        self.limiter = self._client.limiter

    def start(self, item: Item) -> InFlight | None:
        """Send the request of the next attempt at `item`, if that takes no waiting."""
        try:
            return self._call(item).start() if self._starts else None
        except (TypeError, ValueError):  # `make` says so
            return None

    def make(self, item: Item) -> Outcome:
        """Make the next attempt at `item`, or go on with it; waits for its outcome."""
        try:
            call = self._call(item)
        except (TypeError, ValueError) as error:
            self.limiter.kept(item.ticket)
            return Outcome(error=InvalidRequestError(_plainly(error)))
        return _attempt(self._client, call)

    def _call(self, item: Item) -> Call:
        if item.call is None:
            item.call = self._client.prepare_generation(**item.request, idempotency_key=item.key)
        item.call.ticket = item.ticket
        return item.call


class Remote:
    """As `Here`, in the workers of an executor, each of which makes a client of its own, once.

    The key of an item is fixed before it goes out. So if a worker is killed and the executor runs
    its task again, the server recognises the request.

    Raises:
        TypeError: `factory` is a client, or can't travel to another process.
    """

    def __init__(
        self, factory: Callable[[], ResonanceOSAPIClient], executor: Executor, batch: str
    ) -> None:
        if not callable(factory):
            raise TypeError(
                "this executor may run in other processes, and a client does not travel; "
                "give run_batch a function that makes one, which runs in each worker"
            )
        if isinstance(executor, ProcessPoolExecutor | ThreadPoolExecutor):  # of interpreters
            try:
                pickle.dumps(factory)
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise TypeError(
                    "the function that makes the client has to travel to other processes; "
                    f"define it at the top of a module ({error})"
                ) from None
        self._factory = factory
        self._executor = executor
        self._batch = batch
        self.quota = RetryQuota()
        self.patience = RetryPolicy().max_wait
        self.limiter = Limiter()

    def start(self, item: Item) -> None:
        return None

    def make(self, item: Item) -> Outcome:
        task = self._executor.submit(
            _in_worker,
            self._factory,
            self._batch,
            item.request,
            item.key,
            item.attempts - item.spent,
        )
        try:
            outcome = task.result()
        except (BrokenExecutor, WorkerSetupError):
            raise  # nothing that comes after could go better
        except (Exception, CancelledError) as error:
            kind = type(error).__name__
            outcome = Outcome(error=OutcomeUnknownError(f"The executor lost the task ({kind})."))
        if isinstance(outcome.error, InvalidRequestError):
            self.limiter.kept(item.ticket)
        else:
            self.limiter.ended(item.ticket, outcome.told, outcome.error)
        return outcome


_made_here: dict[str, ResonanceOSAPIClient] = {}
_making = threading.Lock()


def _in_worker(
    factory: Callable[[], ResonanceOSAPIClient],
    batch: str,
    request: dict[str, Any],
    key: str,
    attempts: int,
) -> Outcome:
    with _making:
        client = _made_here.get(batch)
        if client is None:
            for old in _made_here.values():
                old.close()
            _made_here.clear()
            try:
                client = _made_here[batch] = _made(factory)
            except Exception as error:
                raise WorkerSetupError(f"no client in the worker: {error}") from None
    try:
        call = client.prepare_generation(**request, idempotency_key=key)
    except (TypeError, ValueError) as error:
        return Outcome(error=InvalidRequestError(_plainly(error)))
    call.attempts = attempts - 1  # those before this one were made in other workers, perhaps
    return replace(_attempt(client, call), told=_told(call))


def _attempt(client: ResonanceOSAPIClient, call: Call) -> Outcome:
    policy = client.retry
    try:
        outcome = call.attempt()
    except ResonanceError as error:
        starved = (
            error.retryable
            and call.attempts < policy.max_attempts
            and (error.retry_after or 0.0) <= policy.max_wait
            and client.deadline is None
        )
        wait = policy.wait(call.attempts, error.retry_after) if starved else None
        return Outcome(error=error, wait=wait, starved=starved)
    if isinstance(outcome, Later):
        wait = max(0.0, outcome.at - policy.clock())
        return Outcome(error=outcome.error, wait=wait)
    return Outcome(answer=outcome)


def _told(call: Call) -> Mapping[str, str] | None:
    """What a limiter reads, as it travels between processes."""
    if call.heard is None:
        return None
    return {name: call.heard[name] for name in RATE_LIMIT_HEADERS if name in call.heard}


def _made(
    client: ResonanceOSAPIClient | Callable[[], ResonanceOSAPIClient],
) -> ResonanceOSAPIClient:
    made = client if isinstance(client, ResonanceOSAPIClient) else None
    if made is None and callable(client):
        made = client()
    if not isinstance(made, ResonanceOSAPIClient):
        kind = type(client if made is None else made).__name__
        raise TypeError(f"a batch needs a client, or a function that makes one, not a {kind}")
    return made


def _plainly(error: Exception) -> str:
    """What Python says of wrong arguments, in the terms of the method that people know."""
    said = str(error).replace("prepare_generation", "generate_content")
    return said.replace("ResonanceOSAPIClient.", "")
