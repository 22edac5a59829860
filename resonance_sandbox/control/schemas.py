"""The bodies of /sandbox/…."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..http.schemas import Number, RequestBody

__all__ = ["Advance", "Outage"]


class Outage(RequestBody):
    """Components to be out of order from now on; an empty list puts all in order again."""

    components: Annotated[list[Literal["database", "writer", "disk"]], Field(max_length=20)]


class Advance(RequestBody):
    """How far to move the clock: a number of seconds, up to ten years."""

    seconds: Annotated[float, Field(gt=0, le=3_660 * 86_400, allow_inf_nan=False), Number]
