"""The harness measures in turn, sums up without an average, and writes what it measured."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.harness import (
    Goal,
    Options,
    Result,
    interleaved,
    machine,
    save_index,
    versions,
)
from benchmarks.spread import Spread


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=30))
def test_a_spread_lies_around_its_median(values: list[float]) -> None:
    spread = Spread(tuple(values))
    low, high = spread.quartiles
    assert min(values) <= low <= spread.median <= high <= max(values)
    assert spread.median == statistics.median(values)


def test_a_ratio_is_taken_round_by_round() -> None:
    slow_machine_in_round_two = Spread((1.0, 10.0, 1.0))
    assert Spread((2.0, 20.0, 2.0)).over(slow_machine_in_round_two).values == (2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="equally many rounds"):
        Spread((1.0,)).over(slow_machine_in_round_two)


def test_every_case_runs_once_a_round_in_a_drawn_order() -> None:
    log: list[str] = []
    cases = {name: lambda name=name: log.append(name) for name in "abc"}
    spreads = interleaved(cases, Options(), rounds=6, warmup=2)
    turns = [log[i : i + 3] for i in range(0, len(log), 3)]
    assert len(turns) == 8
    assert all(sorted(turn) == ["a", "b", "c"] for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1
    assert {name: len(spread.values) for name, spread in spreads.items()} == dict.fromkeys("abc", 6)


def test_a_case_may_say_itself_what_counts() -> None:
    assert interleaved({"a": lambda: 0.25}, Options(), rounds=3)["a"].values == (0.25,) * 3


def test_rounds_may_be_chosen_and_are_few_on_a_quick_run() -> None:
    cases = {"a": lambda: 1.0}
    assert len(interleaved(cases, Options(quick=True), rounds=99)["a"].values) == 2
    assert len(interleaved(cases, Options(rounds=5), rounds=99)["a"].values) == 5


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("ratio", 0.7, 0.75), True),
        (Goal("ratio", 0.8, 0.75), False),
        (Goal("feedback", 0.93, 0.9, at_least=True), True),
        (Goal("feedback", 0.8, 0.9, at_least=True), False),
    ],
)
def test_a_goal_says_whether_it_is_met(goal: Goal, met: bool) -> None:
    assert goal.met is met
    assert str(goal).startswith("met" if met else "MISSED")


def result() -> Result:
    return Result(
        "demo",
        "Time per call",
        columns=("client", "µs", "ratio", "calls"),
        rows=[
            ("bare", Spread((900.0, 1000.0, 1100.0)), 1.0, 500),
            ("ours", Spread((400.0, 412.34, 500.0)), 0.4123, 500),
        ],
        notes=["on loopback"],
        goals=[Goal("ours over bare", 0.4123, 0.75)],
        bars="µs",
        line=1000.0,
    )


def test_the_table_reads_as_markdown() -> None:
    text = result().markdown()
    assert "| client | µs | ratio | calls |\n| --- | ---: | ---: | ---: |" in text
    assert "| bare | 1,000 (950–1,050) | 1.00 | 500 |" in text  # noqa: RUF001
    assert "- met: ours over bare ≤ 0.750: 0.412" in text
    assert f"`python -m benchmarks demo` on {machine()}" in text


def test_saving_keeps_every_round_and_draws_the_same_plot_twice(tmp_path: Path) -> None:
    first, second = result().save(tmp_path / "a"), result().save(tmp_path / "b")
    assert [path.name for path in first] == ["demo.md", "demo.json", "demo.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    kept = json.loads(first[1].read_text(encoding="utf-8"))
    assert kept["rows"][0][1]["rounds"] == [900.0, 1000.0, 1100.0]
    assert kept["goals"][0]["met"] is True
    assert ">bare<" in first[2].read_text(encoding="utf-8")


def test_the_index_names_every_table_and_its_goals(tmp_path: Path) -> None:
    result().save(tmp_path)
    save_index(tmp_path)
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "| [Time per call](demo.md) | 1 of 1 |" in text


def test_the_machine_is_described_and_not_named() -> None:
    import getpass
    import platform

    assert "CPUs" in machine()
    assert platform.node() not in machine()
    assert getpass.getuser() not in machine().split()


def test_a_peer_that_is_absent_is_said_to_be() -> None:
    assert versions("no-such-peer") == "no-such-peer (not installed: left out)"


@pytest.mark.parametrize("arguments", [["speed"], ["--rounds", "0"]])
def test_bad_arguments_get_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert (
        f"no benchmark named speed; there are {', '.join(BENCHMARKS)}" in told
        or "from 1 up" in told
    )
    assert "Traceback" not in told


def test_the_help_names_every_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert all(f"{name} " in told for name in BENCHMARKS)
