"""Cursors: where the next page of a list begins, for this server alone to read."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import Any

from .problems import Problem
from .strict_json import dumps

__all__ = ["make", "read"]


def make(of: str, *place: Any) -> str:
    """The cursor of a `place` in the list `of` something."""
    content = dumps([of, *place])
    check = hashlib.sha256(content).digest()[:6]
    return base64.urlsafe_b64encode(check + content).decode().rstrip("=")


def read(cursor: str, of: str, *kinds: type) -> list[Any]:
    """The place that a cursor of the list `of` something names, whose parts are of `kinds`.

    Raises:
        Problem: validation-failed, for what is no cursor, or one of another list.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        check, content = raw[:6], raw[6:]
        if hashlib.sha256(content).digest()[:6] != check:
            raise ValueError
        of_list: list[Any] = json.loads(content)
        named, *place = of_list
        if named != of or [type(part) for part in place] != list(kinds):
            raise ValueError
        # The check finds accidents, not forgers: what no database could compare goes no further.
        if not all(
            part.isprintable() if isinstance(part, str) else abs(part) < 1 << 63 for part in place
        ):
            raise ValueError
    except (ValueError, TypeError, binascii.Error):
        message = "is not one that this server gave for this list"
        raise Problem(
            "validation-failed",
            f"cursor {message}; take next_cursor of the page before, or leave it out.",
            errors=[("cursor", message)],
        ) from None
    return place
