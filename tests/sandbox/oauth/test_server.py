"""What of the authorization server depends on time: codes, grace and families, by a clock of the
test's own."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from resonance_sandbox import create_app
from resonance_sandbox.app import issue_credentials
from resonance_sandbox.auth.access_tokens import InvalidTokenError
from resonance_sandbox.oauth import sessions as sessions_module
from resonance_sandbox.oauth.grants import CODE_LIFETIME, GRACE, REFRESH_LIFETIME, purge
from resonance_sandbox.oauth.sessions import Sessions

APP = "acme_corp-app"
REDIRECT = "http://127.0.0.1:5/callback"
VERIFIER = "v" * 43


class House:
    """A sandbox in this process, whose grants go by `now`."""

    def __init__(self) -> None:
        self.app = create_app()
        issue_credentials(self.app)
        state = self.app.state
        self.server = state.authorization_server
        self.tokens = self.server._tokens
        self.database = state.database
        self.user = state.directory.credential("acme_corp-user", "user")
        self.now = 1_800_000_000.0
        self.server._grants._clock = lambda: self.now

    def code(self) -> str:
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": APP,
            "redirect_uri": REDIRECT,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        place = urlsplit(self.server.allowed(query, self.user))
        return dict(parse_qsl(place.query))["code"]

    def exchange(self, code: str) -> tuple[int, dict[str, Any]]:
        return self._token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=REDIRECT,
            code_verifier=VERIFIER,
        )

    def refresh(self, token: str) -> tuple[int, dict[str, Any]]:
        return self._token(grant_type="refresh_token", refresh_token=token)

    def _token(self, **form: str) -> tuple[int, dict[str, Any]]:
        status, body = self.server.token({**form, "client_id": APP})
        return status, json.loads(body)


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.database.close()


def test_a_code_waits_a_minute(house: House) -> None:
    code = house.code()
    house.now += CODE_LIFETIME - 1
    assert house.exchange(code)[0] == 200
    code = house.code()
    house.now += CODE_LIFETIME
    assert house.exchange(code) == (400, {"error": "invalid_grant"})


def test_grace_ends_and_then_reuse_takes_the_family_back(house: House) -> None:
    _, first = house.exchange(house.code())
    _, second = house.refresh(first["refresh_token"])
    house.now += GRACE - 0.1
    assert house.refresh(first["refresh_token"]) == (200, second)
    house.now += 0.2
    assert house.refresh(first["refresh_token"])[0] == 400
    assert house.refresh(second["refresh_token"])[0] == 400, "the honest one has to sign in again"
    with pytest.raises(InvalidTokenError, match="revoked"):
        house.tokens.check(second["access_token"].encode())


def test_a_family_ends_though_it_is_used_every_day(house: House) -> None:
    _, tokens = house.exchange(house.code())
    begun = house.now
    while house.now + 86_400 < begun + REFRESH_LIFETIME:
        house.now += 86_400
        status, tokens = house.refresh(tokens["refresh_token"])
        assert status == 200
    house.now = begun + REFRESH_LIFETIME
    assert house.refresh(tokens["refresh_token"])[0] == 400


def test_what_has_expired_is_forgotten(house: House) -> None:
    _, tokens = house.exchange(house.code())
    house.code()

    def count() -> int:
        with house.database.reading() as connection:
            found = connection.exec_driver_sql("SELECT count(*) FROM grants").scalar_one()
            return int(found)

    assert count() == 3
    house.database.write(lambda connection: purge(connection, house.now + CODE_LIFETIME))
    assert count() == 1
    assert house.refresh(tokens["refresh_token"])[0] == 200
    house.database.write(lambda connection: purge(connection, house.now + REFRESH_LIFETIME))
    assert count() == 0


def test_many_threads_with_one_refresh_token_get_one_answer(house: House) -> None:
    _, tokens = house.exchange(house.code())
    for _ in range(20):
        answers: list[tuple[int, dict[str, Any]]] = []
        together = threading.Barrier(16)

        def work(token: str, together: threading.Barrier, answers: list[Any]) -> None:
            together.wait()
            answers.append(house.refresh(token))

        threads = [
            threading.Thread(target=work, args=(tokens["refresh_token"], together, answers))
            for _ in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [status for status, _ in answers] == [200] * 16
        assert len({body["refresh_token"] for _, body in answers}) == 1
        tokens = answers[0][1]


def test_a_session_ends_and_there_are_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    browser = sessions.sign_in(sessions.named(None), "ada")
    assert sessions.user(browser) == "ada"
    now[0] = sessions_module.LIFETIME
    assert sessions.user(browser) is None
    monkeypatch.setattr(sessions_module, "MOST", 3)
    names = [sessions.sign_in(sessions.named(None), "ada") for _ in range(4)]
    assert [sessions.user(name) for name in names] == [None, "ada", "ada", "ada"]


def test_a_name_of_the_browsers_own_choice_is_not_taken() -> None:
    sessions = Sessions(time.monotonic)
    for cookie in (None, "", "x", "\u00e9" * 43, "a" * 44):
        assert sessions.named(cookie) != cookie
    assert not sessions.confirms("a" * 43, "q", "\ud800")
