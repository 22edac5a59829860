"""Credentials: how they are held, and how a request carries them.

Each class is a `requests.auth.AuthBase`: it works as the client's ``auth=`` and with any plain
`requests` call.

    ApiKeyAuth                 a key that somebody gave you
    JWTAuth                    an access token that you get in a way of your own
    OAuth2ClientCredentials    a program that acts for itself
    OAuth2AuthorizationCode    a program that acts for a person, who logs in with a browser

OAuth 2.0 is spoken here with requests and the standard library alone. What a client needs of it
is two forms and a redirect; what a library adds beyond that (Authlib was looked at) is many
providers and grants, while the hard part, one refresh for many threads, it leaves to its user.

bearer      the header of a request, and the one retry after a 401
tokens      a token that all threads share, renewed in time and once
endpoint    the token endpoint: a form goes out, a token comes back
discovery   where the token endpoint is, as the server tells it
oauth       the two grants
loopback    where the browser comes back to after the log-in
headless    a browser without a window, for tests and documentation
clock       the server's clock, as its answers tell it
jwt         what stands in a token, unverified
secret      a string that does not show itself
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .bearer import ApiKeyAuth, JWTAuth
from .jwt import read_jwt
from .secret import Secret

if TYPE_CHECKING:
    from .headless import HeadlessBrowser as HeadlessBrowser
    from .oauth import OAuth2AuthorizationCode as OAuth2AuthorizationCode
    from .oauth import OAuth2ClientCredentials as OAuth2ClientCredentials

# Loaded on first use: they need a web server and a browser, which few programs do.
_HOMES = {
    "HeadlessBrowser": "headless",
    "OAuth2AuthorizationCode": "oauth",
    "OAuth2ClientCredentials": "oauth",
}

__all__ = ["ApiKeyAuth", "JWTAuth", "Secret", "read_jwt", *_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value
