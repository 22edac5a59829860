"""Signing secrets: made, read, and encrypted where they rest.

A signing secret is needed in clear to sign, so it can't be kept as a digest. The key that encrypts
it is kept outside the database, so that a copy of the database alone signs nothing.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..store import Database, DatabaseError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["FORM", "KEY_VARIABLE", "SecretBox", "key_of", "new_secret", "read_secret"]

KEY_VARIABLE = "RESONANCE_WEBHOOK_KEY"
"""Names the environment variable that holds the key, as base64 of 32 bytes."""

PREFIX = "whsec_"
FORM = rf"^{PREFIX}(X{{4}}){{8,20}}(X{{4}}(X{{2}}==)?|X{{3}}=|X{{2}}==)?$".replace(
    "X", "[0-9A-Za-z+/]"
)
"""Base64 of 24 to 64 bytes behind the prefix, as Standard Webhooks has it."""

_NONCE = 12


def new_secret() -> str:
    """A secret of 256 random bits in the form of Standard Webhooks: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def read_secret(text: str) -> str:
    """`text`, if it is a secret of that form.

    Raises:
        ValueError: it isn't; the message never repeats it.
    """
    if not re.fullmatch(FORM, text) or text.endswith("\n"):
        raise ValueError(f"is to be {PREFIX} and base64 of 24 to 64 bytes")
    return text


class SecretBox:
    """Encrypts secrets by AES-256-GCM, each for its owner alone.

    Moved to another row, what is encrypted can't be opened.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @cached_property
    def _cipher(self) -> AESGCM:
        # Loaded late: most sandboxes have no secret to keep.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def seal(self, secret: str, owner: str) -> bytes:
        """`secret`, encrypted."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> str:
        """What `seal` was given.

        Raises:
            ValueError: it was sealed under another key or for another owner, or changed since.
        """
        from cryptography.exceptions import InvalidTag

        try:
            opened = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], owner.encode())
        except InvalidTag:
            raise ValueError("it can't be decrypted with this key") from None
        return opened.decode()


def key_of(database: Database) -> bytes:
    """The key for the secrets in `database`.

    That of the environment; or the database's `key_file`, made at need and readable by its owner
    alone; or, where the database ends with this process, a new one that is nowhere but in memory.

    Raises:
        DatabaseError: the key can't be read or kept.
    """
    if given := os.environ.get(KEY_VARIABLE):
        return _decoded(given, KEY_VARIABLE)
    path = database.key_file
    if path is None:
        return secrets.token_bytes(32)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _decoded(_made(path) or path.read_text("ascii"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise DatabaseError(f"the key {path} can't be used: {reason}") from None


def _made(path: Path) -> str | None:
    """A new key in a new file; None if there is one."""
    try:
        # Private from its first moment, and never another's that stands there already.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return None
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    with os.fdopen(file, "w") as stream:
        stream.write(key + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return key


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise DatabaseError(f"{where} holds no key: it is to be base64 of 32 bytes")
    return key
