"""Secrets show themselves to nobody but the server."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
import requests

from resonance_helpers import ApiKeyAuth, Secret

CANARY = "sk-canary-4711"


def test_a_secret_does_not_show() -> None:
    secret = Secret(CANARY)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        "%s %r" % (secret, secret),  # noqa: UP031
        secret._repr_html_(),
        repr([secret]),
        repr(ApiKeyAuth(secret)),
    ]
    assert not any(CANARY in text for text in shown)
    assert secret.reveal() == CANARY


@pytest.mark.parametrize("escape", [pickle.dumps, copy.deepcopy, copy.copy, json.dumps])
def test_a_secret_does_not_travel(escape: object) -> None:
    for holder in (Secret(CANARY), ApiKeyAuth(CANARY)):
        if escape is copy.copy and isinstance(holder, ApiKeyAuth):
            continue  # shares the one secret
        with pytest.raises(TypeError) as raised:
            escape(holder)  # type: ignore[operator]
        assert CANARY not in str(raised.value)


def test_secrets_are_compared_by_value() -> None:
    assert Secret(CANARY) == Secret(f" {CANARY}\n")
    assert Secret(CANARY) != Secret("other")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY)}) == 1


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "schlüssel", "a\x00b"])
def test_what_no_header_can_carry_is_no_secret(value: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        Secret(value)


@pytest.mark.parametrize("value", [None, b"bytes", 7])
def test_a_secret_is_a_string(value: object) -> None:
    with pytest.raises(TypeError, match="a secret is a string"):
        Secret(value)  # type: ignore[arg-type]


def test_secrets_come_from_the_environment_or_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONANCE_API_KEY", CANARY)
    assert Secret.from_env() == Secret(CANARY)
    monkeypatch.setenv("OTHER", "")
    with pytest.raises(LookupError, match="OTHER is not set"):
        Secret.from_env("OTHER")
    monkeypatch.setattr("getpass.getpass", lambda prompt: CANARY)
    assert Secret.from_prompt() == Secret(CANARY)


@pytest.mark.parametrize(
    ("header", "value"), [("Authorization", f"Bearer {CANARY}"), ("X-API-Key", CANARY)]
)
def test_a_key_goes_into_the_header_of_any_request(header: str, value: str) -> None:
    request = requests.Request("GET", "http://localhost/", auth=ApiKeyAuth(CANARY, header))
    assert request.prepare().headers[header] == value


def test_only_the_contracts_headers_carry_a_key() -> None:
    with pytest.raises(ValueError, match="'Authorization' or 'X-API-Key'"):
        ApiKeyAuth(CANARY, "X-Token")
