"""The input of a batch: read as it is needed, compared with the journal, and written down."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

from ..client.errors import OutcomeUnknownError, ResonanceError
from ..client.transport.payload import as_text
from .attempts import InvalidRequestError
from .interrupts import Interrupts
from .items import Item, as_request
from .journal import Entry, Journal, JournalError, JournalMismatch
from .stats import Tally

__all__ = ["KEY_LIFETIME", "Intake", "too_long"]

MOST_AT_ONCE = 1024
"""Items in a block, at most."""

QUICK = 0.01
"""Seconds in which a quick input gives a block of items."""

KEY_LIFETIME = 24 * 3600.0
"""Seconds for which the server knows an idempotency key (its OpenAPI document says so, at
`Idempotency-Key`)."""

TOO_OLD = (
    "The request was sent more than 24 hours ago, or while this machine's clock was wrong by as "
    "much, its answer is lost, and the server no longer knows its idempotency key: sent again, it "
    "might be done twice. If that is no harm, put it into a new batch."
)


class Intake:
    """Gives the items that are to be sent in this run, block by block.

    Args:
        source: The requests.
        batch: What the items' keys begin with.
        journal: What earlier runs have done, and where a block is written before it is given.
        tally: Counts what is taken.
        interrupts: Let an input that waits be interrupted.
        fail: Called with an item that can't be sent, the reason, and whether it is the last word
            (None: as the reason has it).

    Attributes:
        error: What the input raised; what it gave before is still carried out.
    """

    def __init__(
        self,
        source: Iterator[Mapping[str, Any] | str],
        batch: str,
        journal: Journal | None,
        tally: Tally,
        interrupts: Interrupts,
        fail: Callable[[Item, ResonanceError, bool | None], object],
    ) -> None:
        self._source = source
        self._batch = batch
        self._journal = journal
        self._tally = tally
        self._interrupts = interrupts
        self._fail = fail
        self._items = self._read()
        self._size = 1
        self.error: Exception | None = None

    def block(self, wanted: int) -> tuple[list[Item], bool]:
        """Up to `wanted` items, which are written down, and whether they are the last.

        A block begins as one item and doubles for as long as the input is quick, and ends when it
        no longer is, so that what a slow one has given does not wait for what comes next.
        """
        items: list[Item] = []
        end = time.monotonic() + QUICK
        quick, ended = True, False
        try:
            while len(items) < min(wanted, self._size) and quick and not ended:
                item = next(self._items, None)
                ended = item is None
                if item is not None:
                    items.append(item)
                quick = time.monotonic() < end
        except JournalError:
            raise
        except Exception as error:
            self.error, ended = error, True
        self._size = min(2 * self._size, MOST_AT_ONCE) if quick else 1
        if items and self._journal:
            self._journal.send((one.index, one.text) for one in items)
        return items, ended

    def _read(self) -> Iterator[Item]:
        """The items that are to be sent; those that need not or can't be are settled here."""
        journal = self._journal
        for index in count():
            with self._interrupts.allowed():
                try:
                    value = next(self._source)
                except StopIteration:
                    break
            self._tally.take()
            item = Item(index, f"{self._batch}-{index}")
            before = journal.find(index) if journal else None
            if before and before.success is False and not before.settled:
                self._tally.undo_failure()
            try:
                item.request = as_request(value)
                item.text = as_text(item.request) if journal else ""
            except (TypeError, ValueError, RecursionError) as error:
                if not (before and before.settled):
                    self._fail(item, InvalidRequestError(str(error)), None)
                continue
            if before is None or self._is_due(item, before):
                yield item
        if journal and journal.known > self._tally.total:
            raise too_long(journal, self._tally.total)

    def _is_due(self, item: Item, before: Entry) -> bool:
        """Whether the item is to be sent in this run, by what earlier ones have written."""
        if before.sent is None:
            return True  # nothing was done under its key, so it may be another request now
        if before.request != item.text and _canonical(before.request) != _canonical(item.text):
            assert self._journal is not None
            raise JournalMismatch(
                f"the journal {self._journal.path} belongs to another batch: item {item.index} "
                "differs from the one it holds. Give the same requests in the same order, or "
                "another journal"
            )
        if before.final:
            return False
        if abs(time.time() - before.sent) > KEY_LIFETIME:
            self._fail(item, OutcomeUnknownError(TOO_OLD), True)
            return False
        return True


def _canonical(text: str) -> str:
    """A request's JSON, whatever the order of its fields."""
    return json.dumps(json.loads(text), sort_keys=True)


def too_long(journal: Journal, total: int) -> JournalMismatch:
    """The journal has more items than this batch."""
    return JournalMismatch(
        f"the journal {journal.path} belongs to another batch: it holds {journal.known} "
        f"items, and this one has {total}. Give the same requests, or another journal"
    )
