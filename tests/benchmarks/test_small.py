"""Every benchmark runs at small size and writes what the docs show. No time is asserted."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.__main__ import BENCHMARKS, main

QUICK = ("per_call", "pacing")
"""What the others run has tests of its own; some take a minute."""


@pytest.mark.parametrize(
    "name",
    [one if one in QUICK else pytest.param(one, marks=pytest.mark.soak) for one in BENCHMARKS],
)
def test_a_quick_run_prints_and_saves_its_tables(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--quick", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert f"`python -m benchmarks {name} --quick` on " in printed
    tables = sorted(tmp_path.glob("*.json"))
    assert tables
    for path in tables:
        table = json.loads(path.read_text(encoding="utf-8"))
        assert table["rows"]
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
        text = path.with_suffix(".md").read_text(encoding="utf-8")
        assert all(str(column) in text for column in table["columns"])
        assert text.startswith(f"# {table['title']}")
    for path in tmp_path.glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
