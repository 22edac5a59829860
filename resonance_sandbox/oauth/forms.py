"""Reading what OAuth sends: forms and queries, where each parameter stands at most once."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import parse_qsl, unquote_plus

from oauthlib.oauth2 import InvalidClientError, InvalidRequestError

__all__ = ["FORM", "LONGEST", "parameters", "with_client"]

FORM = "application/x-www-form-urlencoded"

KNOWN = frozenset(
    {
        "client_id",
        "client_secret",
        "code",
        "code_challenge",
        "code_challenge_method",
        "code_verifier",
        "csrf",
        "decision",
        "grant_type",
        "password",
        "redirect_uri",
        "refresh_token",
        "request",
        "response_type",
        "scope",
        "state",
        "token",
        "token_type_hint",
        "username",
    }
)
"""What is read; by RFC 6749, 3.1, anything else is ignored."""

LONGEST = 8192
"""Characters of the longest parameter."""

MOST = 50
"""Parameters."""

LARGEST = 64 << 10
"""Bytes of all of them as they were sent. To take a megabyte of % apart lasts a second, in which
nobody else has a turn."""


def parameters(raw: bytes) -> dict[str, str]:
    """The parameters of a form's body or of a query; one without a value counts as left out.

    Raises:
        InvalidRequestError: it cannot be read, or a parameter stands in it twice.
    """
    if len(raw) > LARGEST:
        raise InvalidRequestError(f"The parameters have more than {LARGEST:,} bytes.")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST
        )
    except ValueError:  # UnicodeDecodeError is one
        raise InvalidRequestError("The parameters cannot be read; encode them as a form.") from None
    found: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in pairs:
        if name not in KNOWN:
            continue
        if name in seen:
            raise InvalidRequestError(f"The parameter {name} stands twice; send it once.")
        seen.add(name)
        if len(value) > LONGEST or "\0" in value:
            raise InvalidRequestError(f"The parameter {name} is too long or not text.")
        if name == "scope":  # each once, or a token of a thousand would be too long to be taken
            value = " ".join(dict.fromkeys(value.split(" ")))
        if value:
            found[name] = value
    return found


def with_client(form: dict[str, str], authorization: str | None) -> dict[str, str]:
    """`form` with the client's id and secret, if it sent them by HTTP Basic (RFC 6749, 2.3.1).

    Raises:
        InvalidClientError: the header is of another scheme, or cannot be read.
        InvalidRequestError: the client said twice who it is.
    """
    if authorization is None:
        return form
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        given = base64.b64decode(encoded.strip(), validate=True).decode()
        identity, colon, secret = given.partition(":")
        if not colon:
            raise ValueError
        identity = unquote_plus(identity, errors="strict")
        secret = unquote_plus(secret, errors="strict")
    except (ValueError, binascii.Error):
        raise InvalidClientError("The Authorization header is not HTTP Basic.") from None
    if "client_secret" in form or form.get("client_id", identity) != identity:
        raise InvalidRequestError("Say who the client is in one way: header or form.")
    merged = form | {"client_id": identity}
    if secret:  # a public client has none
        merged["client_secret"] = secret
    return {name: value for name, value in merged.items() if value}
