"""What stands in the way of checking a server at all, in one sentence with what to do."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from .clause import Broken
from .prober import Prober

__all__ = ["obstacle"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PASSING = frozenset({502, 503, 504})
"""Statuses of a server that is out of order, or of a gateway before it."""


def obstacle(call: Prober) -> str | None:
    """Why a server cannot be checked, and what to do; None where it can be.

    A list of broken clauses is for a server of the API that deviates from the contract. What sends
    every request elsewhere, lets nobody in or is another server altogether would break them all.
    """
    own = f"/profiles?tenant={call.tenant}&limit=1"
    answers: dict[str, requests.Response] = {}
    for path in ("/health", "/profiles", own, "/openapi.json"):
        try:
            answers[path] = call.get(path, foreign=True)
        except Broken as broken:
            return _unreached(call.url, broken.__cause__)
        if answers[path].status_code == 429:
            asked = answers[path].headers.get("Retry-After", "nothing")[:40]
            return (
                f"GET {path} is refused over a limit (429, Retry-After: {asked}), however slowly "
                "it is asked. Fix: wait as long, or set RESONANCE_API_KEY to a key with a quota "
                "of its own"
            )
    return _of(call, answers, own)


def _of(call: Prober, answers: dict[str, requests.Response], own: str) -> str | None:
    """What the answers that came show."""
    profiles = answers["/profiles"].status_code
    for path in ("/health", "/profiles"):
        answer = answers[path]
        told = f"GET {path} was answered {answer.status_code}"
        if answer.status_code in REDIRECTS:
            return told + _led(call.url, path, answer)
        if answer.status_code in PASSING:
            return (
                f"{told}: the server is out of order, or a gateway does not reach it. "
                "Fix: try again once it is up"
            )
        if answer.ok and _json(answer) is None:
            kind = answer.headers.get("Content-Type", "nothing").partition(";")[0][:40]
            return (
                f"{told} with {kind} and no JSON, as a log-in page or another server would. "
                "Fix: give the base URL of the API itself"
            )
    if profiles in (401, 403):
        fix = "set one that may read profiles"
        if call.key is None:
            fix = "set RESONANCE_API_KEY"
            return f"GET /profiles was answered {profiles} without a credential. Fix: {fix}"
        return f"GET /profiles was answered {profiles} to the key in RESONANCE_API_KEY. Fix: {fix}"
    if not any(answer.ok and _knows(_json(answer)) for answer in answers.values()):
        told = ", ".join(f"{path} {answer.status_code}" for path, answer in answers.items())
        if min(answer.status_code for answer in answers.values()) >= 500:
            return f"the server is out of order ({told}). Fix: try again once it is well"
        return (
            f"nothing of the API is there ({told}). "
            "Fix: give its base URL, with its path if it has one, as in https://host/api/v6"
        )
    if answers["/profiles"].ok and answers[own].status_code in (401, 403, 404):
        return (
            f"this caller has no tenant {call.tenant}: GET {own} was answered "
            f"{answers[own].status_code}. Fix: name its own with --tenant"
        )
    return None


def _knows(told: Any) -> bool:
    """Whether JSON has anything of what the contract's first addresses answer."""
    return isinstance(told, dict) and bool({"status", "profiles", "openapi"} & told.keys())


def _json(answer: requests.Response) -> Any:
    """Its JSON; None where there is none."""
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def _led(url: str, path: str, answer: requests.Response) -> str:
    """Where a redirect leads, without a query: that may hold a token."""
    place = urljoin(url + path, answer.headers.get("Location", "")).partition("?")[0][:200]
    base = place.removesuffix(path)
    if base not in (place, url):
        return f", which leads to {place}. Fix: give {base} if you mean that server"
    return (
        f", which leads to {place}; no redirect is followed, as the lessons' client follows none. "
        "Fix: give the base URL of the API itself; if it asks for a log-in, set RESONANCE_API_KEY"
    )


def _unreached(url: str, error: BaseException | None) -> str:
    """Why no answer came."""
    causes = list(_chain(error))
    host = urlsplit(url).hostname

    def met(*kinds: type[BaseException]) -> BaseException | None:
        return next((one for one in causes if isinstance(one, kinds)), None)

    if found := met(ssl.SSLCertVerificationError):
        why = getattr(found, "verify_message", "it cannot be verified")
        fix = "give the name that it is for, or name its authority's file in REQUESTS_CA_BUNDLE"
        return f"the certificate of {host} is not accepted: {why}. Fix: {fix}"
    if found := met(ssl.SSLError):
        why = str(getattr(found, "reason", None) or "no handshake").replace("_", " ").lower()
        return f"TLS failed at {url} ({why}). Fix: is it http:// there, or another port?"
    if met(socket.gaierror):
        return f"there is no host {host}, asked directly, without a proxy. Fix: correct the name"
    if met(ConnectionRefusedError):
        return f"nothing listens at {url}. Fix: is the server running there?"
    if met(requests.Timeout, TimeoutError):
        return f"no answer came from {url} in time. Fix: is the server well, and this its port?"
    if met(http.client.RemoteDisconnected, ConnectionError):
        return f"{url} closes the connection unanswered. Fix: is it https://, or another port?"
    if met(http.client.HTTPException):
        return (
            f"what answers at {url} is no HTTP/1.1 (HTTP/2 alone, TLS or another protocol). "
            "Fix: is it https://, or another port?"
        )
    kind = type(error).__name__
    return f"no answer came from {url} ({kind}). Fix: is the server running there?"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
