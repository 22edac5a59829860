"""Exercises about health: read it, judge it, wait for it."""

from __future__ import annotations

from typing import Any

from .core import NotYet, attempt, exercise

__all__ = ["guard", "parts", "wait"]

OK = {"database": {"status": "ok"}, "writer": {"status": "ok"}, "disk": {"status": "ok"}}
FAILING = {"status": "failing"}

SITUATIONS: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("a healthy server", {"status": "healthy", "checks": OK}, True),
    (
        "a degraded server whose writer fails",
        {"status": "degraded", "checks": OK | {"writer": FAILING}},
        False,
    ),
    (
        "a degraded server whose disk fails but whose writer is ok",
        {"status": "degraded", "checks": OK | {"disk": FAILING}},
        True,
    ),
    (
        "an unhealthy server",
        {
            "status": "error",
            "message": "The server answered 503 Service Unavailable.",
            "response_code": 503,
            "checks": OK | {"database": FAILING},
        },
        False,
    ),
    (
        "a server that does not answer",
        {"status": "error", "message": "No connection.", "response_code": None},
        False,
    ),
)
"""What a guard has to judge: in words, as an answer of `health_check()`, and whether to go on."""


@exercise(
    "Look at one answer of api.health_check(): which of its parts is a dict of dicts?",
    "The components are the keys of answer['checks'].",
    solution='answer = list(api.health_check()["checks"])',
)
def parts(answer: Any, api: Any) -> str:
    """The names of the components that the server checks, in any order."""
    health = api.health_check()
    expected = set(health["checks"])
    if isinstance(answer, str):
        raise NotYet(f"answer is one text, {answer!r}. Put all names into a list: ['...', '...'].")
    given = set(answer)
    if given == expected:
        return f"This server checks {', '.join(sorted(expected))}."
    if given == set(health):
        raise NotYet("Those are the parts of the answer. The components stand inside one of them.")
    if missing := expected - given:
        raise NotYet(f"{len(expected - missing)} of {len(expected)} components are there.")
    raise NotYet("All components are there, and something that is no component.")


@exercise(
    "An unhealthy or silent server gives an error dict: its status is 'error', and where nobody "
    "answered it has no 'checks'.",
    "Go on when the status is 'healthy' or 'degraded' and health['checks']['writer']['status'] is "
    "'ok'.",
    solution="""
def answer(health):
    if health["status"] not in ("healthy", "degraded"):
        return False
    return health["checks"]["writer"]["status"] == "ok"
""",
    online=False,
)
def guard(answer: Any, api: Any) -> str:
    """A function of an answer of `health_check()`: may a job that generates start now?"""
    for situation, health, expected in SITUATIONS:
        told = attempt(answer, health)
        if told is not True and told is not False:
            raise NotYet(f"For {situation} your function returned {told!r}, not True or False.")
        if told is not expected:
            verb = "go on" if told else "stop"
            raise NotYet(f"For {situation} your function says {verb}; it should not.")
    return f"Your guard judges all {len(SITUATIONS)} situations rightly."


class _EnoughError(BaseException):
    """Ends a learner's endless loop; not an Exception, so that `except Exception` lets it pass."""


@exercise(
    "A for loop over range(tries) ends by itself; a while True does not.",
    "Inside the loop: if ask()['status'] == 'healthy', return True. After the loop: return False.",
    solution="""
def answer(ask, tries):
    for _ in range(tries):
        if ask()["status"] == "healthy":
            return True
    return False
""",
    online=False,
)
def wait(answer: Any, api: Any) -> str:
    """A function `(ask, tries)`: asks until healthy, `tries` times at most; True if it was."""
    for healthy_at, tries in ((1, 3), (3, 5), (5, 5), (99, 4)):
        asked = 0

        def ask(healthy_at: int = healthy_at) -> dict[str, Any]:
            nonlocal asked
            asked += 1
            if asked > 50:
                raise _EnoughError
            if asked >= healthy_at:
                return {"status": "healthy", "checks": OK}
            return {"status": "error", "message": "No connection.", "response_code": None}

        expected = healthy_at <= tries
        try:
            told = attempt(answer, ask, tries)
        except _EnoughError:
            raise NotYet("Your function never gives up: it asked 50 times and went on.") from None
        scene = f"With a server that is healthy from try {healthy_at} on, and {tries} tries,"
        if bool(told) is not expected:
            raise NotYet(f"{scene} your function returned {told!r}.")
        if asked != min(healthy_at, tries):
            raise NotYet(
                f"{scene} your function asked {asked} times, not {min(healthy_at, tries)}."
            )
    return "Your function stops as soon as it may, and gives up when it should."
