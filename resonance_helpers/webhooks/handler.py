"""Generate an article and notify a URL of your own: the four steps of client-side webhooks.

1. generate the article, 2. build the payload, 3. POST it, signed, 4. process the answer. This needs
no subscription at the server, and reports what this program alone has generated.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from ..client.api import ResonanceOSAPIClient
from ..client.auth.secret import Secret
from ..client.calls.base import OPTIONS
from ..client.errors import ResonanceError
from ..client.transport import RetryPolicy, arguments
from ..client.transport.address import origin, web_address
from ..client.transport.deadline import Deadline
from ..client.transport.failure import BROKEN_OFF, explain, refused_by_hook
from ..client.transport.retry_after import parse_retry_after
from ..client.transport.session import anonymous
from .signature import SecretLike, check_secrets, sign

if TYPE_CHECKING:
    from typing import Unpack

    from ..client.types import ArticleAnswer, EventPayload, GenerationOptions

__all__ = ["Attempt", "Delivery", "WebhookHandler"]

log = logging.getLogger("resonance_helpers")

TRIED_AGAIN = {408, 409, 425, 429}
"""Beside 5xx: the receiver may take it later. The other 4xx mean that it never will."""

ANSWER_CAP = 64 * 1024
"""Bytes of an answer that are read; what a receiver says is in its status."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST of a notification.

    Attributes:
        at: When it began, in seconds since 1970.
        status: The HTTP status of the answer, None where there was none.
        latency: Seconds until the answer, or until it was clear that there is none.
        reason: Why it failed, empty where it did not.
    """

    at: float
    status: int | None
    latency: float
    reason: str = ""


@dataclass(slots=True)
class Delivery:
    """A notification, and how its sending went.

    Attributes:
        id: Its ``webhook-id``, the same at each attempt.
        payload: What was sent.
        signed: Whether it was signed.
        attempts: Each POST so far.
        reason: Why it was not delivered, empty where it was.
    """

    id: str
    payload: EventPayload = field(repr=False)
    signed: bool
    attempts: list[Attempt] = field(default_factory=list)
    reason: str = "not sent yet"

    @property
    def delivered(self) -> bool:
        """Whether the receiver has taken it."""
        return not self.reason

    @property
    def status(self) -> int | None:
        """The HTTP status of the last answer, or None."""
        return self.attempts[-1].status if self.attempts else None

    @property
    def latency(self) -> float | None:
        """Seconds that the last attempt took, or None."""
        return self.attempts[-1].latency if self.attempts else None


class WebhookHandler:
    """Generates articles and notifies a URL of each.

    >>> handler = WebhookHandler("https://your-app.com/webhook/resonanceos", secret=secret)
    >>> result = handler.generate_and_notify("Latest industry trends", tenant="demo_tenant")
    >>> handler.last_delivery.status, len(handler.last_delivery.attempts)

    Without a `secret` the notification is sent unsigned: it arrives, and its receiver can't tell
    who sent it. (A secret made up here would help nobody, for the receiver has to know it, too.)

    Args:
        webhook_url: Where to POST to.
        secret: What to sign with, as `new_secret` makes it; several while one is being replaced.
        client: Generates the articles; by default that of ``http://localhost:8000``.
        timeout: Seconds for one attempt at the notification, in wall-clock time.
        deadline: Seconds for all attempts at it, with the waits between them.
        retry: How often it is tried and how long the waits are; None for once. The ``webhook-id``
            stays the same, so a receiver that was reached twice handles it once.
        session: A `requests.Session` of your own, with proxies or certificates.
        clock: Seconds since 1970, like `time.time`: what the signatures are dated by.

    Attributes:
        last_delivery: How the last notification went, a ``Delivery``; None before the first. It is
            set before anything is sent, and its payload holds the article.

    Raises:
        TypeError, ValueError: An argument is of the wrong type, or could not work.
    """

    def __init__(
        self,
        webhook_url: str,
        *,
        secret: SecretLike | Iterable[SecretLike] | None = None,
        client: ResonanceOSAPIClient | None = None,
        timeout: float = 10,
        deadline: float = 30,
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008  (immutable)
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.webhook_url = webhook_url
        self._origin = origin(web_address("webhook_url", webhook_url))
        self._secrets: tuple[Secret, ...] = () if secret is None else check_secrets(secret)
        if not (client is None or callable(getattr(client, "generate_content", None))):
            raise TypeError(f"client is a {arguments.kind(client)}, not a ResonanceOSAPIClient")
        self.client = ResonanceOSAPIClient() if client is None else client
        self._timeout = arguments.seconds("timeout", timeout)
        self._deadline = arguments.seconds("deadline", deadline)
        self._retry = arguments.policy(retry)
        self._session = arguments.session(session)
        self._clock = arguments.function("clock", clock)
        self.last_delivery: Delivery | None = None

    def generate_and_notify(
        self,
        prompt: str,
        tenant: str | None = None,
        profile_name: str | None = None,
        **kwargs: Unpack[GenerationOptions],
    ) -> ArticleAnswer:
        """Generate an article, notify the URL, and return the article's answer.

        The payload is ``{"event", "timestamp", "prompt", "result", "metadata"}``; `metadata` is
        what else was asked for, without the keywords of the call. Where the generation failed, the
        event is ``content_failed`` instead of ``content_generated``, and the result tells why.
        Where the notification failed, the answer is returned all the same, and `last_delivery`
        tells why.

        Args:
            prompt: As for `ResonanceOSAPIClient.generate_content`, like the others.
            tenant: Whose profiles to use.
            profile_name: The style.
            **kwargs: More fields, and keywords of the call.
        """
        given = {"tenant": tenant, "profile_name": profile_name, **kwargs}
        asked: Any = {name: value for name, value in given.items() if value is not None}
        metadata = {name: value for name, value in asked.items() if name not in OPTIONS}
        try:
            result = self.client.generate_content(prompt, **asked)
        except ResonanceError as error:
            self._notify(prompt, error.as_dict(), metadata)
            raise
        self._notify(prompt, result, metadata)
        return result

    def redeliver(self) -> Delivery:
        """Send the last notification once more, under the same ``webhook-id``."""
        if self.last_delivery is None:
            raise LookupError("nothing was sent yet: call generate_and_notify() first")
        self._send(self.last_delivery)
        return self.last_delivery

    def _notify(self, prompt: str, result: dict[str, Any], metadata: dict[str, Any]) -> None:
        failed = result.get("status") == "error"
        payload: Any = {
            "event": "content_failed" if failed else "content_generated",
            "timestamp": self._clock(),
            "prompt": prompt,
            "result": result,
            "metadata": metadata,
        }
        delivery = Delivery(f"msg_{uuid.uuid4().hex}", payload, signed=bool(self._secrets))
        self.last_delivery = delivery
        try:
            self._send(delivery)
        except Exception as error:  # whatever it is, the article is worth more
            delivery.reason = f"{type(error).__name__}: {error}"
        if not delivery.delivered:
            log.warning("the notification %s failed: %s", delivery.id, delivery.reason)

    def _send(self, delivery: Delivery) -> None:
        body = json.dumps(delivery.payload, allow_nan=False).encode()
        policy = self._retry
        end = policy.clock() + self._deadline
        for number in range(1, policy.max_attempts + 1):
            timeout = max(min(self._timeout, end - policy.clock()), 0.001)
            attempt, again, asked = self._attempt(delivery.id, body, timeout)
            delivery.attempts.append(attempt)
            delivery.reason = attempt.reason
            wait = policy.wait(number, asked)
            if not again or number == policy.max_attempts or policy.clock() + wait >= end:
                return
            policy.sleep(wait)

    def _attempt(
        self, webhook_id: str, body: bytes, timeout: float
    ) -> tuple[Attempt, bool, float | None]:
        """One POST: how it went, whether to try again, and the seconds that were asked for."""
        headers = {"Content-Type": "application/json", "User-Agent": "ResonanceOS-Webhooks"}
        now = self._clock()
        if self._secrets:
            headers |= sign(body, self._secrets, webhook_id, int(now))
        else:
            headers |= {"webhook-id": webhook_id, "webhook-timestamp": str(int(now))}
        began = time.perf_counter()
        try:
            request = requests.Request(
                "POST", self.webhook_url, headers=headers, data=body, auth=anonymous
            )
            session = self._session
            prepared = session.prepare_request(request)
            settings = session.merge_environment_settings(prepared.url or "", {}, True, None, None)
            try:
                response = session.send(
                    prepared, timeout=Deadline(timeout), allow_redirects=False, **settings
                )
            except requests.HTTPError as error:
                response = refused_by_hook(error, prepared.url or "")
            # Its status came: whatever befalls its body decides nothing.
            with response, contextlib.suppress(*BROKEN_OFF):
                response.raw.read(ANSWER_CAP)
        except BROKEN_OFF as error:
            failure = explain(error, origin=self._origin, timeout=timeout)
            latency = time.perf_counter() - began
            return Attempt(now, None, latency, failure.message), failure.retryable, None
        latency, status = time.perf_counter() - began, response.status_code
        if 200 <= status < 300:
            return Attempt(now, status, latency), False, None
        asked = parse_retry_after(
            response.headers.get("Retry-After"), now=now, date=response.headers.get("Date")
        )
        again = status in TRIED_AGAIN or status >= 500
        return Attempt(now, status, latency, f"the receiver answered {status}"), again, asked

    def __repr__(self) -> str:
        # The rest of the URL may be what lets people in.
        return f"<WebhookHandler {self._origin}, {'signed' if self._secrets else 'unsigned'}>"
