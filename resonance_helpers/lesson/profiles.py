"""Profiles: which there are, what they look like, and what one prompt becomes in several.

Each function takes what the client answers. An answer that is an error raises the client's own
exception for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from resonance_sandbox.hrv import HRVVector

from .generation import first_sentence
from .plots import Picture, profile_map, radars

if TYPE_CHECKING:
    import pandas as pd

    from ..client.types import ArticleAnswer

__all__ = ["Comparison", "chart", "side_by_side", "table", "vectors"]


def table(answer: Mapping[str, Any]) -> pd.DataFrame:
    """One row for each profile of a `get_profiles()` answer: whose it is, and what it is for."""
    import pandas as pd

    profiles = answer["profiles"]
    return pd.DataFrame(
        {
            "belongs to": ["everyone" if p["shared"] else p["tenant"] for p in profiles],
            "description": [p.get("description") or "" for p in profiles],
        },
        index=pd.Index([p["profile_name"] for p in profiles], name="profile_name"),
    )


def vectors(answer: Mapping[str, Any]) -> dict[str, HRVVector]:
    """Profile name to its eight numbers, from a `get_profiles()` answer."""
    return {p["profile_name"]: HRVVector(p["hrv_vector"]) for p in answer["profiles"]}


def chart(answer: Mapping[str, Any]) -> Picture:
    """The profiles of a `get_profiles()` answer as a map: a row each, a column a dimension."""
    return profile_map(vectors(answer))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One prompt, several profiles: `answers` holds what each gave, by profile name."""

    prompt: str
    answers: Mapping[str, ArticleAnswer]

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each profile: feedback, length, and the first sentence."""
        import pandas as pd

        return pd.DataFrame(
            {
                "feedback": [round(a["hrv_feedback"], 3) for a in self.answers.values()],
                "characters": [a["content_length"] for a in self.answers.values()],
                "begins": [first_sentence(a["article"]) for a in self.answers.values()],
            },
            index=pd.Index(self.answers, name="profile_name"),
        )

    @property
    def cross_feedback(self) -> pd.DataFrame:
        """Every article (row) against every profile's target (column).

        The largest number of a row says which profile the article fits best.
        """
        import pandas as pd

        targets = {name: answer["target_hrv"] for name, answer in self.answers.items()}
        frame = pd.DataFrame(
            [
                [HRVVector(answer["hrv_vector"]).feedback(target) for target in targets.values()]
                for answer in self.answers.values()
            ],
            index=pd.Index(targets, name="article in"),
            columns=pd.Index(targets, name="against"),
        )
        return frame.round(2)

    def radars(self) -> Picture:
        """Each article's measures over its profile's target, side by side."""
        return radars(
            {name: (a["hrv_vector"], a["target_hrv"]) for name, a in self.answers.items()}
        )


def side_by_side(client: Any, prompt: str, names: Iterable[str], **parameters: Any) -> Comparison:
    """Generate from one prompt once in each profile.

    Args:
        client: A `ResonanceOSAPIClient`.
        prompt: Sent each time.
        names: Profiles, in the order of the rows.
        parameters: Sent with each, `tenant` or `paragraphs` for instance.
    """
    answers = {
        name: client.generate_content(prompt, profile_name=name, **parameters) for name in names
    }
    return Comparison(prompt, answers)
