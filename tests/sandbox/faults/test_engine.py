"""Rules and decisions, without a server."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_sandbox.faults import engine as engines
from resonance_sandbox.faults.engine import MOST_RULES, FaultEngine, Identity, Rule
from resonance_sandbox.faults.kinds import KINDS, FaultError


def engine_with(*declared: dict[str, object], realm: str = "a") -> FaultEngine:
    engine = FaultEngine()
    for one in declared:
        engine.add(realm, Rule.parse(one))
    return engine


def call(number: int, key: str | None = None) -> Identity:
    return Identity.of("POST", "/hr_generate", b"", b'{"prompt": "%d"}' % number, key)


def struck(engine: FaultEngine, identity: Identity, realm: str = "a") -> str | None:
    fault = engine.decide(realm, identity).fault
    return fault.kind if fault else None


def outcomes(
    declared: dict[str, object], order: list[int], tries: int = 3
) -> dict[tuple[int, int], str | None]:
    """What each attempt of each call meets, the calls coming in `order`."""
    engine = engine_with(declared)
    return {
        (number, attempt): struck(engine, call(number, f"key-{number}"))
        for attempt in range(tries)
        for number in order
    }


def test_the_order_of_arrival_changes_nothing():
    declared = {"kind": ["status", "html"], "rate": 0.5, "seed": 3}
    numbers = list(range(60))
    shuffled = random.Random(1).sample(numbers, len(numbers))
    assert outcomes(declared, numbers) == outcomes(declared, shuffled)


def test_keys_made_at_random_change_nothing():
    declared = {"kind": "status", "rate": 0.5}
    engines = engine_with(declared), engine_with(declared)
    first, second = (
        [struck(engine, call(number, f"{name}{number}")) for number in range(60)]
        for name, engine in zip(("x", "y"), engines, strict=True)
    )
    assert first == second
    assert len(set(first)) == 2


def test_a_client_without_keys_meets_what_one_with_keys_meets():
    with_keys, without = (engine_with({"kind": "status", "rate": 0.5}) for _ in range(2))
    for number in range(40):
        expected = [struck(with_keys, call(number, "k")) for _ in range(3)]
        assert [struck(without, call(number)) for _ in range(3)] == expected


def test_another_seed_strikes_other_calls():
    numbers = list(range(200))
    by_seed = [outcomes({"kind": "status", "rate": 0.5, "seed": seed}, numbers) for seed in (1, 2)]
    assert by_seed[0] != by_seed[1]


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_the_rate_is_the_share_that_is_struck(rate: float):
    engine = engine_with({"kind": "status", "rate": rate})
    hits = sum(struck(engine, call(number)) is not None for number in range(4000))
    # Four standard deviations of a binomial; the hash is fixed, so this holds always or never.
    assert abs(hits - 4000 * rate) < 4 * (4000 * rate * (1 - rate)) ** 0.5


def test_a_higher_rate_strikes_what_a_lower_one_struck_and_more():
    low, high = (
        {
            number
            for number in range(500)
            if struck(engine_with({"kind": "status", "rate": rate}), call(number))
        }
        for rate in (0.1, 0.4)
    )
    assert low < high


def test_attempts_at_one_call_are_decided_apart():
    engine = engine_with({"kind": "status", "rate": 0.5})
    patterns = {tuple(struck(engine, call(n, "k")) for _ in range(4)) for n in range(64)}
    assert len(patterns) > 8


def test_several_kinds_share_the_strikes_evenly():
    engine = engine_with({"kind": ["status", "html", "reset_mid_body"]})
    seen = Counter(struck(engine, call(number)) for number in range(3000))
    assert set(seen) == {"status", "html", "reset_mid_body"}
    assert all(abs(count - 1000) < 110 for count in seen.values())


def test_count_bounds_the_strikes_and_attempts_bounds_them_for_each_call():
    engine = engine_with({"kind": "status", "count": 3})
    assert [struck(engine, call(n)) for n in range(5)] == ["status"] * 3 + [None] * 2
    engine = engine_with({"kind": "status", "attempts": 2})
    for number in range(3):
        assert [struck(engine, call(number, "k")) for _ in range(4)] == ["status"] * 2 + [None] * 2


def test_a_rule_minds_its_own_route_and_method():
    engine = engine_with({"kind": "status", "route": "/profiles*", "method": "get"})
    assert struck(engine, Identity.of("GET", "/profiles/a/b")) == "status"
    assert struck(engine, Identity.of("DELETE", "/profiles/a/b")) is None
    assert struck(engine, Identity.of("GET", "/health")) is None
    assert engine.rules("a")[0]["seen"] == 1


def test_the_first_that_strikes_decides_and_latencies_add_up():
    engine = engine_with(
        {"kind": "latency", "seconds": 0.5},
        {"kind": "html"},
        {"kind": "status"},
        {"kind": "latency", "seconds": 1, "jitter": 2},
    )
    decision = engine.decide("a", call(1))
    assert decision.fault is not None
    assert decision.fault.kind == "html"
    assert 1.5 <= decision.latency < 3.5
    assert [rule["struck"] for rule in engine.rules("a")] == [1, 1, 0, 1]


def test_each_realm_has_its_own_rules_counts_and_attempts():
    engine = engine_with({"kind": "status", "count": 1}, realm="a")
    engine.add("b", Rule.parse({"kind": "html"}))
    assert struck(engine, call(1), "b") == "html"
    assert struck(engine, call(1), "c") is None
    assert struck(engine, call(1), "a") == "status"
    engine.clear("a")
    assert engine.rules("a") == []
    assert struck(engine, call(2), "b") == "html"
    assert engine.active
    engine.clear("b")
    assert not engine.active


def test_clearing_gives_the_last_counts_and_starts_the_attempts_anew():
    engine = engine_with({"kind": "status", "attempts": 1})
    struck(engine, call(1))
    assert struck(engine, call(1)) is None
    lifted = engine.clear("a")
    assert (lifted[0]["seen"], lifted[0]["struck_by_kind"]) == (2, {"status": 1})
    engine.add("a", Rule.parse({"kind": "status", "attempts": 1}))
    assert struck(engine, call(1)) == "status"


def test_a_path_that_no_route_has_is_held_against_no_pattern(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    monkeypatch.setattr(engines, "fnmatchcase", lambda path, pattern: bool(seen.append(path)))
    rule, every = Rule.parse({"kind": "status", "route": "*"}), Rule.parse({"kind": "status"})
    long = "/" + "a" * 16_000
    assert not rule.matches("GET", long)
    assert every.matches("GET", long)
    assert not seen
    assert not rule.matches("GET", "/webhooks/" + "a" * 64)
    assert seen


def test_rules_are_bounded():
    engine = engine_with(*({"kind": "status"} for _ in range(MOST_RULES)))
    with pytest.raises(FaultError, match="clear some first"):
        engine.add("a", Rule.parse({"kind": "status"}))


@pytest.mark.parametrize("contents", [1, 3, 1_000])
def test_what_is_remembered_of_calls_is_bounded_whatever_their_keys(
    contents: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(engines, "REMEMBERED", 50)
    rules = {"kind": "status", "rate": 0}
    sizes = []
    tracemalloc.start()
    for engine in (engine_with(rules) for _ in range(2)):  # the first warms up
        for count in range(1_200):
            struck(engine, call(count % contents, f"{count:09}" + "k" * 15_000))
            if count in (200, 1_199):
                sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[-1] - sizes[-2] < 1 << 20  # 1,000 keys have 15 MB


def test_a_call_that_was_forgotten_is_a_new_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engines, "REMEMBERED", 2)
    engine = engine_with({"kind": "status", "attempts": 1})
    met = [struck(engine, call(1, key)) for key in "ababcaab"]
    assert met == ["status", "status", None, None, "status", "status", None, "status"]


@pytest.mark.parametrize(
    ("declared", "field", "words"),
    [
        ({}, "kind", "there is no such fault"),
        ({"kind": "reset_mid_boddy"}, "kind", "did you mean reset_mid_body"),
        ({"kind": []}, "kind", f"a list of 1 to {len(KINDS)} of them"),
        ({"kind": ["html"] * (len(KINDS) + 1)}, "kind", f"a list of 1 to {len(KINDS)} of them"),
        ({"kind": 7}, "kind", "it is one of status"),
        ({"kind": "status", "rate": 1.5}, "rate", "between 0 and 1"),
        ({"kind": "status", "rate": float("nan")}, "rate", "between 0 and 1"),
        ({"kind": "status", "rate": True}, "rate", "between 0 and 1"),
        ({"kind": "status", "count": 0}, "count", "from 1 up"),
        ({"kind": "status", "attempts": 1.5}, "attempts", "from 1 up"),
        ({"kind": "status", "route": "hr_generate"}, "route", "such as /hr_generate"),
        ({"kind": "status", "method": "FETCH"}, "method", "one of GET"),
        ({"kind": "status", "seed": "x"}, "seed", "whole number"),
        ({"kind": "status", "status": 200}, "status", "400 to 599"),
        ({"kind": "status", "status": 503.0}, "status", "a whole number"),
        ({"kind": "status", "when": "later"}, "when", "'before' or 'after'"),
        ({"kind": "status", "retry_after": "soon"}, "retry_after", "or 'date' or 'malformed'"),
        ({"kind": "status", "count": 1 << 63}, "count", "of 63 bits"),
        ({"kind": "status", "attempts": 10**300}, "attempts", "of 63 bits"),
        ({"kind": "latency", "seconds": -1}, "seconds", "0 to 600"),
        ({"kind": "latency", "seconds": float("inf")}, "seconds", "0 to 600"),
        ({"kind": "latency", "secs": 1}, "secs", "it takes jitter, seconds"),
        ({"kind": "html", "\n<x>": 1}, "a field", "takes no such field"),
    ],
)
def test_a_wrong_declaration_names_its_field_and_the_mend(
    declared: dict[str, object], field: str, words: str
):
    with pytest.raises(FaultError) as caught:
        Rule.parse(declared)
    assert caught.value.field == field
    assert words in caught.value.message


@given(
    kind=st.sampled_from(sorted(KINDS)),
    rate=st.floats(0, 1),
    count=st.none() | st.integers(1, 9),
    seed=st.integers(-(2**62), 2**62),
)
def test_a_declaration_survives_its_way_back(kind: str, rate: float, count: int | None, seed: int):
    rule = Rule.parse({"kind": kind, "rate": rate, "count": count, "seed": seed})
    again = Rule.parse(rule.as_dict())
    assert again.as_dict() == rule.as_dict()
    assert again.fingerprint == rule.fingerprint


@given(st.dictionaries(st.text(max_size=12), st.none() | st.booleans() | st.floats() | st.text()))
def test_no_declaration_does_more_than_be_refused(declared: dict[str, object]):
    with contextlib.suppress(FaultError):
        Rule.parse({"kind": "status", **declared})
