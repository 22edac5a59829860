"""The trouble that a program is run through.

Each scenario is data: what happens, to which request, and which promise it puts to the test.
Moments are counted, never timed.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["CALM", "OUTAGE", "SLOW", "Moment", "Scenario", "scenarios"]

OUTAGE = 20.0
"""Seconds that the outage lasts."""

Counted = Literal["request", "effect", "answered", "delivery", "acknowledged"]
Action = Literal["kill", "restart", "outage", "revoke", "end_tokens", "redirect"]
Need = Literal["effects", "token", "webhook"]


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happens once: as the `n`-th of what is counted comes.

    Attributes:
        counted: "request": one arrives, and nothing has been done for it; "effect": its work is
            done, and no answer has been sent; "answered": its answer has been sent; "delivery":
            an event is about to be sent; "acknowledged": the receiver has answered it with 2xx.
    """

    counted: Counted
    n: int
    action: Action


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run through one trouble.

    Attributes:
        title: the trouble in plain words.
        missing: the promise that is broken where something was not done.
        doubled: the promise that is broken where something was done twice.
        strike: faults of the sandbox, one for the first attempt at each request, the next for the
            second, and so on.
        moment: what happens once.
        settings: of the sandbox.
        post: what befalls the events on their way to the receiver.
        clock: seconds that the server's clock is ahead.
        needs: what the calm run must have shown for this to mean anything.
        down: seconds from a kill to the second start.
        limit: seconds that it may take beyond the calm run's own time.
    """

    name: str
    title: str
    missing: str | None = None
    doubled: str | None = "does-nothing-twice"
    strike: tuple[Mapping[str, Any], ...] = ()
    moment: Moment | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    post: str | None = None
    clock: float = 0.0
    needs: Need = "effects"
    down: float = 0.0
    limit: float = 45.0


CALM = Scenario("calm", "nothing goes wrong")


def _struck(
    name: str, title: str, missing: str, *kinds: str | Mapping[str, Any], limit: float = 45.0
) -> Scenario:
    strike = tuple({"kind": kind} if isinstance(kind, str) else kind for kind in kinds)
    return Scenario(name, title, missing, strike=strike, limit=limit)


LOST, BROKEN, ERRORS = "survives-lost-answers", "survives-broken-answers", "survives-server-errors"
LIMITS, SLOW = "survives-rate-limits", "survives-slow-answers"
TOKEN, ORDER = "survives-ended-token", "takes-events-late-and-in-any-order"
EVENTS = "misses-no-event"

FAULTS = (
    _struck("lost-before", "the connection is reset before the work", LOST, "reset_before_request"),
    _struck("lost-midway", "the connection is reset mid-request", LOST, "reset_mid_request"),
    _struck("lost-after", "the connection is reset after the work", LOST, "reset_after_commit"),
    _struck("lost-in-head", "the answer's head breaks off", LOST, "reset_mid_headers"),
    _struck("lost-in-body", "the answer's body breaks off", LOST, "reset_mid_body"),
    _struck("closed", "the connection closes without an answer", LOST, "close_without_answer"),
    _struck("cut-short", "the connection closes half-way through", LOST, "truncated_body"),
    _struck("half-json", "half of the JSON comes as if it were all", BROKEN, "truncated_json"),
    _struck("malformed", "the JSON has a syntax error", BROKEN, "malformed_json"),
    _struck("empty", "the answer has no body", BROKEN, "empty_body"),
    _struck("web-page", "a web page comes with status 200", BROKEN, "html"),
    _struck("error-500", "500 before the work", ERRORS, {"kind": "status", "status": 500}),
    _struck("error-503", "503 before the work", ERRORS, "unavailable", "unavailable"),
    _struck(
        "error-503-after", "503 after the work", ERRORS, {"kind": "unavailable", "when": "after"}
    ),
    _struck(
        "asked-to-wait",
        "429 with Retry-After: 3",
        LIMITS,
        {"kind": "rate_limited", "retry_after": 3},
    ),
    _struck("refused-bare", "429 without Retry-After", LIMITS, "rate_limited", "rate_limited"),
    _struck("dripping", "the answer drips for minutes", SLOW, {"kind": "drip_body", "size": 1}),
    _struck(
        "stalling", "the answer stalls half-way", SLOW, {"kind": "stall_mid_body", "seconds": 120}
    ),
)

LONG = (
    *("dripping", "stalling", "outage", "asked-to-wait", "error-503", "refused-bare"),
    *("down", "killed-after-2xx", "rate-limit"),
)
"""Scenarios in which a program has to wait long, the longest first."""


def scenarios(
    seed: int, requests: int, effects: int, events: int, has: Collection[Need]
) -> Sequence[Scenario]:
    """All of the trouble for a program.

    Args:
        seed: decides the moments; the same seed, the same moments.
        requests: how many the calm run had.
        effects: how many of them did something.
        events: how many events it took.
        has: what the calm run has shown.
    """
    draw = random.Random(seed)

    def moment(counted: Counted, action: Action, *, before_last: bool = False) -> Moment:
        count = events if counted in ("delivery", "acknowledged") else effects
        return Moment(counted, draw.randint(1, max(1, count - before_last)), action)

    once = (
        Scenario(
            "outage",
            f"the server is out of order for {OUTAGE:g} seconds",
            "survives-outage",
            moment=moment("request", "outage"),
            limit=OUTAGE + 45,
        ),
        Scenario(
            "restart",
            "the server is killed and starts again",
            "survives-restart",
            moment=moment("effect", "restart"),
        ),
        Scenario(
            "killed-before",
            "SIGKILL as a request arrives, then a second start",
            "survives-kill",
            moment=moment("request", "kill"),
        ),
        Scenario(
            "killed-between",
            "SIGKILL after the work and before its answer, then a second start",
            "survives-kill",
            moment=moment("effect", "kill"),
        ),
        Scenario(
            "killed-after",
            "SIGKILL after an answer, then a second start",
            "survives-kill",
            moment=moment("answered", "kill"),
        ),
        Scenario(
            "rate-limit",
            "2 requests a second are allowed",
            LIMITS,
            settings={"burst": 2},
            limit=45.0 + 2 * requests,
        ),
        Scenario(
            "clock-behind",
            "429 with a date in Retry-After, by a server's clock that is 90 seconds behind",
            LIMITS,
            strike=({"kind": "rate_limited", "retry_after": "date"},),
            clock=-90,
        ),
        Scenario(
            "redirected",
            "one request is sent to another host, which sends it back",
            doubled=None,
            moment=moment("request", "redirect"),
        ),
        Scenario(
            "token-ended",
            "the token ends earlier than was said",
            TOKEN,
            moment=moment("answered", "end_tokens", before_last=True),
            needs="token",
        ),
        Scenario(
            "token-revoked",
            "the token is revoked",
            TOKEN,
            moment=moment("answered", "revoke", before_last=True),
            needs="token",
        ),
        _event("forged", "eleven forgeries come before the first event", "refuses-forgeries"),
        _event("old", "an event from an hour ago comes first", "refuses-old-events"),
        _event("doubled", "each event comes twice", "takes-duplicates"),
        _event("late", "each event comes 3 seconds late", missing=ORDER),
        _event("out-of-order", "the first event comes after the second", missing=ORDER),
        _event(
            "rotated",
            "the secret is being replaced: events carry two signatures, the known one last",
            missing="accepts-a-rotated-secret",
        ),
        Scenario(
            "down",
            "SIGKILL as an event is sent; the second start comes 2 seconds later",
            EVENTS,
            moment=moment("delivery", "kill"),
            needs="webhook",
            down=2.0,
        ),
        Scenario(
            "killed-after-2xx",
            "SIGKILL as an event has been acknowledged, then a second start",
            EVENTS,
            moment=moment("acknowledged", "kill"),
            needs="webhook",
        ),
    )
    found = [one for one in (*once, *FAULTS) if one.needs in has]
    # The long ones first, or the last of them would be waited for alone.
    return sorted(found, key=lambda one: LONG.index(one.name) if one.name in LONG else len(LONG))


def _event(
    name: str, title: str, doubled: str = "does-nothing-twice", missing: str | None = None
) -> Scenario:
    return Scenario(name, title, missing, doubled, post=name, needs="webhook")
