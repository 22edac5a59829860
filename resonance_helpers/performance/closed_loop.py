"""The closed loop: each worker makes its next call when its last one is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..client.transport import arguments
from ..progress import Snapshot, progress_for
from .run import Run
from .runner import MOST_CALLS, MOST_WORKERS, Generates, Plan, execute

__all__ = ["listed", "measure"]


def measure(
    client: Generates,
    prompts: Iterable[str],
    *,
    repeat: int = 1,
    concurrency: int = 1,
    warmup: int = 1,
    progress: bool | Callable[[Snapshot], object] = True,
    **parameters: Any,
) -> Run:
    """Generate an article for each prompt and time every call.

    It answers: how long does the server take for so many callers who wait their turn? It does not
    answer what callers experience who come when they like; that is `load`.

    Args:
        client: Anything with `generate_content(prompt, **parameters)`.
        prompts: At least one.
        repeat: How often to go through all prompts, 1 or more.
        concurrency: Workers, 1 to 256; with several, the client has to be safe for threads.
        warmup: Calls made beforehand and not counted, so that no call pays for the connection.
        progress: Shown where there is someone to see it (True), not at all (False), or each
            `Snapshot` handed to a function.
        parameters: Sent with each call, such as `profile_name`.

    Raises:
        Stopped: It was interrupted; a KeyboardInterrupt that says how far it had come.
        TypeError: What should be a number is none.
        ValueError: A number is out of its range, or there are more than 20,000 calls.
    """
    each = listed(prompts)
    repeat = arguments.whole("repeat", repeat, 1, MOST_CALLS)
    concurrency = arguments.whole("concurrency", concurrency, 1, MOST_WORKERS)
    warmup = arguments.whole("warmup", warmup, 0, MOST_CALLS)
    if len(each) * repeat > MOST_CALLS:
        raise ValueError(
            f"{len(each)} prompts {repeat} times are more than {MOST_CALLS:,} calls; "
            "give fewer prompts or a smaller repeat"
        )
    warm(client, each, warmup, parameters)
    samples, wall = execute(
        client,
        Plan(
            each * repeat,
            parameters,
            concurrency,
            progress=progress_for(progress, "a measurement"),
        ),
    )
    return Run(samples, concurrency, wall)


def warm(client: Generates, prompts: list[str], calls: int, parameters: dict[str, Any]) -> None:
    """Make calls that are not counted."""
    if calls:
        execute(client, Plan([prompts[i % len(prompts)] for i in range(calls)], parameters, 1))


def listed(prompts: Iterable[str]) -> list[str]:
    """`prompts` as a list, checked."""
    if isinstance(prompts, str):
        raise ValueError('prompts is one text; give a list of texts: ["..."]')
    if not isinstance(prompts, Iterable):
        raise TypeError(f"prompts is a {arguments.kind(prompts)}; give a list of texts")
    found = list(prompts)
    if not found:
        raise ValueError("prompts is empty; give one at least")
    return found
