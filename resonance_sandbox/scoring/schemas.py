"""The bodies of POST /hrv."""

from __future__ import annotations

from typing import Annotated, Any

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


class Measured(BaseModel):
    """The eight measures of a text, and what each was measured on."""

    hrv_vector: Shown
    evidence: dict[str, dict[str, Any]]
