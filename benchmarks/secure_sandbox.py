"""``python -m benchmarks.secure_sandbox DATABASE CERTIFICATE KEY``: a sandbox behind TLS.

The fault matrix starts it. It prints its URL as JSON, and ends with its stdin.
"""

from __future__ import annotations

import json
import sys

from resonance_sandbox.app import create_app
from resonance_sandbox.listening import bind
from resonance_sandbox.server import run
from resonance_sandbox.settings import Settings

UNLIMITED = 10**9


def main(database: str, certificate: str, key: str) -> None:
    settings = Settings(
        port=0, database=database, rate_limit=UNLIMITED, burst=UNLIMITED, quota=UNLIMITED
    )
    listening = bind(settings.host, settings.port)
    url = f"https://localhost:{listening.getsockname()[1]}"
    run(
        create_app(settings),
        listening,
        lambda: print(json.dumps({"url": url}), flush=True),
        until_stdin_ends=True,
        certificate=(certificate, key),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
