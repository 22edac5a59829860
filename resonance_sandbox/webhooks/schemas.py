"""The bodies of /webhooks, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from ..generation.schemas import Article
from ..http.schemas import LINE, Moment, Name, Number, RequestBody, once
from ..profiles.schemas import Profile
from .secret_box import FORM, read_secret

__all__ = [
    "DeliveryDetail",
    "DeliveryList",
    "GenerationCompleted",
    "GenerationFailed",
    "NewWebhook",
    "ProfileCreated",
    "Redelivered",
    "SecretRotation",
    "ShownWebhook",
    "Webhook",
    "WebhookDelivery",
    "WebhookList",
    "WebhookUpdate",
]

EventType = Literal["generation.completed", "generation.failed", "profile.created"]
SigningSecret = Annotated[
    str,
    Field(
        max_length=100,
        description="`whsec_` and base64 of 24 to 64 bytes; the server makes one if there is none",
        json_schema_extra={"pattern": FORM},
    ),
    AfterValidator(read_secret),
]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description="https, at a public address",
        json_schema_extra={"format": "uri"},
    ),
]
Events = Annotated[list[EventType], Field(min_length=1, max_length=20), AfterValidator(once)]


class NewWebhook(RequestBody):
    """Where to send events, and which."""

    url: Url
    events: Events
    secret: SigningSecret | None = None
    description: Annotated[str, Field(max_length=500, pattern=LINE)] = ""
    tenant: Name | None = None


class WebhookUpdate(RequestBody):
    """What changes about a webhook; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    description: Annotated[str, Field(max_length=500, pattern=LINE)] | None = None


class SecretRotation(RequestBody):
    """How a webhook's secret changes."""

    overlap_seconds: Annotated[
        int,
        Field(ge=0, le=7 * 86_400, description="seconds that the secret before still signs"),
        Number,
    ] = 86_400
    secret: SigningSecret | None = None


class Webhook(BaseModel):
    """A subscription, without its secret: that is shown once, when it is made or rotated."""

    id: str
    tenant: str
    url: str
    events: list[EventType]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: Annotated[
        Literal["gone", "failing"] | None,
        Field(description="it answered 410; or too many deliveries in a row ended dead"),
    ]
    created_at: Moment
    previous_secret_expires_at: Annotated[
        Moment | None, Field(description="end of the secret before, while a rotation overlaps")
    ]


class ShownWebhook(Webhook):
    """A webhook and, this once, its secret."""

    secret: Annotated[str | None, Field(description="keep it now; null in a replayed answer")]


class WebhookList(BaseModel):
    """A tenant's webhooks."""

    webhooks: list[Webhook]
    count: Annotated[int, Field(ge=0)]


class DeliveryAttempt(BaseModel):
    """One time that a delivery was tried."""

    number: Annotated[int, Field(ge=1)]
    at: Moment
    status: Annotated[int | None, Field(description="of the answer; null where none came")]
    latency_ms: Annotated[float, Field(ge=0)]
    error: Annotated[str | None, Field(description="null where it was delivered")]
    next_attempt_at: Moment | None


class WebhookDelivery(BaseModel):
    """One event to one webhook."""

    id: Annotated[str, Field(description="of the event: the header `webhook-id` of each attempt")]
    webhook: str
    type: EventType | Literal["webhook.test"]
    status: Annotated[
        Literal["pending", "delivered", "dead"],
        Field(description="dead: not tried again, unless you ask for it"),
    ]
    reason: Annotated[str | None, Field(description="why it is dead")]
    request_id: Annotated[
        str | None,
        Field(description="of the request that caused it; null where that was not stored yet"),
    ]
    created_at: Moment
    next_attempt_at: Moment | None
    attempts: list[DeliveryAttempt]


class DeliveryDetail(WebhookDelivery):
    """A delivery, and what it carries."""

    payload: Annotated[dict[str, Any], Field(description="`type`, `timestamp` and `data`")]


class DeliveryList(BaseModel):
    """A page of deliveries."""

    deliveries: list[WebhookDelivery]
    count: Annotated[int, Field(ge=0, description="deliveries on this page")]
    next_cursor: Annotated[str | None, Field(description="null on the last page")]


class Redelivered(BaseModel):
    """How many deliveries are pending again."""

    count: Annotated[int, Field(ge=0)]


class Reason(BaseModel):
    """The problem that the caller was answered."""

    type: str
    title: str
    status: int
    detail: str


class FailedGeneration(BaseModel):
    """A generation that the writer failed at."""

    request_id: str
    tenant: str
    profile_name: str
    created_at: Moment
    problem: Reason


class _Event(BaseModel):
    timestamp: Moment


class GenerationCompleted(_Event):
    """An article was written and stored."""

    type: Literal["generation.completed"]
    data: Article


class GenerationFailed(_Event):
    """The writer failed, or was out of order. A request that was refused is no event."""

    type: Literal["generation.failed"]
    data: FailedGeneration


class ProfileCreated(_Event):
    """A tenant has a new profile of its own."""

    type: Literal["profile.created"]
    data: Profile
