"""A browser's way through sign-in and consent, without a browser."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from resonance_sandbox import Sandbox

REDIRECT = "http://127.0.0.1:54321/callback"


class Browser:
    """A cookie jar that follows no redirect by itself.

    Args:
        server: the sandbox.
        who: the tenant whose app, user and password it has.
    """

    def __init__(self, server: Sandbox, who: str = "acme_corp") -> None:
        self.server = server
        self.held = server.credentials[who]
        self.session = requests.Session()
        self.session.trust_env = False
        self.verifier = secrets.token_urlsafe(32)

    def query(self, **changes: str | None) -> dict[str, str]:
        """A sound authorization request, with `changes`; None leaves a parameter out."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        sound = {
            "response_type": "code",
            "client_id": self.held["app_client_id"],
            "redirect_uri": REDIRECT,
            "scope": "generate profiles:read",
            "state": "s t&ate",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**sound, **changes}.items() if value is not None}

    def ask(self, query: Any = None) -> requests.Response:
        """Open the authorization page."""
        return self.session.get(
            f"{self.server.url}/oauth/authorize",
            params=self.query() if query is None else query,
            allow_redirects=False,
            timeout=30,
        )

    def submit(self, page: requests.Response, **fields: str) -> requests.Response:
        """Send the form of `page` with `fields` filled in, or with others in its hidden ones."""
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert action, page.text
        return self.session.post(
            self.server.url + action[1],
            data={**hidden(page.text), **fields},
            allow_redirects=False,
            timeout=30,
        )

    def sign_in(self, page: requests.Response) -> requests.Response:
        """The page after signing in."""
        answer = self.submit(page, username=self.held["username"], password=self.held["password"])
        assert answer.status_code == 303, answer.text
        return self.session.get(
            self.server.url + answer.headers["Location"], allow_redirects=False, timeout=30
        )

    def consented(self, query: Any = None) -> dict[str, str]:
        """What the app's redirect URI is called with once the user has allowed it."""
        page = self.ask(query)
        if 'name="password"' in page.text:
            page = self.sign_in(page)
        answer = self.submit(page, decision="allow")
        assert answer.status_code == 303, answer.text
        return returned(answer)

    def exchange(self, code: str, **changes: str) -> requests.Response:
        """Trade a code for tokens."""
        sound = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": self.verifier,
        }
        return self.token(**{**sound, **changes})

    def refresh(self, refresh_token: str, **changes: str) -> requests.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token, **changes)

    def token(self, **form: str) -> requests.Response:
        """The app's call of the token endpoint."""
        form.setdefault("client_id", self.held["app_client_id"])
        return post(f"{self.server.url}/oauth/token", form)

    def tokens(self) -> dict[str, Any]:
        """Through the whole flow."""
        answer = self.exchange(self.consented()["code"])
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def post(url: str, form: Any, **options: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(url, data=form, timeout=30, **options)


def service_token(server: Sandbox, who: str = "acme_corp", **form: str) -> requests.Response:
    """The tenant's service at the token endpoint, by client credentials."""
    held = server.credentials[who]
    return post(
        f"{server.url}/oauth/token",
        {"grant_type": "client_credentials", **form},
        auth=(held["client_id"], held["client_secret"]),
    )


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: html.unescape(value) for name, value in found}


def returned(answer: requests.Response) -> dict[str, str]:
    """The query that a redirect brings back to the app."""
    place = urlsplit(answer.headers["Location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == REDIRECT
    return dict(parse_qsl(place.query))


def oauth_error(answer: requests.Response) -> str:
    """The code of an error of RFC 6749, 5.2, whose form is checked on the way."""
    assert answer.headers["Content-Type"] == "application/json", answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert body.keys() == {"error", "error_description"}
    assert body["error_description"].endswith((".", ")"))
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", body["error_description"])
    return str(body["error"])
