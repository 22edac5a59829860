"""Arguments that several classes take; what could not work raises at once, and says how."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from numbers import Integral, Real
from typing import Any, TypeVar

import requests

from .fork import new_connections, renewed_in_child
from .retry import LONGEST, NO_RETRIES, RetryPolicy
from .session import Session

F = TypeVar("F")
MOST = 10**18
"""Above any count that a server would take."""


def kind(value: object) -> str:
    """The name of its type, for a message."""
    return type(value).__name__


def shown(value: object) -> str:
    """A wrong value, for a message: never longer than a line."""
    if isinstance(value, int) and abs(value) >= MOST:
        return "a number of more than 18 digits"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def is_number(value: object) -> bool:
    """True for a real number, of any library."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _as_float(value: Any) -> float:
    """A number before it is compared, which the types of other libraries do badly."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def seconds(name: str, value: Any) -> float:
    """A number of seconds that a system can wait for."""
    if not is_number(value):
        raise TypeError(f"{name} is a {kind(value)}, not a number of seconds")
    number = _as_float(value)
    if not 0 < number <= LONGEST:
        told = f"{name} is {shown(value)}"
        raise ValueError(f"{told}; it has to be above 0 and at most {LONGEST:,} seconds")
    return number


def span(name: str, value: Any, most: int = 10**9) -> float:
    """A number of seconds from 0 on, such as a tolerance, or how long to wait at most."""
    if not is_number(value):
        raise TypeError(f"{name} is a {kind(value)}, not a number of seconds")
    number = _as_float(value)
    if not 0 <= number <= most:
        raise ValueError(f"{name} is {shown(value)}; it has to be 0 to {most:,} seconds")
    return number


def whole(name: str, value: Any, least: int, most: int) -> int:
    """A whole number within bounds."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} is a {kind(value)}, not a whole number")
    number = int(value)
    if not least <= number <= most:
        raise ValueError(f"{name} is {shown(number)}; it has to be {least:,} to {most:,}")
    return number


def optional_count(name: str, value: Any) -> int | None:
    """A whole number whose range is for the server to judge, or None."""
    return None if value is None else whole(name, value, -MOST, MOST)


def flag(name: str, value: Any) -> bool:
    """True or False; not a text that says one of them."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is a {kind(value)}; it has to be True or False")
    return value


def function(name: str, value: F) -> F:
    """Something that can be called."""
    if not callable(value):
        raise TypeError(f"{name} is a {kind(value)}, not a function")
    return value


def file(name: str, value: Any) -> str:
    """The path of a file, as a string."""
    if not isinstance(value, str | bytes | os.PathLike):
        raise TypeError(f"{name} is a {kind(value)}, not the path of a file")
    return os.fsdecode(value)


def optional_seconds(name: str, value: Any) -> float | None:
    """A number of seconds, or None."""
    return None if value is None else seconds(name, value)


def policy(retry: Any) -> RetryPolicy:
    """The policy that `retry` means; None is one attempt."""
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise TypeError(f"retry is a {kind(retry)}; it has to be a RetryPolicy or None")
    return retry or NO_RETRIES


def session(given: Any) -> requests.Session:
    """The session to use, one of ours if none is `given`.

    Forked processes leave its connections alone.
    """
    if given is not None and not isinstance(given, requests.Session):
        raise TypeError(f"session is a {kind(given)}, not a requests.Session")
    used = Session() if given is None else given
    renewed_in_child(used, new_connections)
    return used


def text(name: str, value: Any) -> str:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {kind(value)}, not a string")
    return value


def optional_text(name: str, value: Any) -> str | None:
    """A string, or None."""
    return None if value is None else text(name, value)


def optional_mapping(name: str, value: Any) -> dict[str, Any] | None:
    """A dict of its own, or None."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is a {kind(value)}, not a dict")
    return dict(value)


def texts(name: str, values: Any) -> list[str]:
    """A list of strings; not one string, which is a list of letters."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} is a {kind(values)}, not a list of strings")
    return [text(f"{name}[{position}]", value) for position, value in enumerate(values)]


def moment(name: str, value: Any) -> str:
    """A time with its zone, as RFC 3339 writes it."""
    if not isinstance(value, datetime):
        return text(name, value)
    if value.tzinfo is None:
        raise ValueError(f"{name} has no time zone; datetime.now(UTC) has one")
    return value.isoformat()


def numbers(name: str, values: Any) -> list[float]:
    """A list of numbers; how many, and in which range, is for the server to judge."""
    if isinstance(values, str | bytes | Mapping):
        raise TypeError(f"{name} is a {kind(values)}, not a list of numbers")
    try:
        listed = list(values)
    except TypeError:
        raise TypeError(f"{name} is a {kind(values)}, not a list of numbers") from None
    return [number(f"{name}[{position}]", value) for position, value in enumerate(listed)]


def number(name: str, value: Any) -> float:
    """A finite number."""
    if not is_number(value):
        raise TypeError(f"{name} is a {kind(value)}, not a number")
    found = _as_float(value)
    if not math.isfinite(found):
        raise ValueError(f"{name} is not finite, or too large for any range")
    return value if isinstance(value, int) else found


def if_match_header(etag: str | None) -> dict[str, str]:
    """The header for the `.etag` of an answer."""
    if etag is None:
        return {}
    # An empty one would protect nothing.
    if not (text("if_match", etag).strip() == etag != "" and etag.isascii() and etag.isprintable()):
        raise ValueError("if_match has to be the `.etag` of an answer")
    return {"If-Match": etag}


_NAME = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")  # RFC 9110, 5.6.2

_OWN = {
    "authorization": "give the client auth=",
    "x-api-key": "give the client auth=",
    "proxy-authorization": "put it into the proxy's URL",
    "cookie": "put it into the client's session.cookies",
    "idempotency-key": "pass idempotency_key=",
    "if-match": "pass if_match= where the call takes it",
}
_OF_HTTP = {
    *("accept", "accept-encoding", "connection", "content-encoding", "content-length"),
    *("content-type", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding"),
    "upgrade",
}


def headers(given: Any) -> dict[str, str]:
    """Headers for one call: none that the client sets itself, or the session, or HTTP.

    A value may be a secret, so no message repeats one.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"headers is a {kind(given)}, not a dict")
    for name, value in given.items():
        if not _NAME.fullmatch(text("a name in headers", name)):
            raise ValueError(f"headers has {name[:200]!r}, which can't be the name of a header")
        if name.lower() in _OWN or name.lower() in _OF_HTTP:
            fix = _OWN.get(name.lower(), "leave it out: the client sets it")
            raise ValueError(f"headers can't set {name!r}. Fix: {fix}")
        if not (text(f"headers[{name!r}]", value).isascii() and value.isprintable()):
            raise ValueError(f"headers[{name!r}] has characters that a header can't carry")
    return dict(given)


_KEY = re.compile("[!-~]{1,255}")


def idempotency_key(key: Any) -> str | None:
    """A key as a header can carry it, or None."""
    if key is None:
        return None
    if not isinstance(key, str):
        raise TypeError(f"idempotency_key is a {type(key).__name__}, not a string")
    if not _KEY.fullmatch(key):
        raise ValueError(
            "idempotency_key has to be 1 to 255 visible ASCII characters: no space, no line break"
        )
    return key
