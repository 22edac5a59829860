"""/webhooks: subscriptions, and how their events were delivered."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from ..auth.secret import Secret
from ..errors import NotFoundError
from ..transport import Answer, Call
from ..transport.arguments import moment, optional_count, optional_text, text, texts
from ..types import CountAnswer, DeliveriesAnswer, DeliveryAnswer, WebhookAnswer, WebhooksAnswer
from .base import Calls, path, shown_once

if TYPE_CHECKING:
    from typing import Unpack

    from ..types import CallOptions, Delivery, DeliveryStatus, EventType, WriteOptions

_ONE = {"id": str}


class WebhookCalls(Calls):
    """Subscriptions to events."""

    def get_webhooks(
        self, tenant: str | None = None, **call: Unpack[CallOptions]
    ) -> WebhooksAnswer:
        """GET /webhooks: the subscriptions of a tenant, without their secrets."""
        params = {"tenant": optional_text("tenant", tenant)}
        expect = {"webhooks": list}
        return self._run(self._get("/webhooks", WebhooksAnswer, call, params=params, expect=expect))

    def create_webhook(
        self,
        url: str,
        events: Iterable[EventType],
        tenant: str | None = None,
        *,
        secret: str | Secret | None = None,
        description: str | None = None,
        **call: Unpack[WriteOptions],
    ) -> WebhookAnswer:
        """POST /webhooks: have events sent to a URL.

        Args:
            url: Where to; https, but for a receiver on the sandbox's own machine.
            events: Of ``generation.completed``, ``generation.failed`` and ``profile.created``.
            tenant: Whose events; None for the caller's own.
            secret: What to sign them with (`webhooks.new_secret`); None to have the server make
                one.
            description: What it is for.
            **call: `types.WriteOptions`.

        Returns:
            ``id``, ``url``, ``events``, ``status``, ... and ``secret``, a `Secret`. The server
            shows it this once: an answer that was `.replayed` has None there.
        """
        secret = self._signing_secret(secret)
        payload = {
            "url": text("url", url),
            "events": texts("events", events),
            "tenant": optional_text("tenant", tenant),
            "description": optional_text("description", description),
            "secret": secret,
        }
        return self._run(self._secret("/webhooks", call, payload))

    def get_webhook(self, webhook_id: str, **call: Unpack[CallOptions]) -> WebhookAnswer:
        """GET one subscription: its ``status`` is enabled or disabled."""
        return self._run(self._get(path("webhooks", webhook_id), WebhookAnswer, call, expect=_ONE))

    def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Iterable[EventType] | None = None,
        description: str | None = None,
        **call: Unpack[WriteOptions],
    ) -> WebhookAnswer:
        """PATCH one subscription: what is None stays as it is.

        Its secret is changed by `rotate_webhook_secret`, and a disabled one is enabled by
        `enable_webhook`.
        """
        payload = {
            "url": optional_text("url", url),
            "events": None if events is None else texts("events", events),
            "description": optional_text("description", description),
        }
        where = path("webhooks", webhook_id)
        return self._run(self._call("PATCH", where, WebhookAnswer, call, payload, expect=_ONE))

    def ensure_webhook(
        self,
        url: str,
        events: Iterable[EventType],
        tenant: str | None = None,
        *,
        secret: str | Secret,
        description: str | None = None,
        **call: Unpack[CallOptions],
    ) -> WebhookAnswer:
        """The one subscription of a URL, as it should be: for the start of a program.

        One that is there is found by its URL, and what differs is changed: its events, its
        description, whether it is enabled. Where there is none it is made, and once, however often
        an answer is lost and however many copies of the program start together.

        The server tells a secret only where it is made, so a program that starts a second time
        could not know it. Keep one of your own (`webhooks.new_secret` makes it) where secrets
        belong, and give the same at each start: from now on events are signed with it. A secret
        that the subscription had before signs along for a day, for whoever still checks by that.

        Args:
            url: Where to; it is what the subscription is known by.
            events: All that it should be told of.
            tenant: Whose events; None for the caller's own.
            secret: What to sign them with, such as ``Secret.from_env("RESONANCE_WEBHOOK_SECRET")``.
            description: What it is for; None leaves it as it is.
            **call: `types.CallOptions`, for each of the calls that this takes.

        Returns:
            The subscription, with its ``secret``.
        """
        hidden = self._signing_secret(secret)
        if hidden is None:
            raise TypeError("secret is None. Fix: keep one, and give it at each start")
        wanted = {
            "url": text("url", url),
            "events": texts("events", events),
            "tenant": optional_text("tenant", tenant),
            "description": optional_text("description", description),
        }
        return self._told(lambda: self._ensure(wanted, hidden, call))

    def _ensure(self, wanted: dict[str, Any], secret: Secret, call: CallOptions) -> WebhookAnswer:
        params, expect = {"tenant": wanted["tenant"]}, {"webhooks": list}
        listed = self._get("/webhooks", WebhooksAnswer, call, params=params, expect=expect).run()
        same = [hook for hook in listed["webhooks"] if hook["url"] == wanted["url"]]
        if not same:
            return self._make(wanted, secret, call)
        events = set(wanted["events"])
        # There may be several, from before: one that has the events already is the better one.
        hook = min(same, key=lambda hook: set(hook["events"]) != events)
        where, changes = path("webhooks", hook["id"]), {}
        if set(hook["events"]) != events:
            changes["events"] = wanted["events"]
        if wanted["description"] not in (None, hook["description"]):
            changes["description"] = wanted["description"]
        if changes:
            self._call("PATCH", where, WebhookAnswer, call, changes, expect=_ONE).run()
        if hook["status"] == "disabled":
            self._post(f"{where}/enable", WebhookAnswer, call, expect=_ONE).run()
        return self._secret(f"{where}/rotate_secret", call, {"secret": secret}).run()

    def _make(self, wanted: dict[str, Any], secret: Secret, call: CallOptions) -> WebhookAnswer:
        """Make it under a key that follows from what is wanted: whoever wants the same makes one.

        The key outlives the subscription, though. Where the answer is of one that is gone by now,
        its id goes into the next key.
        """
        gone: list[str] = []
        while True:
            meaning = json.dumps([wanted, gone]).encode()
            key = hmac.new(secret.reveal().encode(), meaning, "sha256").hexdigest()
            options: WriteOptions = {**call, "idempotency_key": f"ensure-webhook-{key}"}
            made = self._secret("/webhooks", options, {**wanted, "secret": secret}).run()
            try:
                if made.replayed:
                    self._get(path("webhooks", made["id"]), WebhookAnswer, call, expect=_ONE).run()
            except NotFoundError:
                gone.append(made["id"])
            else:
                made["secret"] = secret  # a replay is without it
                return made

    def _secret(
        self, where: str, call: CallOptions, payload: Mapping[str, Any]
    ) -> Call[WebhookAnswer]:
        return self._post(where, WebhookAnswer, call, payload, expect=_ONE, read=shown_once)

    def delete_webhook(self, webhook_id: str, **call: Unpack[WriteOptions]) -> Answer:
        """DELETE a subscription and all its deliveries. Returns an empty dict."""
        return self._run(self._call("DELETE", path("webhooks", webhook_id), Answer, call))

    def rotate_webhook_secret(
        self,
        webhook_id: str,
        *,
        overlap_seconds: int | None = None,
        secret: str | Secret | None = None,
        **call: Unpack[WriteOptions],
    ) -> WebhookAnswer:
        """POST /webhooks/{id}/rotate_secret: a new ``secret``, as a `Secret`.

        For `overlap_seconds` more (None: the server's choice, a day) each delivery is signed with
        the one before, too.
        """
        secret = self._signing_secret(secret)
        where = path("webhooks", webhook_id, "rotate_secret")
        overlap = optional_count("overlap_seconds", overlap_seconds)
        payload = {"overlap_seconds": overlap, "secret": secret}
        return self._run(self._secret(where, call, payload))

    def test_webhook(self, webhook_id: str, **call: Unpack[WriteOptions]) -> DeliveryAnswer:
        """POST /webhooks/{id}/test: have an event ``webhook.test`` sent; its delivery."""
        return self._run(self._post(path("webhooks", webhook_id, "test"), DeliveryAnswer, call))

    def enable_webhook(self, webhook_id: str, **call: Unpack[WriteOptions]) -> WebhookAnswer:
        """POST /webhooks/{id}/enable: send events again to a URL that had failed too often."""
        return self._run(self._post(path("webhooks", webhook_id, "enable"), WebhookAnswer, call))

    def get_deliveries(
        self,
        webhook_id: str,
        *,
        status: DeliveryStatus | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        **call: Unpack[CallOptions],
    ) -> DeliveriesAnswer:
        """GET /webhooks/{id}/deliveries: one page of them, newest first, each with its attempts.

        Args:
            webhook_id: The subscription.
            status: ``pending``, ``delivered`` or ``dead``; None for all.
            limit: How many, at most; None for the server's choice.
            cursor: The ``next_cursor`` of the page before.
            **call: `types.CallOptions`.
        """
        params = {
            "status": optional_text("status", status),
            "limit": optional_count("limit", limit),
            "cursor": optional_text("cursor", cursor),
        }
        where = path("webhooks", webhook_id, "deliveries")
        expect = {"deliveries": list}
        return self._run(self._get(where, DeliveriesAnswer, call, params=params, expect=expect))

    def iter_deliveries(
        self,
        webhook_id: str,
        *,
        status: DeliveryStatus | None = None,
        limit: int | None = None,
        **call: Unpack[CallOptions],
    ) -> Iterator[Delivery]:
        """All deliveries, newest first, page after page of `limit` each.

        An error is raised in both modes: a loop has no place for an error dict.
        """
        params = {
            "status": optional_text("status", status),
            "limit": optional_count("limit", limit),
        }
        where = path("webhooks", webhook_id, "deliveries")
        return self._rows(where, DeliveriesAnswer, call, params, "deliveries")

    def get_delivery(
        self, webhook_id: str, delivery_id: str, **call: Unpack[CallOptions]
    ) -> DeliveryAnswer:
        """GET one delivery, with the ``payload`` that is sent."""
        where = path("webhooks", webhook_id, "deliveries", delivery_id)
        return self._run(self._get(where, DeliveryAnswer, call, expect=_ONE))

    def redeliver(
        self, webhook_id: str, delivery_id: str, **call: Unpack[WriteOptions]
    ) -> DeliveryAnswer:
        """POST .../redeliver: send one event again, under its old ``webhook-id``."""
        where = path("webhooks", webhook_id, "deliveries", delivery_id, "redeliver")
        return self._run(self._post(where, DeliveryAnswer, call, expect=_ONE))

    def redeliver_since(
        self,
        webhook_id: str,
        since: str | datetime,
        *,
        status: Literal["dead", "delivered"] | None = None,
        **call: Unpack[WriteOptions],
    ) -> CountAnswer:
        """POST /webhooks/{id}/redeliver: send again all that ended since a time; ``count``.

        Args:
            webhook_id: The subscription.
            since: A moment with its time zone, a datetime or as in ``2026-01-31T12:00:00Z``.
            status: ``dead`` or ``delivered``; None for both.
            **call: `types.WriteOptions`.
        """
        params = {"since": moment("since", since), "status": optional_text("status", status)}
        where = path("webhooks", webhook_id, "redeliver")
        expect = {"count": int}
        return self._run(self._post(where, CountAnswer, call, params=params, expect=expect))
