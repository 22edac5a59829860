"""Where a webhook may be sent, and where not: the guard against server-side request forgery.

A URL is read by one strict grammar, so that no two parsers can disagree about its host. The host is
resolved once, every address it has is checked, and the connection goes to a checked address: a name
that is something else a moment later (DNS rebinding) is never asked again. This is done when a
webhook is made, and anew each time that one is sent.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import anyio.to_thread

__all__ = ["ReceiverAddress", "Refused", "SSRFGuard", "is_public", "resolve"]

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Awaitable[list[Address]]]

LONGEST = 2048
PATIENCE = 5.0
"""Seconds that a name may take to be resolved."""
PORTS = (443, 8443)
"""Ports of receivers elsewhere: those of HTTPS, and none that another protocol listens on."""

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:[/?][!-~]*)?)",
    re.ASCII | re.IGNORECASE,
)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

NOT_PUBLIC = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; also a cloud's metadata, 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's wire server
        "169.254.0.0/16",  # link-local; also metadata, 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; also metadata, 192.0.0.192
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
UNICAST = IPv6Network("2000::/3")
NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
NAT64 = IPv6Network("64:ff9b::/96")
"""Where a network without IPv4 finds the IPv4 address of the last 32 bits (RFC 6052)."""
ISATAP = (0x00005EFE, 0x02005EFE)
LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class Refused(ValueError):
    """A webhook may not be sent there; the message says why, without its subject."""


@dataclass(frozen=True, slots=True)
class ReceiverAddress:
    """A URL, taken apart.

    Attributes:
        host: a name, or an address without brackets.
        path: path and query, as a request line has them.
    """

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


class SSRFGuard:
    """Decides for one sandbox.

    Args:
        allow_loopback: make the one exception, for receivers on this machine.
        own_port: the port of this server, which is sent nothing: each event would lead to more.
        resolver: finds the addresses of a name.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool = False,
        own_port: int | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._own_port = own_port
        self._resolver = resolver or resolve

    async def admit(self, url: str) -> tuple[ReceiverAddress, list[Address]]:
        """The target of `url`, and the addresses to connect to instead of asking for its name.

        Raises:
            Refused: the URL or one of its addresses is not allowed.
        """
        target = read(url)
        literal = _address(target.host)
        if literal is not None:
            found = [literal]
        else:
            found = await self._addresses(target)
        if not found:
            raise Refused("names a host that has no address")
        if self._allow_loopback and all(_is_loopback(address) for address in found):
            if target.port == self._own_port:
                raise Refused("leads back to this server; name the address of a receiver")
            return target, found
        if not all(is_public(address) for address in found):
            raise Refused("leads to an address that is not public")
        if not target.secure:
            raise Refused("is not https; events travel encrypted")
        if target.port not in PORTS:
            raise Refused(f"has a port other than {' and '.join(map(str, PORTS))}")
        return target, found

    async def _addresses(self, target: ReceiverAddress) -> list[Address]:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._resolver(target.host, target.port)
        except TimeoutError:
            return []


def read(url: str) -> ReceiverAddress:
    """The parts of `url`.

    Raises:
        Refused: it is not the plain URL of a host.
    """
    found = _URL.fullmatch(url) if len(url) <= LONGEST else None
    if found is None or "#" in url or "\\" in url:
        raise Refused(
            "is to be https://host/path in ASCII (a name in its xn-- form), no user, no fragment"
        )
    secure = found["scheme"].lower() == "https"
    host = found["host"].lower()
    bracketed, host = host.startswith("["), host.strip("[]")
    port = int(found["port"]) if found["port"] else (443 if secure else 80)
    if not 1 <= port <= 65_535:
        raise Refused("has a port that is not between 1 and 65535")
    labels = host.split(".")
    if _address(host) is None or bracketed != (":" in host):
        # What ends in a number is an address for some, and in 8, 10 or 16 digits' base.
        if ":" in host or _NUMBER.fullmatch(labels[-1]):
            raise Refused("has an address in an odd form; write four decimal numbers, or a name")
        if len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
            raise Refused("has a host that is no name; write it without a dot at its end")
    path = found["path"]
    return ReceiverAddress(secure, host, port, path if path.startswith("/") else "/" + path)


def is_public(address: Address) -> bool:
    """Whether `address` is one of the public internet, and hides no other that isn't."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC)
    if address in NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    # IPv4-mapped and -compatible addresses, loopback and all that is local lie outside.
    if address.scope_id or address not in UNICAST:
        return False
    if any(address in network for network in NOT_PUBLIC_6):
        return False
    return (int(address) >> 32) & 0xFFFF_FFFF not in ISATAP


async def resolve(host: str, port: int) -> list[Address]:
    """All addresses of a name, none if there are none.

    Never waits in the event loop, and a server of names that hangs holds up this one name alone.
    """

    def ask() -> list[Address]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return []
        return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))

    return await anyio.to_thread.run_sync(ask, abandon_on_cancel=True, limiter=_UNBOUNDED)


_UNBOUNDED = anyio.CapacityLimiter(math.inf)


def _is_loopback(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in LOOPBACK)


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
