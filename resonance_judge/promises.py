"""What an integration promises, each in a sentence, and what to do where it is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["PROMISES", "Finding", "Promise", "Verdict", "Word"]

Word = Literal["kept", "broken", "not shown"]


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise: its name, what it says, and what to do to keep it."""

    name: str
    says: str
    advice: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one scenario showed of one promise.

    Attributes:
        shown_by: the request that shows it, or what else does, in plain words.
    """

    promise: str
    kept: bool
    scenario: str
    shown_by: str
    request: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a promise: broken if one scenario broke it, kept if one showed it."""

    promise: Promise
    verdict: Word
    findings: tuple[Finding, ...] = ()

    @property
    def shown_by(self) -> str:
        """The first thing that breaks it, or how it was kept."""
        if self.verdict == "not shown":
            return "Nothing that it did puts this to the test."
        first = next(f for f in self.findings if f.kept == (self.verdict == "kept"))
        if self.verdict == "broken":
            return f"{first.scenario}: {first.shown_by}"
        names = ", ".join(dict.fromkeys(f.scenario for f in self.findings))
        return f"Held through: {names}."


def _(name: str, says: str, advice: str) -> Promise:
    return Promise(name, says, advice)


PROMISES: dict[str, Promise] = {
    promise.name: promise
    for promise in (
        _(
            "does-nothing-twice",
            "Whatever is lost, nothing is done twice.",
            "Send one Idempotency-Key with each POST, and the same one with each retry of it; keep "
            "it on disk before the first attempt, so that a second start has it too.",
        ),
        _(
            "survives-lost-answers",
            "A connection that breaks, before the work or after it, costs nothing.",
            "Try again after a connection error or an answer that is cut short, with the same "
            "Idempotency-Key.",
        ),
        _(
            "survives-broken-answers",
            "An answer that cannot be read is not taken for an answer.",
            "Check that an answer is JSON and has the fields that you need; if not, try again with "
            "the same Idempotency-Key.",
        ),
        _(
            "survives-server-errors",
            "A server's passing error costs nothing.",
            "Try again after 500, 502, 503 and 504, with growing waits and the same "
            "Idempotency-Key.",
        ),
        _(
            "survives-rate-limits",
            "Being refused for a while costs nothing.",
            "After a 429, wait as Retry-After says and send the request again.",
        ),
        _(
            "survives-slow-answers",
            "An answer that drips or stalls costs nothing.",
            "Give each attempt a bound of time for the whole of it, and try again with the same "
            "Idempotency-Key.",
        ),
        _(
            "survives-outage",
            "An outage is waited out, and all the work is done after it.",
            "Go on trying with growing waits for as long as an outage may last, or end with an "
            "error and continue at the next start.",
        ),
        _(
            "survives-restart",
            "A server that is killed and starts again costs nothing.",
            "Try again after a refused connection; get a new token after a 401.",
        ),
        _(
            "survives-ended-token",
            "A token that ends early, or is revoked, costs nothing.",
            "After a 401, get a new token once and send the request again.",
        ),
        _(
            "survives-kill",
            "Killed at any moment and started again, it finishes its work.",
            "Write down what is to be done and what is done, on disk, before and after each step.",
        ),
        _(
            "waits-as-asked",
            "It never comes back earlier than the server asked.",
            "Take Retry-After as the least wait: seconds, or a date to be read against the "
            "answer's own Date and not against your clock.",
        ),
        _(
            "spares-a-server-that-is-down",
            "It does not flood a server that is out of order.",
            "Let waits grow with each failure, draw them at random, and share one budget of "
            "retries between all calls.",
        ),
        _(
            "is-seldom-refused",
            "It keeps to the rate that the server announces.",
            "Read RateLimit and Retry-After, and slow down for all calls, not only for "
            "the refused one.",
        ),
        _(
            "sends-a-key-with-every-post",
            "Each POST that does something carries an Idempotency-Key.",
            "Make a key for each call and send it as the header Idempotency-Key.",
        ),
        _(
            "keeps-the-key-for-a-retry",
            "A retry carries the key of the first attempt.",
            "Make the key where the call is made, not where an attempt is made. For a second start "
            "keep it on disk, or make it from what the call says.",
        ),
        _(
            "uses-a-key-for-one-request",
            "A key never comes with two different requests.",
            "Make a key anew for each call, at random or from all that the call says.",
        ),
        _(
            "reuses-its-token",
            "It gets a token once and uses it until it ends.",
            "Keep the access token until shortly before expires_in; let all threads share it.",
        ),
        _(
            "refuses-forgeries",
            "An event that is not the server's is refused and changes nothing.",
            "Verify webhook-signature over the raw body, with webhook-id and webhook-timestamp, in "
            "constant time, before anything else.",
        ),
        _(
            "refuses-old-events",
            "An event from long ago is refused, though its signature is right.",
            "Refuse a webhook-timestamp that is more than five minutes off.",
        ),
        _(
            "takes-duplicates",
            "An event that comes twice is handled once and acknowledged twice.",
            "Remember each webhook-id, on disk, in the transaction of its work; answer 2xx to one "
            "that you know.",
        ),
        _(
            "takes-events-late-and-in-any-order",
            "Events may be late and out of order.",
            "Wait for each event by what it is about, not by its place in a row.",
        ),
        _(
            "accepts-a-rotated-secret",
            "While a secret is being replaced, events go on arriving.",
            "Try every signature in webhook-signature: one that fits is enough.",
        ),
        _(
            "misses-no-event",
            "Events that come while it is down are not lost to it.",
            "Acknowledge an event once its work is done or safely noted on disk, never before; "
            "take the same address again after a start.",
        ),
        _(
            "ends",
            "It ends, in a bounded time, whatever the server does.",
            "Give each attempt and each call a bound of time. A read timeout alone does not bound "
            "an answer that drips.",
        ),
        _(
            "keeps-its-credentials",
            "Its credentials are seen by the server alone.",
            "Keep credentials out of logs, files and messages of errors; do not send them where a "
            "redirect leads.",
        ),
    )
}
"""Each promise by its name, in the order in which they are told."""
