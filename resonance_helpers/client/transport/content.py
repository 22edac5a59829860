"""What of a response may become a dict in the caller's hands: read within bounds, and checked."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

import requests

from ..errors import (
    PROBLEM_PREFIX,
    BadResponseError,
    MalformedJSONError,
    ResonanceError,
    ResponseTooLargeError,
    StatusError,
    UnexpectedContentError,
    UnexpectedRedirectError,
    UnexpectedShapeError,
)
from .address import origin, web_address
from .compression import CODINGS, codings_of, decompressed
from .failure import proxy_wants_a_password

SIZE_CAP = 16 * 1024 * 1024
"""Bytes; an answer is refused beyond this, counted after decompression."""

DEEPEST = 200
"""Levels of an answer's JSON, at most: what is read here is read again where less of the
interpreter's stack may be left."""

FINDINGS = 100
"""Invalid fields, or checks, of one answer that an error tells of, at most."""

Shape = Mapping[str, type | tuple[type, ...]]
"""The fields that an answer has to have, and their types."""

_SLUG = re.compile(re.escape(PROBLEM_PREFIX) + "([a-z0-9-]{1,64})")


def read_content(response: requests.Response, cap: int = SIZE_CAP) -> bytes | BadResponseError:
    """The body, decompressed; refused as soon as it proves larger than `cap` bytes.

    Raises whatever `urllib3` raises where the body breaks off.
    """
    at_hand: bytes | None = getattr(response, "at_hand", None)
    # By a hook; or a test has made the answer by hand.
    read = response._content_consumed or response._content is not False
    if at_hand is None and (read or response.raw is None):
        at_hand = response.content or b""
    if at_hand is not None:
        return at_hand if len(at_hand) <= cap else _too_large(response, cap)
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:20]) > cap:
        return _too_large(response, cap)
    codings = codings_of(response.headers.get("Content-Encoding", ""))
    if not CODINGS.issuperset(codings):  # a session of the caller's own has asked for it
        content: bytes = response.raw.read(cap + 1, decode_content=True)
    else:
        content = b"".join(_pieces(response, cap + 1))
        if len(content) <= cap and response.status_code not in (204, 304):
            content = decompressed(content, codings, cap)
    return _too_large(response, cap) if len(content) > cap else content


def _pieces(response: requests.Response, most: int) -> Iterator[bytes]:
    # Until nothing comes: only then urllib3 says that the body is shorter than was announced.
    while most > 0 and (piece := response.raw.read(most, decode_content=False)):
        yield piece
        most -= len(piece)


def _too_large(response: requests.Response, cap: int) -> ResponseTooLargeError:
    return ResponseTooLargeError(f"The answer is larger than {cap:,} bytes.", **_facts(response))


def check(
    response: requests.Response, content: bytes, expect: Shape, text: bool = False
) -> dict[str, Any] | ResonanceError:
    """What the answer says: its JSON object, or the error that it is.

    With ``text=True`` an answer that is plain text is taken as ``{"text": ...}``.
    """
    status = response.status_code
    if status == 407:
        return proxy_wants_a_password()
    if status >= 400:
        return _status_error(response, content)
    if status >= 300:
        return UnexpectedRedirectError(
            f"The server points to {_elsewhere(response)}; is the base URL right?",
            **_facts(response),
        )
    if status == 206 or status < 200:  # no part was asked for, nor another protocol
        return UnexpectedShapeError(
            "The answer is not what it should be: it says that it is not a whole one.",
            **_facts(response),
        )
    if not expect and (status == 204 or not (content or _is_cut_off(response))):
        return {}
    media_type = _media_type(response)
    if text and media_type == "text/plain":
        return {"text": content.decode("utf-8", "replace")}
    if not says_json(response):
        return UnexpectedContentError(
            f"The answer is {_line(media_type) or 'of no stated type'}, not JSON; something on the "
            "way to the API (a proxy, a captive portal) may have answered in its place.",
            **_facts(response),
        )
    try:
        document = _parse(content)
    except (ValueError, RecursionError):
        return MalformedJSONError("The answer is not valid JSON.", **_facts(response))
    wrong = _misfit(document, expect)
    if media_type == "application/problem+json":
        wrong = "a success that calls itself a problem"
    if wrong:
        return UnexpectedShapeError(
            f"The answer is not what it should be: {wrong}.", **_facts(response)
        )
    assert isinstance(document, dict)
    return document


def _misfit(document: Any, expect: Shape) -> str | None:
    if not isinstance(document, dict):
        return "no JSON object"
    if document.get("status") == "error":
        return "a success that calls itself an error"
    for field, types in expect.items():
        value = document.get(field)
        if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
            return f"`{field}` is missing or of another type"
        if isinstance(value, float) and not math.isfinite(value):
            return f"`{field}` is no finite number"
    return None


def _status_error(response: requests.Response, content: bytes) -> ResonanceError:
    try:
        problem = _parse(content)
    except (ValueError, RecursionError):
        if says_json(response) and (content or _is_cut_off(response)):
            return MalformedJSONError(
                f"The answer {response.status_code} can't be read: its JSON is broken or was cut, "
                "so what became of the request is not known.",
                **_facts(response),
            )
        problem = None
    if not isinstance(problem, dict):  # a gateway's page, say
        problem = {}
    slug = _SLUG.fullmatch(str(problem.get("type")))
    known = slug[1] if slug else None
    status = response.status_code
    cls = StatusError.for_problem(status, known)
    text = problem.get("detail") or problem.get("title")
    if not isinstance(text, str):
        text = f"The server answered {status} {response.reason or ''}".rstrip() + "."
    errors = problem.get("errors")
    facts = _facts(response)
    facts["request_id"] = _name(problem.get("request_id")) or facts["request_id"]
    return cls(
        _line(text),
        type=known,
        errors=_field_errors(errors),
        checks=_findings(problem.get("checks")),
        **facts,
    )


def _field_errors(errors: Any) -> list[dict[str, str]]:
    return [
        {part: _line(str(error.get(part, ""))) for part in ("field", "message")}
        for error in (errors[:FINDINGS] if isinstance(errors, list) else [])
        if isinstance(error, dict)
    ]


def _findings(checks: Any) -> dict[str, dict[str, Any]]:
    return {
        part: finding
        for part, finding in [*(checks if isinstance(checks, dict) else {}).items()][:FINDINGS]
        if isinstance(finding, dict) and isinstance(finding.get("status"), str)
    }


def _elsewhere(response: requests.Response) -> str:
    """Where a redirect leads, as far as a message may show it."""
    try:
        here = web_address("url", response.url)
        where = origin(web_address("Location", urljoin(response.url, response.headers["Location"])))
    except (KeyError, TypeError, ValueError):
        return "another address"
    return "another path" if where == origin(here) else where[:200]


def _media_type(response: requests.Response) -> str:
    # Said twice, by a server and a gateway, it is one list: the last counts (RFC 9110, 8.3).
    said = response.headers.get("Content-Type", "").rpartition(",")[2]
    return said.partition(";")[0].strip().lower()


def says_json(response: requests.Response) -> bool:
    """Does the answer say that it is JSON, of whichever kind?"""
    media_type = _media_type(response)
    return media_type == "application/json" or media_type.endswith("+json")


def _is_cut_off(response: requests.Response) -> bool:
    """Of an answer without a body: JSON was announced, and its end is that of the connection."""
    if not getattr(response.raw, "version", 0):  # a mock's: there was no connection
        return False
    told = {"Content-Length", "Transfer-Encoding"}  # that this is all
    return says_json(response) and not any(name in response.headers for name in told)


def _facts(response: requests.Response) -> dict[str, Any]:
    return {
        "response_code": response.status_code,
        "request_id": _name(response.headers.get("X-Request-ID")),
    }


def _line(text: str) -> str:
    """What a stranger says, fit for a log or a terminal: one line, not endless."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:1000])


def _name(text: Any) -> str | None:
    return text if isinstance(text, str) and text.isprintable() and len(text) <= 200 else None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)  # Python's own takes NaN and Infinity


def _parse(content: bytes) -> Any:
    document = _DECODER.decode(content.removeprefix(codecs.BOM_UTF8).decode())
    if content.count(b"[") + content.count(b"{") > DEEPEST:
        level = [document]
        for _ in range(DEEPEST):
            level = [value for held in level for value in _held(held)]
        if level:
            raise ValueError("nested too deep")
    return document


def _held(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
