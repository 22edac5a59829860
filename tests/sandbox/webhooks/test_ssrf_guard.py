"""The guard: where nothing may be sent, however it is spelt and wherever it hides."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_sandbox.webhooks import ssrf_guard
from resonance_sandbox.webhooks.ssrf_guard import Refused, SSRFGuard, is_public

PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

ADDRESSES = [
    # this host, and this network
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "100.64.0.1",  # carrier-grade NAT
    "100.127.255.255",
    "169.254.0.1",
    # metadata of clouds
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "192.0.0.192",
    "168.63.129.16",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    # what nobody serves
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    # IPv6
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd12:3456:789a::1]",
    "[ff02::1]",
    "[100::1]",
    "[2001:db8::1]",
    "[2001:10::1]",
    "[3fff::1]",
    "[5f00::1]",
    # with an IPv4 address in it: mapped, compatible, translated, NAT64, 6to4, Teredo, ISATAP
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[2001:0:53aa:64c:0:0:80ff:fffe]",
    "[2606:2800:21f:cb07:0:5efe:7f00:1]",
    "[2606:2800:21f:cb07:200:5efe:a9fe:a9fe]",
]
SPELLINGS = [
    # 127.0.0.1 and 169.254.169.254 as inet_aton reads them
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.1",
    "127.0.1",
    "127.0.0.0x1",
    "127.0.0.1.",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "0x",
    "1.2.3.4.5",
    "256.256.256.256",
    "4294967295",
    # other tricks with a host
    "user@example.org",
    "user:word@example.org",
    "example.org@127.0.0.1",
    "example.org#@127.0.0.1",
    "example.org\\@127.0.0.1",
    "example.org\\.127.0.0.1",
    "127.0.0.1%00.example.org",
    "127.0.0.1%2f.example.org",
    "%31%32%37.0.0.1",
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",  # full-width digits
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "exämple.org",
    "example.org.",
    ".example.org",
    "example..org",
    "-a.example.org",
    "exa mple.org",
    "example.org\t",
    "example.org\n",
    "example.org:0",
    "example.org:65536",
    "example.org:443443",
    "[::1",
    "::1",
    "[::1%25eth0]",
    "[fe80::1%eth0]",
    "[127.0.0.1]",
    "[example.org]",
    "[v1.fe]",
    "",
]
URLS = [
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org:6379/_FLUSHALL",
    "//example.org/",
    "example.org",
    "https:example.org",
    "https:///example.org",
    "https://example.org/#part",
    "https://example.org/ path",
    "https://example.org/\r\nHost: other",
    " https://example.org/",
    "https://example.org/" + "a" * 2100,
    # what is served in clear, or by another protocol
    "http://example.org/",
    "https://example.org:22/",
    "https://example.org:25/",
    "https://example.org:6379/",
    "https://example.org:80/",
]


def admit(url: str, *answers: str, allow_loopback: bool = False) -> tuple[object, list[str]]:
    """What the guard says where every name has the addresses `answers`."""

    async def resolver(host: str, port: int) -> list[ipaddress.IPv4Address]:
        return [ipaddress.ip_address(answer) for answer in answers]  # type: ignore[misc]

    checks = SSRFGuard(allow_loopback=allow_loopback, resolver=resolver)  # type: ignore[arg-type]
    target, found = asyncio.run(checks.admit(url))
    return target, [str(address) for address in found]


def test_the_table_is_as_long_as_promised() -> None:
    assert len(ADDRESSES) + len(SPELLINGS) + len(URLS) >= 120


@pytest.mark.parametrize("host", [*ADDRESSES, *SPELLINGS])
def test_hosts_that_are_refused(host: str) -> None:
    with pytest.raises(Refused):
        admit(f"https://{host}/hook", PUBLIC)


@pytest.mark.parametrize("url", URLS)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(Refused):
        admit(url, PUBLIC)


@pytest.mark.parametrize("address", [address.strip("[]") for address in ADDRESSES])
def test_a_name_for_it_is_refused_too(address: str) -> None:
    """Also beside a public address: which of them is connected to is not up to chance."""
    with pytest.raises(Refused):
        admit("https://example.org/", address)
    with pytest.raises(Refused):
        admit("https://example.org/", PUBLIC, address)


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://example.org", "example.org", "/"),
        ("https://Example.ORG:443/hook?a=b", "example.org", "/hook?a=b"),
        ("https://example.org:8443?a", "example.org:8443", "/?a"),
        ("https://xn--exmple-cua.org/", "xn--exmple-cua.org", "/"),
        ("https://1password.com/", "1password.com", "/"),
        (f"https://{PUBLIC}/", PUBLIC, "/"),
        (f"https://[{PUBLIC_6}]:8443/", f"[{PUBLIC_6}]:8443", "/"),
        ("https://[64:ff9b::5db8:d70e]/", "[64:ff9b::5db8:d70e]", "/"),
    ],
)
def test_what_is_let_through(url: str, authority: str, path: str) -> None:
    target, found = admit(url, PUBLIC, PUBLIC_6)
    assert (target.authority, target.path) == (authority, path)  # type: ignore[attr-defined]
    literal = found if len(found) == 1 else None
    assert literal or found == [PUBLIC, PUBLIC_6]


def test_a_name_without_an_address() -> None:
    with pytest.raises(Refused, match="no address"):
        admit("https://example.org/")


def test_a_name_that_takes_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolver(host: str, port: int) -> list[ipaddress.IPv4Address]:
        await asyncio.sleep(3600)
        raise AssertionError

    monkeypatch.setattr(ssrf_guard, "PATIENCE", 0.05)
    with pytest.raises(Refused, match="no address"):
        asyncio.run(SSRFGuard(resolver=resolver).admit("https://example.org/"))  # type: ignore[arg-type]


def test_loopback_is_an_exception_that_is_asked_for() -> None:
    for url in ("http://127.0.0.1:81/", "http://[::1]/", "http://[::ffff:127.0.0.1]:9/"):
        admit(url, allow_loopback=True)
    admit("http://localhost:8080/", "127.0.0.1", "::1", allow_loopback=True)
    for answers in (["127.0.0.1", "10.0.0.1"], ["127.0.0.1", PUBLIC], ["169.254.169.254"]):
        with pytest.raises(Refused):
            admit("https://example.org/", *answers, allow_loopback=True)
    for host in (*ADDRESSES, *SPELLINGS):
        if not ipaddress_is_loopback(host):
            with pytest.raises(Refused):
                admit(f"http://{host}/", PUBLIC, allow_loopback=True)


def test_a_server_is_no_receiver_of_its_own_events() -> None:
    checks = SSRFGuard(allow_loopback=True, own_port=8000)
    for url in ("http://127.0.0.1:8000/webhooks", "http://[::1]:8000", "https://127.9.9.9:8000/"):
        with pytest.raises(Refused, match="leads back to this server"):
            asyncio.run(checks.admit(url))
    asyncio.run(checks.admit("http://127.0.0.1:8001/"))


def ipaddress_is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback) and host[0] + host[-1] != "[1]"


def test_each_call_asks_anew_and_uses_what_it_checked() -> None:
    """DNS rebinding: the second answer is checked as the first was; neither is asked for twice."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    asked = []

    async def resolver(host: str, port: int) -> list[ipaddress.IPv4Address]:
        asked.append(host)
        return [ipaddress.IPv4Address(answer) for answer in next(answers)]

    checks = SSRFGuard(resolver=resolver)  # type: ignore[arg-type]
    assert str(asyncio.run(checks.admit("https://example.org/"))[1][0]) == PUBLIC
    with pytest.raises(Refused):
        asyncio.run(checks.admit("https://example.org/"))
    assert asked == ["example.org", "example.org"]


@given(st.ip_addresses(v=4))
def test_no_address_is_public_that_python_knows_to_be_private(
    address: ipaddress.IPv4Address,
) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved
        nat64 = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address))
        assert is_public(nat64)
    else:
        mapped = ipaddress.IPv6Address(int(ipaddress.IPv6Address("::ffff:0:0")) + int(address))
        assert not is_public(mapped)


@given(st.ip_addresses(v=6))
def test_nor_in_ipv6(address: ipaddress.IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert address.sixtofour is None
        assert address.teredo is None
        assert address.ipv4_mapped is None


@given(st.from_regex(r"https?://[0-9a-fx.:@\\\[\]%]{1,40}/?", fullmatch=True))
def test_what_is_let_through_leads_where_the_guard_thinks(url: str) -> None:
    """The host of the URL, as the system itself would read it, is the address that was checked."""
    try:
        target, found = admit(url)
    except Refused:
        return
    host = target.host  # type: ignore[attr-defined]
    theirs = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    assert {entry[4][0] for entry in theirs} == set(found)
