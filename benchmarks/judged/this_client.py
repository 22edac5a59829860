"""The newsroom with this project's client: OAuth, a batch with a journal, and events."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resonance_helpers import OAuth2ClientCredentials, ResonanceOSAPIClient, RetryPolicy, run_batch
from resonance_helpers.client.errors import ProfileExistsError, ResonanceError
from resonance_helpers.webhooks import Event, SeenEvents, WebhookReceiver, new_secret

URL = os.environ["RESONANCE_URL"]
FOLDER = Path(os.environ["RESONANCE_FOLDER"])
TENANT = "acme_corp"
STYLES = ("harbour", "night_train", "library")
PATIENCE = RetryPolicy(max_attempts=30, base=2)


def until_done(call: Callable[[], Any]) -> Any:
    """Carry out a call that may come again: what is unreadable or a 500 is no last word."""
    for pause in (0.2, 0.5, 1, 2, 4, 8, 8, 8):
        try:
            return call()
        except ResonanceError:
            time.sleep(pause)
    return call()


def kept_secret() -> str:
    """The signing secret, the same at each start."""
    path = FOLDER / "webhook-secret"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text(new_secret().reveal())
        fresh.chmod(0o600)
        fresh.replace(path)
    return path.read_text()


def subscribe(api: ResonanceOSAPIClient, url: str) -> None:
    """Have the events of new styles sent, unless they are already."""
    if all(hook["url"] != url for hook in api.get_webhooks()["webhooks"]):
        api.create_webhook(url, ["profile.created"], secret=kept_secret())


def main() -> None:
    """Subscribe, make the styles, write the articles, and an introduction for each style."""
    auth = OAuth2ClientCredentials(
        f"{URL}/oauth/token",
        os.environ["RESONANCE_CLIENT_ID"],
        os.environ["RESONANCE_CLIENT_SECRET"],
    )
    api = ResonanceOSAPIClient(
        URL, timeout=4, deadline=60, auth=auth, retry=PATIENCE, on_error="raise"
    )

    def introduce(event: Event) -> None:
        # Where this raises, the event comes again.
        name = event.data["profile_name"]
        api.generate_content(f"Introducing {name}", idempotency_key=f"intro-{name}")

    port = int(os.environ["RESONANCE_RECEIVER_PORT"])
    seen = SeenEvents(FOLDER / "seen.sqlite", lease=30)
    with WebhookReceiver(kept_secret(), port, handler=introduce, seen=seen) as receiver:
        until_done(lambda: subscribe(api, receiver.url))
        for number, name in enumerate(STYLES):
            vector = [0.5 + number / 10] * 8
            with contextlib.suppress(ProfileExistsError):
                until_done(
                    lambda n=name, v=vector: api.create_profile(
                        TENANT, n, v, idempotency_key=f"profile-{n}"
                    )
                )
        stories = [{"prompt": f"A story of the {name}", "profile_name": name} for name in STYLES]
        for pause in (0.5, 1, 2, 4, 8, 8, 8):
            if not run_batch(
                api, stories, concurrency=2, journal=FOLDER / "batch", progress=False
            ).stats.failed:
                break
            time.sleep(pause)
        while count_handled() < len(STYLES):
            time.sleep(0.05)


def count_handled() -> int:
    """Events that were handled, in this start and the ones before."""
    with sqlite3.connect(FOLDER / "seen.sqlite") as database:
        return database.execute("SELECT count(*) FROM seen WHERE claim IS NULL").fetchone()[0]


if __name__ == "__main__":
    main()
