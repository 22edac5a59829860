"""The head of an answer, split by hand where it is an ordinary one.

The standard library reads headers with its parser for e-mail, which takes longer than the rest of
reading an answer. An ordinary head (HTTP/1.1, a final status, one line for each header) needs no
more than a split; whatever looks otherwise is left to the standard library, as it stands.
"""

from __future__ import annotations

import http.client
import re
from typing import Any

_ORDINARY = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9]) ([\x20-\x7e]*)\r\n"
    rb"((?:[-!#$%&'*+.^_`|~0-9A-Za-z]+:[\t\x20-\x7e]*\r\n){0,50})\r\n"
)


class Response(http.client.HTTPResponse):
    """An `http.client` response; differs in how long it takes to begin, and in one thing more: a
    connection that ends within the head is an error, where the standard library takes what came
    for the whole."""

    def begin(self) -> None:
        reader: Any = self.fp.raw
        reader.in_head = True
        head = _ORDINARY.match(self.fp.peek())
        if head is None:
            super().begin()
        else:
            self.fp.read(head.end())
            self._begin_with(head[1], head[2], head[3])
        reader.in_head = False

    def _begin_with(self, status: bytes, reason: bytes, lines: bytes) -> None:
        """What `begin` does, once the head is split."""
        self.version = 11
        self.code = self.status = int(status)
        self.reason = reason.decode("ascii").strip()
        self.headers = self.msg = http.client.HTTPMessage()
        for line in lines.decode("ascii").splitlines():
            name, _, value = line.partition(":")
            self.headers[name] = value.lstrip(" \t")
        self.chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else _length(self.headers.get("Content-Length"))
        if self.status in (204, 304) or self._method == "HEAD":  # type: ignore[attr-defined]
            self.length = 0
        # Without a length the end of the connection is the end of the body.
        endless = self.length is None and not self.chunked
        self.will_close = self._check_close() or endless  # type: ignore[attr-defined]


def _length(value: str | None) -> int | None:
    try:
        length = int(value or "")
    except ValueError:
        return None
    return length if length >= 0 else None
