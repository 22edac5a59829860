"""Articles filed as their events come, each once, by a program that may be killed at any moment.

    pip install path/to/this/clone
    RESONANCE_URL=... RESONANCE_API_KEY=... RESONANCE_WEBHOOK_SECRET=whsec_... \
        python newsroom.py FOLDER PORT PROMPT ...

Start it again in the same way, and it goes on where it was. What it must know then is in the
environment (its secrets), in FOLDER (what was sent, and what was handled) and at the server (the
subscription, and the events that could not be delivered meanwhile).
"""

import sys
from pathlib import Path

from resonance_helpers import ResonanceOSAPIClient, Secret, WebhookReceiver, run_batch
from resonance_helpers.webhooks import Event, SeenEvents

PATIENCE = 120.0  # seconds for the batch, and again for its events


def main(folder: Path, port: int, prompts: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    api = ResonanceOSAPIClient.from_env(on_error="raise")
    secret = Secret.from_env("RESONANCE_WEBHOOK_SECRET")

    def file(event: Event) -> None:
        """Runs before the 2xx; an event that comes twice writes the same file twice."""
        part = folder / f"{event.data['request_id']}.part"
        part.write_text(event.data["article"], encoding="utf-8")
        part.replace(part.with_suffix(".txt"))

    # Who is killed while it handles an event has claimed it; the claim ends after 5 seconds.
    seen = SeenEvents(folder / "events.db", lease=5)
    with WebhookReceiver(secret, port, handler=file, seen=seen) as receiver:
        hook = api.ensure_webhook(receiver.url, ["generation.completed"], secret=secret)
        for dead in list(api.iter_deliveries(hook["id"], status="dead")):
            api.redeliver(hook["id"], dead["id"])
        report = run_batch(api, prompts, journal=folder / "batch.db", until=PATIENCE)
        for failure in report.failures:
            print(failure, file=sys.stderr)
        written = [one["result"]["request_id"] for one in report.results if one["success"]]
        receiver.wait_for(written, timeout=PATIENCE)
    print(f"{len(written)} of {len(prompts)} articles are filed.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
