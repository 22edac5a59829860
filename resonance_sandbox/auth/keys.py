"""API keys: ``ros_<environment>_<id>_<secret><checksum>``.

The id is public and finds the key; the secret, 256 random bits, proves it; the checksum lets
anybody, such as a scanner of repositories, tell a key from what only looks like one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib

__all__ = ["ENVIRONMENT", "digest", "identity_of", "mint"]

ENVIRONMENT = "sandbox"

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET = 43  # digits of base 62 that hold 256 bits
_CHECKSUM = 6  # and 32 bits
_FORM = re.compile(
    rb"(ros_%s_([0-9a-f]{12})_[0-9A-Za-z]{%d})([0-9A-Za-z]{%d})"
    % (ENVIRONMENT.encode(), _SECRET, _CHECKSUM)
)


def mint(identity: str) -> str:
    """A new key of the public id `identity`, 12 hexadecimal digits."""
    head = f"ros_{ENVIRONMENT}_{identity}_{_base62(secrets.randbits(256), _SECRET)}"
    return head + _checksum(head.encode())


def identity_of(key: bytes) -> str | None:
    """The public id of what has the form of a key, checksum included; None for anything else."""
    found = _FORM.fullmatch(key)
    if found is None or _checksum(found[1]).encode() != found[3]:
        return None
    return found[2].decode()


def digest(secret: bytes) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret).hexdigest()


def _checksum(head: bytes) -> str:
    return _base62(zlib.crc32(head), _CHECKSUM)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        digits.append(_DIGITS[rest])
    return "".join(reversed(digits))
