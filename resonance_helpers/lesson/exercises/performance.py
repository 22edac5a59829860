"""Exercises about performance: how many calls, when to count from, what to promise, a real run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .core import NotYet, attempt, exercise, of_type

__all__ = ["calls", "eight", "level", "waited"]

STALL = [(0.0, 0.0, 0.25), (1.0, 1.0, 4.0), (2.0, 4.0, 4.25), (3.0, 4.25, 4.5), (5.0, 5.0, 5.25)]
"""Five calls, one due each second but the last; the second one stalls. (due, sent, finished)"""


@exercise(
    "performance.calls_needed() says it for any percentile.",
    "p99.9 is the share 0.999.",
    solution="answer = performance.calls_needed(0.999)",
    online=False,
)
def calls(answer: Any, api: Any) -> str:
    """The number of calls that p99.9 takes to have a 95 % interval."""
    from ...performance import calls_needed

    if isinstance(answer, bool) or not isinstance(answer, int):
        raise NotYet("answer should be a whole number of calls.")
    needed = calls_needed(0.999)
    if answer == calls_needed(0.99):
        raise NotYet(f"{answer:,} calls do for p99. p99.9 asks for one call in a thousand.")
    if answer < needed:
        raise NotYet(f"{answer:,} calls are too few: the interval would have no upper end.")
    if answer > needed:
        raise NotYet(f"{answer:,} calls would do, but fewer do too.")
    return f"{needed:,} calls: at ten a second, more than six minutes. Rare events take patience."


@exercise(
    "Somebody came when the call was due. How long did that person wait?",
    "When the call was sent is your affair, not theirs.",
    solution="""
def answer(calls):
    return [finished - due for due, sent, finished in calls]
""",
    online=False,
)
def waited(answer: Any, api: Any) -> str:
    """A function from [(due, sent, finished), ...] to the response times."""
    given = attempt(answer, list(STALL))
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise NotYet("Your function should return a list of numbers, one for each call.")
    times = list(given)
    wanted = [finished - due for due, _, finished in STALL]
    if len(times) != len(wanted):
        raise NotYet(f"For {len(wanted)} calls your function returned {len(times)} times.")
    if all(_near(a, b) for a, b in zip(times, wanted, strict=True)):
        return "The stall of one call is in the times of all who waited behind it."
    if all(_near(a, f - s) for a, (_, s, f) in zip(times, STALL, strict=True)):
        raise NotYet(
            "These are service times: they begin when the call was sent. The third call was due at "
            "second 2 and sent at second 4, and those two seconds are lost."
        )
    if all(_near(a, s - d) for a, (d, s, _) in zip(times, STALL, strict=True)):
        raise NotYet("That is how late each call was sent. When did its answer come?")
    raise NotYet("A response time runs from one moment to another. From which, and to which?")


@exercise(
    "ServiceLevel(metric=..., at_most=...); the metric of 'so many of a hundred' is a percentile.",
    '99 of 100 within a time is a promise about "p99".',
    solution='answer = performance.ServiceLevel(metric="p99", at_most=1.5)',
    online=False,
)
def level(answer: Any, api: Any) -> str:
    """A service level: 99 of 100 calls are answered within 1.5 seconds."""
    from ...performance import Run, Sample, ServiceLevel

    of_type(answer, ServiceLevel, "a ServiceLevel")
    if answer.of != "response_time":
        raise NotYet(f"Callers wait for the response time, and yours is about the {answer.of}.")

    def kept(slow: int, failed: int, time: float) -> bool:
        samples = [Sample(1, 0, 0, 0.1)] * (1000 - slow - failed)
        samples += [Sample(1, 0, 0, time)] * slow
        samples += [Sample(1, 0, 0, 0.1, failure="overloaded")] * failed
        return bool(answer.check(Run(samples, 1, 10.0)).kept)

    if not kept(0, 0, 0.1):
        raise NotYet(f"Yours is broken by a run whose calls all take 0.1 s: {answer}.")
    if kept(11, 0, 1.6):
        raise NotYet("Of 1,000 calls 11 took 1.6 s, and yours is kept. It should be broken.")
    if not kept(10, 0, 9.0):
        raise NotYet("Of 1,000 calls 10 took 9 s, which is allowed, and yours is broken.")
    if not kept(1000, 0, 1.5):
        raise NotYet("Every call took exactly 1.5 s, which is allowed, and yours is broken.")
    if kept(0, 11, 0.1):
        raise NotYet("Of 1,000 calls 11 failed, and yours is kept. It should be broken.")
    return f"{answer}. Calls that fail count against it too."


@exercise(
    "measure() takes concurrency=, and repeat= goes through the prompts several times.",
    "p90 takes performance.calls_needed(0.9) calls: 36.",
    "Forty prompts will do: measure(api, prompts[:40], concurrency=8).",
    solution="answer = measure(api, prompts[:40], concurrency=8)",
)
def eight(answer: Any, api: Any) -> str:
    """A run of eight calls at once, without a failure, large enough for an interval of p90."""
    from ...performance import Run

    of_type(answer, Run, "what measure() returned, a Run")
    if answer.rate is not None:
        raise NotYet("This run is an open loop. Use measure(), not load().")
    if answer.workers != 8:
        raise NotYet(f"At most {answer.workers} calls were under way at once, not 8.")
    found = answer.percentile(0.9)
    if not found.enough:
        raise NotYet(f"{found.n} calls are too few: p90 has no interval before {found.needed}.")
    if answer.failures:
        raise NotYet(f"Some calls failed: {', '.join(answer.failures)}.")
    if answer.in_flight < 4:
        raise NotYet("Hardly four calls were under way on average. Were there enough of them?")
    return f"{found.n} calls do for an interval of p90: answer.percentile(0.9) holds it."


def _near(value: Any, wanted: float) -> bool:
    return isinstance(value, int | float) and math.isclose(value, wanted, abs_tol=1e-9)
