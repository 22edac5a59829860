"""The token endpoint (RFC 6749, section 3.2): a form goes out, a token comes back."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import requests

from ..errors import AttemptTimeoutError, ConnectTimeoutError, InsecureTransportError, TokenError
from ..transport import arguments
from ..transport.address import is_loopback, origin, web_address
from ..transport.arguments import kind
from ..transport.content import read_content, says_json
from ..transport.deadline import Deadline
from ..transport.failure import BROKEN_OFF, explain, refused_by_hook
from ..transport.redaction import EVERYTHING, bare, masked, without
from ..transport.retry_after import parse_retry_after
from ..transport.session import anonymous
from .clock import ServerClock
from .secret import Secret
from .tokens import Token

__all__ = ["TokenEndpoint", "checked_url"]

SIZE_CAP = 256 * 1024
"""Bytes; no token is larger."""

PASSING = 408, 429, 502, 503, 504
"""Statuses after which the same form may well buy a token later."""

_WORD = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,100}")  # RFC 6749, 5.2


class TokenEndpoint:
    """Where tokens are bought.

    Args:
        url: Its address: https, or this machine's; or what returns one that is.
        client_id: The public name of the program.
        client_secret: What proves it; None for a program that can keep no secret, such as one
            that runs on its users' machines.
        timeout: Seconds for one request, from the name look-up to the last byte.
        clock: Learns the server's time from each answer.
        session: A session of your own, for its proxies or certificates.
    """

    def __init__(
        self,
        url: str | Callable[[], str],
        client_id: str,
        client_secret: Secret | None,
        *,
        clock: ServerClock,
        timeout: float = 10.0,
        session: requests.Session | None = None,
    ) -> None:
        self.url = url if callable(url) else checked_url("token_url", url)
        if not isinstance(client_id, str):
            raise TypeError(f"client_id is a {kind(client_id)}, not a string")
        self.client_id = client_id
        self._client_secret = client_secret
        self._clock = clock
        self._timeout = arguments.seconds("timeout", timeout)
        self._session = arguments.session(session)

    def ask(self, grant_type: str, **form: str | Secret | None) -> Token:
        """The token that a grant buys; fields that are None are left out.

        Raises:
            TokenError: There is none; `reason` is the server's word for it. It names none of the
                secrets that were sent.
        """
        answer = self._exchange({"grant_type": grant_type, **form})
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _exchange(self, form: Mapping[str, str | Secret | None]) -> Token | BaseException:
        """Errors are returned: raised from here, their traceback would lead to the form."""
        try:
            return self._answer(form)
        except BaseException as error:
            return without(EVERYTHING, error) if isinstance(error, Exception) else bare(error)

    def _answer(self, form: Mapping[str, str | Secret | None]) -> Token | TokenError:
        url = self.url() if callable(self.url) else self.url
        fields = {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in form.items()
            if value is not None
        }
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        if self._client_secret is None:
            fields["client_id"] = self.client_id
        else:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self._client_secret.reveal())}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        sent = self._clock.local()
        response = None
        try:
            try:
                response = self._session.request(
                    "POST",
                    url,
                    data=urlencode(fields).encode(),
                    headers=headers,
                    auth=anonymous,
                    timeout=Deadline(self._timeout),  # type: ignore[arg-type]
                    allow_redirects=False,
                    stream=True,
                )
            except requests.HTTPError as error:
                response = refused_by_hook(error, url)
            self._clock.learn(response.headers)
            content = read_content(response, SIZE_CAP)
        except BROKEN_OFF as error:
            if response is not None:
                response.close()
            cause = explain(error, origin=origin(urlsplit(url)), timeout=self._timeout)
            # Who waited as long as they would has waited long enough.
            timed_out = isinstance(cause, AttemptTimeoutError | ConnectTimeoutError)
            return TokenError(
                f"No access token: {cause.message}", retryable=cause.retryable and not timed_out
            )
        document = _document(content)
        # Some report an error with the status of a success, and some a success with no error.
        if response.status_code in (200, 201) and document and not document.get("error"):
            return self._token(document, sent + self._clock.skew)
        response.close()
        secrets = [value.reveal() for value in form.values() if isinstance(value, Secret)]
        if self._client_secret is not None:
            secrets.append(self._client_secret.reveal())
        return _refusal(response, document, secrets, now=self._clock.local())

    def _token(self, document: dict[str, Any], sent: float) -> Token | TokenError:
        """The token in an answer, its life counted from when it was asked for."""
        kind = document.get("token_type")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            return TokenError("The authorization server gave a token that is no Bearer token.")
        try:
            access = Secret(document.get("access_token"))  # type: ignore[arg-type]
            refresh = document.get("refresh_token")
            refresh = Secret(refresh) if refresh not in (None, "") else None  # some send it empty
        except (TypeError, ValueError):
            return TokenError("The authorization server's answer holds no usable token.")
        life = document.get("expires_in")
        if isinstance(life, str) and re.fullmatch(r"[0-9]{1,12}", life):
            life = int(life)
        scope = document.get("scope")
        scope = scope if isinstance(scope, str) else None
        if isinstance(life, bool) or not isinstance(life, int | float) or not 0 <= life < 1e12:
            return Token(access, refresh=refresh, scope=scope)
        return Token(access, sent + life, float(life), refresh, scope)

    def __repr__(self) -> str:
        return f"TokenEndpoint({self.url!r}, client_id={self.client_id!r})"


def checked_url(name: str, url: str) -> str:
    """`url`, if credentials may travel there.

    Raises:
        TypeError, ValueError: It is no http(s) URL.
        InsecureTransportError: It is plain http to another machine.
    """
    parts = web_address(name, url)
    if parts.fragment:
        raise ValueError(f"{name} can't have a fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise InsecureTransportError(
            f"Credentials would cross the network unencrypted to {origin(parts)}; {name} has to "
            "be https there."
        )
    return parts.geturl()


def _refusal(
    response: requests.Response, found: Mapping[str, Any] | None, secrets: list[str], now: float
) -> TokenError:
    """The error for an answer that holds no token."""
    status, document = response.status_code, found or {}
    is_half = found is None and status < 300 and says_json(response)
    unsaid = "its JSON is broken, or was cut" if is_half else "it did not say why"
    word = document.get("error")
    reason = word if isinstance(word, str) and _WORD.fullmatch(word) else None
    said = document.get("error_description")
    said = f"{said[:500]}" if isinstance(said, str) and said.isprintable() else ""
    said, reason = masked(said, secrets), masked(reason, secrets)  # it may repeat what it was sent
    told = ": ".join(filter(None, (reason, said.rstrip("."))))
    return TokenError(
        f"The authorization server gave no token ({told or unsaid}).",
        reason=reason,
        response_code=status,
        request_id=response.headers.get("X-Request-ID"),
        retryable=status in PASSING or reason == "temporarily_unavailable" or is_half,
        retry_after=parse_retry_after(
            response.headers.get("Retry-After"), now=now, date=response.headers.get("Date")
        ),
    )


def _document(content: Any) -> dict[str, Any] | None:
    """What an answer says, if anything; None if it can't be read."""
    try:
        document = json.loads(content) if isinstance(content, bytes) else {}
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else {}
