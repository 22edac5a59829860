"""Headers as a log may show them."""

from __future__ import annotations

from collections.abc import Mapping

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "cookie", "set-cookie"}
)
"""In lower case; their values are credentials."""

MASK = "****"


def redacted(headers: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """A copy in which every credential is masked."""
    return {
        name: MASK if name.lower() in SECRET_HEADERS else value for name, value in headers.items()
    }
