"""A request's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

__all__ = ["as_text", "encode"]


UNSAYABLE = TypeError, ValueError, RecursionError, OverflowError
"""What JSON's encoder raises; the last of a fraction that is larger than any float."""


def _plain(value: Any) -> Any:
    """What JSON has no word for: a number of another library."""
    if isinstance(value, Real):
        return int(value) if isinstance(value, Integral) else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _revealed(value: Any) -> Any:
    """And a secret, which hides until it is sent."""
    return value.reveal() if hasattr(value, "reveal") else _plain(value)


_FOR_THE_WIRE = json.JSONEncoder(allow_nan=False, default=_revealed)
_FOR_A_FILE = json.JSONEncoder(allow_nan=False, default=_plain)


def encode(payload: Mapping[str, Any]) -> bytes:
    """A payload in JSON, with its secrets, as it is sent.

    Raises:
        TypeError, ValueError: JSON can't say it; the message names the field.
    """
    return as_text(payload, _FOR_THE_WIRE).encode()


def as_text(payload: Mapping[str, Any], encoder: json.JSONEncoder = _FOR_A_FILE) -> str:
    """The same as text, for a file that others may read: a secret is refused."""
    try:
        return encoder.encode(payload)
    except UNSAYABLE:
        for name, value in payload.items():
            try:
                encoder.encode(value)
            except UNSAYABLE as error:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"`{name}` can't be sent as JSON: {error}") from None
        raise
