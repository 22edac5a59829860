"""Bodies as bytes: what is JSON is read as JSON, what is not is a problem, never an accident."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_sandbox.http.problems import Problem
from resonance_sandbox.http.strict_json import MAX_DEPTH, MAX_VALUES, dumps, loads

text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5),
    max_leaves=30,
)


@given(values)
def test_what_is_written_is_read(value: Any) -> None:
    assert loads(json.dumps(value).encode()) == value
    assert loads(dumps(value)) == value


@given(st.binary(max_size=200) | text.map(str.encode))
def test_any_bytes_are_json_or_a_problem(raw: bytes) -> None:
    try:
        value = loads(raw)
    except Problem:
        return
    assert value == json.loads(raw)


@pytest.mark.parametrize(
    ("raw", "slug"),
    [
        (b'{"a":1,"a":1}', "duplicate-key"),
        (b'[{"b":{"a":1,"a":2}}]', "duplicate-key"),
        (b'{"\\u0061":1,"a":2}', "duplicate-key"),
        (b"NaN", "validation-failed"),
        (b"[1e999]", "validation-failed"),
        (b'"\\ud83d"', "validation-failed"),
        (b'{"\\udfff": 1}', "validation-failed"),
        (b"\xff", "invalid-json"),
        (b"'a'", "invalid-json"),
        (b"{a: 1}", "invalid-json"),
        (b"[1,]", "invalid-json"),
        (b"01", "invalid-json"),
        (b"1 2", "invalid-json"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "invalid-json"),
        (b"{" * 100_000, "invalid-json"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "invalid-json"),
        (b"[" + b"1," * MAX_VALUES + b"1]", "invalid-json"),
    ],
    ids=lambda value: value[:16] if isinstance(value, bytes) else None,
)
def test_what_python_would_let_pass(raw: bytes, slug: str) -> None:
    with pytest.raises(Problem) as caught:
        loads(raw)
    assert caught.value.slug == slug


def test_depth_and_size_up_to_the_bound_are_fine() -> None:
    assert loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert len(loads(b"[" + b"1," * (MAX_VALUES - 2) + b"1]")) == MAX_VALUES - 1


@pytest.mark.parametrize("value", [b"[]", b"{}", b'""', b'{"":0}', rb'"\""', rb'"\\"', b"0"])
def test_too_many_values_are_refused_before_they_are_read(
    monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    def read(*args: object, **options: object) -> None:
        raise AssertionError("of a megabyte, that keeps everybody waiting for 0.2 s")

    monkeypatch.setattr(json, "loads", read)
    with pytest.raises(Problem, match="more than 20,000 values"):
        loads(b"[" + (value + b",") * (2 * MAX_VALUES) + value + b"]")


@pytest.mark.parametrize(
    "text", [",", "[{", '"', "\\", '\\"[', '"\\,', "\\\\", '",'], ids=lambda text: ascii(text)
)
def test_what_stands_in_a_string_counts_for_nothing(text: str) -> None:
    long = {"text": text * 3 * MAX_VALUES, text: [text]}
    assert loads(json.dumps(long).encode()) == long


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert loads(b'"\\ud83e\\udd8a"') == "🦊"


@pytest.mark.parametrize("digits", [400, 401, 4_300, 5_000, 100_000])
def test_long_integers(digits: int) -> None:
    raw = b"9" * digits
    if digits <= 400:
        assert loads(raw) == 10**digits - 1
        return
    with pytest.raises(Problem) as caught:
        loads(raw)
    assert caught.value.slug == "validation-failed"


def test_what_cannot_be_json_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps(math.nan)
