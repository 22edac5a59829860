"""The bodies of /sandbox/…."""

from __future__ import annotations

from typing import Literal

from ..http.schemas import RequestBody

__all__ = ["Outage"]


class Outage(RequestBody):
    """Components to be out of order from now on; none mends them all."""

    components: list[Literal["database", "writer", "disk"]]
