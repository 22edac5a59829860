"""The event panel: what happens to an event while its receiver is down?"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as ipw
import traitlets

from ...client.errors import ResonanceError
from ...webhooks.receiver import Receipt, WebhookReceiver
from ..webhooks import tries
from .base import LABEL, Panel, button, got, in_words, on_enter, table

__all__ = ["EventPanel"]

SHOWN = 8
"""Events in the table, the newest first."""

LOOKED_EVERY = 0.2
"""Seconds between two looks at what the server says, while something is on its way."""

AT_FIRST = 10
"""Looks at most until nothing is on its way, before there is a panel."""

EVER = "1970-01-01T00:00:00Z"

MARKS = {"delivered": "✓", "pending": "…", "dead": "✗"}


class EventPanel(Panel):
    """*What happens to an event while my receiver is down?* Try it.

    Write articles, switch the receiver off and on, and watch the events: what the server says of
    each, and what the receiver did.

    Args:
        client: A client of `connect()`.
        webhook: The subscription's id.
        receiver: Where it sends its events to.

    Attributes:
        rows: Event id to (type, what the server says, what the receiver did), the newest first.
    """

    blocking = False  # articles can be written while events are on their way
    rows: traitlets.Dict[str, tuple[str, str, str]] = traitlets.Dict()

    def __init__(self, client: Any, webhook: str, receiver: WebhookReceiver) -> None:
        self._webhook, self._receiver = webhook, receiver
        self._mutex = threading.Lock()
        self._watching = False
        self._trouble = ""
        self.prompt = ipw.Text(
            "Night trains", description="Prompt:", style=LABEL, layout={"width": "32em"}
        )
        self.write_button = button("Write", self.write, button_style="primary")
        self.up = ipw.Checkbox(
            receiver.listening, description="Receiver is up", indent=False, layout={"width": "12em"}
        )
        self.again_button = button("Redeliver the dead", self.redeliver)
        self.table = ipw.HTML()
        on_enter(self.prompt, self.write)
        self.up.observe(self._switch, "value")
        receiver.on_receipt(lambda _: self._watch())
        super().__init__(
            client,
            ipw.HBox([self.prompt, self.write_button]),
            ipw.HBox([self.up, self.again_button]),
            self.table,
        )
        # The server notes what has arrived a moment after the receiver does.
        for _ in range(AT_FIRST):
            if not self.look():
                break
            time.sleep(LOOKED_EVERY / 4)
        else:
            self._watch()
        if self.table.value:  # the server answered
            self.tell("idle", "Press Write, then switch the receiver off and press it again.")

    def write(self) -> None:
        """Generate an article, of which the server makes an event; what *Write* does."""
        with self.working("Writing …"):
            self.reach()
            got(self._client.generate_content(self.prompt.value, paragraphs=1))
            self._watch()

    def redeliver(self) -> None:
        """Have all dead events sent again; what *Redeliver the dead* does."""
        with self.working("Asking for the dead again …"):
            got(self._client.redeliver_since(self._webhook, EVER, status="dead"))
            self._watch()

    def look(self) -> bool:
        """Ask the server about its deliveries and show them; whether any is on its way."""
        try:
            deliveries = got(self._client.get_deliveries(self._webhook, limit=SHOWN))["deliveries"]
        except ResonanceError as error:
            self.tell("failed", in_words(error))
            return False
        receipts = self._receiver.receipts
        fresh = {
            delivery["id"]: (
                delivery["type"],
                _server_says(delivery),
                _receiver_did(delivery["id"], receipts),
            )
            for delivery in deliveries
        }
        changed = fresh != self.rows
        if changed:
            self.rows = fresh
            self.outdated()
        self.table.value = table(
            "Events",
            ("event", "type", "the server says", "the receiver did"),
            [(f"…{event_id[-6:]}", *texts) for event_id, texts in fresh.items()],
        )
        counts = Counter(delivery["status"] for delivery in deliveries)
        waiting = [f"{counts[one]} {one}" for one in ("pending", "dead") if counts[one]]
        if changed and not counts["pending"]:  # a picture takes longer than a look
            arrived = {
                delivery["id"]: [_is_2xx(attempt["status"]) for attempt in delivery["attempts"]]
                for delivery in deliveries
            }
            self.draw(tries(self.rows, arrived))
        self.tell(
            "busy" if counts["pending"] else "done",
            f"The receiver is {'up' if self._receiver.listening else 'down'}{self._trouble}. "
            f"{', '.join(waiting) or 'Nothing is missing'}.",
        )
        return counts["pending"] > 0

    def _switch(self, change: Any) -> None:
        try:
            if change["new"]:
                self._receiver.start()
                self._trouble = ""
            else:
                self._receiver.stop()
        except OSError as error:  # another program has taken the port meanwhile
            self._trouble = f" ({error.strerror})"
            self.up.value = False
        self._watch()

    def _watch(self) -> None:
        """Look now and, for as long as something is on its way, again and again."""
        with self._mutex:
            self._again = True
            if self._watching:
                return
            self._watching = True
        threading.Thread(target=self._work, name="resonance-panel", daemon=True).start()

    def _work(self) -> None:
        pause = threading.Event()
        while True:
            self._again = False
            try:
                pending = self.look()
            except Exception as error:  # a thread tells nobody else
                self.tell("failed", in_words(error))
                pending = False
            with self._mutex:
                if not (pending or self._again):
                    self._watching = False
                    return
            pause.wait(LOOKED_EVERY)


def _is_2xx(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _server_says(delivery: Mapping[str, Any]) -> str:
    tries = len(delivery["attempts"])
    status = delivery["status"]
    return f"{MARKS.get(status, '?')} {status}, {tries} {'try' if tries == 1 else 'tries'}"


def _receiver_did(event_id: str, receipts: Sequence[Receipt]) -> str:
    """``"handled, duplicate x2"``: all it did about one event."""
    counts = Counter(receipt.outcome for receipt in receipts if receipt.id == event_id)
    return ", ".join(name if n == 1 else f"{name} x{n}" for name, n in counts.items()) or "nothing"
