"""JWT access tokens in the profile of RFC 9068, checked as RFC 8725 advises.

The signing key is made when it is first needed and lives in this process's memory alone. So a
restart ends every access token, and no file ever holds what could sign one; a client gets a new
token by its secret or its refresh token, which a database in a file does keep.

The library of JWT is loaded with the first key too: most sandboxes never see a token.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

__all__ = [
    "ALGORITHM",
    "AUDIENCE",
    "LEEWAY",
    "MAX_TOKEN",
    "AccessTokens",
    "Claims",
    "InvalidTokenError",
]

ALGORITHM = "RS256"
"""The one algorithm of the one kind of key; RFC 9068 asks every server for this one."""

AUDIENCE = "urn:resonanceos:api"
TYPES = frozenset({"at+jwt", "application/at+jwt"})
HEADER = frozenset({"alg", "typ", "kid"})
MAX_TOKEN = 4096
"""Bytes of the longest token that is looked at."""

LEEWAY = 1
"""Seconds that two readings of one clock may differ: issuer and verifier share a machine."""

_COMPACT = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_LATEST = 1 << 40
_TEXT = ("sub", "client_id", "jti", "tenant", "scope")
_BITS = 2048


class InvalidTokenError(ValueError):
    """A token that is not to be believed. The message says why, without its content."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that was checked says.

    Attributes:
        grant: the family of refresh tokens it came with; empty for client credentials.
    """

    subject: str
    client_id: str
    tenant: str
    scopes: frozenset[str]
    token_id: str
    expires_at: int
    grant: str


class AccessTokens:
    """Issues tokens and checks them. Safe for threads.

    Args:
        issuer: the server's base URL.
        lifetime: seconds that a token is good for.
        clock: seconds since 1970.
    """

    def __init__(self, issuer: str, lifetime: int, clock: Callable[[], float]) -> None:
        self.issuer = issuer
        self.lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, RSAKey] = {}
        self._revoked: dict[str, float] = {}

    def issue(
        self, client_id: str, subject: str, tenant: str, scopes: Iterable[str], grant: str = ""
    ) -> str:
        """A token for `client_id` to act as `subject` in `tenant`."""
        from joserfc import jwt

        key = self._signing_key()
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject,
            "client_id": client_id,
            "tenant": tenant,
            "scope": " ".join(scopes),
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_urlsafe(16),
        }
        if grant:
            claims["grant"] = grant
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}
        return jwt.encode(header, claims, key, [ALGORITHM])

    def check(self, token: bytes) -> Claims:
        """What `token` says, if it is one of ours and in force.

        Raises:
            InvalidTokenError: it is not.
        """
        key = self._key_of(token)
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            claims = jwt.decode(token, key, [ALGORITHM]).claims
        except (JoseError, ValueError):
            raise InvalidTokenError("its signature does not hold") from None
        self._require(claims)
        now = self._clock()
        if claims["exp"] + LEEWAY <= now:
            raise InvalidTokenError("it has expired")
        if claims["iat"] - LEEWAY > now or claims.get("nbf", 0) - LEEWAY > now:
            raise InvalidTokenError("it is not valid yet")
        grant = claims["grant"]
        if claims["jti"] in self._revoked or grant in self._revoked:
            raise InvalidTokenError("it was revoked")
        return Claims(
            claims["sub"],
            claims["client_id"],
            claims["tenant"],
            frozenset(claims["scope"].split()),
            claims["jti"],
            claims["exp"],
            grant,
        )

    def revoke(self, name: str) -> None:
        """Refuse, from now on, the token or all tokens of the grant that `name` is the id of."""
        now = self._clock()
        with self._lock:
            current = {known: until for known, until in self._revoked.items() if until > now}
            # Nothing that exists now lives longer than this.
            current[name] = now + self.lifetime + 2 * LEEWAY
            self._revoked = current

    def forget_key(self) -> None:
        """End every token, as a restart does: the next one is signed by a new key."""
        with self._lock:
            self._keys = {}

    def jwks(self) -> dict[str, Any]:
        """The public keys (RFC 7517)."""
        self._signing_key()
        return {"keys": [key.as_dict(private=False) for key in self._keys.values()]}

    def _signing_key(self) -> RSAKey:
        from joserfc.jwk import RSAKey

        with self._lock:
            if not self._keys:
                key = RSAKey.generate_key(
                    _BITS, {"use": "sig", "alg": ALGORITHM}, private=True, auto_kid=True
                )
                self._keys = {str(key.kid): key}
            return next(reversed(self._keys.values()))

    def _key_of(self, token: bytes) -> RSAKey:
        """The key that a token names: found in memory by its `kid`, or not at all.

        No other member of the header (jku, jwk, x5u, x5c, crit) has any say, so none is allowed.
        """
        if len(token) > MAX_TOKEN:
            raise InvalidTokenError("it is too long")
        parts = _COMPACT.fullmatch(token)
        if parts is None:
            raise InvalidTokenError("it is not a JWT")
        try:
            header = json.loads(
                base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4)),
                object_pairs_hook=_unique,
            )
        except (ValueError, RecursionError):
            raise InvalidTokenError("its header cannot be read") from None
        if not isinstance(header, dict) or header.keys() != HEADER:
            raise InvalidTokenError("its header has not exactly alg, typ and kid")
        if header["alg"] != ALGORITHM:
            raise InvalidTokenError("its algorithm is not that of the key")
        if not isinstance(header["typ"], str) or header["typ"].lower() not in TYPES:
            raise InvalidTokenError("it is not an access token")
        key = self._keys.get(header["kid"]) if isinstance(header["kid"], str) else None
        if key is None:
            raise InvalidTokenError("its key is not known")
        return key

    def _require(self, claims: dict[str, Any]) -> None:
        if claims.get("iss") != self.issuer:
            raise InvalidTokenError("another server issued it")
        if claims.get("aud") != AUDIENCE:
            raise InvalidTokenError("it is meant for another server")
        for name in _TEXT:
            if not isinstance(claims.get(name), str) or not claims[name]:
                raise InvalidTokenError(f"it lacks the claim {name}")
        if not isinstance(claims.setdefault("grant", ""), str):
            raise InvalidTokenError("its claim grant is no text")
        for name in ("exp", "iat", *(["nbf"] if "nbf" in claims else [])):
            value = claims.get(name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < _LATEST:
                raise InvalidTokenError(f"its claim {name} is no time")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands twice")
    return value
