"""The bodies of /sandbox/…."""

from __future__ import annotations

from typing import Literal

from ..http.schemas import RequestBody

__all__ = ["Outage"]


class Outage(RequestBody):
    """Components to be out of order from now on; an empty list puts all in order again."""

    components: list[Literal["database", "writer", "disk"]]
