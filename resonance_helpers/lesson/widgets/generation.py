"""Generation, to touch: one prompt in two profiles, side by side."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw
import traitlets

from .. import plots
from .base import BESIDE, LABEL, Panel, columns, dropdown, got, labelled, offer

__all__ = ["Explorer"]


class Explorer(Panel):
    """*What does a profile change?* One prompt in two profiles, side by side.

    Args:
        client: A `ResonanceOSAPIClient`.
        prompt: What stands in the box at first.
        profiles: The two profiles chosen at first.

    Attributes:
        answers: Profile name to its answer, of the last *Generate*.
    """

    answers = traitlets.Dict()

    def __init__(
        self,
        client: Any,
        prompt: str = "The importance of innovation in business",
        profiles: tuple[str, str] = ("neutral_professional", "creative_storytelling"),
    ) -> None:
        self._client = client
        self.prompt = ipw.Text(prompt, description="Prompt:", layout={"width": "44em"}, style=LABEL)
        self.first = dropdown("Profile A:")
        self.second = dropdown("Profile B:")
        self.paragraphs = ipw.IntSlider(2, 1, 8)
        self.temperature = ipw.FloatSlider(0.7, min=0, max=2, step=0.1)
        self.button = ipw.Button(description="Generate", button_style="primary", layout=BESIDE)
        self.button.on_click(lambda _: self.generate())
        super().__init__(
            self.prompt,
            self.first,
            self.second,
            labelled("Paragraphs:", self.paragraphs),
            labelled("Temperature:", self.temperature),
            self.button,
        )
        with self.working("Asking for the profiles …"):
            names = [profile["profile_name"] for profile in got(client.get_profiles())["profiles"]]
            for menu, wanted in zip((self.first, self.second), profiles, strict=True):
                offer(menu, names, wanted)
            self.tell("idle", "Choose two profiles, then press Generate.")

    def generate(self) -> None:
        """Send the prompt once for each profile and show what came; what *Generate* does."""
        self.answers = {}
        with self.working("Writing …"):
            self.answers = answers = {
                name: got(
                    self._client.generate_content(
                        self.prompt.value,
                        profile_name=name,
                        paragraphs=self.paragraphs.value,
                        temperature=round(self.temperature.value, 2),
                    )
                )
                for name in dict.fromkeys((self.first.value, self.second.value))
            }
            picture = plots.radars(
                {name: (a["hrv_vector"], a["target_hrv"]) for name, a in answers.items()}
            )
            self.view.value = picture.svg() + columns(
                {name: answer["article"] for name, answer in answers.items()}
            )
            feedback = (f"{name}: feedback {a['hrv_feedback']:.2f}" for name, a in answers.items())
            self.tell("done", "; ".join(feedback))
        if not self.answers:
            self.view.value = ""
