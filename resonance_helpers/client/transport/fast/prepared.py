"""A request, made from what does not change from one call to the next.

Each thing that is remembered is checked against what it was made from, so that a header set on the
session later counts from the next call on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import check_header_validity

from ..session import Session, anonymous, remember
from .message import Headers

_CHECKED = {"Content-Type", "Idempotency-Key"}
"""The headers that a `Call` sets by itself; it has looked at their values already."""


class Memory:
    """What is remembered for a session."""

    def __init__(self) -> None:
        self.templates: dict[tuple[str, str], tuple[Any, requests.PreparedRequest]] = {}
        self.pools: dict[Any, Any] = {}


def memory_of(session: requests.Session) -> Memory:
    """What is remembered for this session; with it, and not with a copy of it."""
    memory: Memory | None = vars(session).get("_memory")
    if memory is None:
        memory = vars(session)["_memory"] = Memory()
    return memory


def prepare(
    session: Session,
    memory: Memory,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    data: bytes | None,
    auth: Any,
) -> requests.PreparedRequest:
    """The request that `session.prepare_request` would make."""
    template = _template(session, memory, method, url)
    prepared = requests.PreparedRequest()
    prepared.method, prepared.url = template.method, template.url
    prepared._cookies = template._cookies
    prepared.headers = template.headers.copy()
    for header in headers.items():
        if header[0] not in _CHECKED:
            check_header_validity(header)
        prepared.headers[header[0]] = header[1]
    if data:
        prepared.body = data
        prepared.headers["Content-Length"] = str(len(data))
    prepared.hooks = {"response": [*session.hooks["response"]]}  # an AuthBase may add to it
    signed = auth(prepared)
    if signed is not prepared:  # as `prepare_auth` does it
        vars(prepared).update(vars(signed))
    if prepared.body is not (data or None):
        prepared.prepare_content_length(prepared.body)
    return prepared


def _template(session: Session, memory: Memory, method: str, url: str) -> requests.PreparedRequest:
    """The request without headers of its own, body and credentials."""
    headers: Any = session.headers
    made_from = list(
        headers._store.values() if type(headers) is CaseInsensitiveDict else headers.items()
    )
    remembered = memory.templates.get((method, url))
    if remembered is None or remembered[0] != made_from:
        prepared = session.prepare_request(requests.Request(method, url, auth=anonymous))
        prepared.headers = Headers(prepared.headers)
        remembered = made_from, prepared
        remember(memory.templates, (method, url), remembered)
    return remembered[1]
