"""The `Server-Timing` header: what the server says it spent, apart from the network.

W3C Server Timing: ``app;dur=12.3, db;dur=4;desc="read, then write"``, durations in milliseconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["parse", "server_time"]

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_METRIC = re.compile(rf"\s*({_TOKEN})((?:\s*;\s*{_TOKEN}(?:\s*=\s*(?:{_TOKEN}|{_QUOTED}))?)*)\s*")
_PARAMETER = re.compile(rf";\s*({_TOKEN})(?:\s*=\s*({_TOKEN}|{_QUOTED}))?")


def parse(header: str) -> dict[str, float]:
    """The durations of a `Server-Timing` header, ``{metric name: seconds}``.

    A metric without a usable ``dur`` is left out, and so is what follows a malformed one: the
    header is advice from another machine, and no reason to fail a call.
    """
    found: dict[str, float] = {}
    at = 0
    while match := _METRIC.match(header, at):
        name, parameters = match.groups()
        for key, value in _PARAMETER.findall(parameters):
            if key.lower() == "dur" and (seconds := _seconds(value)) is not None:
                found.setdefault(name, seconds)
                break
        at = match.end()
        if header[at : at + 1] != ",":
            break
        at += 1
    return found


def server_time(headers: Mapping[str, Any]) -> float | None:
    """Seconds that the server spent on this answer (`app`), or None if it does not say so."""
    return parse(str(headers.get("Server-Timing", ""))).get("app")


def _seconds(text: str) -> float | None:
    try:
        milliseconds = float(text.strip('"'))
    except ValueError:
        return None
    return milliseconds / 1000 if math.isfinite(milliseconds) and milliseconds >= 0 else None
