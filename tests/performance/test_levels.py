"""A service level says whether it was kept, by how much, and how sure that is."""

from __future__ import annotations

import math

import pytest

from resonance_helpers.performance import Run, Sample, ServiceLevel, check_levels


def run(times: list[float], failed: int = 0) -> Run:
    answered = [Sample(10, 0, 0, t, content_length=100, hrv_feedback=0.8) for t in times]
    lost = [Sample(10, 0, 0, 1.0, failure="overloaded") for _ in range(failed)]
    return Run([*answered, *lost], 1, wall=10.0)


EVEN = [i / 1000 for i in range(1, 1001)]  # 1 ms to 1 s


@pytest.mark.parametrize(
    ("level", "measured", "kept", "margin"),
    [
        (ServiceLevel(metric="p99", at_most=1.1), 0.99, True, 0.1),
        (ServiceLevel(metric="p99", at_most=0.9), 0.99, False, -0.1),
        (ServiceLevel(metric="p50", at_most=0.5), 0.5, True, 0.0),
        (ServiceLevel(metric="p99.9", at_most=2), 0.999, True, 0.5005),
        (ServiceLevel(metric="mean", at_most=0.5005), 0.5005, True, 0.0),
        (ServiceLevel(metric="success_rate", at_least=0.8), 1.0, True, 0.25),
        (ServiceLevel(metric="requests_per_second", at_least=200), 100, False, -0.5),
        (ServiceLevel(metric="characters_per_second", at_least=10_000), 10_000, True, 0.0),
        (ServiceLevel(metric="hrv_feedback", at_least=0.9), 0.8, False, -1 / 9),
    ],
)
def test_kept_or_broken_and_by_how_much(
    level: ServiceLevel, measured: float, kept: bool, margin: float
) -> None:
    verdict = level.check(run(EVEN))
    assert verdict.measured == pytest.approx(measured)
    assert verdict.kept is kept
    assert verdict.margin == pytest.approx(margin, abs=1e-9)
    assert str(verdict).startswith("kept: " if kept else "broken: ")


def test_enough_failures_break_a_percentile_however_fast_the_rest() -> None:
    level = ServiceLevel(metric="p99", at_most=10)
    assert level.check(run([0.01] * 999, failed=1)).kept
    broken = level.check(run([0.01] * 980, failed=20))
    assert not broken.kept
    assert broken.measured == math.inf
    assert broken.margin == -math.inf
    assert "measured inf" in str(broken)


def test_a_verdict_says_how_sure_it_is() -> None:
    def check(at_most: float, times: list[float]) -> tuple[bool | None, str]:
        verdict = ServiceLevel(metric="p50", at_most=at_most).check(run(times))
        return verdict.shown, verdict.doubt

    assert check(0.6, EVEN) == (True, "")
    assert check(0.4, EVEN) == (False, "")
    assert check(0.505, EVEN) == (None, "the bound lies within the interval")
    assert check(9.0, EVEN[:5]) == (None, "too few calls to be sure")
    rate = ServiceLevel(metric="success_rate", at_least=0.985)
    assert rate.check(run(EVEN)).shown is True
    assert rate.check(run([0.1] * 20)).doubt == "the bound lies within the interval"
    assert ServiceLevel(metric="mean", at_most=1).check(run(EVEN)).doubt == ""


def test_nothing_answered_keeps_no_promise() -> None:
    nothing = run([], failed=3)
    for metric in ("mean", "hrv_feedback"):
        assert not ServiceLevel(metric=metric, at_most=9).check(nothing).kept
        assert not ServiceLevel(metric=metric, at_least=0.1).check(nothing).kept


def test_verdicts_together() -> None:
    good = ServiceLevel(metric="p90", at_most=1)
    bad = ServiceLevel(metric="p90", at_most=0.1, of="service_time")
    verdicts = check_levels(run(EVEN), [good, bad])
    assert not verdicts
    assert check_levels(run(EVEN), [good])
    assert [v.kept for v in verdicts] == [True, False]
    assert repr(verdicts).splitlines() == [
        "kept: p90 of response time at most 1 s; measured 0.9 (+10%)",
        "broken: p90 of service time at most 0.1 s; measured 0.9 (-800%)",
    ]
    assert "<td>broken</td><td>p90 of service time at most 0.1 s</td>" in verdicts._repr_html_()
    assert list(verdicts.frame["kept"]) == [True, False]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"metric": "speed", "at_most": 1}, "metric is 'speed'"),
        ({"metric": "p0", "at_most": 1}, "metric is 'p0'"),
        ({"metric": "p100", "at_most": 1}, "metric is 'p100'"),
        ({"metric": "p99"}, "either at_most or at_least"),
        ({"metric": "p99", "at_most": 1, "at_least": 0}, "either at_most or at_least"),
        ({"metric": "p99", "at_most": "0.5"}, "the bound of p99 is a str"),
        ({"metric": "p99", "at_most": math.nan}, "the bound of p99 is not finite"),
        ({"metric": "p99", "at_most": 1, "of": "time"}, "of is 'time'"),
    ],
)
def test_bad_levels_are_named(arguments: dict[str, object], told: str) -> None:
    with pytest.raises((TypeError, ValueError), match=told):
        ServiceLevel(**arguments)  # type: ignore[arg-type]
