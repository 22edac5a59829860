"""Why an attempt brought no answer: what `requests` raised, as one of our errors.

The messages are made here rather than copied: what libraries say may contain a proxy's password,
and their exceptions hold the request with its credentials. So these are looked at and let go.
"""

from __future__ import annotations

import http.client
import os
import re
import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions as u3

from ..errors import (
    AttemptTimeoutError,
    BadResponseError,
    ConnectionFailedError,
    ConnectionLostError,
    ConnectTimeoutError,
    MalformedJSONError,
    NameNotResolvedError,
    ProxyFailedError,
    ProxyRefusedError,
    ResonanceError,
    StatusError,
    TLSError,
    TokenError,
)
from ..system import way_out

CAUGHT = (requests.RequestException, u3.HTTPError, http.client.HTTPException, OSError)
"""What an attempt can raise because of the network, as opposed to a mistake in the program."""

BROKEN_OFF = (*CAUGHT, ValueError)
"""The same once the request is made: some nonsense in an answer comes to light as a ValueError,
such as a chunk of -1 bytes."""


OF_A_FILE = FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError
"""What a file of certificates can raise; once there is a connection, that has none of them."""

_STATUS = re.compile("[4-9][0-9]{2}")  # as urllib3 says it: "too many 503 error responses"

_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3})")  # as http.client says it

UNUSABLE_URL = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)


def no_credential(exception: BaseException) -> TokenError:
    """The error for an auth class that met a failure of its own, before anything was sent."""
    why = type(exception).__name__
    # Of its own words some may be secret; and ssl's and getaddrinfo's numbers are not the system's.
    if isinstance(exception, OSError) and type(exception).__module__ == "builtins":
        why += f": {os.strerror(exception.errno)}" if isinstance(exception.errno, int) else ""
    return TokenError(
        f"The credential for the request could not be had ({why}).",
        retryable=isinstance(exception, requests.ConnectionError | requests.Timeout),
    )


def refused_by_hook(error: requests.HTTPError, url: str) -> requests.Response:
    """The answer of `url` that a hook did not want: many a session's calls `raise_for_status`.

    Raises:
        requests.HTTPError: The error, if it is about something else, such as a token.
    """
    response = error.response
    if response is None or _place(str(response.url)) != _place(url):
        raise error
    return response


def _place(url: str) -> str:
    return url.partition("?")[0].rstrip("/")


def explain(exception: BaseException, *, origin: str, timeout: float) -> ResonanceError:
    """The error that says why, for an attempt at `origin` that had `timeout` seconds."""
    causes = list(_causes(exception))

    def caused_by(*kinds: type[BaseException]) -> BaseException | None:
        return next((cause for cause in causes if isinstance(cause, kinds)), None)

    # The request's own URL was checked long ago, so one that makes no sense is the proxy's.
    if caused_by(*UNUSABLE_URL):
        return ProxyRefusedError(
            "The proxy could not be used: its address is none, or of a kind that needs more than "
            "is installed, or its password is not quoted (ä as %C3%A4). Fix: look at the variables "
            "http_proxy, https_proxy and all_proxy."
        )
    if caused_by(u3.ProxyError, requests.exceptions.ProxyError):
        return _of_the_proxy(causes)
    if caused_by(u3.NameResolutionError):
        return NameNotResolvedError(f"The host of {origin} has no address; is the name right?")
    told = (cause for cause in causes if isinstance(cause, OSError) and cause.strerror)
    system = next(told, None)
    # urllib3 says that TLS has failed where the certificates' file could not be opened, too.
    if system and (fix := way_out(system.errno)) and caused_by(u3.NewConnectionError, u3.SSLError):
        return ConnectionFailedError(f"No connection to {origin}: {system.strerror}.{fix}")
    if caused_by(u3.NewConnectionError):
        why = "no connection" if system is None else system.strerror
        return ConnectionFailedError(f"No connection to {origin} ({why}); is the server up?")
    if caused_by(u3.ConnectTimeoutError):
        return ConnectTimeoutError(f"No connection to {origin} within {timeout:g} s.")
    if caused_by(ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError):
        return ConnectionLostError(f"The connection to {origin} broke within its encryption.")
    # Some files requests looks for before it connects; what the system says has a number.
    missed = type(exception) is OSError and exception.errno is None
    if missed or (caused_by(u3.SSLError) and caused_by(*OF_A_FILE)):
        return TLSError(
            "A file of certificates, to check the server by or to show it, is missing or can't be "
            "read. Fix: look at the variables REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and "
            "SSLKEYLOGFILE, and at the session's `verify` and `cert`."
        )
    if tls := caused_by(ssl.SSLError) or caused_by(u3.SSLError):
        reason = getattr(tls, "verify_message", "") or getattr(tls, "reason", "")
        reason = reason or "TLS failed, perhaps by what is in the file of the session's `cert`"
        return TLSError(f"No secure connection to {origin}: {reason}.")
    if given_up := caused_by(u3.ResponseError):  # by an adapter that has retries of its own
        status = int((_STATUS.search(str(given_up)) or ["500"])[0])
        cls = StatusError.for_problem(status, None)
        return cls(f"The server answered {status}, each time.", response_code=status)
    if caused_by(TimeoutError, u3.ReadTimeoutError, requests.Timeout):
        return AttemptTimeoutError(f"No whole answer from {origin} within {timeout:g} s.")
    if caused_by(u3.DecodeError):
        return MalformedJSONError("The answer's compression is broken.")
    if caused_by(http.client.RemoteDisconnected, ConnectionError, http.client.IncompleteRead):
        return ConnectionLostError(f"The connection to {origin} broke before the answer was whole.")
    if caused_by(http.client.HTTPException, u3.InvalidHeader, ValueError):
        return BadResponseError(f"What answers at {origin} does not speak HTTP.")
    return ConnectionLostError(f"The exchange with {origin} broke off.")


def _of_the_proxy(causes: list[BaseException]) -> ResonanceError:
    """The error for a proxy that let no request through; what it said decides."""
    said = next(filter(None, (_TUNNEL.search(str(cause)[:500]) for cause in causes)), None)
    if said is not None:
        status = int(said[1])
        if status == 407:
            return proxy_wants_a_password()
        message = f"The proxy answered {status}, and opened no way to the API."
        passing = status in (408, 429) or status >= 500
        return (ProxyFailedError if passing else ProxyRefusedError)(message, response_code=status)
    if any(isinstance(cause, u3.NameResolutionError) for cause in causes):
        return ProxyFailedError("The proxy's host has no address; is the name right?")
    reason = next((c.strerror for c in causes if isinstance(c, OSError) and c.strerror), None)
    return ProxyFailedError("The proxy could not be used" + (f" ({reason})." if reason else "."))


def proxy_wants_a_password() -> ProxyRefusedError:
    """The error for a 407, in whichever way it came."""
    return ProxyRefusedError(
        "The proxy wants a user name and a password (407). Fix: put them into its address, as in "
        "https_proxy=http://user:password@proxy:3128.",
        response_code=407,
    )


def _causes(exception: BaseException) -> Iterator[BaseException]:
    """The exception and all that it wraps, outermost first.

    urllib3 and requests put the cause into `reason`, `args` or `__cause__`.
    """
    waiting, seen = [exception], set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = [getattr(current, "reason", None), current.__cause__, *current.args]
        waiting += [cause for cause in wrapped if isinstance(cause, BaseException)]
