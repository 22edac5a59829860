"""Exercises about errors: name one, decide which may be sent again, and send again under a key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...client.errors import (
    AttemptTimeoutError,
    ConnectionFailedError,
    ConnectionLostError,
    GatewayTimeoutError,
    NameNotResolvedError,
    RateLimitedError,
    ResonanceError,
    UnavailableError,
    UnknownProfileError,
    ValidationError,
)
from .core import NotYet, attempt, exercise

CATEGORIES = ("network", "http", "validation", "rate-limit", "authentication")

SITUATIONS: tuple[tuple[ResonanceError, bool], ...] = (
    (ConnectionFailedError("Nobody listens there."), True),
    (NameNotResolvedError("The host has no address."), True),
    (RateLimitedError("Too many requests.", response_code=429), True),
    (UnavailableError("Not now.", response_code=503), True),
    (AttemptTimeoutError("The time was up."), False),
    (ConnectionLostError("The connection broke."), False),
    (GatewayTimeoutError("A gateway gave up.", response_code=504), False),
    (ValidationError("The prompt is empty.", response_code=422), False),
    (UnknownProfileError("There is no such profile.", response_code=404), False),
)
"""What the second exercise judges: an error, and whether to send again without a key."""


@exercise(
    "Make the call and look at the error behind the dict: failure.error.",
    "failure.error.category is the word. Is a profile's name checked like the length of a prompt?",
    solution="""
answer = api.generate_content("test", profile_name="invalid_profile").error.category
""",
)
def category(answer: Any, api: Any) -> str:
    """The category of the error that an unknown profile gives."""
    if not isinstance(answer, str) or answer not in CATEGORIES:
        raise NotYet(f"answer should be one of these texts: {', '.join(CATEGORIES)}.")
    failure = api.generate_content("test", profile_name="invalid_profile")
    expected = failure.error.category
    if answer == expected:
        return "The request was well formed; what it names is not there. That is an HTTP error."
    raise NotYet(f"{answer} is not what the error of such a call says of itself.")


@exercise(
    "Two things have to hold: a second try can help, and the first one certainly did nothing.",
    "error.retryable says the first. The class says the second: OutcomeUnknownError is the family "
    "of errors after which the work may have been done.",
    "isinstance(error, OutcomeUnknownError) asks whether an error belongs to that family.",
    solution="""
from resonance_helpers import OutcomeUnknownError

def answer(error):
    return error.retryable and not isinstance(error, OutcomeUnknownError)
""",
    online=False,
)
def again(answer: Any, api: Any) -> str:
    """A function of an error: may the same POST be sent again without an idempotency key?"""
    for error, expected in SITUATIONS:
        told = attempt(answer, error)
        name = type(error).__name__
        if told is not True and told is not False:
            raise NotYet(f"For {name} your function returned {told!r}, not True or False.")
        if told and not expected and not error.retryable:
            raise NotYet(f"For {name} your function says yes, but a second try fails like this.")
        if told and not expected:
            raise NotYet(f"For {name} your function says yes, but the work may have been done.")
        if expected and not told:
            raise NotYet(f"For {name} your function says no, but nothing was done and it may help.")
    return f"Your function judges all {len(SITUATIONS)} errors rightly."


@exercise(
    "api.generate_content() takes idempotency_key=, any text that nobody used before.",
    'Call it twice with the same prompt and the same key: idempotency_key="my-first-key".',
    solution="""
first = api.generate_content("Night trains", idempotency_key="my-first-key")
second = api.generate_content("Night trains", idempotency_key="my-first-key")
answer = (first, second)
""",
)
def key(answer: Any, api: Any) -> str:
    """Two answers to one prompt, for which the server did the work once."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise NotYet("answer should be a pair: (first, second).")
    for place, one in zip(("first", "second"), answer, strict=True):
        if not isinstance(one, Mapping) or not hasattr(one, "get"):
            raise NotYet(f"The {place} should be what api.generate_content() returned.")
        if one.get("type") == "idempotency-key-reused":
            raise NotYet("That key was used before, for another request. Take a new one.")
        if one.get("status") == "error":
            raise NotYet(f"The {place} call failed: {one.get('message')}")
        if "article" not in one or not hasattr(one, "replayed"):
            raise NotYet(f"The {place} should be what api.generate_content() returned.")
    first, second = answer
    if first is second:
        raise NotYet("Both are one and the same answer; make the call twice.")
    if not second.replayed:
        raise NotYet(f"The server did the work a second time{_why(first, second, api)}")
    if first["article"] != second["article"]:
        raise NotYet("The two articles differ, so these are answers to two different requests.")
    return "Two calls, one article written: the second answer is the first one, replayed."


def _why(first: Mapping[str, Any], second: Mapping[str, Any], api: Any) -> str:
    """What the sandbox's log of requests says about the keys of two calls; no sandbox, no log."""
    if getattr(api, "sandbox", None) is None:
        return ". Did both calls carry the same key?"
    keys = {entry["request_id"]: entry["idempotency_key"] for entry in api.sandbox.requests()}
    one, other = (keys.get(answer["request_id"]) for answer in (first, second))
    return f": its log has the key {one} for the first call and {other} for the second."
