"""Exercises about profiles: choose one, create one, stay within a tenant, recognise a style."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resonance_sandbox.hrv import HRVVector

from .core import NotYet, attempt, exercise, of_type

__all__ = ["choose", "create", "fits", "isolation"]

TENANT, NAME = "demo_tenant", "campfire"
"""The profile that the second exercise asks for; elsewhere than in the sandbox, in a tenant of the
learner's."""

WANTED = {"storytelling_index": 0.8, "curiosity_index": 0.7}
"""The least that two of its dimensions should have."""

STYLES = ("technical_academic", "creative_storytelling", "persuasive_sales")
"""The profiles of the texts that the fourth exercise is tried on."""


@exercise(
    "Each profile has an hrv_vector of eight numbers; storytelling_index is the seventh.",
    "profiles.vectors(api.get_profiles()) gives vectors that know their dimensions by name: "
    "vector.storytelling_index.",
    solution="""
vectors = profiles.vectors(api.get_profiles())
answer = max(vectors, key=lambda name: vectors[name].storytelling_index)
""",
)
def choose(answer: Any, api: Any) -> str:
    """The name of the profile, of those that everyone may use, that tells the most of a story."""
    listed = {p["profile_name"]: p for p in api.get_profiles()["profiles"]}
    if not isinstance(answer, str) or answer not in listed:
        raise NotYet("answer should be the profile_name of one of api.get_profiles()['profiles'].")
    stories = {
        name: HRVVector(profile["hrv_vector"]).storytelling_index
        for name, profile in listed.items()
    }
    if stories[answer] == max(stories.values()):
        return f"{answer} aims at a storytelling_index of {stories[answer]:g}."
    raise NotYet(f"{answer} aims at {stories[answer]:g}; there is a profile that aims higher.")


@exercise(
    "The call is api.create_profile(tenant, profile_name, hrv_vector).",
    "The vector has eight numbers in the order of the dimensions: curiosity_index is the fifth "
    "and storytelling_index the seventh.",
    solution="""
vector = [0.7, 0.4, 0.6, 0.5, 0.8, 0.6, 0.9, 0.8]
answer = api.create_profile("demo_tenant", "campfire", vector)
""",
)
def create(answer: Any, api: Any) -> str:
    """A new profile campfire in demo_tenant that asks and tells: what `create_profile` returned."""
    of_type(answer, dict, "what api.create_profile() returned, a dict")
    if answer.get("type") == "profile-exists":
        # The cell was run a second time: what it made the first time is judged.
        owner = _owner(api)
        answer = api.get_profile(owner, NAME)
        if answer.get("status") == "error":
            raise NotYet(f"The server has no {NAME} of {owner}: {answer.get('message')}")
    if answer.get("status") == "error":
        raise NotYet(f"The server refused: {answer.get('message')}")
    tenant = _owner(api)
    if (answer.get("tenant"), answer.get("profile_name")) != (tenant, NAME):
        raise NotYet(f"The profile should be called {NAME} and belong to {tenant}.")
    vector = HRVVector(answer["hrv_vector"])
    for name, least in WANTED.items():
        if getattr(vector, name) < least:
            raise NotYet(f"Its {name} is {getattr(vector, name):g}; make it {least:g} or more.")
    there = {p["profile_name"] for p in api.get_profiles(tenant)["profiles"]}
    if NAME not in there:
        raise NotYet("That looks right, but the server has no such profile. Did the call run?")
    return f"{tenant} has a profile {NAME}: anybody in that tenant can write in it now."


def _owner(api: Any) -> str:
    """The tenant in which the profile is to be made."""
    usable = [tenant["tenant"] for tenant in api.get_tenants()["tenants"]]
    return TENANT if TENANT in usable else str(usable[-1])


@exercise(
    "Ask as a stranger: api.get_profiles(tenant='acme_corp').",
    "What came back is an error dict; its response_code is the answer.",
    solution='answer = api.get_profiles(tenant="acme_corp")["response_code"]',
)
def isolation(answer: Any, api: Any) -> str:
    """The status code that a stranger gets who asks for the profiles of a private tenant."""
    code = answer.get("response_code") if isinstance(answer, Mapping) else answer
    if code == 404:
        return "404, as for a tenant that does not exist: a stranger can't even learn its name."
    if code in (401, 403):
        raise NotYet(f"A {code} would tell a stranger that the tenant exists. Ask, and see.")
    if code == 200:
        raise NotYet("A 200 would hand over the profiles. Did you ask with a key of that tenant?")
    raise NotYet("answer should be an HTTP status code, a number such as 200.")


@exercise(
    "api.measure_text(text) gives the hrv_vector of any text, and profiles.vectors(...) those of "
    "the profiles.",
    "HRVVector(a).feedback(b) says how near two vectors are: 1 is exact.",
    "max(vectors, key=...) finds the name whose vector comes nearest.",
    solution="""
from resonance_helpers import HRVVector

def answer(text):
    measured = HRVVector(api.measure_text(text)["hrv_vector"])
    vectors = profiles.vectors(api.get_profiles())
    return max(vectors, key=lambda name: measured.feedback(vectors[name]))
""",
)
def fits(answer: Any, api: Any) -> str:
    """A function of a text: the name of the listed profile whose style it comes nearest to."""
    targets = {p["profile_name"]: p["hrv_vector"] for p in api.get_profiles()["profiles"]}
    for style in STYLES:
        article = api.generate_content("Harbour towns", profile_name=style)
        near = {n: HRVVector(article["hrv_vector"]).feedback(v) for n, v in targets.items()}
        named = attempt(answer, article["article"])
        if not isinstance(named, str) or named not in near:
            raise NotYet(f"Your function returned {named!r}, which is not the name of a profile.")
        best = max(near, key=near.__getitem__)
        # Two profiles that round to the same are both right.
        if round(near[named], 3) < round(near[best], 3):
            raise NotYet(
                f"For a text written as {style} your function says {named}: that fits by "
                f"{near[named]:.2f}, and another profile comes nearer."
            )
    return f"Your function names the nearest profile of {len(STYLES)} texts in as many styles."
