"""Clauses of OAuth's flows, as far as a client's id and secret can show them."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from .clause import Broken, NotShown, clause, require
from .prober import Prober, allowed, plainly, problem
from .reading import body

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def client_of(call: Prober) -> tuple[str, str]:
    """The client's id and secret."""
    if call.client is None:
        raise NotShown("no client is named: set RESONANCE_CLIENT_ID and RESONANCE_CLIENT_SECRET.")
    return call.client


def token(call: Prober, **scope: str) -> dict[str, Any]:
    """What the token endpoint gives for the client's secret."""
    form = {"grant_type": "client_credentials", **scope}
    response = call.post("/oauth/token", data=form, auth=client_of(call))
    if response.status_code in (400, 401, 403):
        why = f"{form} was answered {response.status_code}"
        raise NotShown(f"POST /oauth/token with {why}: the client is unknown, or may not do that.")
    told: dict[str, Any] = body(response)
    return told


def claims(text: str, part: int = 1) -> dict[str, Any]:
    """A part of a JWT, read and not verified."""
    parts = text.split(".")
    require(len(parts) == 3, "the access token is no JWT.")
    raw = parts[part]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    return found


@clause("client-credentials", "A client's secret buys a token in the profile of RFC 9068.", "write")
def _client(call: Prober) -> None:
    told = token(call)
    require(str(told.get("token_type", "")).lower() == "bearer", "its token_type is not Bearer.")
    head, said = claims(told["access_token"], 0), claims(told["access_token"])
    require(head.get("typ") == "at+jwt", f"the token's typ is {head.get('typ')!r}.")
    require(head.get("alg") not in (None, "none"), "the token is not signed.")
    require(
        plainly(said.get("iss")) == plainly(call.url), f"the token's issuer is {said.get('iss')!r}."
    )
    missing = {"exp", "iat", "aud", "sub", "client_id", "jti"} - said.keys()
    require(not missing, f"the token lacks {', '.join(sorted(missing))}.")
    left = said["exp"] - said["iat"]  # by one clock, whichever that is
    require(
        abs(left - told.get("expires_in", 0)) <= 2,
        f"expires_in is {told.get('expires_in')}, and exp is {left:.0f} s after iat.",
    )
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    used = call.get("/profiles", headers=headers)
    require(used.ok, f"with the token, GET /profiles was answered {used.status_code}.")


@clause("bad-clients", "A wrong secret is answered 401 with invalid_client.", "write")
def _bad(call: Prober) -> None:
    form = {"grant_type": "client_credentials"}
    response = call.post("/oauth/token", data=form, auth=(client_of(call)[0], "wrong"))
    require(response.status_code == 401, f"it was answered {response.status_code}.")
    require(response.json().get("error") == "invalid_client", "its error is not invalid_client.")


@clause("tampered-tokens", "A token that was changed is refused.", "write")
def _tampered(call: Prober) -> None:
    head, said, signature = str(token(call)["access_token"]).split(".")
    other = claims(f"{head}.{said}.{signature}") | {"scope": "admin"}
    forged = base64.urlsafe_b64encode(json.dumps(other).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"at+jwt"}').rstrip(b"=").decode()
    for text in (f"{head}.{forged}.{signature}", f"{none}.{said}."):
        headers = {"Authorization": f"Bearer {text}"}
        problem(call.get("/profiles", headers=headers), 401)


@clause("revocation", "A token that was revoked is refused at once.", "write")
def _revocation(call: Prober) -> None:
    text = token(call)["access_token"]
    gone = call.post("/oauth/revoke", data={"token": text}, auth=call.client)
    require(gone.status_code == 200, f"POST /oauth/revoke was answered {gone.status_code}.")
    problem(call.get("/profiles", headers={"Authorization": f"Bearer {text}"}), 401)


@clause("scopes", "What a token's scopes do not allow is answered 403.", "write")
def _scopes(call: Prober) -> None:
    told = token(call, scope="profiles:read")
    headers = {"Authorization": f"Bearer {told['access_token']}"}
    seen = call.get("/profiles", headers=headers)
    require(seen.ok, f"with its scope, GET /profiles was answered {seen.status_code}.")
    problem(call.post("/hr_generate", {"prompt": "Tides"}, headers=headers), 403)
    made = {"profile_name": call.name(), "hrv_vector": [0.5] * 8}
    problem(call.post("/profiles", made, headers=headers), 403)


@clause("api-keys", "A key is shown once; one that was replaced or revoked is refused.", "write")
def _keys(call: Prober) -> None:
    if call.admin is None:
        raise NotShown("no administrator's key is named: set RESONANCE_ADMIN_API_KEY.")
    admin = {"Authorization": f"Bearer {call.admin}"}

    def reads(key: str) -> requests.Response:
        return call.get("/profiles", headers={"Authorization": f"Bearer {key}"})

    sent = {"scopes": ["profiles:read"], "tenant": call.tenant, "name": "conform"}
    answer = call.post("/api_keys", sent, headers=admin)
    allowed(answer)
    made = body(answer)
    place = f"/api_keys/{made['id']}?tenant={call.tenant}"
    call.cleanup.append(lambda: call("DELETE", place, headers=admin))
    require(reads(made["key"]).ok, "a new key is refused.")
    listed = call.get(f"/api_keys?tenant={call.tenant}", headers=admin)
    require(made["id"] in str(body(listed)), "GET /api_keys does not list it.")
    require(made["key"] not in listed.text, "GET /api_keys shows it.")
    turned = body(
        call.post(
            f"/api_keys/{made['id']}/rotate?tenant={call.tenant}",
            {"overlap_seconds": 0},
            headers=admin,
        )
    )
    require(reads(turned["key"]).ok, "the key that came in its place is refused.")
    problem(reads(made["key"]), 401)
    gone = call("DELETE", place, headers=admin)
    require(gone.status_code == 204, f"DELETE was answered {gone.status_code}.")
    problem(reads(turned["key"]), 401)


@clause("pkce", "An authorization without S256 is not begun.", "write")
def _pkce(call: Prober) -> None:
    if call.app is None:
        raise NotShown("no app is named: set RESONANCE_APP_CLIENT_ID and RESONANCE_REDIRECT_URI.")
    client, redirect = call.app
    right = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    asked = {"response_type": "code", "client_id": client, "redirect_uri": redirect, "state": "x"}
    answer = call.get(f"/oauth/authorize?{urlencode(asked | right)}", foreign=True)
    if answer.status_code in (400, 401, 403, 404):
        raise NotShown(
            f"with S256 it was answered {answer.status_code}: is the app known there, with that "
            "redirect URI?"
        )
    require(answer.status_code < 400, f"with S256 it was answered {answer.status_code}.")
    for wrong in ({}, {"code_challenge": CHALLENGE, "code_challenge_method": "plain"}):
        answer = call.get(f"/oauth/authorize?{urlencode(asked | wrong)}", foreign=True)
        where = answer.headers.get("Location", "")
        told = parse_qs(urlsplit(where).query)
        refused = answer.status_code >= 400 or "error" in told
        if not refused:
            raise Broken(f"it was answered {answer.status_code} with {wrong or 'no challenge'}.")
