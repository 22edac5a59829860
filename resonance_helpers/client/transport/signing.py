"""Credentials: put on each attempt anew, and never where others could read them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests.exceptions import InvalidHeader

from ..errors import InsecureTransportError, ResonanceError
from .failure import CAUGHT, no_credential
from .redaction import is_secret, redacted
from .session import anonymous

if TYPE_CHECKING:
    from .shared import Transport

__all__ = ["INSECURE", "Signing"]

log = logging.getLogger("resonance_helpers")

INSECURE = (
    "Credentials would cross the network unencrypted to {origin}. Use https, or allow_http=True "
    "where the network itself is trusted."
)


class Signing(AuthBase):
    """The auth of one attempt: signs the request, and lets it go only where it may.

    Args:
        transport: Whose auth it is, and whether credentials may travel.
        what: The method and the path, for the log.

    Attributes:
        is_done: The request is signed; what fails afterwards was perhaps sent.
        headers: Those of the request, credentials and all.
    """

    def __init__(self, transport: Transport, what: str) -> None:
        auth: Any = transport.auth or transport.session.auth
        self._auth = HTTPBasicAuth(*auth) if isinstance(auth, tuple) else auth or anonymous
        self._transport, self._what = transport, what
        self.is_immediate = getattr(auth, "is_immediate", auth is None)
        self.is_done = False
        self.headers: Mapping[str, str | bytes] = {}

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        try:
            request = self._auth(request)
        except (ResonanceError, InvalidHeader, UnicodeEncodeError):
            raise
        except CAUGHT as error:
            raise no_credential(error) from None
        transport, self.headers = self._transport, request.headers
        if not transport.trusted and _exposes_credentials(transport.session, request):
            raise InsecureTransportError(INSECURE.format(origin=transport.base_url))
        if log.isEnabledFor(logging.DEBUG):
            log.debug("-> %s %s", self._what, redacted(request.headers))
        self.is_done = True
        return request


def _exposes_credentials(session: requests.Session, prepared: requests.PreparedRequest) -> bool:
    """Does the request carry what nobody but the server may see?

    A cookie that the server has set over this same network was no secret; one that the program has
    set has no domain.
    """
    found = [name.lower() for name in prepared.headers if is_secret(name)]
    if found == ["cookie"] and "Cookie" not in session.headers:
        return not all(cookie.domain for cookie in session.cookies)
    return bool(found)
