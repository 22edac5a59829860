"""Generation, to touch: one prompt in two profiles, side by side."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw
import traitlets

from .. import plots
from .base import BESIDE, LABEL, Panel, columns, dropdown, labelled, offer

__all__ = ["Explorer"]


class Explorer(Panel):
    """*What does a profile change?* One prompt in two profiles, side by side.

    Args:
        client: a `ResonanceOSAPIClient`.
        prompt: what stands in the box at first.
        profiles: the two profiles chosen at first.

    Attributes:
        answers: profile name to its answer, of the last *Generate*.
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
        answer = client.get_profiles()
        if self._failed(answer):
            return
        names = [profile["profile_name"] for profile in answer["profiles"]]
        for menu, wanted in zip((self.first, self.second), profiles, strict=True):
            offer(menu, names, wanted)
        self.news = "Choose two profiles, then press Generate."

    def generate(self) -> None:
        """Send the prompt once for each profile and show what came; what *Generate* does."""
        self.news = "Writing …"
        answers = {}
        for name in dict.fromkeys((self.first.value, self.second.value)):
            answer = self._client.generate_content(
                self.prompt.value,
                profile_name=name,
                paragraphs=self.paragraphs.value,
                temperature=round(self.temperature.value, 2),
            )
            if self._failed(answer):
                self.answers, self.view.value = {}, ""
                return
            answers[name] = answer
        self.answers = answers
        picture = plots.radars(
            {name: (a["hrv_vector"], a["target_hrv"]) for name, a in answers.items()}
        )
        self.view.value = picture.svg() + columns(
            {name: answer["article"] for name, answer in answers.items()}
        )
        self.news = "; ".join(
            f"{name}: feedback {answer['hrv_feedback']:.2f}" for name, answer in answers.items()
        )
