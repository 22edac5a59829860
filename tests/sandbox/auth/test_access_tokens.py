"""Access tokens: RFC 9068's profile, and RFC 8725's advice item by item."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from resonance_sandbox.auth.access_tokens import (
    AUDIENCE,
    LEEWAY,
    MAX_TOKEN,
    AccessTokens,
    InvalidTokenError,
)
from tests.support.clock import Clock

ISSUER = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture(scope="module")
def tokens(clock: Clock) -> AccessTokens:
    return AccessTokens(ISSUER, 60, clock)


def issued(tokens: AccessTokens) -> str:
    return tokens.issue("service", "service", "acme_corp", ["generate"])


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def opened(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    head, body, signature = token.split(".")

    def load(text: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
        return found

    return load(head), load(body), signature


def signed(
    tokens: AccessTokens,
    claims: Callable[[dict[str, Any]], Any] = lambda claims: None,
    key: Any = None,
    **header: Any,
) -> bytes:
    """A token of the server's own key whose content was changed before it was signed: by who holds
    the key, the worst case."""
    said, content, _ = opened(issued(tokens))
    claims(content)
    said |= header
    ours = next(iter(tokens._keys.values()))
    return jwt.encode(said, content, key or ours, [said["alg"]], default_type=None).encode()


def refused(tokens: AccessTokens, token: bytes | str, why: str) -> None:
    with pytest.raises(InvalidTokenError, match=why):
        tokens.check(token.encode() if isinstance(token, str) else token)


def test_a_token_says_what_rfc_9068_wants(tokens: AccessTokens, clock: Clock) -> None:
    header, claims, _ = opened(issued(tokens))
    assert header["typ"] == "at+jwt"
    assert header["alg"] == "RS256"
    assert header.keys() == {"alg", "typ", "kid"}
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= claims.keys()
    assert claims["exp"] - claims["iat"] == 60
    assert opened(issued(tokens))[1]["jti"] != claims["jti"]
    found = tokens.check(issued(tokens).encode())
    assert (found.client_id, found.tenant, found.scopes) == ("service", "acme_corp", {"generate"})


def test_the_key_set_is_public(tokens: AccessTokens) -> None:
    token = issued(tokens)
    (key,) = tokens.jwks()["keys"]
    assert key.keys() == {"kty", "n", "e", "use", "alg", "kid"}
    assert key["kid"] == opened(token)[0]["kid"]
    assert jwt.decode(token, RSAKey.import_key(key), ["RS256"]).claims["iss"] == ISSUER


def test_3_1_the_algorithm_is_the_keys_own(tokens: AccessTokens) -> None:
    header, claims, signature = opened(issued(tokens))
    for algorithm in ("none", "None", "HS256", "ES256", "RS512", "PS256", "", None, 256, ["RS256"]):
        head = part(header | {"alg": algorithm})
        refused(tokens, f"{head}.{part(claims)}.{signature}", "algorithm is not that of the key")
    # The classic: the public key, which everybody has, taken for an HMAC secret.
    public = next(iter(tokens._keys.values())).public_key
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = f"{part(header | {'alg': 'HS256'})}.{part(claims)}"
    mac = part(hmac.new(pem, body.encode(), hashlib.sha256).digest())
    refused(tokens, f"{body}.{mac}", "algorithm")
    refused(tokens, f"{part(header)}.{part(claims)}.{mac}", "signature")


def test_3_2_the_algorithm_is_an_appropriate_one(tokens: AccessTokens) -> None:
    (key,) = tokens.jwks()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")


def test_3_3_every_part_is_covered_by_the_signature(tokens: AccessTokens) -> None:
    header, claims, signature = opened(issued(tokens))
    head, body, _ = issued(tokens).split(".")
    refused(tokens, f"{head}.{part(claims | {'tenant': 'globex'})}.{signature}", "signature")
    refused(tokens, f"{head}.{part(claims | {'scope': 'admin'})}.{signature}", "signature")
    refused(tokens, f"{head}.{body}.", "not a JWT")
    refused(tokens, f"{head}.{body}", "not a JWT")
    refused(tokens, f"{head}.{body}.{signature}.{signature}", "not a JWT")
    other = RSAKey.generate_key(2048, private=True)
    refused(tokens, signed(tokens, key=other), "signature")
    refused(tokens, f"{part(header)}.{body}.{part(bytes(256))}", "signature")


def test_3_4_inputs_are_checked_before_they_are_used(tokens: AccessTokens) -> None:
    header, claims, signature = opened(issued(tokens))
    body = part(claims)
    for head in (b"", b"{", b"[]", b'"x"', b"\xff", b"null", b"[" * 1500):
        refused(tokens, f"{part(head)}.{body}.{signature}", "header|not a JWT")
    twice = f'{{"alg":"RS256","alg":"none","typ":"at+jwt","kid":"{header["kid"]}"}}'
    refused(tokens, f"{part(twice.encode())}.{body}.{signature}", "header")
    refused(tokens, issued(tokens) + "=", "not a JWT")
    refused(tokens, issued(tokens) + "\n", "not a JWT")
    refused(tokens, b"\xff\xfe", "not a JWT")
    long = signed(tokens, lambda claims: claims.update(filling="x" * MAX_TOKEN))
    refused(tokens, long, "too long")


def test_3_4_a_signature_has_one_spelling(tokens: AccessTokens) -> None:
    """The last digit of its base64url carries four bits that decode to nothing."""
    token = issued(tokens)
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for digit in digits:
        if digit != token[-1]:
            refused(tokens, token[:-1] + digit, "signature")


def test_3_5_keys_are_random_and_long_enough(tokens: AccessTokens) -> None:
    other = AccessTokens(ISSUER, 60, time.time)
    issued(other)
    ours, theirs = (next(iter(made._keys.values())) for made in (tokens, other))
    assert ours.public_key.key_size >= 2048
    assert ours.kid != theirs.kid
    refused(tokens, issued(other), "key is not known")


def test_3_6_nothing_is_compressed_or_encrypted(tokens: AccessTokens) -> None:
    header, claims, signature = opened(issued(tokens))
    for extra in ({"zip": "DEF"}, {"enc": "A256GCM"}):
        refused(tokens, f"{part(header | extra)}.{part(claims)}.{signature}", "exactly alg")


def test_3_7_text_is_utf_8(tokens: AccessTokens) -> None:
    header, claims, signature = opened(issued(tokens))
    latin = json.dumps(header).encode("utf-16")
    refused(tokens, f"{part(latin)}.{part(claims)}.{signature}", "header|exactly|signature")


@pytest.mark.parametrize("value", ["http://127.0.0.1:8001", "", None, 1, [ISSUER], ISSUER + "/"])
def test_3_8_the_issuer_is_this_server(tokens: AccessTokens, value: Any) -> None:
    refused(tokens, signed(tokens, lambda claims: claims.update(iss=value)), "another server")


@pytest.mark.parametrize("name", ["sub", "client_id", "tenant", "scope", "jti"])
@pytest.mark.parametrize("value", ["absent", "", None, 7, ["x"], {"a": 1}])
def test_3_8_the_subject_and_its_like_are_text(tokens: AccessTokens, name: str, value: Any) -> None:
    def change(claims: dict[str, Any]) -> None:
        claims.pop(name) if value == "absent" else claims.update({name: value})

    refused(tokens, signed(tokens, change), f"lacks the claim {name}")


@pytest.mark.parametrize("value", ["urn:other:api", "", None, [AUDIENCE, "urn:other:api"], 3])
def test_3_9_the_audience_is_this_api(tokens: AccessTokens, value: Any) -> None:
    refused(tokens, signed(tokens, lambda claims: claims.update(aud=value)), "another server")


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "http://127.0.0.1:1/keys"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"x5u": "http://127.0.0.1:1/chain"},
        {"x5c": ["MII"]},
        {"crit": ["exp"]},
        {"b64": False},
    ],
    ids=lambda header: next(iter(header)),
)
def test_3_10_a_header_cannot_bring_its_own_key(
    tokens: AccessTokens, header: dict[str, Any]
) -> None:
    head, claims, signature = opened(issued(tokens))
    refused(tokens, f"{part(head | header)}.{part(claims)}.{signature}", "exactly alg, typ and kid")


@pytest.mark.parametrize(
    "kid", ["other", "", "../../dev/null", "' OR 1=1 --", "http://127.0.0.1:1/", None, 1, [], {}]
)
def test_3_10_a_kid_is_looked_up_in_memory_alone(tokens: AccessTokens, kid: Any) -> None:
    head, claims, signature = opened(issued(tokens))
    refused(tokens, f"{part(head | {'kid': kid})}.{part(claims)}.{signature}", "key is not known")


@pytest.mark.parametrize("typ", ["JWT", "at", "jwt+at", "", None, 5, "dpop+jwt"])
def test_3_11_the_type_is_explicit(tokens: AccessTokens, typ: Any) -> None:
    head, claims, signature = opened(issued(tokens))
    other = f"{part(head | {'typ': typ})}.{part(claims)}.{signature}"
    refused(tokens, other, "not an access token")


def test_3_12_another_kind_of_jwt_does_not_pass(tokens: AccessTokens) -> None:
    for kind in (ECKey.generate_key("P-256"), OctKey.generate_key(256)):
        algorithm = "ES256" if isinstance(kind, ECKey) else "HS256"
        refused(tokens, signed(tokens, key=kind, alg=algorithm), "algorithm")
    an_id_token = signed(tokens, lambda claims: claims.update(aud="service"), typ="JWT")
    refused(tokens, an_id_token, "not an access token")


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [True, "1", 1.5, -1, 0, 1 << 60, 10**30, None, [1]])
def test_times_are_whole_numbers_within_bounds(tokens: AccessTokens, name: str, value: Any) -> None:
    changed = signed(tokens, lambda claims: claims.update({name: value}))
    refused(tokens, changed, f"claim {name} is no time")


@pytest.mark.parametrize("name", ["exp", "iat"])
def test_times_are_required(tokens: AccessTokens, name: str) -> None:
    refused(tokens, signed(tokens, lambda claims: claims.pop(name)), f"claim {name} is no time")


def test_leeway_is_small_and_on_both_sides(tokens: AccessTokens, clock: Clock) -> None:
    begun = clock.now
    token = issued(tokens).encode()
    end = opened(token.decode())[1]["exp"]
    try:
        clock.now = end + LEEWAY - 0.01
        tokens.check(token)
        clock.now = end + LEEWAY
        refused(tokens, token, "expired")
        clock.now = end - 60 - LEEWAY
        tokens.check(token)
        clock.now = end - 60 - LEEWAY - 0.01
        refused(tokens, token, "not valid yet")
    finally:
        clock.now = begun
    later = signed(tokens, lambda claims: claims.update(nbf=int(begun) + 30))
    refused(tokens, later, "not valid yet")


def test_a_token_or_its_whole_grant_is_revoked(tokens: AccessTokens) -> None:
    first, second = (
        tokens.issue("app", "user", "acme_corp", ["generate"], "grant-1") for _ in range(2)
    )
    other = tokens.issue("app", "user", "acme_corp", ["generate"], "grant-2")
    tokens.revoke(tokens.check(first.encode()).token_id)
    refused(tokens, first, "revoked")
    tokens.check(second.encode())
    tokens.revoke("grant-1")
    refused(tokens, second, "revoked")
    tokens.check(other.encode())


def test_what_was_revoked_is_remembered_as_long_as_it_matters() -> None:
    clock = Clock(time.time())
    tokens = AccessTokens(ISSUER, 60, clock)
    for number in range(50):
        tokens.revoke(f"old-{number}")
    clock.now += 60 + 3 * LEEWAY
    tokens.revoke("new")
    assert set(tokens._revoked) == {"new"}


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(max_examples=300)
def test_any_bytes_are_a_token_error(junk: bytes) -> None:
    with pytest.raises(InvalidTokenError):
        AccessTokens(ISSUER, 60, time.time).check(junk)
