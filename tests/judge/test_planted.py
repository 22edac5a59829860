"""A good program breaks nothing; with a fault planted in it, it breaks what that fault breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonance_judge import Judgement, judge

from .planted import FAULTS, GOOD, Planted
from .programs import command


def broken(judgement: Judgement) -> dict[str, str]:
    return {verdict.promise.name: verdict.shown_by for verdict in judgement.broken}


@pytest.mark.parametrize("name", ["comes back early", "believes an event from long ago"])
def test_a_fault_is_found_and_named(name: str, tmp_path: Path) -> None:
    (fault,) = [one for one in FAULTS if one.name == name]
    found = judge(command(tmp_path, fault.source), only=lambda one: one.name in fault.shows)
    assert broken(found).keys() == fault.breaks, broken(found)


@pytest.mark.soak
def test_the_good_program_keeps_every_promise(tmp_path: Path) -> None:
    found = judge(command(tmp_path, GOOD))
    assert {verdict.verdict for verdict in found.verdicts} == {"kept"}, broken(found)


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found_and_named_and_nothing_else_is(
    fault: Planted, tmp_path: Path
) -> None:
    found = broken(judge(command(tmp_path, fault.source)))
    assert found.keys() == fault.breaks, found
