"""What the board shows, reckoned from the reports: exercises, attendees, where everybody is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from authoring import notes
from resonance_helpers.lesson.manifest import available

from .store import Report, Store

__all__ = ["STUCK", "Exercise", "exercises", "state", "summary"]

STUCK = 300.0
"""Seconds of wrong answers after which somebody counts as stuck."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise: `label` as in "3.2", `name` as in "profiles.isolation".

    `wrong` is what instructors expect to go wrong, in words, and `told` what the check says to it.
    """

    label: str
    name: str
    wrong: tuple[str, ...]
    told: tuple[str, ...]


def exercises() -> dict[str, Exercise]:
    """All exercises by name, in the lessons' order."""
    found = {}
    for lesson in available():
        known = notes.read(lesson.topic)
        for at, (name, wrong) in enumerate(known.wrong.items(), start=1):
            one = Exercise(
                f"{'C' if lesson.number is None else lesson.number}.{at}",
                f"{lesson.topic}.{name}",
                tuple(each.what for each in wrong),
                tuple(each.told for each in wrong),
            )
            found[one.name] = one
    return found


def _cells(reports: Iterable[Report], now: float) -> dict[tuple[str, int], tuple[str, float]]:
    """How it stands, and since when, by exercise and attendee: solved, trying, stuck or left."""
    first: dict[tuple[str, int], float] = {}
    solved: dict[tuple[str, int], float] = {}
    last: dict[int, str] = {}
    for report in reports:
        if report.outcome == "Set-up broken":
            continue
        key = report.exercise, report.number
        first.setdefault(key, report.at)
        last[report.number] = report.exercise
        if report.outcome == "Correct":
            solved.setdefault(key, report.at)
    cells = {}
    for key, since in first.items():
        exercise, number = key
        if key in solved:
            cells[key] = "solved", solved[key]
        elif last[number] != exercise:
            cells[key] = "left", since
        else:
            cells[key] = ("stuck" if now - since >= STUCK else "trying"), since
    return cells


def state(
    store: Store, known: Mapping[str, Exercise], now: float, names: Mapping[int, str] | None = None
) -> dict[str, Any]:
    """All that the page shows, as JSON. `names` are of those whom the list wants named."""
    names = names or {}
    reports = [one for one in store.reports() if one.exercise in known]
    cells = _cells(reports, now)
    there = sorted({one.number for one in reports} | store.hands().keys())
    wrong: dict[str, Counter[str]] = defaultdict(Counter)
    for one in reports:
        if one.outcome == "Not yet":
            expected = known[one.exercise].wrong
            what = expected[one.wrong] if one.wrong is not None else "something else"
            wrong[one.exercise][what] += 1
    order = list(known)
    furthest = dict.fromkeys(there, -1)
    for (name, number), (how, _) in cells.items():
        if how == "solved":
            furthest[number] = max(furthest[number], order.index(name))
    past = min(furthest.values(), default=-1)
    rows = []
    for exercise in known.values():
        row = {n: cells[exercise.name, n][0] for n in there if (exercise.name, n) in cells}
        often = wrong[exercise.name].most_common(1)
        rows.append(
            {
                "label": exercise.label,
                "name": exercise.name,
                **{how: list(row.values()).count(how) for how in ("solved", "trying", "stuck")},
                "wrong": {"what": often[0][0], "count": often[0][1]} if often else None,
                "cells": row,
            }
        )
    hands = store.hands()
    return {
        "scripted": store.scripted,
        "past": known[order[past]].label if past >= 0 else None,
        "attendees": [
            {
                "number": n,
                "name": names.get(n),
                "hand": max(0, round(now - hands[n])) if n in hands else None,
            }
            for n in there
        ],
        "exercises": rows,
    }


def summary(store: Store, known: Mapping[str, Exercise]) -> dict[str, Any]:
    """What came, without names and numbers.

    How many tried, solved and erred how, and the minutes that the middle one took from their first
    check to the right answer.
    """
    told: dict[str, Any] = {}
    by_exercise: dict[str, list[Report]] = defaultdict(list)
    for report in store.reports():
        if report.exercise in known and report.outcome != "Set-up broken":
            by_exercise[report.exercise].append(report)
    for name, reports in by_exercise.items():
        first: dict[int, float] = {}
        solved: dict[int, float] = {}
        wrong: dict[str, set[int]] = defaultdict(set)
        for one in reports:
            first.setdefault(one.number, one.at)
            if one.outcome == "Correct":
                solved.setdefault(one.number, one.at)
            elif one.wrong is not None:
                wrong[known[name].wrong[one.wrong]].add(one.number)
        took = [solved[n] - first[n] for n in solved]
        told[name] = {
            "tried": len(first),
            "solved": len(solved),
            "minutes": round(median(took) / 60, 1) if took else None,
            "wrong": {what: len(who) for what, who in sorted(wrong.items())},
        }
    return {"scripted": store.scripted, "exercises": told}
