"""A request's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["encode"]


def _revealed(value: Any) -> Any:
    """What JSON has no word for: a secret, which hides until it is sent."""
    if hasattr(value, "reveal"):
        return value.reveal()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_ENCODER = json.JSONEncoder(allow_nan=False, default=_revealed)


def encode(payload: Mapping[str, Any]) -> bytes:
    """A payload in JSON.

    Raises:
        TypeError, ValueError: JSON can't say it; the message names the field.
    """
    try:
        return _ENCODER.encode(payload).encode()
    except (TypeError, ValueError, RecursionError):
        for name, value in payload.items():
            try:
                _ENCODER.encode(value)
            except (TypeError, ValueError, RecursionError) as error:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"`{name}` can't be sent as JSON: {error}") from None
        raise
