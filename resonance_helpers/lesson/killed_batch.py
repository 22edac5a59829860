"""A rehearsed disaster: a batch in a process of its own, to be killed while it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..batch.report import read_report
from ..batch.run import run_batch
from ..client.api import ResonanceOSAPIClient
from ..client.auth import ApiKeyAuth, Secret
from .program import Program

__all__ = ["Victim", "start"]


class Victim:
    """A batch that runs elsewhere. It dies without a chance to tidy up."""

    def __init__(self, program: Program, journal: Path) -> None:
        self.program = program
        self.journal = journal

    def kill_after(self, answers: int, timeout: float = 30.0) -> None:
        """Kill it (SIGKILL) as soon as the journal holds so many answers, and say so.

        Raises:
            RuntimeError: It ended before, or took longer than `timeout` seconds.
        """
        end = time.monotonic() + timeout
        try:
            while self._answers() < answers:
                over = self.program.ended.is_set() or not self.program.running
                if over or time.monotonic() > end:
                    raise RuntimeError(
                        f"the batch never came to {answers} answers. {self.program.raised}".rstrip()
                    )
                time.sleep(0.01)
        finally:
            self.program.kill()
        print(f"Killed, with at least {answers} answers in the journal.")

    def _answers(self) -> int:
        try:
            stats = read_report(self.journal).stats
        except FileNotFoundError:
            return 0
        return stats.successful + stats.failed


def start(
    client: ResonanceOSAPIClient,
    requests: Sequence[dict[str, Any]],
    journal: str | os.PathLike[str],
    *,
    concurrency: int = 4,
) -> Victim:
    """Begin a batch against the server of `client`, in another process.

    A private server's key comes from RESONANCE_API_KEY there, as it does in a lesson.
    """
    arguments = (client.base_url, list(requests), Path(journal), concurrency)
    return Victim(Program(_carry_out, arguments, {}, print), Path(journal))


def _carry_out(
    url: str, requests: list[dict[str, Any]], journal: Path, concurrency: int, _ask: object
) -> None:
    key = os.environ.get("RESONANCE_API_KEY", "").strip()
    client = ResonanceOSAPIClient(url, auth=ApiKeyAuth(Secret(key)) if key else None)
    run_batch(client, requests, concurrency=concurrency, journal=journal, progress=False)
