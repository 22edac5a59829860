"""The client for asyncio, to be called as the other one is: so the same tests hold for both."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Coroutine, Iterator
from functools import cache, partial
from typing import Any

from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.client.asynchronous import AsyncResonanceOSAPIClient

__all__ = ["FACES", "Awaited"]


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One event loop for all, in a thread."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="awaited", daemon=True).start()
    return loop


def wait(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What it brings."""
    return asyncio.run_coroutine_threadsafe(coroutine, _loop()).result()


class Awaited:
    """An `AsyncResonanceOSAPIClient` whose calls are waited for where they are made."""

    def __init__(self, *args: Any, **options: Any) -> None:
        vars(self)["face"] = AsyncResonanceOSAPIClient(*args, **options)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.face, name, None)
        if inspect.iscoroutinefunction(method):
            return lambda *args, **kwargs: wait(method(*args, **kwargs))
        if inspect.isasyncgenfunction(method):
            return partial(self._each, method)
        return getattr(self.face.sync, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.face.sync, name, value)

    def _each(self, method: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        items = method(*args, **kwargs)
        while True:
            try:
                item = wait(anext(items))
            except StopAsyncIteration:
                return
            yield item

    def with_options(self, **options: Any) -> Awaited:
        """As the client's own."""
        other = object.__new__(Awaited)
        vars(other)["face"] = self.face.with_options(**options)
        return other

    def close(self) -> None:
        """Close it."""
        wait(self.face.aclose())

    def __enter__(self) -> Awaited:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


FACES: dict[str, Any] = {"threads": ResonanceOSAPIClient, "asyncio": Awaited}
"""Each way to call the API."""
