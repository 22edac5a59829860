"""Addresses of the web: what can be one, and which are this machine's own."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests

NO_HOST = frozenset(' "#%/:<>?@[\\]^`{|}')
"""What no host's name has (https://url.spec.whatwg.org/#forbidden-domain-code-point)."""


def web_address(name: str, value: Any) -> SplitResult:
    """The parts of a URL that requests can be sent to.

    Whatever it holds is not repeated in an error: it may be a password in the wrong place.

    Raises:
        TypeError: `value` is no string.
        ValueError: It is no http(s) URL of a host, or holds credentials.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} is a {type(value).__name__}, not a string")
    try:
        parts = urlsplit(value.strip())
        named = parts.hostname and (parts.port is None or parts.port >= 0)
    except ValueError:
        raise ValueError(f"{name} is no valid URL: its host or its port can't be one") from None
    if parts.scheme not in ("http", "https") or not named:
        raise ValueError(f"{name} has to begin with http:// or https:// and to name a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{name} can't hold credentials: take them out, and pass them as such")
    try:
        requests.PreparedRequest().prepare_url(parts.geturl(), None)
        possible = ":" in (host := parts.hostname or "") or NO_HOST.isdisjoint(host)
    except requests.exceptions.InvalidURL:  # older ones let more names through
        possible = False
    if not possible:
        raise ValueError(f"{name} is no valid URL: no host can have this name")
    return parts


def origin(parts: SplitResult) -> str:
    """Scheme, host and port, which a message may show."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def is_loopback(host: str) -> bool:
    """True for this machine's own address, which no traffic leaves, in any of its spellings."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address: Any = ipaddress.ip_address(host)
    except ValueError:
        try:
            # What the system's look-up takes for an address, too: 127.1, 0x7f000001, 017700000001.
            address = ipaddress.ip_address(socket.inet_aton(host))
        except (OSError, ValueError):
            return False
    return bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)
