"""Exercises about generation: shape an article, read its measures, get it again."""

from __future__ import annotations

import re
from typing import Any

from resonance_sandbox.hrv import NAMES, HRVVector

from .core import NotYet, exercise, of_type

__all__ = ["again", "furthest", "short"]

ARTICLE: dict[str, Any] = {
    "prompt": "Sustainable technology solutions",
    "profile_name": "creative_storytelling",
    "seed": 7,
}
"""The request whose article the second exercise is about."""


def _generated(answer: Any, what: str = "answer") -> dict[str, Any]:
    """`answer` as a successful generation, or a `NotYet` that says what it is instead."""
    given = of_type(answer, dict, "what api.generate_content() returned, a dict", what)
    if given.get("status") == "error":
        raise NotYet(f"The server refused: {given.get('message')}")
    if "article" not in given:
        raise NotYet(f"{what} holds no article. Is it what api.generate_content() returned?")
    return given


@exercise(
    "Both are parameters of api.generate_content(): see the section on what each one does.",
    "They are paragraphs=2 and max_length=600.",
    solution='answer = api.generate_content("Electric bicycles", paragraphs=2, max_length=600)',
)
def short(answer: Any, api: Any) -> str:
    """An article of exactly two paragraphs and at most 600 characters."""
    generated = _generated(answer)
    if warnings := generated.get("warnings"):
        raise NotYet(f"The server warns: {warnings[0]}")
    if not re.search(r"\bbicycle", generated["article"][:100_000], re.IGNORECASE):
        raise NotYet("The article is about something else: the prompt is 'Electric bicycles'.")
    paragraphs, length = len(generated["paragraphs"]), generated["content_length"]
    if paragraphs != 2:
        raise NotYet(f"The article has {paragraphs} paragraphs, not 2.")
    if length > 600:
        raise NotYet(f"The article has {length} characters; 600 is the most.")
    return f"Two paragraphs, {length} characters."


@exercise(
    "Generate the article, then lay its hrv_vector beside its target_hrv.",
    "emotional_valence runs from -1 to 1, twice as far as the others, so halve its gap. "
    "HRVVector(...).gaps(...) does.",
    "max(gaps, key=gaps.get) is the name of the largest.",
    solution="""
from resonance_helpers import HRVVector

article = api.generate_content(
    "Sustainable technology solutions", profile_name="creative_storytelling", seed=7
)
gaps = HRVVector(article["hrv_vector"]).gaps(article["target_hrv"])
answer = max(gaps, key=gaps.get)
""",
)
def furthest(answer: Any, api: Any) -> str:
    """The name of the dimension in which a certain article lies furthest from its target."""
    if answer not in NAMES:
        raise NotYet("answer should be the name of a dimension, a text such as 'curiosity_index'.")
    generated = _generated(api.generate_content(**ARTICLE), "the article")
    measured, target = HRVVector(generated["hrv_vector"]), HRVVector(generated["target_hrv"])
    gaps = measured.gaps(target)
    # Two dimensions that round to the same are both right.
    if round(gaps[answer], 3) >= round(max(gaps.values()), 3):
        return f"{answer} misses its target by {gaps[answer]:.2f} of its range."
    worse = sum(gap > gaps[answer] for gap in gaps.values())
    raise NotYet(
        f"{answer} misses its target by {gaps[answer]:.2f} of its range; {worse} "
        f"{'dimension misses' if worse == 1 else 'dimensions miss'} by more."
    )


@exercise(
    "Call api.generate_content() twice; putting one answer in twice is not enough.",
    "Give the same prompt and the same seed both times: api.generate_content('...', seed=1).",
    solution="""
first = api.generate_content("Electric bicycles", seed=1)
second = api.generate_content("Electric bicycles", seed=1)
answer = (first, second)
""",
)
def again(answer: Any, api: Any) -> str:
    """Two answers to two requests with one and the same article."""
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise NotYet("answer should be a pair: (first, second).")
    first = _generated(answer[0], "The first of the pair")
    second = _generated(answer[1], "The second of the pair")
    if first["request_id"] == second["request_id"]:
        raise NotYet("Both come from one request: their request_id is the same.")
    if first["article"] != second["article"]:
        raise NotYet("The two articles differ. What was not the same in the two requests?")
    return "Two requests, one article: the same request always gives the same text."
