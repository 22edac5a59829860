"""What a request means: what it is compared by, whatever its spelling, and how it is named."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Effect", "meaning"]

SHOWN = ("prompt", "profile_name", "tenant", "text", "events", "name")
"""Fields that name a request to a reader, the most telling first. None can hold a secret."""

LONGEST = 60
"""Characters of a field's value that are shown."""

_HERE = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\]):\d+")


@dataclass(frozen=True, slots=True, order=True)
class Effect:
    """Something that a server was made to do.

    Attributes:
        method: the HTTP method.
        route: the path, where ids that the server made up stand as ``{id}``.
        meaning: a digest of the body's meaning.
        label: the telling part of the body, for a reader; no part of what is compared.
    """

    method: str
    route: str
    meaning: str
    label: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.route}" + (f" ({self.label})" if self.label else "")

    @property
    def compared(self) -> tuple[str, str, str]:
        """What makes two effects the same."""
        return self.method, self.route, self.meaning


def meaning(body: bytes, stands_for: Mapping[str, str]) -> tuple[str, str]:
    """The digest of a body's meaning, and its telling part.

    Two spellings of one JSON value mean the same: the order of keys, ``1`` and ``1.0``, a field
    that is null and one that is not there.

    Args:
        body: as it was sent.
        stands_for: texts that differ from run to run by the judge's own doing, such as a folder,
            and what stands for them.
    """
    if not body:
        return "", ""
    try:
        plain = _plain(json.loads(body), stands_for)
        text = json.dumps(plain, sort_keys=True, ensure_ascii=False)
    except (ValueError, RecursionError):
        return hashlib.sha256(body).hexdigest()[:16], f"{len(body)} bytes that are no JSON"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16], _label(plain)


def _plain(value: Any, stands_for: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            # A secret of the caller's own is another on every run, as it should be.
            name: "{secret}" if name == "secret" else _plain(inner, stands_for)
            for name, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list):
        return [_plain(inner, stands_for) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        for text, sign in stands_for.items():
            value = value.replace(text, sign)
        # A receiver takes the port that it is given, or any free one.
        value = _HERE.sub("{here}", value)
    return value


def _label(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    told: list[str] = []
    for name in SHOWN:
        if name in value and len(told) < 2:
            shown = str(value[name])
            shown = shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
            told.append(f"{name}: {shown}")
    return ", ".join(told)
