"""Small programs to be judged, as text; each is run by this Python."""

from __future__ import annotations

import sys
from pathlib import Path

STEADY = '''
import hashlib, os, sys, time
import requests

url, key = os.environ["RESONANCE_URL"], os.environ["RESONANCE_API_KEY"]
http = requests.Session()


def post(path, body):
    """One call: one key, made from what it says, and attempts until it is answered."""
    sent = {
        "Authorization": f"Bearer {key}",
        "Idempotency-Key": hashlib.sha256(repr((path, body)).encode()).hexdigest(),
    }
    pause = 0.1
    while True:
        asked = 0.0
        try:
            response = http.post(url + path, json=body, headers=sent, timeout=4)
            if response.ok and response.json().keys() & {"article", "profile_name"}:
                return response.json()
            asked = float(response.headers.get("Retry-After", 0))
        except (requests.RequestException, ValueError, AttributeError):
            http.close()
        time.sleep(max(asked, pause))
        pause = min(pause * 2, 4)


for number in range(3):
    post("/hr_generate", {"prompt": f"A story of {number} towers"})
'''
"""Keeps what its few calls can show, and is plain on purpose."""


def command(folder: Path, source: str) -> list[str]:
    """A command that runs `source`."""
    path = folder / "program.py"
    path.write_text(source, encoding="utf-8")
    return [sys.executable, str(path)]
