"""The layout of an article: which role each sentence plays.

Paragraphs have an opening, a development and a close, and a story, where there is one, runs in
order.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ..hrv import HRVVector

__all__ = ["Place", "plan"]


@dataclass(frozen=True, slots=True)
class Place:
    """One sentence's place.

    Attributes:
        paragraph: index of its paragraph.
        roles: the roles it may take, the planned one first.
        full_name: whether the subject has its full name here.
    """

    paragraph: int
    roles: tuple[str, ...]
    full_name: bool


_EXPOSITION = {
    "develop": ("develop", "evidence", "contrast"),
    "evidence": ("evidence", "develop"),
    "contrast": ("contrast", "develop"),
    "question": ("question", "develop"),
    "reflect": ("reflect",),
}


def plan(sizes: list[int], target: HRVVector, rng: random.Random) -> list[Place]:
    """Places for paragraphs of `sizes` sentences: the more of a story, the more `target` asks."""
    total = sum(sizes)
    share = min(0.9, max(0.0, (target.storytelling_index - 0.25) * 1.3))
    beats = round(share * total)
    # A story needs a beginning, a middle and an end; the first and the last sentence frame it.
    beats = min(beats, total - 2) if min(beats, total - 2) >= 3 else 0
    places: list[Place] = []
    last = len(sizes) - 1
    told = 0
    start = _story_start(sizes, beats)
    beats = _to_a_paragraphs_end(sizes, start, beats)
    for index, size in enumerate(sizes):
        for position in range(size):
            is_last = index == last and position == size - 1
            if position == 0 and index == 0:
                roles: tuple[str, ...] = ("lead",)
            elif is_last:
                roles = ("close",)
            elif told < beats and len(places) >= start:
                roles = _beat(told, beats, position)
                told += 1
            elif position == 0:
                roles = ("topic",)
            else:
                roles = _exposition(places, target, rng)
            full = (not places) or (position == 0 and index > 0) or is_last
            places.append(Place(index, roles, full))
    return places


def _story_start(sizes: list[int], beats: int) -> int:
    """Where the story starts: at the head of a paragraph where it fits, else after the lead."""
    total = sum(sizes)
    start = 0
    for size in sizes:
        if start and start + beats <= total - 1:
            return start
        start += size
    return max(1, total - 1 - beats)


def _to_a_paragraphs_end(sizes: list[int], start: int, beats: int) -> int:
    """The number of beats next to `beats` with which the story ends where a paragraph does."""
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)] + [sum(sizes) - 1]
    lengths = [end - start for end in ends if end - start >= 3]
    return min(lengths, key=lambda length: abs(length - beats)) if beats and lengths else beats


def _beat(told: int, beats: int, position: int) -> tuple[str, ...]:
    if told == 0:
        return ("open",)
    if told == beats - 1:
        return ("end",)
    return ("next",) if position == 0 else ("mid",)


def _exposition(places: list[Place], target: HRVVector, rng: random.Random) -> tuple[str, ...]:
    weights = {
        "develop": 0.40,
        "evidence": 0.25,
        "contrast": 0.18,
        "question": 0.04 + 0.3 * target.curiosity_index,
        "reflect": 0.04 + 0.16 * target.sentence_variance,
    }
    before = places[-1].roles[0]
    if before in ("lead", "topic"):
        weights["reflect"] = 0.0
    if before in ("question", "reflect"):
        weights[before] = 0.0
    role = rng.choices(list(weights), list(weights.values()))[0]
    return _EXPOSITION[role]
