"""The fault dial: how much trouble can a client take?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as ipw
import traitlets

from .. import errors as resilience
from .base import BESIDE, Panel, button, labelled, table

__all__ = ["FaultDial"]


class FaultDial(Panel):
    """*How much trouble can a client take?* Three clients run side by side.

    They meet as many faults as the dial says; the counts move as they go.

    Args:
        client: A client of `connect()`; on another server than the sandbox nothing can be
            broken, and the dial is off.
        prompts: What each client sends, one after another.
        scores: Of an earlier run, drawn until the next one.

    Attributes:
        scores: Client name to `resilience.Score`, of the last run.
    """

    scores = traitlets.Dict()

    def __init__(
        self,
        client: Any,
        prompts: tuple[str, ...] = resilience.PROMPTS,
        scores: Mapping[str, resilience.Score] | None = None,
    ) -> None:
        self._prompts = prompts
        self.rate = ipw.IntSlider(
            20,
            min=0,
            max=60,
            step=5,
            tooltip="Share of all attempts that run into a fault",
            continuous_update=False,
        )
        self.button = button("Run", self.run, button_style="primary", layout=BESIDE)
        self.table = ipw.HTML()
        super().__init__(client, labelled("Faults, %:", self.rate), self.button, self.table)
        self.news = "Set the dial, then press Run."
        if client.sandbox is None:
            self.rate.disabled = self.button.disabled = True
            self.news = "This server is not the sandbox: nothing can be broken here."
        if scores:
            self.scores = dict(scores)
            self.draw(resilience.scoreboard(self.scores, "An earlier run"))

    def run(self) -> None:
        """Send every prompt through every client; what *Run* does."""
        rate, total = self.rate.value / 100, len(self._prompts)
        with self.working(f"0 of {total} prompts sent at {rate:.0%} faults …"):
            self.reach()
            for sent, scores in enumerate(
                resilience.race(self._client, rate, self._prompts), start=1
            ):
                self.scores = scores
                self.table.value = _counts(scores)
                self.news = f"{sent} of {total} prompts sent at {rate:.0%} faults …"
            self.draw(resilience.scoreboard(self.scores, f"{rate:.0%} faults"))
            ours = self.scores["ours"]
            self.tell(
                "done",
                f"{total} prompts at {rate:.0%} faults. Ours: {ours.answered} answered, "
                f"{ours.lost} lost, {ours.twice} written again.",
            )


def _counts(scores: dict[str, resilience.Score]) -> str:
    """The scores as a small table, cheap enough to be redrawn after each prompt."""
    return table(
        "Counts so far",
        ("client", "calls", "answered", "lost", "written again"),
        [(name, s.calls, s.answered, s.lost, s.twice) for name, s in scores.items()],
    )
