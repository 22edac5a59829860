"""The capstone: an integration is run into trouble, and judged by what the server saw of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import requests

from ...client.errors import UnknownProfileError
from ...webhooks import new_secret, sign
from .core import NotYet, attempt, exercise

__all__ = ["newsroom"]

TENANT, PROFILE, EVENT = "demo_tenant", "newsroom", "generation.completed"

PROMPTS = tuple(
    f"The {what} of the {where}"
    for what in ("history", "business", "future")
    for where in ("harbour", "night train", "city library", "corner bakery")
)
"""What the newsroom has to write about."""

TROUBLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("reset_after_commit", {"count": 3}),
    ("unavailable", {"count": 3}),
    ("rate_limited", {"count": 2, "retry_after": 1}),
)
"""What the first attempts run into: answers that are lost, a server that is busy, a limit."""

PATIENCE = 20.0
"""Seconds to wait until the server has no delivery left to make."""


class Press:
    """Prints what it is given, in any thread; it jams once, at the second article."""

    def __init__(self) -> None:
        self.printed: list[str] = []
        self._jams = 1
        self._lock = threading.Lock()

    def publish(self, article: str) -> None:
        """Print an article.

        Raises:
            RuntimeError: The press is jammed. The article is not printed.
        """
        with self._lock:
            if self._jams and len(self.printed) == 1:
                self._jams -= 1
                raise RuntimeError("the press is jammed; try again")
            self.printed.append(article)


@exercise(
    "Start with what must be there before the first article: the profile, a receiver, a webhook.",
    "A WebhookReceiver verifies and answers by itself, calls its handler once for each event, and "
    "has an event come again if the handler raises. run_batch takes care of the rest.",
    "WebhookReceiver(secret, handler=lambda event: publish(event.data['article'])), then "
    "api.create_webhook(receiver.url, ['generation.completed'], 'demo_tenant', secret=secret), "
    "then run_batch(), then return the receiver.",
    solution="""
def answer(api, prompts, publish):
    api.create_profile("demo_tenant", "newsroom", [0.7, 0.4, 0.5, 0.6, 0.7, 0.6, 0.6, 0.7])
    secret = new_secret()
    receiver = WebhookReceiver(secret, handler=lambda event: publish(event.data["article"]))
    api.create_webhook(receiver.url, ["generation.completed"], "demo_tenant", secret=secret)
    style = {"tenant": "demo_tenant", "profile_name": "newsroom"}
    run_batch(api, [{"prompt": prompt, **style} for prompt in prompts])
    receiver.wait(len(prompts))
    return receiver
""",
)
def newsroom(answer: Any, api: Any) -> str:
    """A function `(api, prompts, publish)`: it writes all articles and publishes them by events."""
    sandbox = getattr(api, "sandbox", None)
    if sandbox is None:
        raise NotYet("This check causes trouble on purpose, so it needs the sandbox.")
    if not callable(answer):
        attempt(answer)  # says so
    sandbox.reset()
    press, receiver = Press(), None
    try:
        for kind, declared in TROUBLE:
            sandbox.faults.add(kind, route="/hr_generate", attempts=1, **declared)
        receiver = attempt(answer, api, list(PROMPTS), press.publish)
        sandbox.faults.clear()
        _sent(sandbox)
        strict = api.with_options(on_error="raise")
        hook = _subscribed(strict)
        _delivered(strict, hook)
        _refuses_forgeries(hook)
        _takes_duplicates(strict, hook)
        strict.delete_webhook(hook["id"])
        _published(press.printed, strict)
    finally:
        sandbox.faults.clear()
        if callable(stop := getattr(receiver, "stop", None)):
            stop()
    return (
        f"{len(PROMPTS)} articles through {sum(d['count'] for _, d in TROUBLE)} faults: each "
        "written once and published once, forgeries refused, duplicates taken."
    )


def _sent(sandbox: Any) -> None:
    """What the log and the books say about the batch."""
    log = sandbox.requests()
    sent = [entry for entry in log if entry["path"] == "/hr_generate"]
    if not sent:
        raise NotYet("The server's log holds no request for an article.")
    created = [e for e in log if (e["method"], e["path"]) == ("POST", "/profiles")]
    if not any(entry["status"] == 201 for entry in created):
        raise NotYet(f"Nobody has created a profile in {TENANT}.")
    written = int(sandbox.call("GET", "/metrics?tenant=default")["generations"]["stored"])
    keyless = sum(entry["idempotency_key"] is None for entry in sent)
    if written > len(PROMPTS):
        raise NotYet(
            f"The server wrote {written} articles for {len(PROMPTS)} prompts: some answers were "
            "lost, and the same was asked for again as if it were new. "
            f"{keyless} of {len(sent)} requests carried no Idempotency-Key."
        )
    if written < len(PROMPTS):
        raise NotYet(
            f"The server wrote {written} articles for {len(PROMPTS)} prompts. Some calls failed in "
            "passing and were not tried again."
        )
    if keyless:
        raise NotYet(f"{keyless} of {len(sent)} requests carried no Idempotency-Key.")


def _subscribed(api: Any) -> Mapping[str, Any]:
    """The one webhook for articles that are done."""
    hooks = [hook for hook in api.get_webhooks(TENANT)["webhooks"] if EVENT in hook["events"]]
    if len(hooks) != 1:
        raise NotYet(f"{TENANT} has {len(hooks)} webhooks for {EVENT}; it should be one.")
    hook: Mapping[str, Any] = hooks[0]
    return hook


def _delivered(api: Any, hook: Mapping[str, Any]) -> None:
    """Wait until every event has been acknowledged."""
    deadline = time.monotonic() + PATIENCE
    while api.get_deliveries(hook["id"], status="pending")["deliveries"]:
        if time.monotonic() > deadline:
            raise NotYet("Events are still waiting: does your receiver answer them with a 2xx?")
        time.sleep(0.05)
    if dead := api.get_deliveries(hook["id"], status="dead")["deliveries"]:
        raise NotYet(f"{len(dead)} events were never acknowledged: {dead[0]['reason']}")
    if not api.get_deliveries(hook["id"])["deliveries"]:
        raise NotYet("No event was sent. Was the webhook there before the first article?")


def _refuses_forgeries(hook: Mapping[str, Any]) -> None:
    """Send an event that nobody signed, and one that somebody else did."""
    body = b'{"type": "generation.completed", "data": {"article": "A forgery."}}'
    signed = sign(body, new_secret(), "msg_forged", int(time.time()))
    for what, headers in (("without a signature", {}), ("signed by a stranger", signed)):
        kind = {"Content-Type": "application/json"}
        try:
            answered = requests.post(hook["url"], body, headers=kind | headers, timeout=10)
        except requests.RequestException:
            raise NotYet(
                "Nobody listens at the webhook's URL any more. Return the receiver, still "
                "listening; this check stops it."
            ) from None
        if answered.ok:
            raise NotYet(f"Your receiver took an event {what} with a {answered.status_code}.")


def _takes_duplicates(api: Any, hook: Mapping[str, Any]) -> None:
    """Have every event sent again."""
    api.redeliver_since(hook["id"], "2026-01-01T00:00:00Z")
    try:
        _delivered(api, hook)
    except NotYet as reason:
        raise NotYet(f"Each event was sent a second time, which happens. {reason}") from None


def _published(printed: list[str], api: Any) -> None:
    """Compare what was published with what the server writes."""
    style = {"tenant": TENANT, "profile_name": PROFILE}
    try:
        written = {prompt: api.generate_content(prompt, **style)["article"] for prompt in PROMPTS}
    except UnknownProfileError:
        raise NotYet(f"{TENANT} has no profile of the name {PROFILE}.") from None
    copies = Counter(printed)
    if stray := copies.keys() - {*written.values()}:
        raise NotYet(
            f"{len(stray)} of the texts that were published are no articles in the style {PROFILE}."
        )
    if missing := sum(not copies[article] for article in written.values()):
        raise NotYet(
            f"{missing} of {len(PROMPTS)} articles were never published. The press jams at times: "
            "publish() raises, and the event should come again."
        )
    if twice := sum(count > 1 for count in copies.values()):
        raise NotYet(
            f"{twice} of {len(PROMPTS)} articles were published more than once. The same event may "
            "come twice, under the same webhook-id."
        )
