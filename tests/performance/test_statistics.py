"""Percentiles, shares and correlations, each with an interval that keeps what it promises."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.performance.statistics import calls_needed, correlation, percentile, share

shares = st.sampled_from([0.5, 0.9, 0.99, 0.999])
times = st.lists(st.floats(0, 1e6), min_size=1, max_size=400)


@given(times, shares)
def test_a_percentile_is_an_observed_value_that_the_share_does_not_exceed(
    values: list[float], q: float
) -> None:
    found = percentile(values, q)
    assert found.value in values
    assert sum(value <= found.value for value in values) >= q * len(values) - 1e-9
    assert sum(value < found.value for value in values) < q * len(values)


@given(times, shares)
def test_an_interval_holds_its_percentile_and_needs_enough_calls(
    values: list[float], q: float
) -> None:
    found = percentile(values, q)
    if found.low is not None:
        assert found.low <= found.value
    if found.high is not None:
        assert found.value <= found.high
    assert found.enough == (found.low is not None and found.high is not None)
    assert found.enough == (len(values) >= found.needed)


def test_percentiles_of_one_to_a_hundred() -> None:
    values = list(range(1, 101))
    assert [percentile(values, q).value for q in (0.5, 0.9, 0.99, 0.07)] == [50, 90, 99, 7]
    median = percentile(values, 0.5)
    # Tabled for n = 100: the 40th and the 61st value, at 96.5 %.
    assert (median.low, median.high) == (40, 61)


@pytest.mark.parametrize(
    ("q", "needed"), [(0.5, 6), (0.9, 36), (0.99, 368), (0.999, 3688), (0.1, 36)]
)
def test_how_many_calls_an_interval_takes(q: float, needed: int) -> None:
    assert calls_needed(q) == needed
    assert percentile(range(needed), q).enough
    short = percentile(range(needed - 1), q)
    assert not short.enough
    assert f"{needed} needed" in str(short)


@pytest.mark.parametrize("q", [0.5, 0.9, 0.99])
def test_the_interval_covers_the_truth_as_often_as_it_says(q: float) -> None:
    draw = random.Random(20)
    truth = -math.log(1 - q)  # of the exponential distribution
    covered = 0
    for _ in range(400):
        found = percentile([draw.expovariate(1) for _ in range(400)], q)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered >= 372  # 95 % of 400, less 1.8 standard deviations; the seed is fixed


def test_a_large_sample_neither_overflows_nor_loses_its_interval() -> None:
    found = percentile([i / 1e5 for i in range(20_000)], 0.999)
    assert found.enough
    assert 0.1995 < (found.low or 0) < found.value < (found.high or 0) < 0.2


def test_a_failed_call_is_slower_than_every_other() -> None:
    values = [0.1] * 98 + [math.inf] * 2
    assert percentile(values, 0.9).value == 0.1
    assert percentile(values, 0.99).value == math.inf


@pytest.mark.parametrize(
    ("values", "q", "told"),
    [
        ([], 0.5, "empty"),
        ([1.0, math.nan], 0.5, "NaN"),
        ([1.0], 1, "q is 1"),
        ([1.0], 99, "q is 99"),
    ],
)
def test_bad_input_is_named(values: list[float], q: float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        percentile(values, q)


def test_wilson_intervals_as_published() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    found = share(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    found = share(0, 20)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0, 0.1611)
    found = share(29, 29)
    assert (round(found.low, 4), round(found.high, 4)) == (0.8830, 1.0)
    with pytest.raises(ValueError, match="3 successes of 2"):
        share(3, 2)


pairs = st.lists(st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)), min_size=4)


@given(pairs, st.sampled_from(["spearman", "pearson"]))
def test_a_correlation_is_symmetric_and_lies_in_its_interval(
    points: list[tuple[int, int]], method: str
) -> None:
    xs, ys = zip(*points, strict=True)
    found, mirrored = correlation(xs, ys, method), correlation(ys, xs, method)
    if math.isnan(found.value):
        assert len(set(xs)) == 1 or len(set(ys)) == 1
        assert "not defined" in str(found)
        return
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(mirrored.value)


def test_ranks_see_a_curve_that_a_line_misses() -> None:
    xs = list(range(20))
    ys = [math.exp(x) for x in xs]
    assert correlation(xs, ys).value == pytest.approx(1)
    assert correlation(xs, ys, "pearson").value < 0.7


def test_textbook_values() -> None:
    # Spearman's rho with ties, and Pearson's r, worked by hand.
    iq = [106, 86, 100, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 0, 27, 50, 28, 29, 20, 12, 6, 17]
    assert correlation(iq, hours).value == pytest.approx(-29 / 165)
    assert correlation([1, 2, 2, 3], [1, 2, 3, 4]).value == pytest.approx(0.9486833)
    assert correlation([1, 2, 3, 4, 5], [2, 4, 5, 4, 5], "pearson").value == pytest.approx(
        0.7745967
    )


@pytest.mark.parametrize("method", ["spearman", "pearson"])
@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_correlation_intervals_cover_the_truth(method: str, slope: float) -> None:
    draw = random.Random(7)
    r = slope / math.hypot(slope, 1)
    truth = r if method == "pearson" else 6 / math.pi * math.asin(r / 2)  # bivariate normal
    covered = 0
    for _ in range(500):
        xs = [draw.gauss() for _ in range(60)]
        ys = [slope * x + draw.gauss() for x in xs]
        found = correlation(xs, ys, method)
        covered += found.low <= truth <= found.high
    assert covered >= 460  # 95 % of 500, less three standard deviations; the seed is fixed


def test_noise_is_not_called_a_relation() -> None:
    draw = random.Random(1)
    xs, ys = [[draw.random() for _ in range(50)] for _ in "xy"]
    found = correlation(xs, ys)
    assert not found.shown
    assert "no relation shown" in str(found)
    assert correlation(xs, xs).shown


@pytest.mark.parametrize(
    ("xs", "ys", "method", "told"),
    [
        ([1, 2], [1], "spearman", "xs has 2 values and ys has 1"),
        ([1, math.inf], [1, 2], "spearman", "leave out the calls that failed"),
        ([1, 2], [1, 2], "kendall", "'kendall'"),
    ],
)
def test_bad_pairs_are_named(xs: list[float], ys: list[float], method: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        correlation(xs, ys, method)
