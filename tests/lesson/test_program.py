"""A function of a notebook runs in a process of its own: it asks, is killed, and ends."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from resonance_helpers.lesson.program import CannotTravelError, Program
from tests.support.waiting import eventually

SLOW = 120.0
SOURCE = """
def report(word, ask):
    ask((word, os.environ["RESONANCE_TRIED"], os.getpid()))

def refused(word, ask):
    try:
        ask(word)
    except RuntimeError as error:
        ask(str(error))

def broken(word, ask):
    raise ValueError(word)

def quitting(word, ask):
    raise SystemExit("enough")

def endless(word, ask):
    ask(word)
    while True:
        time.sleep(1)

def opened(word, ask):
    print(lock)

class Odd:
    def __reduce__(self):
        return int, ("no number",)

def odd(word, ask):
    try:
        ask(Odd())
    except RuntimeError as error:
        ask(str(error)[:35])

def shared(word, ask):
    from concurrent.futures import ThreadPoolExecutor
    print(word)  # which is no message
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
"""


@pytest.fixture
def names() -> dict[str, Any]:
    """Functions of no module, as a notebook's are."""
    names: dict[str, Any] = {"os": os, "time": time, "lock": threading.Lock()}
    exec(SOURCE, names)
    return names


def run(function: Any, told: list[Any], answer: Any = None) -> Program:
    def heard(what: Any) -> None:
        told.append(what)
        if answer:
            answer(what)

    return Program(function, ("hello",), {"RESONANCE_TRIED": "yes"}, heard)


def test_it_asks_from_another_process_with_its_own_environment(names: dict[str, Any]) -> None:
    told: list[Any] = []
    program = run(names["report"], told)
    assert program.ended.wait(SLOW)
    assert program.running, "it waits until it is stopped"
    program.stop()
    [(word, variable, process)] = told
    assert (word, variable) == ("hello", "yes")
    assert process == program.process.pid != os.getpid()
    assert not program.running


def test_what_the_answer_raises_is_raised_there(names: dict[str, Any]) -> None:
    told: list[Any] = []

    def jam(what: Any) -> None:
        if what == "hello":
            raise KeyError("jammed")

    program = run(names["refused"], told, jam)
    assert program.ended.wait(SLOW)
    program.stop()
    assert told == ["hello", "'jammed'"]


def test_what_it_raises_is_known(names: dict[str, Any]) -> None:
    program = run(names["broken"], [])
    assert program.ended.wait(SLOW)
    program.stop()
    assert program.raised == "ValueError: hello"
    program = run(names["quitting"], [])
    assert program.ended.wait(SLOW)
    program.stop()
    assert program.raised == "SystemExit: enough"


def test_it_can_be_killed(names: dict[str, Any]) -> None:
    told: list[Any] = []
    program = run(names["endless"], told)
    assert eventually(lambda: told, SLOW)
    program.kill()
    assert told == ["hello"]
    assert not program.running
    assert not program.ended.is_set()


def test_its_threads_ask_beside_each_other(names: dict[str, Any]) -> None:
    told: list[Any] = []
    all_there = threading.Barrier(8)
    program = run(names["shared"], told, lambda _: all_there.wait(SLOW))
    assert program.ended.wait(SLOW)
    program.stop()
    assert program.raised == ""
    assert sorted(told) == list(range(8))


def test_what_cannot_be_read_here_is_told_there(names: dict[str, Any]) -> None:
    told: list[Any] = []
    program = run(names["odd"], told)
    assert program.ended.wait(SLOW)
    program.stop()
    assert (program.raised, told) == ("", ["invalid literal for int() with base"])


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_is_left_of_it(names: dict[str, Any], end: str) -> None:
    before = threading.active_count()
    told: list[Any] = []
    program = run(names["report"], told)
    assert program.ended.wait(SLOW)
    getattr(program, end)()
    assert eventually(lambda: threading.active_count() <= before)
    assert all(stream.closed for stream in (program.process.stdin, program.process.stdout))


def test_what_no_other_process_can_have_is_refused(names: dict[str, Any]) -> None:
    with pytest.raises(CannotTravelError, match="lock"):
        run(names["opened"], [])
