"""The form of API keys."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from resonance_sandbox.auth import keys

KEY = keys.mint("0123456789ab")


def test_a_key_names_itself_and_holds_256_random_bits() -> None:
    assert re.fullmatch(r"ros_sandbox_0123456789ab_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", KEY)
    assert 62**43 > 2**256
    assert keys.identity_of(KEY.encode()) == "0123456789ab"
    assert len({keys.mint("0123456789ab") for _ in range(100)}) == 100


@given(st.integers(0, len(KEY) - 1), st.integers(0, 255))
def test_one_wrong_character_is_seen_without_looking_the_key_up(place: int, byte: int) -> None:
    changed = bytearray(KEY.encode())
    if changed[place] == byte:
        return
    changed[place] = byte
    assert keys.identity_of(bytes(changed)) is None


@given(st.binary(max_size=100))
def test_other_bytes_are_no_key(junk: bytes) -> None:
    assert keys.identity_of(junk) is None


def test_a_key_of_another_environment_or_length_is_none() -> None:
    assert keys.identity_of(KEY.replace("sandbox", "live").encode()) is None
    assert keys.identity_of(KEY.encode() + b"\n") is None
    assert keys.identity_of(KEY.encode()[:-1]) is None
