"""Health, to touch: a panel that breaks parts of the sandbox, and what a check sees of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import traitlets

from .. import health
from .base import BESIDE, PATIENCE, WAY_OUT, Panel, button, dropdown, offer

__all__ = ["HealthPanel"]

OUTAGES: list[tuple[str, tuple[str, ...]]] = [
    ("nothing", ()),
    ("disk", ("disk",)),
    ("writer", ("writer",)),
    ("database", ("database",)),
]


class HealthPanel(Panel):
    """*What does my check see when a part fails?* Break parts of the sandbox, look, mend them.

    Args:
        client: A client of `connect()`; on another server than the sandbox nothing can be broken,
            and the panel only looks.
        looks: Earlier ones, drawn before those that follow.

    Attributes:
        looks: Each `health.HealthReport` so far.
    """

    looks: traitlets.List[health.HealthReport] = traitlets.List()

    def __init__(self, client: Any, looks: Iterable[health.HealthReport] = ()) -> None:
        self.parts = dropdown("Out of order:")
        self.button = button("Look", self.look, button_style="primary", layout=BESIDE)
        super().__init__(client, self.parts, self.button)
        offer(self.parts, OUTAGES)
        self.parts.disabled = client.sandbox is None
        self.parts.observe(self._break, "value")
        self.news = "Put a part out of order, then look."
        if self.parts.disabled:
            self.news = "This server is not the sandbox: you can look, and break nothing."
        if looks := list(looks):
            self.looks = looks[-12:]
            self.draw(health.timeline(self.looks, "Looks so far"))

    def _break(self, change: Any) -> None:
        with self.working("Telling the sandbox …"):
            self._client.sandbox.outage(*change["new"])
            self.tell("done", f"Out of order: {', '.join(change['new']) or 'nothing'}. Now look.")

    def look(self) -> None:
        """Check once more and draw all looks so far; what *Look* does."""
        with self.working("Looking …"):
            look = health.check(self._client.with_options(timeout=PATIENCE))
            self.looks = [*self.looks, look][-12:]
            self.draw(health.timeline(self.looks, "Looks so far"))
            can = "Yes" if look.works("writer") else "No"
            told = f"{can}. The server is {look.state} ({look.detail.rstrip('.')})."
            if look.state == "unreachable":
                told += f" {WAY_OUT}"
            self.tell("done", f"Can you generate now? {told}")
