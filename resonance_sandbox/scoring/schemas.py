"""The bodies of POST /hrv."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from ..http.schemas import NOT_BLANK, RequestBody, Shown, not_blank

__all__ = ["MAX_TEXT", "HRVRequest", "Measured"]

MAX_TEXT = 100_000


class HRVRequest(RequestBody):
    """A text to be measured."""

    text: Annotated[
        str,
        Field(min_length=1, max_length=MAX_TEXT, json_schema_extra=NOT_BLANK),
        AfterValidator(not_blank),
    ]


class ScoredSentence(BaseModel):
    """A sentence, and how positive it is, from -1 to 1."""

    sentence: str
    compound: float


class Evidence(BaseModel):
    """What one dimension of a text was measured on."""

    value: float
    raw: Annotated[float, Field(description="before it was put on the scale")]
    scale: Annotated[list[float], Field(description="the raw figures of the value's two ends")]
    method: str
    source: str
    counts: dict[str, float]
    found: Annotated[
        list[int | str | ScoredSentence],
        Field(description="words, sentences, or the lengths of sentences in words"),
    ]


class Measured(BaseModel):
    """The eight measures of a text, and what each was measured on."""

    hrv_vector: Shown
    evidence: dict[str, Evidence]
