"""The client for asyncio: the same calls over the same transport, to await.

>>> async with AsyncResonanceOSAPIClient("http://localhost:8000") as api:
...     answer = await api.generate_content("The future of artificial intelligence")
...     async for profile in api.iter_profiles():
...         print(profile["profile_name"])

Each call runs in a thread of the client's own, with the context variables of who awaits it. So all
that is said of `ResonanceOSAPIClient` holds here, and what hooks into `requests` sees each call.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar
from weakref import WeakKeyDictionary

from requests.auth import AuthBase

from .api import ResonanceOSAPIClient
from .system import needing
from .transport.arguments import whole
from .transport.cancellation import Cancellation, UnderWay
from .transport.fork import renewed_in_child

if TYPE_CHECKING:
    from typing import Unpack

    from .types import ClientOptions

__all__ = ["AsyncResonanceOSAPIClient", "idempotency_key_of"]

MOST_CONCURRENT = 10_000
"""Threads, at most: each call under way has one."""

_P = ParamSpec("_P")
_R = TypeVar("_R")
_END: Any = object()


def idempotency_key_of(error: BaseException | None) -> str | None:
    """The key of the call that a task was cancelled in, if it may have been carried out.

    With it, the same call again learns what became of the first one, and does no work twice.

    >>> try:
    ...     async with asyncio.timeout(5):
    ...         answer = await api.generate_content("Tides")
    ... except TimeoutError as error:
    ...     key = idempotency_key_of(error)

    Where the error is not at hand, as after `asyncio.gather`, give the call an `idempotency_key`
    of your own in the first place.

    Args:
        error: A CancelledError, such as ``task.result()`` raises, or a TimeoutError of asyncio;
            other errors have none.
    """
    while error is not None:
        if (key := vars(error).get("idempotency_key")) is not None:
            return str(key)
        error = error.__cause__ or error.__context__
    return None


def _awaited(
    method: Callable[Concatenate[Any, _P], _R],
) -> Callable[Concatenate[AsyncResonanceOSAPIClient, _P], Coroutine[Any, Any, _R]]:
    """The method of this name, as a coroutine."""

    async def call(self: AsyncResonanceOSAPIClient, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return await self._run(method, self.sync, *args, **kwargs)

    functools.update_wrapper(call, method)
    return call


def _iterated(
    method: Callable[Concatenate[Any, _P], Iterator[_R]],
) -> Callable[Concatenate[AsyncResonanceOSAPIClient, _P], AsyncIterator[_R]]:
    """The iterator of this name, as an asynchronous one."""

    async def call(
        self: AsyncResonanceOSAPIClient, /, *args: _P.args, **kwargs: _P.kwargs
    ) -> AsyncIterator[_R]:
        iterator = method(self.sync, *args, **kwargs)
        while (item := await self._run(next, iterator, _END)) is not _END:
            yield item

    functools.update_wrapper(call, method)
    return call


def _shared(
    method: Callable[Concatenate[Any, _P], ResonanceOSAPIClient],
) -> Callable[Concatenate[AsyncResonanceOSAPIClient, _P], AsyncResonanceOSAPIClient]:
    """The method of this name, which gives a client over the same threads."""

    def call(
        self: AsyncResonanceOSAPIClient, /, *args: _P.args, **kwargs: _P.kwargs
    ) -> AsyncResonanceOSAPIClient:
        other = object.__new__(type(self))
        vars(other).update(vars(self), sync=method(self.sync, *args, **kwargs))
        return other

    functools.update_wrapper(call, method)
    return call


class _Crew:
    """The threads that carry calls out, and for each event loop the places in them.

    Threads stay behind when a process forks, and what waits for a place belongs to its loop: a
    server that forks its workers has a client from before, and a program may run loop after loop.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.renew()
        renewed_in_child(self, _Crew.renew)

    def renew(self) -> None:
        """Begin with no thread, and all places free."""
        self.threads = ThreadPoolExecutor(self.size, "resonance-call")
        self._places: WeakKeyDictionary[Any, tuple[asyncio.Semaphore, asyncio.Lock]]
        self._places = WeakKeyDictionary()

    def places(self) -> tuple[asyncio.Semaphore, asyncio.Lock]:
        """Those of this loop, and what two that each take some of them would wait for for ever."""
        loop = asyncio.get_running_loop()
        if loop not in self._places:
            self._places[loop] = asyncio.Semaphore(self.size), asyncio.Lock()
        return self._places[loop]


class AsyncResonanceOSAPIClient:
    """A client of the ResonanceOS v6 API for asyncio. Its calls are those of `sync`.

    It may be used in one event loop after another, and in a process that was forked. Cancelling a
    call closes its connection at once. `idempotency_key_of` the CancelledError, or
    the TimeoutError, is the key under which it was made.

    Args:
        base_url, auth, options: As `ResonanceOSAPIClient` takes them. The connections of a
            `session` that is none of `transport.Session` are not closed by a cancellation; they
            end by `timeout`.
        max_concurrent: How many calls are made at once, 1 to 10,000; who comes then waits for a
            place.

    Attributes:
        sync: The client that makes the calls, with its settings: ``rate_limit``, ``limiter``, ...
    """

    sync: ResonanceOSAPIClient

    def __init__(
        self,
        base_url: str = "http://localhost:8000",
        *,
        max_concurrent: int = 100,
        auth: AuthBase | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        self._begin(ResonanceOSAPIClient(base_url, auth=auth, **options), max_concurrent)

    @classmethod
    def from_env(cls, *, max_concurrent: int = 100, **options: Unpack[ClientOptions]) -> Self:
        """The client that the environment describes, as `ResonanceOSAPIClient.from_env` has it."""
        client = object.__new__(cls)
        client._begin(ResonanceOSAPIClient.from_env(**options), max_concurrent)
        return client

    def _begin(self, sync: ResonanceOSAPIClient, max_concurrent: int) -> None:
        self._crew = _Crew(whole("max_concurrent", max_concurrent, 1, MOST_CONCURRENT))
        self.sync = sync

    health_check = _awaited(ResonanceOSAPIClient.health_check)
    get_system_metrics = _awaited(ResonanceOSAPIClient.get_system_metrics)
    get_prometheus_metrics = _awaited(ResonanceOSAPIClient.get_prometheus_metrics)
    generate_content = _awaited(ResonanceOSAPIClient.generate_content)
    measure_text = _awaited(ResonanceOSAPIClient.measure_text)
    get_tenants = _awaited(ResonanceOSAPIClient.get_tenants)
    create_tenant = _awaited(ResonanceOSAPIClient.create_tenant)
    get_profiles = _awaited(ResonanceOSAPIClient.get_profiles)
    iter_profiles = _iterated(ResonanceOSAPIClient.iter_profiles)
    create_profile = _awaited(ResonanceOSAPIClient.create_profile)
    get_profile = _awaited(ResonanceOSAPIClient.get_profile)
    update_profile = _awaited(ResonanceOSAPIClient.update_profile)
    delete_profile = _awaited(ResonanceOSAPIClient.delete_profile)
    get_api_keys = _awaited(ResonanceOSAPIClient.get_api_keys)
    create_api_key = _awaited(ResonanceOSAPIClient.create_api_key)
    rotate_api_key = _awaited(ResonanceOSAPIClient.rotate_api_key)
    delete_api_key = _awaited(ResonanceOSAPIClient.delete_api_key)
    get_webhooks = _awaited(ResonanceOSAPIClient.get_webhooks)
    create_webhook = _awaited(ResonanceOSAPIClient.create_webhook)
    get_webhook = _awaited(ResonanceOSAPIClient.get_webhook)
    update_webhook = _awaited(ResonanceOSAPIClient.update_webhook)
    ensure_webhook = _awaited(ResonanceOSAPIClient.ensure_webhook)
    delete_webhook = _awaited(ResonanceOSAPIClient.delete_webhook)
    rotate_webhook_secret = _awaited(ResonanceOSAPIClient.rotate_webhook_secret)
    test_webhook = _awaited(ResonanceOSAPIClient.test_webhook)
    enable_webhook = _awaited(ResonanceOSAPIClient.enable_webhook)
    get_deliveries = _awaited(ResonanceOSAPIClient.get_deliveries)
    iter_deliveries = _iterated(ResonanceOSAPIClient.iter_deliveries)
    get_delivery = _awaited(ResonanceOSAPIClient.get_delivery)
    redeliver = _awaited(ResonanceOSAPIClient.redeliver)
    redeliver_since = _awaited(ResonanceOSAPIClient.redeliver_since)
    with_options = _shared(ResonanceOSAPIClient.with_options)

    async def aclose(self) -> None:
        """Wait for the calls under way, then close the connections and end the threads."""
        places, closing = self._crew.places()
        async with closing, AsyncExitStack() as held:
            for _ in range(self._crew.size):
                await held.enter_async_context(places)
            self._crew.threads.shutdown()
            self.sync.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def _run(self, function: Callable[..., _R], *args: Any, **kwargs: Any) -> _R:
        places, _ = self._crew.places()
        await places.acquire()
        loop, cancellation = asyncio.get_running_loop(), Cancellation()

        def back(_: Future[_R]) -> None:
            with suppress(RuntimeError):  # the loop is closed, and nobody waits for a place
                loop.call_soon_threadsafe(places.release)

        try:
            context = contextvars.copy_context()
            with needing("the call can't begin"):
                future = self._crew.threads.submit(
                    context.run, cancellation.run, function, *args, **kwargs
                )
        except BaseException:
            cancellation.cancel()  # it waits for another's thread all the same
            places.release()
            raise
        future.add_done_callback(back)
        try:
            return await asyncio.wrap_future(future)
        except BaseException as error:
            if not isinstance(error, Exception):  # the task was cancelled, or is thrown away
                cancellation.cancel()
                _tell(error, cancellation.under_way)
            raise


def _tell(error: BaseException, call: UnderWay | None) -> None:
    """Let whoever gets the error know how to learn what became of the call."""
    if call and call.attempts and call.idempotency_key:
        vars(error)["idempotency_key"] = call.idempotency_key
        error.add_note(
            f"Whether {call!r} was carried out is not known. To find out, make it again with "
            f"idempotency_key={call.idempotency_key!r}; it does no work twice."
        )
