"""What all exercises share: four outcomes, hints by degrees, and never an exception."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from resonance_helpers.lesson import exercises
from resonance_helpers.lesson.exercises import (
    CheckResult,
    NotYet,
    attempt,
    core,
    exercise,
    hint,
    use,
)


class Server:
    """A client whose server is up, or away."""

    def __init__(self, up: bool = True) -> None:
        self.up = up

    def health_check(self) -> dict[str, Any]:
        if self.up:
            return {"status": "healthy"}
        return {"status": "error", "message": "no connection", "response_code": None}


@pytest.fixture(autouse=True)
def fresh_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "_lesson", core._Lesson(api=Server()))


def even() -> core.Exercise:
    @exercise("Think of pairs.", "Two divides it.", solution="answer = 4")
    def judged(answer: Any, api: Any) -> str:
        if answer % 2:
            raise NotYet(f"{answer} is odd.")
        return f"{answer} is even."

    return judged


def test_a_blank_is_not_attempted() -> None:
    assert even()(...).word == "Not attempted"
    assert even()().word == "Not attempted"


def test_right_and_wrong() -> None:
    assert repr(even()(4)) == "Correct. 4 is even."
    assert repr(even()(3)) == "Not yet. 3 is odd."
    assert even()(4).correct
    assert not even()(3).correct


class Spiteful:
    """An object that fails at whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            return object.__getattribute__(self, name)
        raise RuntimeError("no")

    def __mod__(self, other: object) -> int:
        raise ZeroDivisionError("no remainder for you")


class Quits(int):
    def __mod__(self, other: object) -> int:
        sys.exit()


@pytest.mark.parametrize("odd", [None, "four", [4], {}, Spiteful(), Quits(), object(), print])
def test_an_answer_of_any_type_gets_a_sentence(odd: Any) -> None:
    outcome = even()(odd)
    assert outcome.word == "Not yet"
    assert type(odd).__name__ in outcome.message


def test_without_a_server_the_set_up_is_broken() -> None:
    use(None)
    assert even()(4).word == "Set-up broken"
    assert "api = connect()" in even()(4).message
    use(Server(up=False))
    assert even()(4).word == "Set-up broken"
    assert "does not answer" in even()(4).message


def test_a_blank_is_not_attempted_even_without_a_server() -> None:
    use(None)
    assert even()(...).word == "Not attempted"


def test_an_offline_exercise_needs_no_server() -> None:
    use(None)

    @exercise("One.", solution="answer = 1", online=False)
    def judged(answer: Any, api: Any) -> str:
        return "Yes."

    assert judged(1).correct


def test_hints_come_by_degrees_and_the_last_stays() -> None:
    one = even()
    words = [one.hint().word.partition(" on ")[0] for _ in range(3)]
    assert words == ["Hint 1 of 2", "Hint 2 of 2", "Hint 2 of 2"]
    assert "last hint" in one.hint().message


def test_hint_is_for_the_exercise_checked_last() -> None:
    assert hint().word == "Not attempted"
    one, other = even(), even()
    one.name, other.name = "topic.one", "topic.other"
    one(...)
    other(...)
    # After Run All the last exercise is the one: whoever is at another has to see that.
    assert hint().word == "Hint 1 of 2 on check.topic.other"
    assert other.hint().word == "Hint 2 of 2 on check.topic.other"
    assert one.hint().word == "Hint 1 of 2 on check.topic.one"


def test_hint_takes_an_exercise_and_says_how_to_add_a_cell() -> None:
    one = even()
    one.name = "topic.one"
    first = hint(one)
    assert first.word == "Hint 1 of 2 on check.topic.one"
    assert "add a cell: press Esc, then B" in first.message
    assert "add a cell" not in hint(one).message
    assert "is no exercise" in hint("profiles").message  # type: ignore[arg-type]


def test_outcomes_differ_in_colour_and_sign() -> None:
    words = ("Correct", "Not yet", "Not attempted", "Set-up broken")
    shown = [CheckResult(word, "")._repr_html_() for word in words]
    assert len({re.search(r"color: (#\w+)", html)[1] for html in shown}) == len(words)  # type: ignore[index]
    assert len({re.sub("<[^>]*>", "", html)[0] for html in shown}) == len(words)


def test_an_outcome_starts_with_its_word_in_text_and_html() -> None:
    outcome = CheckResult("Not yet", "a < b & c")
    assert repr(outcome) == "Not yet. a < b & c"
    html = outcome._repr_html_()
    assert "a &lt; b &amp; c" in html
    assert re.sub(r"<[^>]*>", "", html).startswith("✗ Not yet.")


def test_attempt_turns_any_exception_into_a_sentence() -> None:
    def answer(health: dict[str, Any]) -> bool:
        return bool(health["state"])

    with pytest.raises(NotYet, match=r"raised KeyError: 'state' when called with \{\}"):
        attempt(answer, {})
    with pytest.raises(NotYet, match="should be a function; it is an int"):
        attempt(3, {})
    assert attempt(answer, {"state": 1}) is True
    with pytest.raises(NotYet, match="raised SystemExit: enough when called with 1"):
        attempt(lambda _: sys.exit("enough"), 1)


class TestCheck:
    def test_topics_are_modules_and_can_be_listed(self) -> None:
        assert {"health", "generation", "profiles"} <= set(dir(exercises.check))
        assert "core" not in dir(exercises.check)
        assert "profiles" in repr(exercises.check)

    def test_an_unknown_topic_lists_what_there_is(self) -> None:
        with pytest.raises(AttributeError, match="no exercises about 'helth'; there are"):
            _ = exercises.check.helth

    def test_an_exercise_knows_its_full_name(self) -> None:
        assert repr(exercises.check.profiles.create).startswith("check.profiles.create(answer)")
