"""Exercises about webhooks: verify a delivery, subscribe, and handle an event once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ...webhooks import Event, new_secret, sign
from .core import NotYet, attempt, exercise

PATIENCE = 5.0
"""Seconds that the test event may take."""


@exercise(
    "verify(body, headers, secret) returns the event, or raises WebhookVerificationError.",
    "Put verify into a try block: 200 after it, 400 in the except.",
    solution="""
def answer(body, headers, secret):
    try:
        verify(body, headers, secret)
    except WebhookVerificationError:
        return 400
    return 200
""",
    online=False,
)
def guard(answer: Any, api: Any) -> str:
    """A function of a delivery and a secret: the status to answer with."""
    secret, now = new_secret(), int(time.time())
    body = b'{"type": "generation.completed", "data": {"article": "Rain."}}'
    good = sign(body, secret, "msg_1", now)
    cases: list[tuple[str, bytes, dict[str, str], int]] = [
        ("a delivery that is as it should be", body, good, 200),
        ("a delivery whose body was changed", body.replace(b"Rain", b"Snow"), good, 400),
        ("a delivery that a stranger signed", body, sign(body, new_secret(), "msg_1", now), 400),
        ("a delivery of ten minutes ago", body, sign(body, secret, "msg_1", now - 600), 400),
        ("a delivery without headers", body, {}, 400),
        ("signed nonsense", b"nonsense", sign(b"nonsense", secret, "msg_1", now), 400),
    ]
    for what, sent, headers, expected in cases:
        told = attempt(answer, sent, headers, secret)
        if told == expected:
            continue
        if told not in (200, 400):
            raise NotYet(f"Your function returned {told!r}; it should return 200 or 400.")
        if expected == 200:
            raise NotYet(f"For {what} your function says 400; the sender would send it for ever.")
        raise NotYet(f"For {what} your function says 200, and that means: I have it.")
    return f"Your function takes what is true and refuses the other {len(cases) - 1}."


@exercise(
    "api.create_webhook(url, events, tenant, secret=...) subscribes; events is a list.",
    "The receiver has to know what the server signs with: give both secret=secret.",
    "WebhookReceiver(secret, clock=api.clock) knows the secret, and what day it is there.",
    solution="""
mine = WebhookReceiver(secret, clock=api.clock)
answer = api.create_webhook(mine.url, ["profile.created"], "demo_tenant", secret=secret)
""",
)
def subscribe(answer: Any, api: Any) -> str:
    """A subscription to demo_tenant's new profiles, whose test event arrives."""
    if not isinstance(answer, Mapping) or not {"status", "url"} & {*answer}:
        raise NotYet("answer should be what api.create_webhook() returned.")
    if answer.get("status") == "error":
        raise NotYet(f"The server refused: {answer.get('message')}")
    webhook = api.get_webhook(str(answer.get("id")))
    if webhook.get("status") == "error":
        raise NotYet("There is no such webhook (any more). Subscribe again.")
    if webhook["tenant"] != "demo_tenant":
        raise NotYet(f"You would hear of {webhook['tenant']}; it should be demo_tenant.")
    if webhook["events"] != ["profile.created"]:
        raise NotYet(
            f"You would hear of {', '.join(webhook['events'])}, not of new profiles alone."
        )
    tried = _tested(api, webhook["id"])
    if tried.get("status") in (400, 401, 403):
        raise NotYet(
            "The receiver refused the test event: it was signed with a secret that the receiver "
            "does not know, or the receiver goes by another clock than the sandbox."
        )
    if tried.get("error") or not tried:
        raise NotYet(f"The test event did not arrive: {tried.get('error', 'it is on its way')}")
    return "A test event was sent, verified and handled."


@exercise(
    "The same event has the same event.id each time. What if you keep the lengths by it?",
    "A dict holds one value for each key, however often you set it.",
    solution="""
def answer(event, lengths):
    lengths[event.id] = event.data["content_length"]
""",
    online=False,
)
def once(answer: Any, api: Any) -> str:
    """A handler of an event and a dict, after which the dict's values add up to all characters."""
    lengths: dict[Any, Any] = {}
    written = [("msg_1", 700), ("msg_2", 512), ("msg_3", 700)]
    for number, (first, again) in enumerate([(0, 0), (1, 0), (2, 1)], start=1):
        for position in (first, again):
            attempt(answer, _completed(*written[position]), lengths)
        expected = sum(length for _, length in written[:number])
        total = _total(lengths)
        if total == expected:
            continue
        if not lengths:
            raise NotYet("The dict is still empty after the first event.")
        if total > expected:
            raise NotYet(
                f"Articles of {expected} characters in all came, some of them twice, and your dict "
                f"adds up to {total:g}. A duplicate was counted."
            )
        raise NotYet(
            f"Articles of {expected} characters in all came, and your dict adds up to {total:g}. "
            "Two articles may be equal in all but their id."
        )
    return "Whatever comes twice is counted once: this handler is idempotent."


def _tested(api: Any, webhook_id: str) -> dict[str, Any]:
    """The first try at a test event, or nothing if there was none in time."""
    sent = api.test_webhook(webhook_id)
    if sent.get("status") == "error":
        raise NotYet(f"The server sends no test event: {sent['message']}")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        tries = api.get_delivery(webhook_id, sent["id"])["attempts"]
        if tries:
            tried: dict[str, Any] = tries[0]
            return tried
        time.sleep(0.02)
    return {}


def _completed(event_id: str, length: int) -> Event:
    data = {"article": "Rain. " * (length // 6), "content_length": length}
    payload: Any = {"type": "generation.completed", "data": data}
    return Event(event_id, int(time.time()), payload)


def _total(lengths: Mapping[Any, Any]) -> float:
    try:
        return float(sum(lengths.values()))
    except TypeError:
        shown = json.dumps(list(lengths.values()), default=repr)
        raise NotYet(f"The values of the dict should be numbers; they are {shown[:80]}.") from None
