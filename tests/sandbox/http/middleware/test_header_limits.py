"""What headers may cost."""

from __future__ import annotations

import http.cookies

import pytest
from fastapi.testclient import TestClient

from resonance_sandbox.app import create_app


@pytest.mark.parametrize("path", ["/health", "/profiles", "/.well-known/jwks.json"])
def test_no_quoted_cookie_is_taken_apart(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    seen: list[str] = []
    monkeypatch.setattr(http.cookies, "_unquote", lambda text: seen.append(text) or text)
    with TestClient(create_app(), base_url="http://localhost") as client:
        answer = client.get(path, headers={"Cookie": 'a="\\"\\""; b; c=d'})
    assert answer.status_code == 200
    assert not any('"' in text for text in seen), "before Python 3.11.10 that is quadratic"
