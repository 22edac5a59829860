"""A batch in a process of its own, for tests that kill it.

    python -m tests.batch.victim URL JOURNAL ITEMS [CONCURRENCY]

Prints one line when its first answer has come, and one with its figures at the end.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from resonance_helpers.batch import run_batch
from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.client.transport import RetryPolicy


def main(url: str, journal: str, items: str, concurrency: str = "8") -> None:
    api = ResonanceOSAPIClient(url, retry=RetryPolicy(max_attempts=20, base=0.01))
    said = []

    def say(snapshot):
        if snapshot.ended and not said:
            said.append(print("going", flush=True))

    requests = ({"prompt": f"prompt {number}"} for number in range(int(items)))
    report = run_batch(
        api, requests, concurrency=int(concurrency), journal=Path(journal), progress=say
    )
    print(json.dumps({"stopped": report.stopped, **asdict(report.stats)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
