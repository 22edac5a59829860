"""Compressed bodies (RFC 9110, 8.4.1): read within a bound, and to their end.

What a few hundred kilobytes expand to has no limit, and a stream that was cut expands without a
complaint. How far a library guards against either depends on its version, so it is done here for
the two codings of the standard library, which are all that the client's own session asks for.
"""

from __future__ import annotations

import zlib

from urllib3.exceptions import DecodeError

CODINGS = {"gzip", "x-gzip", "deflate"}

DEPTH = 3
"""Codings upon each other, at most."""

MEMBERS = 1000
"""Members of one gzip stream, at most."""

_CHUNK = 4096


def codings_of(header: str) -> list[str]:
    """The codings that a Content-Encoding names, in the order in which they were applied."""
    named = (coding.strip().lower() for coding in header.split(","))
    return [coding for coding in named if coding not in ("", "identity")]


def decompressed(content: bytes, codings: list[str], cap: int) -> bytes:
    """The content; more than `cap` bytes where there is more, and not much more.

    Raises:
        DecodeError: A stream is broken or has no end, or there are too many upon each other.
    """
    if len(codings) > DEPTH:
        raise DecodeError("too many codings upon each other")
    for coding in reversed(codings):
        content = _inflated(content, coding, cap)
    return content


def _inflated(content: bytes, coding: str, cap: int) -> bytes:
    if not content:
        return content
    if coding == "deflate":
        # Half the world sends it without its wrapping (RFC 9110, 8.4.1.2, says so).
        wrapped = content[0] & 0x0F == 8 and int.from_bytes(content[:2], "big") % 31 == 0
        return _members(content, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS, 1, cap)
    return _members(content, 16 + zlib.MAX_WBITS, MEMBERS, cap)


def _members(content: bytes, window: int, most: int, cap: int) -> bytes:
    whole, position, members = bytearray(), 0, 0
    while position < len(content):
        if members and not content.startswith(b"\x1f\x8b", position):
            break  # padding
        members += 1
        if members > most:
            raise DecodeError("too many members")
        stream = zlib.decompressobj(window)
        try:
            while not stream.eof and len(whole) <= cap:
                chunk = stream.unconsumed_tail
                if not chunk:
                    chunk = content[position : position + _CHUNK]
                    position += len(chunk)
                    if not chunk:
                        raise DecodeError("the stream has no end")
                whole += stream.decompress(chunk, cap + 1 - len(whole))
        except zlib.error as error:
            raise DecodeError(str(error)) from None
        if len(whole) > cap:
            break
        position -= len(stream.unused_data)
        if most == 1:
            break
    return bytes(whole)
