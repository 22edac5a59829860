"""A rehearsed disaster: a batch in a process of its own, to be killed while it runs.

python -m resonance_helpers.lesson.killed_batch URL JOURNAL CONCURRENCY < requests.json
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..batch.report import read_report
from ..batch.run import run_batch
from ..client.api import ResonanceOSAPIClient
from ..client.auth import ApiKeyAuth, Secret

__all__ = ["Victim", "start"]


class Victim:
    """A batch that runs elsewhere. It dies with `kill`, without a chance to tidy up."""

    def __init__(self, process: subprocess.Popen[bytes], journal: Path) -> None:
        self.process = process
        self.journal = journal

    def kill_after(self, answers: int, timeout: float = 30.0) -> None:
        """Kill it (SIGKILL) as soon as the journal holds so many answers, and say so.

        Raises:
            RuntimeError: It ended before, or took longer than `timeout` seconds.
        """
        end = time.monotonic() + timeout
        try:
            while self._answers() < answers:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"the batch never came to {answers} answers")
                time.sleep(0.01)
        finally:
            self.process.kill()
            self.process.wait()
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
    command = [sys.executable, "-m", __name__, client.base_url, str(journal), str(concurrency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(json.dumps(list(requests)).encode())
    return Victim(process, Path(journal))


def main(url: str, journal: str, concurrency: str) -> None:
    key = os.environ.get("RESONANCE_API_KEY", "").strip()
    client = ResonanceOSAPIClient(url, auth=ApiKeyAuth(Secret(key)) if key else None)
    requests = json.load(sys.stdin)
    run_batch(client, requests, concurrency=int(concurrency), journal=journal, progress=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
