"""The bodies of the API, as pydantic models: what validates a request also describes it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..hrv import DIMENSIONS
from .strict_json import FIELDS, dumps

__all__ = [
    "NAME",
    "ApiKey",
    "ApiKeyList",
    "Article",
    "Generated",
    "GenerationRequest",
    "HRVRequest",
    "Jwks",
    "Measured",
    "MetricsSummary",
    "Moment",
    "Name",
    "NewApiKey",
    "NewProfile",
    "NewTenant",
    "Number",
    "OAuthMetadata",
    "Outage",
    "Profile",
    "ProfileList",
    "ProfileUpdate",
    "RequestBody",
    "Rotation",
    "ShownApiKey",
    "TenantList",
    "TenantSummary",
    "TokenAnswer",
    "once",
]

NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
PRINTED = r"^[!-~]{1,64}$"
"""What an id in a path can be."""
LINE = r"^[^\x00]*$"
"""Text without the one character that PostgreSQL cannot store."""
MAX_PROMPT = 5_000
MAX_TEXT = 100_000
MAX_METADATA = 16 << 10


def _number(value: Any) -> Any:
    # JSON has numbers, strings and booleans apart; Python's float() would take all three.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is to be a number")
    return value


def _not_blank(value: str) -> str:
    if not _INK.search(value):
        raise ValueError("is blank; put words in it")
    return value


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(dumps(value)) > MAX_METADATA:
        raise ValueError(f"is larger than {MAX_METADATA:,} bytes of JSON")
    return value


Number = BeforeValidator(_number)
Name = Annotated[
    str,
    Field(
        pattern=NAME,
        min_length=1,
        max_length=64,
        description="lower-case letters, digits, _ and -, 1 to 64",
    ),
]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), Number]
_Signed = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False), Number]
_ORDER = "; ".join(
    f"{dimension.name} ({dimension.low:g} to {dimension.high:g})" for dimension in DIMENSIONS
)
Vector = Annotated[
    tuple[_Share, _Signed, _Share, _Share, _Share, _Share, _Share, _Share],
    Field(
        description=_ORDER,
        examples=[[0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8]],
    ),
]
# In answers without `prefixItems`, which few tools that read an OpenAPI document understand.
Shown = Annotated[
    list[Annotated[float, Field(ge=-1, le=1)]],
    Field(min_length=8, max_length=8, description=_ORDER),
]
INK = r"[^\s\u001c-\u001f\u0085\ufeff]"
"""A character that is no white space in any dialect of regular expressions."""
_INK = re.compile(INK)
NOT_BLANK = {"pattern": INK}
Metadata = Annotated[
    dict[str, Any],
    Field(description=f"any JSON object of at most {MAX_METADATA:,} bytes"),
    AfterValidator(_small),
]


class RequestBody(BaseModel):
    """A request's body; an error may repeat the names of its fields."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        FIELDS.update(cls.model_fields)


class GenerationRequest(RequestBody):
    """What to write. An unknown field is ignored and named in the answer's `warnings`."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"prompt": "The future of artificial intelligence"}]},
    )

    prompt: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_PROMPT,
            description="the subject",
            json_schema_extra=NOT_BLANK,
        ),
        AfterValidator(_not_blank),
    ]
    tenant: Name | None = None
    profile_name: Name | None = None
    paragraphs: Annotated[int, Field(ge=1, le=8), Number] | None = None
    max_length: (
        Annotated[int, Field(ge=50, le=50_000, description="most characters"), Number] | None
    ) = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False), Number] | None = None
    seed: Annotated[int, Field(ge=1 - 2**53, le=2**53 - 1), Number] | None = None


class NewTenant(RequestBody):
    """A tenant to be made."""

    tenant: Name
    access: Literal["open", "private"] = "private"


class NewProfile(RequestBody):
    """A profile to be made."""

    tenant: Name
    profile_name: Name
    hrv_vector: Vector
    description: Annotated[str, Field(max_length=500, pattern=LINE)] = ""
    metadata: Metadata | None = None


class ProfileUpdate(RequestBody):
    """What a profile is to be from now on; a field left out goes back to empty."""

    hrv_vector: Vector
    description: Annotated[str, Field(max_length=500, pattern=LINE)] = ""
    metadata: Metadata | None = None


class HRVRequest(RequestBody):
    """A text to be measured."""

    text: Annotated[
        str,
        Field(min_length=1, max_length=MAX_TEXT, json_schema_extra=NOT_BLANK),
        AfterValidator(_not_blank),
    ]


Scope = Literal["generate", "profiles:read", "profiles:write", "metrics:read", "webhooks", "admin"]


def once(value: list[str]) -> list[str]:
    return list(dict.fromkeys(value))


class NewApiKey(RequestBody):
    """A key to be made; it can do no more than its scopes, in its tenant."""

    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20), AfterValidator(once)]
    tenant: Name | None = None
    name: Annotated[str, Field(max_length=100, pattern=LINE, description="what it is for")] = ""
    expires_in: (
        Annotated[int, Field(ge=1, le=366 * 86_400, description="seconds; null for no end"), Number]
        | None
    ) = None


class Rotation(RequestBody):
    """How a key changes."""

    overlap_seconds: Annotated[
        int,
        Field(ge=0, le=7 * 86_400, description="seconds that the secret before still works"),
        Number,
    ] = 3600


class Outage(RequestBody):
    """Components to be out of order from now on; none mends them all."""

    components: list[Literal["database", "writer", "disk"]]


class Paragraph(BaseModel):
    """One paragraph, measured by itself."""

    text: str
    hrv_vector: Shown
    hrv_feedback: Annotated[float, Field(ge=0, le=1)]


class Article(BaseModel):
    """An article and its measures."""

    article: str
    hrv_feedback: Annotated[
        float, Field(ge=0, le=1, description="1 - mean(|measured - target| / range); 1 is exact")
    ]
    hrv_vector: Shown
    target_hrv: Shown
    tenant: str
    profile_name: str
    request_id: str
    created_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    generation_time: Annotated[float, Field(ge=0, description="seconds of writing and measuring")]
    content_length: Annotated[int, Field(ge=0, description="characters of the article")]
    seed: int


class Generated(Article):
    """An article, its parts, and what of the request was not followed."""

    paragraphs: list[Paragraph]
    warnings: list[str]


class Profile(BaseModel):
    """A target for the writer. A shared one belongs to every tenant; its `tenant` is the one that
    asked, in which it can be used."""

    profile_name: str
    tenant: str
    hrv_vector: Shown
    description: str
    metadata: dict[str, Any]
    created_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    shared: bool


class ProfileList(BaseModel):
    """A page of profiles."""

    profiles: list[Profile]
    count: Annotated[int, Field(ge=0, description="profiles on this page")]
    next_cursor: Annotated[str | None, Field(description="null on the last page")]


class TenantSummary(BaseModel):
    """A tenant that the caller may use."""

    tenant: str
    access: Literal["open", "private"]
    profile_count: Annotated[int, Field(ge=0, description="shared profiles and its own")]
    created_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class TenantList(BaseModel):
    """The tenants that the caller may use."""

    tenants: list[TenantSummary]
    count: int


Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class ApiKey(BaseModel):
    """An API key, without the key: that is shown once, when it is made or rotated."""

    id: Annotated[str, Field(description="public: the third part of the key")]
    name: str
    tenant: str
    scopes: list[Scope]
    created_at: Moment
    expires_at: Annotated[Moment | None, Field(description="null for no end")]
    previous_expires_at: Annotated[
        Moment | None, Field(description="end of the secret before, while a rotation overlaps")
    ]


class ShownApiKey(ApiKey):
    """An API key and, this once, the key itself."""

    key: Annotated[str | None, Field(description="keep it now; null in a replayed answer")]


class ApiKeyList(BaseModel):
    """The keys that the caller may manage."""

    api_keys: list[ApiKey]
    count: Annotated[int, Field(ge=0)]


class TokenAnswer(BaseModel):
    """RFC 6749, 5.1."""

    access_token: Annotated[str, Field(description="a JWT in the profile of RFC 9068")]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(ge=1, description="seconds")]
    scope: str
    refresh_token: str | None = None


class OAuthMetadata(BaseModel):
    """RFC 8414."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    service_documentation: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    code_challenge_methods_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    authorization_response_iss_parameter_supported: bool


class Jwks(BaseModel):
    """RFC 7517: public keys."""

    keys: list[dict[str, Any]]


class Measured(BaseModel):
    """The eight measures of a text, and what each was measured on."""

    hrv_vector: Shown
    evidence: dict[str, dict[str, Any]]


class Check(BaseModel):
    """One component's state."""

    status: Literal["ok", "failing"]
    latency_ms: Annotated[float, Field(ge=0)]
    detail: str


class HealthReport(BaseModel):
    """The server's state: healthy; degraded (it answers, but not everything works); unhealthy."""

    status: Literal["healthy", "degraded", "unhealthy"]
    version: str
    uptime_seconds: Annotated[float, Field(ge=0)]
    checks: dict[str, Check]


class ResponseTime(BaseModel):
    """Seconds of server time; null without requests."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class Figures(BaseModel):
    """Requests and their outcomes."""

    requests: int
    errors: int
    success_rate: float | None
    statuses: dict[str, int]
    response_time: ResponseTime


class Generations(BaseModel):
    """Runs of the writer, generations stored, and answers replayed under an idempotency key, all
    since the start; and the generations that the database holds."""

    executed: int
    stored: int
    replayed: int
    kept: int


class MetricsSummary(Figures):
    """The figures of the caller's own requests; an administrator's are those of all."""

    uptime_seconds: float
    generations: Generations
    characters_generated: int
    characters_per_second: float | None
    mean_hrv_feedback: float | None
    endpoints: dict[str, Figures]
