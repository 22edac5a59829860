"""The rate gauge: how many requests are left, and what happens at none?"""

from __future__ import annotations

import time
from typing import Any

import ipywidgets as ipw
import traitlets

from .widgets import LABEL, WIDE, Panel

__all__ = ["RateGauge"]


class RateGauge(Panel):
    """*How many requests have I left?* Each answer moves the gauge; at none you are refused, or, if
    you obey, you wait until there are some again.

    Args:
        client: a `ResonanceOSAPIClient`.
        count: requests that *Send* sends.

    Attributes:
        sent: requests so far.
        refused: those of them that were answered 429.
        waited: how often it waited for the limit.
    """

    sent = traitlets.Int()
    refused = traitlets.Int()
    waited = traitlets.Int()

    def __init__(self, client: Any, count: int = 60) -> None:
        self._client = client.with_options(retry=client.retry.__class__(max_attempts=1))
        self._count = count
        self.gauge = ipw.IntProgress(0, description="Left:", style=LABEL, layout=WIDE)
        self.number = ipw.Label("?")
        self.obey = ipw.Checkbox(False, description="Obey the limit", indent=False)
        self.button = ipw.Button(description=f"Send {count}", button_style="primary")
        self.button.on_click(lambda _: self.run())
        super().__init__(ipw.HBox([self.gauge, self.number]), self.obey, self.button)
        self.news = f"Press Send {count}, then tick the box and press it again."

    def run(self) -> None:
        """Send all requests, one after another; what *Send* does."""
        self.button.disabled = True
        sent, refused, waited = self.sent, self.refused, self.waited
        try:
            for _ in range(self._count):
                if self.obey.value:
                    self._wait()
                self.sent += 1
                answer = self._client.get_profiles(limit=1)
                self._show()
                if answer.get("response_code") == 429:
                    self.refused += 1
                elif self._failed(answer):
                    return
        finally:
            self.button.disabled = False
        refused = self.refused - refused
        times = self.waited - waited
        self.news = (
            f"Sent {self.sent - sent}: {self._count - refused} answered, {refused} refused with "
            f"429. Waited {times} time{'' if times == 1 else 's'}."
        )

    def _wait(self) -> None:
        limit = self._client.rate_limit
        if limit is not None and limit.remaining == 0 and limit.reset > 0:
            self.waited += 1
            self.news = f"None left: waiting {limit.reset:.1f} s, as the server says …"
            time.sleep(limit.reset)

    def _show(self) -> None:
        limit = self._client.rate_limit
        if limit is None:
            self.news = "This server names no limit."
            return
        with self.gauge.hold_sync():
            self.gauge.max = max(limit.limit or 0, limit.remaining, 1)
            self.gauge.value = limit.remaining
            self.gauge.bar_style = "danger" if limit.remaining == 0 else ""
        self.number.value = f"{limit.remaining} of {limit.limit or '?'}"
