"""The form of the hub's log: whatever somebody sent stays text in the terminal that shows it."""

from __future__ import annotations

import logging
from typing import Any

from jupyterhub.log import CoroutineLogFormatter

__all__ = ["Printable"]


class Printable(CoroutineLogFormatter):  # type: ignore[misc]  # JupyterHub has no types
    """JupyterHub's own, without colours, and with control characters escaped.

    A header or an address that a log tells would else steer the terminal of whoever reads it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options, color=False)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)
