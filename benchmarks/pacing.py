"""How much of an allowed rate a batch uses, and how often it is refused: in simulated time.

Used is what the server accepted over what its policies (or so many at once, at that latency) allow
between the first request and the last, in view of what was counted before; refused is the 429s over
all requests. Rows that the server refuses for what they say count as accepted: they have used the
rate. Two clients have one credential, and their figures are added.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.harness import Goal, Options, Result, stage
from benchmarks.simulated_limits import Moving, most_accepted, simulated

ROWS, SECONDS = 1000, 60.0
MINUTE = 1000
BURSTS, LATENCIES, AT_ONCE = (6, 20, 100), (0.0, 0.1, 0.3), (4, 8, 32)
POLICY = "RateLimit-Policy"
FAULTY = 0.2
KILLED = 3.0
WHO: dict[str, dict[str, float]] = {
    "alone": {},
    "a fifth of the rows refused": {"faulty": FAULTY},
    "killed and resumed": {"killed": KILLED},
    "two clients": {"clients": 2},
}
HIDDEN = "the older headers hide the burst"

COLUMNS = (
    *("who", "headers", "burst", "latency, s", "at once"),
    *("requests", "used, %", "refused, %"),
)

Cell = tuple[str, str, int, float, int]


def run(options: Options) -> list[Result]:
    """One table of all settings."""
    seconds = 4.0 if options.quick else SECONDS
    rows, goals = [], []
    for who, dialect, burst, latency, at_once in quick() if options.quick else cells():
        with stage(f"{who}, {dialect}, {burst}, {latency}, {at_once}"):
            used, refused, count = measured(who, dialect, burst, latency, at_once, seconds)
        rows.append((who, dialect, burst, latency, at_once, count, 100 * used, 100 * refused))
    for who, dialect in dict.fromkeys(row[:2] for row in rows):
        of_it = [row for row in rows if row[:2] == (who, dialect)]
        goals += goals_of(f"{who}, {dialect}", of_it, strict(who, dialect))
    return [
        Result(
            "pacing",
            "The share of an allowed rate that a batch uses",
            columns=COLUMNS,
            rows=rows,
            goals=goals,
            notes=[
                f"{ROWS} rows or {seconds:g} seconds each, on a simulated clock: the client's "
                "limiter and the sandbox's windows are the real ones, the way between them takes "
                "up to two milliseconds, drawn anew for each. In real time: pacing_sandbox.",
                f"The server allows `burst` requests in any second and {MINUTE} in any minute. "
                "The older headers can tell one limit: here the burst's, with Reset in either "
                f"convention; in the rows '{HIDDEN}' the minute's, as the sandbox does.",
            ],
        )
    ]


def cells() -> Iterator[Cell]:
    """All settings."""
    yield from _each("alone", POLICY)
    for who, dialect in itertools.product(("alone", "two clients"), ("Unix time", "seconds left")):
        yield from _each(who, dialect)
    for who in WHO:
        if who != "alone":
            yield from _each(who, POLICY)
    yield from _each(HIDDEN, "Unix time")


def quick() -> list[Cell]:
    """One setting of each kind."""
    return [
        ("alone", POLICY, 6, 0.1, 8),
        ("alone", "Unix time", 6, 0.1, 8),
        ("killed and resumed", POLICY, 20, 0.1, 8),
        ("two clients", POLICY, 6, 0.1, 8),
    ]


def _each(who: str, dialect: str) -> Iterator[Cell]:
    for burst, latency, at_once in itertools.product(BURSTS, LATENCIES, AT_ONCE):
        yield who, dialect, burst, latency, at_once


def strict(who: str, dialect: str) -> bool:
    """Whether 95 % have to be used and 1 % may be refused, or 90 % and 3 %."""
    return dialect == POLICY and who != "two clients"


def goals_of(name: str, rows: Iterable[Sequence[object]], is_strict: bool) -> list[Goal]:
    """The least that is used in these rows, and the most that is refused."""
    least, most = (95, 1) if is_strict else (90, 3)
    used, refused = zip(*((row[-2], row[-1]) for row in rows), strict=True)
    return [
        Goal(f"{name}: used, %, at least", min(used), least, at_least=True),
        Goal(f"{name}: refused, %, at most", max(refused), most),
    ]


def measured(
    who: str, dialect: str, burst: int, latency: float, at_once: int, seconds: float
) -> tuple[float, float, int]:
    """The share used, the share refused, and the number of requests."""
    limits = [(burst, 1.0), (MINUTE, 60.0)]
    if dialect != POLICY and who != HIDDEN:
        limits.reverse()  # the last one is told
    log = simulated(
        [Moving(*limit) for limit in limits],
        dialect,
        at_once=at_once,
        latency=latency,
        seconds=seconds,
        rows=ROWS,
        **WHO.get(who, {}),  # type: ignore[arg-type]
    )
    ours = [one for one in log if who != "killed and resumed" or one.client == 1]
    before = [one.at for one in log if one.accepted and one.at < ours[0].at]
    works = latency * (1 - FAULTY if who.startswith("a fifth") else 1)
    at_once *= 2 if who == "two clients" else 1
    return shares([(one.at, one.accepted) for one in ours], before, limits, works, at_once)


def shares(
    log: Sequence[tuple[float, bool]],
    before: Iterable[float],
    limits: Iterable[tuple[int, float]],
    latency: float,
    at_once: int,
) -> tuple[float, float, int]:
    """The share used, the share refused, and the number of requests, of when and whether taken."""
    first, last = log[0][0], log[-1][0]
    possible = at_once * ((last - first) / latency + 1) if latency else math.inf
    allowed = min(possible, most_accepted(limits, before, first, last))
    accepted = sum(one for _, one in log)
    return accepted / allowed, 1 - accepted / len(log), len(log)
