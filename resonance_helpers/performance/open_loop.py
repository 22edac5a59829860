"""The open loop: calls fall due by the clock, whatever the server does.

Callers in the world do not wait for each other. So the moments are fixed beforehand, and a
response time is counted from the moment a call was due: a server that stalls keeps later calls
waiting, and can't hide it by slowing down its own measurement.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from typing import Any

from ..client.transport import arguments
from ..progress import Snapshot, progress_for
from .closed_loop import listed, warm
from .run import Run, Sample
from .runner import MOST_CALLS, MOST_WORKERS, Generates, Plan, execute

__all__ = ["arrivals", "load"]


def load(
    client: Generates,
    prompts: Iterable[str],
    *,
    rate: float,
    duration: float,
    connections: int = 64,
    spacing: str = "even",
    seed: int = 0,
    overrun: float = 10.0,
    warmup: int = 1,
    on_sample: Callable[[Sample], None] | None = None,
    stop: threading.Event | None = None,
    progress: bool | Callable[[Snapshot], object] = True,
    **parameters: Any,
) -> Run:
    """Put a load on the server for a while, and time every call from the moment it was due.

    The run ends by itself: no call is sent later than `overrun` seconds after the last one was
    due. Calls whose turn never came are part of the result, as failures of type "not-sent".

    Args:
        client: Anything with `generate_content(prompt, **parameters)`, safe for threads.
        prompts: Taken in turn, over and over.
        rate: Calls due per second, above 0.
        duration: Seconds over which calls fall due, above 0.
        connections: Calls that can be under way at once, 1 to 256. When all are held up, calls go
            out late; their response time counts the wait, their service time does not.
        spacing: "even", or "random" for moments as of independent callers (a Poisson process).
        seed: Of the random moments.
        overrun: Seconds, 0 or more.
        warmup: Calls made beforehand and not counted.
        on_sample: Told of each call when it ends, from the thread that made it.
        stop: Set it, from anywhere, to end the run early.
        progress: Shown where there is someone to see it (True), not at all (False), or each
            `Snapshot` handed to a function.
        parameters: Sent with each call.

    Raises:
        Stopped: It was interrupted; a KeyboardInterrupt that says how far it had come.
        TypeError: What should be a number is none.
        ValueError: A number is out of its range, or there are no calls or more than 20,000.
    """
    each = listed(prompts)
    connections = arguments.whole("connections", connections, 1, MOST_WORKERS)
    warmup = arguments.whole("warmup", warmup, 0, MOST_CALLS)
    overrun = arguments.span("overrun", overrun)
    rate, duration = arguments.number("rate", rate), arguments.number("duration", duration)
    due = arrivals(rate, duration, spacing, seed)
    plan = Plan(
        prompts=list(islice(cycle(each), len(due))),
        parameters=parameters,
        workers=connections,
        due=due,
        last_start=duration + overrun,
        on_sample=on_sample,
        stop=stop,
        progress=progress_for(progress, "a measurement"),
    )
    warm(client, each, warmup, parameters)
    samples, wall = execute(client, plan)
    return Run(samples, connections, wall, rate)


def arrivals(rate: float, duration: float, spacing: str = "even", seed: int = 0) -> list[float]:
    """The moments at which calls fall due, in seconds from 0 up to `duration`.

    "even" gives one every ``1 / rate`` seconds. "random" draws the gaps from an exponential
    distribution of that mean, always the same ones for a seed.
    """
    rate, duration = arguments.number("rate", rate), arguments.number("duration", duration)
    for name, value in (("rate", rate), ("duration", duration)):
        if value <= 0:
            raise ValueError(f"{name} is {value!r}; it has to be a number above 0")
    if spacing not in ("even", "random"):
        raise ValueError(f'spacing is {spacing!r}; it has to be "even" or "random"')
    if rate * duration > MOST_CALLS:
        raise ValueError(
            f"{rate:g} calls a second over {duration:g} seconds are more than {MOST_CALLS:,}; "
            "give a lower rate or a shorter duration"
        )
    if spacing == "even":
        due = [i / rate for i in range(math.ceil(round(rate * duration, 9)))]
    else:
        draw, due, at = random.Random(seed), [], 0.0
        while (at := at + draw.expovariate(rate)) < duration:
            due.append(at)
    if not due:
        raise ValueError(f"no call falls due in {duration:g} seconds; give a longer duration")
    return due
