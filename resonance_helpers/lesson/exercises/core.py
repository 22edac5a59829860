"""What every exercise has in common: its hints, its solution, and how an outcome is told.

An exercise is a function `(answer, api) -> str` under `@exercise(...)`. It returns the sentence
that goes with *Correct*, and raises `NotYet` with the sentence that helps. The rest (a blank
answer, no server, an answer of some odd type) is dealt with here, once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any, TypeVar

from ...client.errors import ResonanceError
from .. import board, solved
from ..manifest import available

__all__ = ["CheckResult", "Exercise", "NotYet", "attempt", "exercise", "hint", "of_type", "use"]

BLANK = "Put your answer in place of the three dots and run the cell again."
NEUTRAL = "#76797d"
MARKS = {
    "Correct": ("✓", "#2e8b47"),
    "Not yet": ("✗", "#c4551b"),
    "Not attempted": ("○", NEUTRAL),
    "Set-up broken": ("!", "#c9302c"),
}
"""Each outcome's sign and colour, which can be told from the others' on white and on black."""
TRY_IT = "To try something, add a cell: press Esc, then B."


Kind = TypeVar("Kind")


class NotYet(Exception):
    """The answer is not right yet; the message says what to look at, and never the solution."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check or a hint has to say: `word` first, then a sentence or two.

    `word` is Correct, Not yet, Not attempted or Set-up broken, or, of a hint, which one on which
    exercise: "Hint 1 of 2 on check.health.wait".
    """

    word: str
    message: str

    @property
    def correct(self) -> bool:
        """Whether the answer was right."""
        return self.word == "Correct"

    def __repr__(self) -> str:
        return f"{self.word}. {self.message}"

    def _repr_html_(self) -> str:
        mark, colour = MARKS.get(self.word, ("?", NEUTRAL))
        return (
            f'<div role="status" style="border-left: 0.3em solid {colour}; padding: 0.2em 0.8em">'
            f'<strong><span style="color: {colour}">{mark}</span> {escape(self.word)}.</strong> '
            f"{escape(self.message)}</div>"
        )


@dataclass(slots=True)
class Exercise:
    """One exercise; call it with the answer. It returns an `CheckResult` and never raises.

    Attributes:
        name: as in ``check.profiles.create``.
        judge: `(answer, api)` to the sentence for Correct; raises `NotYet`.
        hints: each says a little more than the one before.
        solution: Python that sets `answer`, in names of the lesson (`api`, `requests`).
        online: whether the check asks the server.
    """

    name: str
    judge: Callable[[Any, Any], str]
    hints: tuple[str, ...]
    solution: str
    online: bool = True
    _given: int = field(default=0, repr=False)

    def __call__(self, answer: Any = ...) -> CheckResult:
        _lesson.last = self
        result = self._judged(answer)
        board.tell(self.name, result.word, result.message)
        return result

    def _judged(self, answer: Any) -> CheckResult:
        if answer is ...:
            return CheckResult("Not attempted", BLANK)
        if self.online and (broken := _broken(_lesson.api)):
            return CheckResult("Set-up broken", broken)
        try:
            told = self.judge(answer, _lesson.api)
        except NotYet as reason:
            return CheckResult("Not yet", str(reason))
        except ResonanceError as error:
            return CheckResult("Set-up broken", f"The check's own request failed: {error.message}")
        except (Exception, SystemExit) as error:
            # An answer may be anything at all, so the check may trip over it anywhere.
            return CheckResult(
                "Not yet",
                f"This check could not read your answer, {_a(answer)}: {_told(error)}. "
                "Compare it with what the exercise asks for.",
            )
        if solved.record(self.name):
            told += self._finished()
        return CheckResult("Correct", told)

    def _finished(self) -> str:
        """What to say where this was the last exercise of its lesson that was left."""
        topic = self.name.partition(".")[0]
        here = vars(sys.modules[self.judge.__module__]).values()
        if not {one.name for one in here if isinstance(one, Exercise)} <= solved.solved().keys():
            return ""
        order = available()
        at = next(i for i, lesson in enumerate(order) if lesson.topic == topic)
        after = f" Go on with {order[at + 1].name}." if at + 1 < len(order) else ""
        return f" That was the last exercise of {order[at].name}.{after}"

    def hint(self) -> CheckResult:
        """The next hint; after the last one, the last again."""
        _lesson.last = self
        self._given = min(self._given + 1, len(self.hints))
        more = "" if self._given > 1 else f" {TRY_IT}"
        if self._given == len(self.hints):
            more += " (This was the last hint.)"
        # Named, because hint() is for the last one checked: after Run All that is the last of all.
        return CheckResult(
            f"Hint {self._given} of {len(self.hints)} on check.{self.name}",
            self.hints[self._given - 1] + more,
        )

    def __repr__(self) -> str:
        return f"check.{self.name}(answer), with {len(self.hints)} hints: check.{self.name}.hint()"


def exercise(
    *hints: str, solution: str, online: bool = True
) -> Callable[[Callable[[Any, Any], str]], Exercise]:
    """Make a judging function an `Exercise`, named after its module and itself."""

    def wrap(judge: Callable[[Any, Any], str]) -> Exercise:
        topic = judge.__module__.rpartition(".")[2]
        return Exercise(f"{topic}.{judge.__name__}", judge, hints, solution.strip(), online)

    return wrap


def hint(exercise: Exercise | None = None) -> CheckResult:
    """The next hint for an exercise, by default the one that was checked last.

    Args:
        exercise: Such as ``check.profiles.create``.
    """
    if exercise is not None:
        if isinstance(exercise, Exercise):
            return exercise.hint()
        return CheckResult(
            "Not attempted", f"{_a(exercise)} is no exercise: write hint(check.profiles.create)."
        )
    if _lesson.last is None:
        return CheckResult(
            "Not attempted", "Run the check of an exercise first; this hints at the last."
        )
    return _lesson.last.hint()


def use(api: Any) -> None:
    """Check against the server of this client from now on. `connect()` calls it."""
    _lesson.api = api


def attempt(answer: Any, *arguments: Any) -> Any:
    """Call a learner's function; whatever it raises becomes a `NotYet` that names the call."""
    if not callable(answer):
        raise NotYet(f"answer should be a function; it is {_a(answer)}.")
    try:
        return answer(*arguments)
    except (Exception, SystemExit) as error:  # sys.exit() is no way out of a check
        shown = ", ".join(_short(argument) for argument in arguments)
        raise NotYet(f"Your function raised {_told(error)} when called with {shown}.") from error


def of_type(answer: Any, kind: type[Kind], what: str, whose: str = "answer") -> Kind:
    """The answer, if it is of the type that the exercise asks for; else a `NotYet` says so."""
    if not isinstance(answer, kind):
        raise NotYet(f"{whose} should be {what}; it is of type {type(answer).__name__}.")
    return answer


@dataclass(slots=True)
class _Lesson:
    """What the lesson in this kernel is at: its client, and the exercise checked last."""

    api: Any = None
    last: Exercise | None = None


_lesson = _Lesson()


def _broken(api: Any) -> str:
    """Why there is no server to check against, or nothing."""
    if api is None:
        return "Run the set-up cell at the top first: api = connect()."
    health = api.health_check()
    if health.get("status") == "error" and health.get("response_code") is None:
        return "The server does not answer. Run the set-up cell at the top again: api = connect()."
    return ""


def _a(value: object) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def _told(error: BaseException) -> str:
    message = str(error)
    return f"{type(error).__name__}: {message[:120]}" if message else type(error).__name__


def _short(value: object) -> str:
    written = repr(value)
    return written if len(written) <= 80 else f"{written[:77]}..."
