"""The capstone's press: what it prints, and for whom."""

from __future__ import annotations

import pytest

from resonance_helpers.lesson.exercises.capstone import Press


def test_the_last_word_of_a_dead_program_prints_nothing() -> None:
    press = Press()
    press.publish("first", press.starts)
    press.go_on()
    with pytest.raises(RuntimeError, match="stands still"):
        press.publish("second", 0)
    with pytest.raises(RuntimeError, match="jammed"):
        press.publish("second", press.starts)
    press.publish("second", press.starts)
    assert press.printed == ["first", "second"]
