"""What goes in and what comes out, for type checkers: the rows, the answers, the keywords.

A call returns a class that ends in ``Answer``: a dict with these keys and the attributes of
`transport.Answer`. The rows in it are plain dicts. `answer["articel"]` and
``generate_content("x", paragrafs=3)`` are errors to mypy and pyright; at run time an unknown field
is the server's to judge.
"""

# Annotations are evaluated here, which costs less than a ForwardRef for each of them.

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

import requests

from .auth.secret import Secret
from .transport import Answer, RetryPolicy
from .transport.fields import Fields

# --- keywords ------------------------------------------------------------------------------------


class CallOptions(TypedDict, total=False):
    """What each call takes beside its own arguments; what is left out is the client's.

    headers: More headers, such as ``{"traceparent": ...}``; none that the client sets itself.
    pace: Wait for the call's turn by the server's rate limit.
    timeout: Seconds for one attempt.
    deadline: Seconds for the whole call, with all attempts and waits; None for no bound.
    """

    headers: Mapping[str, str] | None
    pace: bool
    timeout: float
    deadline: float | None


class WriteOptions(CallOptions, total=False):
    """What a call takes that changes something.

    idempotency_key: The key of an earlier call, to get its answer and not a second effect; a new
        one where there is none.
    """

    idempotency_key: str | None


class ClientOptions(TypedDict, total=False):
    """What a client is made with, beside its address and credentials."""

    timeout: float
    retry: RetryPolicy | None
    deadline: float | None
    on_error: Literal["return", "raise"]
    session: requests.Session | None
    allow_http: bool
    pace: bool


class GenerationOptions(WriteOptions, total=False):
    """What `generate_content` takes: the fields of the request, and the keywords of the call.

    paragraphs: 1 to 8.
    max_length: The most characters.
    temperature: 0 (the best candidate) to 2.
    seed: The same one makes the same article.
    """

    paragraphs: int | None
    max_length: int | None
    temperature: float | None
    seed: int | None


EventType = Literal["generation.completed", "generation.failed", "profile.created"]
Scope = Literal[
    "generate", "profiles:read", "profiles:write", "metrics:read", "webhooks", "sandbox", "admin"
]
DeliveryStatus = Literal["pending", "delivered", "dead"]

# --- rows ----------------------------------------------------------------------------------------


class Check(TypedDict):
    """A part of the server, as `health_check` finds it."""

    status: Literal["ok", "failing"]
    latency_ms: float
    detail: str


class ResponseTime(TypedDict):
    """Seconds of server time; None without requests."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Figures(TypedDict):
    """Requests and their outcomes."""

    requests: int
    errors: int
    success_rate: float | None
    statuses: dict[str, int]
    response_time: ResponseTime


class Generations(TypedDict):
    """Generations, counted."""

    executed: int
    stored: int
    replayed: int
    kept: int


class Paragraph(TypedDict):
    """A paragraph of an article, measured by itself."""

    text: str
    hrv_vector: list[float]
    hrv_feedback: float


class ScoredSentence(TypedDict):
    """A sentence, and how positive it is, from -1 to 1."""

    sentence: str
    compound: float


class Evidence(TypedDict):
    """What one dimension of a text was measured on."""

    value: float
    raw: float
    scale: list[float]
    method: str
    source: str
    counts: dict[str, float]
    found: list[int | str | ScoredSentence]


class Tenant(TypedDict):
    """A tenant that the caller may use."""

    tenant: str
    access: Literal["open", "private"]
    profile_count: int
    created_at: str


class Profile(TypedDict):
    """A style: a shared one, or a tenant's own."""

    profile_name: str
    tenant: str
    hrv_vector: list[float]
    description: str
    metadata: dict[str, Any]
    created_at: str
    shared: bool


class ApiKey(TypedDict):
    """An API key, without the key."""

    id: str
    name: str
    tenant: str
    scopes: list[Scope]
    created_at: str
    expires_at: str | None
    previous_expires_at: str | None


class Webhook(TypedDict):
    """A subscription, without its secret."""

    id: str
    tenant: str
    url: str
    events: list[EventType]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: Literal["gone", "failing"] | None
    created_at: str
    previous_secret_expires_at: str | None


class DeliveryAttempt(TypedDict):
    """One time that a delivery was tried."""

    number: int
    at: str
    status: int | None
    latency_ms: float
    error: str | None
    next_attempt_at: str | None


class Delivery(TypedDict):
    """One event on its way to one webhook."""

    id: str
    webhook: str
    type: EventType | Literal["webhook.test"]
    status: DeliveryStatus
    reason: str | None
    request_id: str | None
    created_at: str
    next_attempt_at: str | None
    attempts: list[DeliveryAttempt]


class Problem(TypedDict):
    """Why a generation failed, as its caller was answered."""

    type: str
    title: str
    status: int
    detail: str


# --- dicts of several kinds: the names of all fields of a type, then the type --------------------


class Article(
    Fields[
        Literal["article", "tenant", "profile_name", "request_id", "created_at"],
        str,
        Literal["hrv_feedback", "generation_time"],
        float,
        Literal["hrv_vector", "target_hrv"],
        list[float],
        Literal["content_length", "seed"],
        int,
        Literal["paragraphs"],
        list[Paragraph],
        Literal["warnings"],
        list[str],
    ]
):
    """An `ArticleAnswer` without what HTTP said of it; or a ``Failure``, likewise."""


class EventData(
    Fields[
        Literal["article", "tenant", "profile_name", "created_at", "description", "webhook"],
        str,
        Literal["hrv_feedback", "generation_time"],
        float,
        Literal["hrv_vector", "target_hrv"],
        list[float],
        Literal["content_length", "seed"],
        int,
        Literal["request_id", "event", "prompt"],
        str,
        Literal["problem"],
        Problem,
        Literal["shared"],
        bool,
        Literal["metadata"],
        dict[str, Any],
        Literal["result"],
        Article,
    ]
):
    """What an event is about: which of the fields are there is a matter of its type.

    ``generation.completed`` has an article without its parts, ``generation.failed`` the
    ``problem``, ``profile.created`` a ``Profile``, ``webhook.test`` a ``message``; and
    `WebhookHandler`'s own have ``event``, ``timestamp``, ``prompt``, ``result`` and ``metadata``.
    """


class EventPayload(
    Fields[
        Literal["event", "prompt"],
        str,
        Literal["timestamp"],
        str | float,
        Literal["data"],
        EventData,
        Literal["result"],
        Article,
        Literal["metadata"],
        dict[str, Any],
    ]
):
    """The body of an event: ``type``, ``timestamp`` and ``data``, or those of `WebhookHandler`."""


# --- answers: the names of all fields of a type, then the type -----------------------------------


class HealthAnswer(
    Answer[
        Literal["status"],
        Literal["healthy", "degraded", "unhealthy", "error"],
        Literal["version"],
        str,
        Literal["uptime_seconds"],
        float,
        Literal["checks"],
        dict[str, Check],
    ]
):
    """How the server is; also where it answers 503, for then it tells the same."""


class MetricsAnswer(
    Answer[
        Literal["requests", "errors", "characters_generated"],
        int,
        Literal["success_rate", "characters_per_second", "mean_hrv_feedback"],
        float | None,
        Literal["uptime_seconds"],
        float,
        Literal["statuses"],
        dict[str, int],
        Literal["response_time"],
        ResponseTime,
        Literal["generations"],
        Generations,
        Literal["endpoints"],
        dict[str, Figures],
    ]
):
    """The caller's figures, in all and by endpoint."""


class TextAnswer(Answer[Literal["text"], str]):
    """An answer in plain text."""


class ArticleAnswer(
    Answer[
        Literal["article", "tenant", "profile_name", "request_id", "created_at"],
        str,
        Literal["hrv_feedback", "generation_time"],
        float,
        Literal["hrv_vector", "target_hrv"],
        list[float],
        Literal["content_length", "seed"],
        int,
        Literal["paragraphs"],
        list[Paragraph],
        Literal["warnings"],
        list[str],
    ]
):
    """An article, and how near it came to its profile."""


class MeasuredAnswer(
    Answer[Literal["hrv_vector"], list[float], Literal["evidence"], dict[str, Evidence]]
):
    """A text's measures, and what each was measured on."""


class TenantsAnswer(Answer[Literal["tenants"], list[Tenant], Literal["count"], int]):
    """The tenants that the caller may use."""


class TenantAnswer(
    Answer[
        Literal["tenant", "created_at"],
        str,
        Literal["access"],
        Literal["open", "private"],
        Literal["profile_count"],
        int,
    ]
):
    """A `Tenant`."""


class ProfilesAnswer(
    Answer[
        Literal["profiles"],
        list[Profile],
        Literal["count"],
        int,
        Literal["next_cursor"],
        str | None,
    ]
):
    """A page of profiles."""


class ProfileAnswer(
    Answer[
        Literal["profile_name", "tenant", "description", "created_at"],
        str,
        Literal["hrv_vector"],
        list[float],
        Literal["metadata"],
        dict[str, Any],
        Literal["shared"],
        bool,
    ]
):
    """A `Profile`; `.etag` is its version."""


class ApiKeysAnswer(Answer[Literal["api_keys"], list[ApiKey], Literal["count"], int]):
    """The keys that the caller manages."""


class ApiKeyAnswer(
    Answer[
        Literal["id", "name", "tenant", "created_at"],
        str,
        Literal["scopes"],
        list[Scope],
        Literal["expires_at", "previous_expires_at"],
        str | None,
        Literal["key"],
        Secret,
    ]
):
    """An `ApiKey` and, this once, the ``key`` itself."""


class WebhooksAnswer(Answer[Literal["webhooks"], list[Webhook], Literal["count"], int]):
    """A tenant's subscriptions."""


class WebhookAnswer(
    Answer[
        Literal["id", "tenant", "url", "description", "created_at"],
        str,
        Literal["events"],
        list[EventType],
        Literal["status"],
        Literal["enabled", "disabled", "error"],
        Literal["disabled_reason"],
        Literal["gone", "failing"] | None,
        Literal["previous_secret_expires_at"],
        str | None,
        Literal["secret"],
        Secret,
    ]
):
    """A `Webhook`; also its ``secret``, where it was made or rotated by this call."""


class DeliveryAnswer(
    Answer[
        Literal["id", "webhook", "created_at"],
        str,
        Literal["type"],
        EventType | Literal["webhook.test"],
        Literal["status"],
        DeliveryStatus | Literal["error"],
        Literal["reason", "request_id", "next_attempt_at"],
        str | None,
        Literal["attempts"],
        list[DeliveryAttempt],
        Literal["payload"],
        EventPayload,
    ]
):
    """A ``Delivery``; also the ``payload``, where it was asked for alone."""


class DeliveriesAnswer(
    Answer[
        Literal["deliveries"],
        list[Delivery],
        Literal["count"],
        int,
        Literal["next_cursor"],
        str | None,
    ]
):
    """A page of deliveries, the newest first."""


class CountAnswer(Answer[Literal["count"], int]):
    """How many."""
