"""JSON as RFC 8259 and I-JSON mean it, where Python's parser is lenient.

Python accepts duplicate keys, NaN, numbers past the range of a double and lone surrogates, and
falls over deep nesting and very long integers. Here each of these is an answer, never a 500.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from .problems import Problem

__all__ = ["MAX_DEPTH", "MAX_VALUES", "dumps", "loads"]

MAX_DEPTH = 32
MAX_VALUES = 20_000


def loads(raw: bytes) -> Any:
    """The value of a request's body.

    Raises:
        Problem: invalid-json, duplicate-key, or validation-failed for a value that is JSON in
            form but that no field takes (NaN, 1e400, a lone surrogate).
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem("invalid-json", "The body is not UTF-8; encode JSON as UTF-8.") from None
    if text.startswith("\ufeff"):
        raise Problem("invalid-json", "The body begins with a byte order mark; send it without.")
    if _marks(raw) > 2 * MAX_VALUES:  # before it is read: of a megabyte of [], that lasts 0.2 s
        raise _too_many()
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem("invalid-json", f"The body is not JSON: see {where}.") from None
    except RecursionError:
        raise _too_deep() from None
    _check(value)
    return value


def dumps(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON; not-a-number is refused, as JSON has none."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _marks(raw: bytes) -> int:
    """Commas and opening brackets outside of strings: there are at least half as many values."""
    outside = b"".join(raw.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])
    return sum(map(outside.count, (b",", b"[", b"{")))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Problem("duplicate-key", "An object in the body has one key twice; send each once.")
    return value


def _integer(digits: str) -> int | float:
    # No field takes a number of so many digits, and int() itself refuses 4,301 of them.
    if len(digits) > 400:
        return -math.inf if digits.startswith("-") else math.inf
    return int(digits)


def _check(root: Any) -> None:
    """Refuse what no field can hold, wherever it stands. Not recursive: depth is the input's."""
    seen = 0
    pending: list[tuple[Any, str, int]] = [(root, "body", 0)]
    while pending:
        value, field, depth = pending.pop()
        seen += 1
        if seen > MAX_VALUES:
            raise _too_many()
        if isinstance(value, str):
            if not value.isascii() and _has_surrogate(value):
                _refuse(field, "holds half of a surrogate pair, which is no character")
        elif isinstance(value, float):
            if not math.isfinite(value):
                _refuse(field, "is not a finite number")
        elif isinstance(value, dict | list):
            if depth >= MAX_DEPTH:
                raise _too_deep()
            if isinstance(value, list):
                pending.extend((item, field, depth + 1) for item in value)
                continue
            for key, item in value.items():
                if not key.isascii() and _has_surrogate(key):
                    _refuse(field, "holds half of a surrogate pair, which is no character")
                pending.append((item, _name(key) if depth == 0 else field, depth + 1))


FIELDS: set[str] = set()
"""Names that an error may repeat: those of this API's own fields. Others are the caller's words."""


def _name(key: str) -> str:
    return key if key in FIELDS else "body"


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _refuse(field: str, message: str) -> NoReturn:
    raise Problem("validation-failed", f"{field} {message}.", errors=[(field, message)])


def _too_many() -> Problem:
    return Problem("invalid-json", f"The body holds more than {MAX_VALUES:,} values.")


def _too_deep() -> Problem:
    return Problem("invalid-json", f"The body is nested deeper than {MAX_DEPTH} levels.")
