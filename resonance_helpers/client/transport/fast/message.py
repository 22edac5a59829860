"""The bytes of an ordinary request, and what the bytes of an ordinary answer say.

The patterns say what is ordinary, and leave out whatever could be read in two ways.
"""

from __future__ import annotations

import http.client
import io
import re
from collections import OrderedDict
from collections.abc import KeysView, ValuesView
from datetime import timedelta
from functools import cached_property
from typing import Any

import requests
from requests import PreparedRequest
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.util import SKIP_HEADER

SMALL = 64 * 1024
"""Bytes; a larger body is not waited for, but left to whoever reads it."""

_TOKEN = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_TARGET = r"/(?:[-._~0-9A-Za-z!$&'()*+,;=@:/?]|%[0-9A-F]{2})*"  # what urllib3 leaves as it is
_REQUEST = re.compile(rf"(?!HEAD )[A-Z]+ {_TARGET} HTTP/1\.1\r\n(?:{_TOKEN}: [\t -~]*\r\n)+\r\n")
_ANSWER = re.compile(
    rb"HTTP/1\.1 (?!204|304)([2-5][0-9][0-9]) ([ -~]*)\r\n((?:%b:[\t -~]*\r\n){1,50})\r\n"
    % _TOKEN.encode()
)
_LENGTH = re.compile(r"[0-9]{1,9}")

_ADDED_BY_URLLIB3 = {"user-agent", "accept-encoding"}
_BODILESS = {"GET", "DELETE", "OPTIONS"}
_ODD_IN_A_REQUEST = {"host", "transfer-encoding"}
_ODD_IN_AN_ANSWER = {"connection", "set-cookie", "transfer-encoding"}


class Headers(CaseInsensitiveDict[Any]):
    """Headers; what is to be done with all of them is done at once.

    `_store` is what every `CaseInsensitiveDict` keeps: the name as it was given and the value,
    by the name in lower case.
    """

    @classmethod
    def of(cls, lines: list[str]) -> Headers:
        """Those of an answer, from its lines; of two with one name the last."""
        headers = cls.__new__(cls)
        headers._store = store = OrderedDict()
        for line in lines:
            name, _, value = line.partition(":")
            store[name.lower()] = name, value.lstrip("\t ")
        return headers

    def copy(self) -> Headers:
        twin = Headers.__new__(Headers)
        twin._store = self._store.copy()
        return twin

    def get(self, name: str, default: Any = None) -> Any:
        found = self._store.get(name.lower())
        return default if found is None else found[1]

    def items(self) -> ValuesView[tuple[str, Any]]:  # type: ignore[override]
        return self._store.values()

    def names(self) -> KeysView[str]:
        """In lower case."""
        return self._store.keys()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._store

    def composed(self, method: str, target: str, host: str, body: bytes | None) -> bytes | None:
        """The request that urllib3 would send, byte for byte; None if it is not ordinary."""
        names = self.names()
        sized = "content-length" in names or (body is None and method in _BODILESS)
        if not sized or not names >= _ADDED_BY_URLLIB3 or not names.isdisjoint(_ODD_IN_A_REQUEST):
            return None
        try:
            lines = "\r\n".join(map(": ".join, self._store.values()))
        except TypeError:  # a value in bytes
            return None
        head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n\r\n"
        if not _REQUEST.fullmatch(head) or SKIP_HEADER in lines:
            return None
        if lines.count("\r\n") != len(names) - 1:  # a value that holds a line
            return None
        return head.encode("ascii") + (body or b"")


class Whole(requests.Response):
    """An answer that has come whole. What few ask for is made when they do.

    Attributes:
        at_hand: The body; None where it has to be decompressed first.
    """

    at_hand: bytes | None = None
    elapsed = timedelta(0)
    _content: Any = False
    _content_consumed = False
    _next = None

    def __init__(
        self, request: PreparedRequest, head: re.Match[bytes], headers: Headers, received: bytes
    ) -> None:
        self.request, self.url = request, request.url or ""
        self.status_code = int(head[1])
        self.reason = head[2].decode().strip()
        self.headers = headers
        self.history = []
        self.at_hand = None if "content-encoding" in headers else received[head.end() :]
        self._received = received

    @cached_property
    def raw(self) -> HTTPResponse:
        """The answer as urllib3 would have it."""
        read: Any = http.client.HTTPResponse(_Canned(self._received))  # type: ignore[arg-type]
        read.begin()
        response = HTTPResponse(
            read,
            headers=HTTPHeaderDict(self.headers),
            status=read.status,
            version=read.version,
            reason=read.reason,
            preload_content=False,
            decode_content=False,
            original_response=read,
            request_method=self.request.method,
            request_url=self.request.path_url,
        )
        response.version_string = "HTTP/1.1"
        if self._content_consumed:
            response.drain_conn()
        return response

    @cached_property
    def cookies(self) -> RequestsCookieJar:  # type: ignore[override]
        """Empty: an answer with cookies is not ordinary."""
        return RequestsCookieJar()

    @cached_property
    def encoding(self) -> str | None:  # type: ignore[override]
        return get_encoding_from_headers(self.headers)

    @property
    def content(self) -> bytes:
        if self.at_hand is not None and "raw" not in vars(self):
            self._content, self._content_consumed = self.at_hand, True
        return super().content


class _Canned(bytes):
    """What a socket has received."""

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self)


def answered(request: PreparedRequest, received: bytes) -> Whole | int:
    """The answer that these bytes are; or how many they lack; or 0 if they are no ordinary one."""
    head = _ANSWER.match(received)
    if head is None:
        return 0
    lines = head[3].decode().split("\r\n")[:-1]
    headers = Headers.of(lines)
    length = headers.get("content-length", "")
    if len(headers) < len(lines) or not headers.names().isdisjoint(_ODD_IN_AN_ANSWER):
        return 0
    if not _LENGTH.fullmatch(length) or int(length) > SMALL:
        return 0
    lacking = head.end() + int(length) - len(received)
    if lacking:
        return max(lacking, 0)
    return Whole(request, head, headers, received)
