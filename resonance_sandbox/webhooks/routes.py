"""/webhooks: subscribe to events, and see how each was delivered."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BeforeValidator
from sqlalchemy import Connection, Row

from ..http.context import context_of
from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import IDEMPOTENT, WITH_BODY, Problem, responses
from ..http.reply import Reply, commit, json_response, read, with_secret
from ..http.schemas import PRINTED, Name
from ..http.strict_route import StrictRoute
from ..store import deliveries as table
from . import deliveries, subscriptions
from .schemas import (
    DeliveryDetail,
    DeliveryList,
    GenerationCompleted,
    GenerationFailed,
    NewWebhook,
    ProfileCreated,
    Redelivered,
    SecretRotation,
    ShownWebhook,
    Webhook,
    WebhookDelivery,
    WebhookList,
    WebhookUpdate,
)
from .secret_box import new_secret
from .ssrf_guard import Refused

__all__ = ["router", "sent"]

router = APIRouter(tags=["webhooks"], route_class=StrictRoute)

Subscriber = Annotated[Principal, Depends(Needs("webhooks"))]
Identity = Annotated[str, Path(pattern=PRINTED, description="the webhook's id")]
Event = Annotated[str, Path(pattern=PRINTED, description="the `webhook-id` that it is sent under")]


def _dated(value: str) -> str:
    # A bare number would pass for seconds since 1970.
    if not re.match(r"\d{4}-", value):
        raise ValueError("is to be a time, as in 2026-01-31T12:00:00Z")
    return value


Since = Annotated[AwareDatetime, BeforeValidator(_dated)]


@router.post(
    "/webhooks",
    status_code=201,
    response_model=ShownWebhook,
    responses=responses("unknown-tenant", "webhook-limit", *WITH_BODY, *IDEMPOTENT),
    summary="Subscribe to events",
)
async def create_webhook(request: Request, body: NewWebhook, principal: Subscriber) -> Response:
    """Events are sent as Standard Webhooks describes, signed by the secret.

    The secret is shown this once. The URL is to be https to a public address; a sandbox may allow
    loopback.
    """
    state = request.app.state
    tenant = state.directory.resolve(principal, body.tenant)
    await _admitted(request, body.url)
    secret = body.secret or new_secret()

    def effect(connection: Connection) -> Reply:
        made = subscriptions.add(
            connection,
            state.secret_box,
            tenant,
            body.url,
            list(body.events),
            body.description,
            secret,
            state.clock,
            still=state.settings.still,
        )
        return with_secret(201, made, "secret", secret, {"Location": f"/webhooks/{made['id']}"})

    return await commit(request, effect)


@router.get(
    "/webhooks",
    response_model=WebhookList,
    responses=responses("unknown-tenant"),
    summary="List a tenant's webhooks",
)
async def list_webhooks(
    request: Request, principal: Subscriber, tenant: Annotated[Name | None, Query()] = None
) -> Response:
    """Oldest first; never their secrets."""
    name = request.app.state.directory.resolve(principal, tenant)

    def look(connection: Connection) -> Response:
        found = subscriptions.listed(connection, name, request.app.state.clock())
        return json_response({"webhooks": found, "count": len(found)})

    return await read(request, look)


@router.get(
    "/webhooks/{id}",
    response_model=Webhook,
    responses=responses("unknown-webhook"),
    summary="Read a webhook",
)
async def read_webhook(request: Request, id: Identity, principal: Subscriber) -> Response:
    """Whether it is enabled, and if not, why: `gone` (it answered 410) or `failing`."""
    find, now = _finder(request, principal, id), request.app.state.clock()
    return await read(
        request, lambda connection: json_response(subscriptions.shown(find(connection), now))
    )


@router.patch(
    "/webhooks/{id}",
    response_model=Webhook,
    responses=responses("unknown-webhook", *WITH_BODY, *IDEMPOTENT),
    summary="Change a webhook",
)
async def update_webhook(
    request: Request, id: Identity, body: WebhookUpdate, principal: Subscriber
) -> Response:
    """Its URL, its events or its description; what is left out stays.

    What is pending goes to the new URL. A disabled webhook stays so until it is enabled.
    """
    find, clock = _finder(request, principal, id), request.app.state.clock
    if body.url is not None:
        await _admitted(request, body.url)

    def effect(connection: Connection) -> Reply:
        webhook = find(connection)
        subscriptions.change(connection, webhook, body.url, body.events, body.description)
        return Reply(200, subscriptions.shown(find(connection), clock()))

    return await commit(request, effect)


@router.delete(
    "/webhooks/{id}",
    status_code=204,
    response_class=Response,
    responses=responses("unknown-webhook", *IDEMPOTENT),
    summary="Delete a webhook",
)
async def delete_webhook(request: Request, id: Identity, principal: Subscriber) -> Response:
    """And all its deliveries."""
    find = _finder(request, principal, id)

    def effect(connection: Connection) -> Reply:
        subscriptions.remove(connection, find(connection).id)
        return Reply(204)

    return await commit(request, effect)


@router.post(
    "/webhooks/{id}/rotate_secret",
    response_model=ShownWebhook,
    responses=responses("unknown-webhook", *WITH_BODY, *IDEMPOTENT),
    summary="Give a webhook a new secret",
)
async def rotate_secret(
    request: Request, id: Identity, body: SecretRotation, principal: Subscriber
) -> Response:
    """Until `previous_secret_expires_at` every event has two signatures, one by each secret.

    So a receiver can change over at any moment in between.
    """
    state = request.app.state
    find = _finder(request, principal, id)
    secret = body.secret or new_secret()

    def effect(connection: Connection) -> Reply:
        webhook, overlap = find(connection), body.overlap_seconds
        shown = subscriptions.rotate(
            connection, state.secret_box, webhook, secret, overlap, state.clock
        )
        return with_secret(200, shown, "secret", secret)

    return await commit(request, effect)


@router.post(
    "/webhooks/{id}/enable",
    response_model=Webhook,
    responses=responses("unknown-webhook", *IDEMPOTENT),
    summary="Enable a webhook again",
)
async def enable_webhook(request: Request, id: Identity, principal: Subscriber) -> Response:
    """It gets the events from now on; those before stay dead until you have them redelivered."""
    find, now = _finder(request, principal, id), request.app.state.clock()
    return await commit(
        request,
        lambda connection: Reply(200, subscriptions.enable(connection, find(connection), now)),
    )


@router.post(
    "/webhooks/{id}/test",
    status_code=202,
    response_model=WebhookDelivery,
    responses=responses("unknown-webhook", "webhook-disabled", *IDEMPOTENT),
    summary="Send a test event",
)
async def test_webhook(request: Request, id: Identity, principal: Subscriber) -> Response:
    """An event of the type `webhook.test`, to this webhook alone.

    Read its delivery to see how it went.
    """
    state = request.app.state
    find = _finder(request, principal, id)
    request_id = context_of(request).request_id

    def effect(connection: Connection) -> Reply:
        event = state.outbox.test(connection, _enabled(find(connection)), request_id)
        return _accepted(connection, id, event)

    return await commit(request, effect)


@router.get(
    "/webhooks/{id}/deliveries",
    response_model=DeliveryList,
    responses=responses("unknown-webhook"),
    summary="List a webhook's deliveries",
)
async def list_deliveries(
    request: Request,
    id: Identity,
    principal: Subscriber,
    status: Annotated[Literal["pending", "delivered", "dead"] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    cursor: Annotated[
        str | None, Query(max_length=500, description="`next_cursor` of the page before")
    ] = None,
) -> Response:
    """Newest first, each with its attempts (the latest 100).

    They are kept for seven days, the latest 10,000 of those that have ended.
    """
    find = _finder(request, principal, id)

    def look(connection: Connection) -> Response:
        found, following = deliveries.page(connection, find(connection).id, status, limit, cursor)
        return json_response({"deliveries": found, "count": len(found), "next_cursor": following})

    return await read(request, look)


@router.get(
    "/webhooks/{id}/deliveries/{delivery}",
    response_model=DeliveryDetail,
    responses=responses("unknown-webhook", "unknown-delivery"),
    summary="Read a delivery",
)
async def read_delivery(
    request: Request, id: Identity, delivery: Event, principal: Subscriber
) -> Response:
    """With the payload that is sent."""
    find = _finder(request, principal, id)

    def look(connection: Connection) -> Response:
        return json_response(deliveries.find(connection, find(connection).id, delivery))

    return await read(request, look)


@router.post(
    "/webhooks/{id}/deliveries/{delivery}/redeliver",
    status_code=202,
    response_model=WebhookDelivery,
    responses=responses("unknown-webhook", "unknown-delivery", "webhook-disabled", *IDEMPOTENT),
    summary="Send an event once more",
)
async def redeliver(
    request: Request, id: Identity, delivery: Event, principal: Subscriber
) -> Response:
    """Under the same `webhook-id`, with all its tries, whether it was delivered or is dead."""
    state = request.app.state
    find = _finder(request, principal, id)

    def effect(connection: Connection) -> Reply:
        webhook = _enabled(find(connection))
        deliveries.find(connection, webhook.id, delivery)
        state.outbox.again(connection, table.c.event == delivery, webhook.id)
        return _accepted(connection, id, delivery)

    return await commit(request, effect)


@router.post(
    "/webhooks/{id}/redeliver",
    status_code=202,
    response_model=Redelivered,
    responses=responses("unknown-webhook", "webhook-disabled", *IDEMPOTENT),
    summary="Send all events since a time once more",
)
async def redeliver_since(
    request: Request,
    id: Identity,
    principal: Subscriber,
    since: Annotated[Since, Query(description="RFC 3339, with an offset from UTC")],
    status: Annotated[
        Literal["delivered", "dead"] | None, Query(description="only these; none: both")
    ] = None,
) -> Response:
    """For a receiver that was away, or has lost what it had. What is pending is left alone."""
    state = request.app.state
    find = _finder(request, principal, id)
    chosen = (table.c.made_at >= _unix(since, state.clock())) & (
        table.c.status != "pending" if status is None else table.c.status == status
    )

    def effect(connection: Connection) -> Reply:
        count = state.outbox.again(connection, chosen, _enabled(find(connection)).id)
        return Reply(202, {"count": count})

    return await commit(request, effect)


sent = APIRouter(
    tags=["events"],
    responses={
        "2XX": {"description": "Received, now or earlier"},
        "410": {"description": "Gone for good: the webhook is disabled"},
        "default": {"description": "Not received: sent again later, after `Retry-After` if given"},
    },
)
"""What receivers are sent, for the OpenAPI document alone."""


@sent.post("generation.completed", summary="An article was written", status_code=204)
def generation_completed(body: GenerationCompleted) -> None:
    """Signed as Standard Webhooks describes.

    By the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`. It may come more
    than once, always under one `webhook-id`.
    """


@sent.post("generation.failed", summary="The writer failed", status_code=204)
def generation_failed(body: GenerationFailed) -> None:
    """Signed likewise."""


@sent.post("profile.created", summary="A profile was made", status_code=204)
def profile_created(body: ProfileCreated) -> None:
    """Signed likewise."""


async def _admitted(request: Request, url: str) -> None:
    """Refuse a URL that nothing is sent to."""
    try:
        await request.app.state.guard.admit(url)
    except Refused as refused:
        raise Problem(
            "validation-failed", f"url {refused}.", errors=[("url", str(refused))]
        ) from None


def _finder(
    request: Request, principal: Principal, identity: str
) -> Callable[[Connection], Row[Any]]:
    """How the webhook of that id is found, if the caller may use its tenant."""
    tenants = request.app.state.directory.usable(principal)
    return lambda connection: subscriptions.find(connection, identity, tenants)


def _enabled(webhook: Row[Any]) -> Row[Any]:
    if webhook.disabled_reason is not None:
        raise Problem("webhook-disabled", "Nothing is sent to a disabled webhook; enable it first.")
    return webhook


def _accepted(connection: Connection, webhook: str, event: str) -> Reply:
    shown = deliveries.find(connection, webhook, event)
    shown.pop("payload")
    return Reply(202, shown, {"Location": f"/webhooks/{webhook}/deliveries/{event}"})


def _unix(moment: datetime, now: float) -> float:
    try:
        return moment.timestamp()
    except OverflowError:
        return now
