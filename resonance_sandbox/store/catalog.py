"""What a fresh sandbox holds: tenants, the contract's shared profiles, and each tenant's own."""

from __future__ import annotations

from dataclasses import dataclass

from ..hrv import HRVVector

__all__ = ["DEFAULT_PROFILE", "DEFAULT_TENANT", "SHARED", "TENANTS", "Preset"]

DEFAULT_TENANT = "default"
DEFAULT_PROFILE = "neutral_professional"

TENANTS: dict[str, str] = {
    "default": "open",
    "demo_tenant": "open",
    "acme_corp": "private",
    "globex": "private",
}
"""Name of each tenant of a fresh sandbox, and who may use it."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A profile that is there from the start."""

    name: str
    vector: HRVVector
    description: str


def _preset(name: str, vector: list[float], description: str) -> Preset:
    return Preset(name, HRVVector(vector), description)


SHARED: tuple[Preset, ...] = (
    _preset(
        "neutral_professional",
        [0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8],
        "Clear, even prose for any business reader.",
    ),
    _preset(
        "creative_storytelling",
        [0.8, 0.5, 0.7, 0.4, 0.8, 0.8, 0.9, 0.6],
        "Stories, images and questions.",
    ),
    _preset(
        "marketing_enthusiastic",
        [0.7, 0.6, 0.8, 0.6, 0.7, 0.6, 0.7, 0.8],
        "Warm, lively copy that makes people curious.",
    ),
    _preset(
        "persuasive_sales",
        [0.6, 0.7, 0.8, 0.9, 0.5, 0.5, 0.6, 0.9],
        "Sure of itself, and asking for a decision.",
    ),
    _preset(
        "tech_startup",
        [0.5, 0.4, 0.5, 0.8, 0.6, 0.4, 0.5, 0.9],
        "Direct and optimistic, with few frills.",
    ),
    _preset(
        "technical_academic",
        [0.3, -0.2, 0.2, 0.8, 0.3, 0.1, 0.2, 0.8],
        "Sober, exact and literal.",
    ),
    _preset(
        "professional_business",
        [0.5, 0.0, 0.3, 0.6, 0.4, 0.2, 0.3, 0.7],
        "Reports and proposals: balanced and factual.",
    ),
)

OWN: dict[str, tuple[Preset, ...]] = {
    "default": (
        _preset(
            "house_style",
            [0.6, 0.4, 0.4, 0.6, 0.5, 0.3, 0.4, 0.8],
            "How this house writes when nothing else is said.",
        ),
        _preset(
            "release_notes",
            [0.3, 0.1, 0.2, 0.8, 0.2, 0.1, 0.1, 0.9],
            "What changed, in plain words.",
        ),
    ),
    "demo_tenant": (
        _preset(
            "travel_blog",
            [0.8, 0.6, 0.7, 0.4, 0.8, 0.7, 0.9, 0.7],
            "Places, people and what happened on the way.",
        ),
        _preset(
            "museum_guide",
            [0.6, 0.3, 0.5, 0.5, 0.8, 0.5, 0.7, 0.6],
            "Invites the visitor to look again.",
        ),
        _preset(
            "charity_appeal",
            [0.7, -0.3, 0.8, 0.7, 0.4, 0.4, 0.8, 0.8],
            "Names a wrong, and asks for help with it.",
        ),
    ),
    "acme_corp": (
        _preset(
            "acme_brand_voice",
            [0.6, 0.5, 0.5, 0.8, 0.5, 0.4, 0.5, 0.9],
            "Confident and friendly.",
        ),
        _preset(
            "acme_quarterly_report",
            [0.4, 0.1, 0.2, 0.7, 0.2, 0.1, 0.2, 0.7],
            "Figures first.",
        ),
    ),
    "globex": (
        _preset(
            "globex_newsroom",
            [0.5, 0.0, 0.4, 0.7, 0.4, 0.2, 0.5, 0.9],
            "Who, what, when and where.",
        ),
        _preset(
            "globex_safety_notice",
            [0.3, -0.4, 0.5, 0.9, 0.2, 0.1, 0.1, 0.9],
            "What is dangerous, and what to do.",
        ),
    ),
}
