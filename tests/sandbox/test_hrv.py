"""The HRV vector: eight checked numbers, and how near one comes to another."""

from __future__ import annotations

import copy
import json
import math
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_sandbox.hrv import DIMENSIONS, NAMES, Dimension, HRVVector

MIDDLE = [0.5, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]

vectors = st.tuples(*(st.floats(one.low, one.high) for one in DIMENSIONS)).map(HRVVector)
corners = st.tuples(*(st.sampled_from([one.low, one.high]) for one in DIMENSIONS)).map(HRVVector)
places = st.integers(0, len(DIMENSIONS) - 1)


def opposite(corner: HRVVector) -> HRVVector:
    return HRVVector(
        one.low + one.high - value for one, value in zip(DIMENSIONS, corner, strict=True)
    )


def with_value(place: int, value: Any) -> list[Any]:
    return [*MIDDLE[:place], value, *MIDDLE[place + 1 :]]


# --- the vocabulary ---------------------------------------------------------------------------


def test_the_dimensions_are_those_of_the_api_in_its_order() -> None:
    assert NAMES == (
        "sentence_variance",
        "emotional_valence",
        "emotional_intensity",
        "assertiveness_index",
        "curiosity_index",
        "metaphor_density",
        "storytelling_index",
        "active_voice_ratio",
    )


def test_valence_alone_can_be_negative() -> None:
    ranges = {one.name: (one.low, one.high) for one in DIMENSIONS}
    assert ranges.pop("emotional_valence") == (-1, 1)
    assert set(ranges.values()) == {(0, 1)}


def test_a_dimension_has_a_span_a_label_and_a_meaning() -> None:
    one = Dimension("emotional_valence", -1, 1, "the feeling is positive")
    assert (one.span, one.label) == (2, "emotional valence")
    assert all(one.meaning for one in DIMENSIONS)


def test_the_module_needs_nothing_else_of_the_package() -> None:
    script = (
        "import sys; before = set(sys.modules); import resonance_sandbox.hrv; "
        "print(*{name for name in set(sys.modules) - before if name.startswith('resonance_')})"
    )
    run = [sys.executable, "-c", script]
    loaded = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded) == {"resonance_sandbox", "resonance_sandbox.hrv"}


# --- feedback ---------------------------------------------------------------------------------


@given(vectors)
def test_feedback_is_one_on_equal_vectors(vector: HRVVector) -> None:
    assert vector.feedback(vector) == 1


@given(corners)
def test_feedback_is_zero_between_opposite_corners(corner: HRVVector) -> None:
    assert corner.feedback(opposite(corner)) == 0


@given(vectors, vectors)
def test_feedback_is_symmetric_and_between_zero_and_one(one: HRVVector, other: HRVVector) -> None:
    assert one.feedback(other) == other.feedback(one)
    assert 0 <= one.feedback(other) <= 1


@given(vectors, vectors)
def test_feedback_is_one_less_the_mean_gap(one: HRVVector, other: HRVVector) -> None:
    gaps = one.gaps(other)
    assert tuple(gaps) == NAMES
    assert all(0 <= gap <= 1 for gap in gaps.values())
    assert math.isclose(one.feedback(other), 1 - sum(gaps.values()) / len(gaps), abs_tol=1e-12)


@given(vectors, vectors, places)
def test_feedback_grows_when_one_dimension_comes_nearer(
    one: HRVVector, target: HRVVector, place: int
) -> None:
    nearer = HRVVector([*one[:place], target[place], *one[place + 1 :]])
    assert nearer.feedback(target) >= one.feedback(target)
    assert nearer.gaps(target)[NAMES[place]] == 0


@pytest.mark.parametrize("place", range(len(DIMENSIONS)))
def test_each_dimension_weighs_the_same_whatever_its_range(place: int) -> None:
    low, high = (HRVVector(with_value(place, end)) for end in (DIMENSIONS[place].low, 1))
    assert low.feedback(high) == 1 - 1 / 8
    assert low.gaps(high) == {name: float(name == NAMES[place]) for name in NAMES}


def test_feedback_checks_what_it_is_compared_with() -> None:
    with pytest.raises(ValueError, match="this one has 2"):
        HRVVector(MIDDLE).feedback([0.1, 0.2])
    assert HRVVector(MIDDLE).feedback(MIDDLE) == 1


# --- what a vector may hold -------------------------------------------------------------------


@given(vectors)
def test_values_are_kept_as_they_are_and_have_names(vector: HRVVector) -> None:
    assert isinstance(vector, tuple)
    assert vector.as_dict() == dict(zip(NAMES, vector, strict=True))
    assert [getattr(vector, name) for name in NAMES] == list(vector)


@pytest.mark.parametrize("place", range(len(DIMENSIONS)))
def test_both_ends_of_a_range_belong_to_it(place: int) -> None:
    one = DIMENSIONS[place]
    for end in (one.low, one.high):
        assert HRVVector(with_value(place, end))[place] == end


@given(places, st.floats(allow_nan=False, allow_infinity=False))
def test_out_of_range_names_the_dimension_and_the_range(place: int, value: float) -> None:
    one = DIMENSIONS[place]
    if one.low <= value <= one.high:
        assert HRVVector(with_value(place, value))[place] == value
    else:
        with pytest.raises(ValueError, match=rf"^{one.name} is .*range is {one.low} to {one.high}"):
            HRVVector(with_value(place, value))


@given(places, st.sampled_from([math.nan, math.inf, -math.inf, 10**400]))
def test_what_is_not_finite_is_refused_by_name(place: int, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{NAMES[place]} is not a finite number$"):
        HRVVector(with_value(place, value))


@pytest.mark.parametrize("place", range(len(DIMENSIONS)))
@pytest.mark.parametrize(
    ("value", "kind"), [("0.5", "str"), (None, "NoneType"), (True, "bool"), ([0.5], "list")]
)
def test_what_is_no_number_is_refused_by_name(place: int, value: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=f"^{NAMES[place]} is a {kind}, not a number$"):
        HRVVector(with_value(place, value))


@pytest.mark.parametrize("length", [0, 1, 7, 9, 100])
def test_another_count_than_eight_is_refused_with_the_names(length: int) -> None:
    with pytest.raises(ValueError, match=rf"8 numbers \({', '.join(NAMES)}\); .* has {length}$"):
        HRVVector([0.5] * length)


@pytest.mark.parametrize("values", ["01010101", b"01010101", dict.fromkeys(NAMES, 0.5), 0.5, None])
def test_what_is_no_list_is_refused(values: Any) -> None:
    with pytest.raises(TypeError, match=f"a list of 8 numbers, not a {type(values).__name__}$"):
        HRVVector(values)


@given(vectors)
def test_an_iterator_will_do(vector: HRVVector) -> None:
    assert HRVVector(iter(vector)) == vector


def test_an_unknown_attribute_is_told_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="no 'valence'; it has sentence_variance, "):
        HRVVector(MIDDLE).valence  # noqa: B018


def test_a_vector_does_not_change() -> None:
    with pytest.raises(AttributeError):
        HRVVector(MIDDLE).emotional_valence = 1.0


# --- from a mapping ---------------------------------------------------------------------------


@given(vectors, st.permutations(NAMES))
def test_a_mapping_in_any_order_gives_the_same_vector(vector: HRVVector, order: list[str]) -> None:
    named = vector.as_dict()
    assert HRVVector.from_mapping({name: named[name] for name in order}) == vector


@given(st.sets(st.sampled_from(NAMES), min_size=1))
def test_missing_dimensions_are_named_in_the_apis_order(left_out: set[str]) -> None:
    named = {name: value for name, value in zip(NAMES, MIDDLE, strict=True) if name not in left_out}
    listed = ", ".join(name for name in NAMES if name in left_out)
    with pytest.raises(ValueError, match=f"^missing dimensions: {listed}$"):
        HRVVector.from_mapping(named)


def test_unknown_dimensions_are_named_too() -> None:
    named = HRVVector(MIDDLE).as_dict()
    with pytest.raises(ValueError, match=r"^unknown dimensions: humour, rhyme$"):
        HRVVector.from_mapping({**named, "humour": 1, "rhyme": 0})
    del named["metaphor_density"]
    with pytest.raises(
        ValueError, match=r"^missing dimensions: metaphor_density; unknown dimensions: metaphor$"
    ):
        HRVVector.from_mapping({**named, "metaphor": 0.3})


def test_a_mappings_values_are_checked_as_well() -> None:
    named = {**HRVVector(MIDDLE).as_dict(), "curiosity_index": 2}
    with pytest.raises(ValueError, match=r"^curiosity_index is 2; its range is 0 to 1$"):
        HRVVector.from_mapping(named)


# --- travels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_numpys_numbers_are_numbers(kind: type) -> None:
    vector = HRVVector(np.array(MIDDLE, dtype=kind))
    assert vector == HRVVector(MIDDLE)
    assert {type(value) for value in vector} == {float}
    assert HRVVector(np.int64(value) for value in [0, -1, 0, 1, 0, 1, 0, 1])[1] == -1


def test_a_table_of_numpys_is_no_vector() -> None:
    with pytest.raises(TypeError, match=r"^sentence_variance is a ndarray, not a number$"):
        HRVVector(np.zeros((8, 2)))


@given(vectors)
def test_pickle_and_copy_keep_value_and_class(vector: HRVVector) -> None:
    pickles = [pickle.dumps(vector, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in (*map(pickle.loads, pickles), copy.copy(vector), copy.deepcopy(vector)):
        assert twin == vector
        assert type(twin) is HRVVector
        assert hash(twin) == hash(vector)


@given(vectors)
def test_json_takes_a_vector_as_a_list_and_gives_it_back(vector: HRVVector) -> None:
    assert HRVVector(json.loads(json.dumps(vector))) == vector
    assert HRVVector.from_mapping(json.loads(json.dumps(vector.as_dict()))) == vector


def test_the_repr_is_python_that_people_can_read() -> None:
    vector = HRVVector([1 / 3, -1, 0.25, 1, 0, 0.5, 0.75, 1])
    assert repr(vector) == "HRVVector([0.3333, -1, 0.25, 1, 0, 0.5, 0.75, 1])"
    assert eval(repr(vector)) != vector, "rounded to four digits"
