"""What the bodies of several topics share, as pydantic models and types.

What validates a request also describes it in the OpenAPI document.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from ..hrv import DIMENSIONS
from .strict_json import FIELDS

__all__ = [
    "INK",
    "LINE",
    "NAME",
    "NOT_BLANK",
    "PRINTED",
    "Moment",
    "Name",
    "Number",
    "RequestBody",
    "Shown",
    "Vector",
    "not_blank",
    "once",
]

NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
PRINTED = r"^[!-~]{1,64}$"
"""What an id in a path can be."""
LINE = r"^[^\x00]*$"
"""Text without the one character that PostgreSQL cannot store."""


def _number(value: Any) -> Any:
    # JSON has numbers, strings and booleans apart; Python's float() would take all three.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is to be a number")
    return value


def not_blank(value: str) -> str:
    """`value`, which has a character that can be seen."""
    if not _INK.search(value):
        raise ValueError("is blank; put words in it")
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
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
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


class RequestBody(BaseModel):
    """A request's body; an error may repeat the names of its fields."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        FIELDS.update(cls.model_fields)


def once(value: list[str]) -> list[str]:
    """`value` without repetitions, in order."""
    return list(dict.fromkeys(value))
