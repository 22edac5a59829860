"""/webhooks: subscriptions, and how their events were delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from ..auth.secret import Secret
from ..transport import Answer
from ..transport.arguments import moment, optional_text, text, texts
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
        call_ = self._post("/webhooks", WebhookAnswer, call, payload, expect=_ONE, read=shown_once)
        return self._run(call_)

    def get_webhook(self, webhook_id: str, **call: Unpack[CallOptions]) -> WebhookAnswer:
        """GET one subscription: its ``status`` is enabled or disabled."""
        return self._run(self._get(path("webhooks", webhook_id), WebhookAnswer, call, expect=_ONE))

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
        payload = {"overlap_seconds": overlap_seconds, "secret": secret}
        return self._run(
            self._post(where, WebhookAnswer, call, payload, expect=_ONE, read=shown_once)
        )

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
        params = {"status": optional_text("status", status), "limit": limit, "cursor": cursor}
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
        params = {"status": optional_text("status", status), "limit": limit}
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
