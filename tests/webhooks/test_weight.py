"""Who verifies, receives or notifies needs requests and the standard library."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from resonance_helpers import WebhookHandler, WebhookReceiver
from resonance_helpers.webhooks import SeenEvents, new_secret, sign, verify
with WebhookReceiver(new_secret()) as receiver:
    pass
print(sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""
HEAVY = ["pandas", "numpy", "matplotlib", "ipywidgets", "fastapi", "flask", "standardwebhooks"]


def test_nothing_heavy_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", CODE, *HEAVY], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
