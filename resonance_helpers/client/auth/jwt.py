"""What stands in a JSON Web Token (RFC 7519), read and not verified.

A client can't verify an access token, and need not: it is written for the API. It may look inside
to see when the token expires; it must decide nothing else by it.
"""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any

from .secret import Secret

__all__ = ["expiry", "read_jwt"]

_PART = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def read_jwt(token: str | Secret) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a token, as anybody who finds it can read them.

    Raises:
        TypeError: It is no string.
        ValueError: It is no JWT: not three parts between dots, or one of the first two is not
            base64url of a JSON object.
    """
    text = token.reveal() if isinstance(token, Secret) else token
    if not isinstance(text, str):
        raise TypeError(f"a JWT is a string, not a {type(text).__name__}")
    parts = text.strip().split(".")
    if len(parts) != 3:
        raise ValueError(f"a JWT has three parts between dots; this has {len(parts)}")
    header, claims = (_decoded(name, part) for name, part in zip(("header", "claims"), parts))  # noqa: B905
    return header, claims


def expiry(token: str | Secret) -> float | None:
    """The moment of the claim ``exp``, in seconds since the epoch; None where there is none."""
    try:
        moment = read_jwt(token)[1].get("exp")
    except ValueError:
        return None
    if isinstance(moment, bool) or not isinstance(moment, int | float):
        return None
    try:
        return float(moment) if math.isfinite(moment) else None
    except OverflowError:
        return None


def _decoded(name: str, part: str) -> dict[str, Any]:
    try:
        if not _PART.fullmatch(part):
            raise ValueError
        content = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        # What it holds is not repeated: it may be a password that was pasted into the wrong place.
        raise ValueError(f"the {name} of this JWT is not base64url of a JSON object")
    return content
