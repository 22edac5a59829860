"""Generation, to touch: one prompt in two profiles, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw
import traitlets

from ..profiles import Comparison
from .base import BESIDE, LABEL, Panel, button, columns, dropdown, got, labelled, offer, on_enter

if TYPE_CHECKING:
    from ...client.types import ArticleAnswer

__all__ = ["Explorer"]


class Explorer(Panel):
    """*What does a profile change?* One prompt in two profiles, side by side: which is which?

    Args:
        client: A `ResonanceOSAPIClient`.
        prompt: What stands in the box at first.
        profiles: The two profiles chosen at first.
        answers: Earlier ones, by profile name, shown until the next *Generate*.

    Attributes:
        answers: Profile name to its answer, of the last *Generate*.
    """

    answers: traitlets.Dict[str, ArticleAnswer] = traitlets.Dict()

    def __init__(
        self,
        client: Any,
        prompt: str = "The importance of innovation in business",
        profiles: tuple[str, str] = ("neutral_professional", "creative_storytelling"),
        answers: Mapping[str, Any] | None = None,
    ) -> None:
        self.prompt = ipw.Text(prompt, description="Prompt:", layout={"width": "44em"}, style=LABEL)
        self.first = dropdown("Profile A:")
        self.second = dropdown("Profile B:")
        self.paragraphs = ipw.IntSlider(2, 1, 8)
        self.temperature = ipw.FloatSlider(0.7, min=0, max=2, step=0.1)
        self.button = button("Generate", self.generate, button_style="primary", layout=BESIDE)
        self.guess = dropdown("Article 1 is in:")
        self.show_button = button("Show", self.show)
        self._guessing = ipw.HBox([self.guess, self.show_button], layout={"display": "none"})
        super().__init__(
            client,
            self.prompt,
            self.first,
            self.second,
            labelled("Paragraphs:", self.paragraphs),
            labelled("Temperature:", self.temperature),
            self.button,
            self._guessing,
        )
        on_enter(self.prompt, self.generate)
        for one in (self.prompt, self.first, self.second, self.paragraphs, self.temperature):
            one.observe(self.outdated, "value")
        with self.working("Asking for the profiles …"):
            names = [profile["profile_name"] for profile in got(client.get_profiles())["profiles"]]
            for menu, wanted in zip((self.first, self.second), profiles, strict=True):
                offer(menu, names, wanted)
            self.tell("idle", "Choose two profiles, then press Generate.")
        if answers:
            self.answers = dict(answers)
            self._reveal()

    def generate(self) -> None:
        """Send the prompt once for each profile and show what came; what *Generate* does.

        Which article is in which profile is told by `show`, after a guess.
        """
        self.answers = {}
        self._guessing.layout.display = "none"
        self.outdated()
        with self.working("Writing …"):
            self.reach()
            self.answers = {
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
            if len(self.answers) == 1:
                self._reveal()
                self.tell("done", self._feedback())
            else:
                articles = [self.answers[name]["article"] for name in self._hidden()]
                titled = {f"Article {place}": text for place, text in enumerate(articles, start=1)}
                self.view.value = columns(titled)
                self.view.remove_class("resonance-outdated")
                offer(self.guess, sorted(self.answers))
                self._guessing.layout.display = ""
                self.tell("done", "Which profile is article 1 in? Guess, then press Show.")

    def show(self) -> None:
        """Say which article is in which profile, and how near each is to it; what *Show* does."""
        if self.answers:
            first = self._hidden()[0]
            verdict = "Right" if self.guess.value == first else "No"
            self._guessing.layout.display = "none"
            self._reveal()
            self.tell("done", f"{verdict}: article 1 is in {first}. {self._feedback()}")

    def _hidden(self) -> list[str]:
        """The profiles in an order that gives nothing away, and is the same each time."""
        digest = {n: sha256(a["article"].encode()).digest() for n, a in self.answers.items()}
        return sorted(digest, key=lambda name: digest[name])

    def _reveal(self) -> None:
        answers = {name: self.answers[name] for name in self._hidden()}
        picture = Comparison(self.prompt.value, answers).radars()
        self.draw(picture, columns({name: a["article"] for name, a in answers.items()}))

    def _feedback(self) -> str:
        return "; ".join(f"{n}: feedback {a['hrv_feedback']:.2f}" for n, a in self.answers.items())
