"""The bodies of POST /hr_generate."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..http.schemas import NOT_BLANK, Moment, Name, Number, RequestBody, Shown, not_blank

__all__ = ["MAX_PROMPT", "Article", "Generated", "GenerationRequest", "Paragraph"]

MAX_PROMPT = 5_000


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
        AfterValidator(not_blank),
    ]
    tenant: Name | None = None
    profile_name: Name | None = None
    paragraphs: Annotated[int, Field(ge=1, le=8), Number] | None = None
    max_length: (
        Annotated[int, Field(ge=50, le=50_000, description="most characters"), Number] | None
    ) = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False), Number] | None = None
    seed: Annotated[int, Field(ge=1 - 2**53, le=2**53 - 1), Number] | None = None


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
    created_at: Moment
    generation_time: Annotated[float, Field(ge=0, description="seconds of writing and measuring")]
    content_length: Annotated[int, Field(ge=0, description="characters of the article")]
    seed: int


class Generated(Article):
    """An article, its parts, and what of the request was not followed."""

    paragraphs: list[Paragraph]
    warnings: list[str]
