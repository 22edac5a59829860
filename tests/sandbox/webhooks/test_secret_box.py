"""Signing secrets rest encrypted, under a key that the database doesn't hold."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_sandbox.app import create_app
from resonance_sandbox.settings import Settings
from resonance_sandbox.store import Database, DatabaseError
from resonance_sandbox.webhooks import subscriptions
from resonance_sandbox.webhooks.secret_box import (
    KEY_VARIABLE,
    SecretBox,
    key_of,
    new_secret,
    read_secret,
)

KEY = b"k" * 32


@given(st.binary(min_size=0, max_size=80))
def test_a_secret_has_24_to_64_bytes(raw: bytes) -> None:
    text = "whsec_" + base64.b64encode(raw).decode()
    if 24 <= len(raw) <= 64:
        assert read_secret(text) == text
    else:
        with pytest.raises(ValueError, match="24 to 64 bytes"):
            read_secret(text)


def test_what_is_sealed_opens_for_its_owner_alone() -> None:
    secret = new_secret()
    sealed = SecretBox(KEY).seal(secret, "wh_1")
    assert SecretBox(KEY).open(sealed, "wh_1") == secret
    assert secret.encode() not in sealed
    assert SecretBox(KEY).seal(secret, "wh_1") != sealed
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for key, box, owner in (
        (b"x" * 32, sealed, "wh_1"),
        (KEY, sealed, "wh_2"),
        (KEY, changed, "wh_1"),
    ):
        with pytest.raises(ValueError, match="decrypted"):
            SecretBox(key).open(box, owner)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    found = Database(str(tmp_path / "sandbox.db"))
    found.close()
    return found


def test_the_key_of_a_file_is_beside_it_and_private(database: Database) -> None:
    key = key_of(database)
    file = database.folder / "sandbox.db.key"
    assert key_of(database) == key == base64.b64decode(file.read_text())
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_or_in_the_environment(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, base64.b64encode(KEY).decode())
    assert key_of(database) == KEY
    assert not (database.folder / "sandbox.db.key").exists()
    monkeypatch.setenv(KEY_VARIABLE, "hunter2")
    with pytest.raises(DatabaseError, match=KEY_VARIABLE) as raised:
        key_of(database)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"hunter2\n", b"\xff\xfe", b"QUJD\n"])
def test_a_key_that_is_none(database: Database, content: bytes) -> None:
    (database.folder / "sandbox.db.key").write_bytes(content)
    with pytest.raises(DatabaseError, match=r"sandbox\.db\.key") as raised:
        key_of(database)
    assert "hunter2" not in str(raised.value)


def test_a_temporary_database_has_a_key_in_memory() -> None:
    database = Database()
    try:
        assert key_of(database) != key_of(database)
        assert not list(database.folder.glob("*.key"))
    finally:
        database.close()


def test_a_sandbox_with_the_wrong_key_does_not_start(tmp_path: Path) -> None:
    settings = Settings(database=str(tmp_path / "sandbox.db"))
    secret = new_secret()
    app = create_app(settings)
    state = app.state
    state.database.write(
        lambda connection: subscriptions.add(
            connection, state.secret_box, "default", "https://a.b/", [], "", secret, state.clock
        )
    )
    state.database.close()
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert base64.b64decode(secret.removeprefix("whsec_")) not in files
    assert secret.encode() not in files
    create_app(settings).state.database.close()
    (tmp_path / "sandbox.db.key").unlink()
    with pytest.raises(DatabaseError, match="put back the file"):
        create_app(settings)
