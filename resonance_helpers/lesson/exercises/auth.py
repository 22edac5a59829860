"""Exercises about authentication: read a token, make a key that can do little, act on a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...client.api import ResonanceOSAPIClient
from ...client.auth import ApiKeyAuth, Secret
from ...client.errors import (
    AuthenticationError,
    InsufficientScopeError,
    InternalServerError,
    MissingCredentialsError,
    QuotaExceededError,
    RateLimitedError,
    ResonanceError,
    UnknownProfileError,
)
from ..auth import encoded
from .core import NotYet, attempt, exercise

TOKENS = ((1_800_000_000, 900), (1_800_000_100, 300), (1_799_990_000, 3600))
"""What the first exercise judges: when a token was issued, and for how many seconds."""

NOW = 1_800_000_050

REFUSALS: tuple[tuple[ResonanceError, str], ...] = (
    (AuthenticationError("The credential is expired.", response_code=401), "renew"),
    (MissingCredentialsError("Who are you?", response_code=401), "renew"),
    (InsufficientScopeError("This needs the scope generate.", response_code=403), "ask"),
    (RateLimitedError("Too many.", response_code=429, retry_after=3), "wait"),
    (QuotaExceededError("Too many today.", response_code=429, retry_after=3600), "wait"),
    (UnknownProfileError("There is no such profile.", response_code=404), "stop"),
    (InternalServerError("Something broke.", response_code=500), "stop"),
)
"""What the third exercise judges: an error, and what to do about it."""

WHY = {
    "renew": "the server does not know who you are any more, and a new token would tell it",
    "ask": "the server knows you, and a new token would be allowed no more",
    "wait": "the same request works later",
    "stop": "no credential and no waiting changes it",
}


@exercise(
    "The claims stand in the second part; read_jwt(token) returns (header, claims).",
    'The claim "exp" is a moment in seconds, as now is. What lies between the two?',
    solution="""
def answer(token, now):
    header, claims = read_jwt(token)
    return claims["exp"] - now
""",
    online=False,
)
def left(answer: Any, api: Any) -> str:
    """A function of a token and a time: the seconds that the token is still good for."""
    for issued, life in TOKENS:
        told = attempt(answer, _token(issued, life), NOW)
        if isinstance(told, bool) or not isinstance(told, int | float):
            raise NotYet(f"Your function returned {told!r}, not a number of seconds.")
        expected = issued + life - NOW
        if told == expected:
            continue
        if told == -expected:
            raise NotYet("The right distance with the wrong sign: what is left is positive.")
        if told == life:
            raise NotYet("That is how long the token lives in all. Some of it has passed by now.")
        if expected < 0 and told == 0:
            raise NotYet("For a token that has expired, say since when: a negative number.")
        raise NotYet(
            f"For a token issued at {issued} for {life} seconds your function returned {told} at "
            f"{NOW}."
        )
    return "Your function is right about a young token, an old one, and one that has expired."


@exercise(
    "admin.create_api_key(scopes, tenant, expires_in=seconds) makes a key.",
    'To read profiles takes the scope "profiles:read", and no other.',
    solution="""
answer = admin.create_api_key(["profiles:read"], "acme_corp", expires_in=3600)
""",
)
def least(answer: Any, api: Any) -> str:
    """A key of acme_corp that can read profiles, for an hour, and do nothing else."""
    if not isinstance(answer, Mapping) or not {"status", "key"} & {*answer}:
        raise NotYet("answer should be what admin.create_api_key() returned.")
    if answer.get("status") == "error":
        raise NotYet(f"The server refused: {answer.get('message')}")
    if not isinstance(answer.get("key"), Secret):
        raise NotYet("answer should be what admin.create_api_key() returned, with its key.")
    holder = ResonanceOSAPIClient(api.base_url, auth=ApiKeyAuth(answer["key"]))
    read = holder.get_profiles("acme_corp")
    if read.get("response_code") == 401:
        raise NotYet("The server does not take this key (any more). Make a new one.")
    if read.get("type") == "unknown-tenant":
        raise NotYet("This key belongs to another tenant; it should be acme_corp's.")
    if read.get("status") == "error":
        raise NotYet(f"With this key you can't read the profiles: {read.get('message')}")
    more = sorted({*answer["scopes"]} - {"profiles:read"})
    if more:
        raise NotYet(f"This key can do more than read profiles: it has {', '.join(more)}, too.")
    if answer.get("expires_at") is None:
        raise NotYet("This key never expires. Let it end after an hour.")
    return "If this key leaks, somebody can read profiles for an hour, and that is all."


@exercise(
    'Look at failure["response_code"]. Which two codes are about who you are and what you may do?',
    "401: they don't know you. 403: they know you, and you may not. 429: too many, too soon.",
    solution="""
def answer(failure):
    return {401: "renew", 403: "ask", 429: "wait"}.get(failure["response_code"], "stop")
""",
    online=False,
)
def react(answer: Any, api: Any) -> str:
    """A function of an error dict: renew, ask, wait or stop."""
    for error, expected in REFUSALS:
        told = attempt(answer, error.as_dict())
        if told not in WHY:
            raise NotYet(f"Your function returned {told!r}; it should be one of {', '.join(WHY)}.")
        if told != expected:
            raise NotYet(
                f"For a {error.response_code} ({error.type}) your function says {told}. But "
                f"{WHY[expected]}."
            )
    return f"Your function does the right thing about all {len(REFUSALS)} refusals."


def _token(issued: int, life: int) -> str:
    """A token that no server would take; it is for reading."""
    header, claims = {"typ": "at+jwt", "alg": "RS256"}, {"iat": issued, "exp": issued + life}
    return f"{encoded(header)}.{encoded(claims)}.c2lnbmF0dXJl"
