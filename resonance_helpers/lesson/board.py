"""What the instructor's board is told, where there is one: which exercise, and how it went.

Never an answer or the text of a message: the board says of which wrong answers it knows the
sentence, by a digest, and is told the place of one among them, or none. All of it goes from a queue
in the background, so that a board that is slow or dead neither delays nor fails a check.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import threading
import time
from collections import deque
from typing import Any
from urllib.parse import urlsplit

__all__ = ["KEY", "OUTCOMES", "URL", "Reporter", "expected", "key_of", "question", "tell", "use"]

URL = "RESONANCE_BOARD"
"""The environment variable with the board's address; without it nothing is told to anybody."""
KEY = "RESONANCE_BOARD_KEY"
"""The variable with the attendee's key for the board, by default made from their API key."""

OUTCOMES = ("Correct", "Not yet", "Set-up broken")
"""The words of a check that are told; of one that was not attempted nothing is."""

NOTICE = (
    "Your instructor has a board: it is told which exercise you check and how that went, under a "
    "number, or under your name where the list of attendees says so; no code and no text. "
    "question() raises your hand there, and tells which. To stay off it: "
    f'del os.environ["{URL}"], and connect() again.'
)
LONGEST_MESSAGE = 1000  # characters
LONGEST = 200
"""Reports that wait for a board; of more, the oldest are dropped."""
OLDEST = 3600.0
"""Seconds that a report may have waited for the board."""
TIMEOUT = 3.0  # seconds
PAUSES = (1.0, 3.0, 10.0, 30.0)  # seconds between attempts


def key_of(secret: str) -> str:
    """An attendee's key for the board, from what else only they and the instructor know."""
    return hmac.digest(secret.encode(), b"resonance board", "sha256").hex()


def expected(part: str) -> list[Any]:
    """How a board tells what a check says to a wrong answer: its length and a digest."""
    return [len(part), hashlib.sha256(part.encode()).hexdigest()[:16]]


def place(message: str, parts: list[Any]) -> int | None:
    """Which of `parts` (of `expected`) the message has in it, the longest first; None for none."""
    message = message[:LONGEST_MESSAGE]
    for length, digest in sorted(parts, reverse=True):
        windows = range(len(message) - length + 1)
        if any(expected(message[at : at + length])[1] == digest for at in windows):
            return parts.index([length, digest])
    return None


class Reporter:
    """Tells one board, as one attendee, from a thread in the background."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = urlsplit(url.rstrip("/")), key
        self._waiting: deque[tuple[float, str, str, str]] = deque(maxlen=LONGEST)
        self._expected: dict[str, list[Any]] | None = None
        self._some = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, exercise: str, word: str, message: str) -> None:
        """Put how a check went into the queue."""
        self._waiting.append((time.monotonic(), exercise, word, message))
        self._some.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="board", daemon=True)
            self._thread.start()

    def drain(self, seconds: float) -> bool:
        """Wait until the board has all of it; whether it has."""
        deadline = time.monotonic() + seconds
        while self._waiting and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self._waiting

    def close(self) -> None:
        """Tell nothing more."""
        self._over.set()
        self._waiting.clear()
        self._some.set()

    def send(self, report: dict[str, Any]) -> dict[str, Any] | None:
        """Send one report now; the board's answer, or None if it did not take it.

        Raises:
            OSError, http.client.HTTPException, ValueError: There is no such board.
        """
        return self._exchange("POST", "/reports", json.dumps(report).encode(), 4096)

    def _exchange(
        self, method: str, path: str, body: bytes | None, most: int
    ) -> dict[str, Any] | None:
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=TIMEOUT)
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request(method, self._url.path + path, body, headers)
            answer = connection.getresponse()
            told = answer.read(most)
            if answer.status >= 500 or answer.status == 429:
                raise OSError(f"the board answered {answer.status}")
            return dict(json.loads(told)) if answer.status == 200 else None
        finally:
            connection.close()

    def _work(self) -> None:
        failures = 0
        while not self._over.is_set():
            self._some.wait()
            try:
                first = self._waiting[0]
            except IndexError:
                self._some.clear()
                if self._waiting:  # put there in between
                    self._some.set()
                continue
            try:
                if self._expected is None:
                    self._expected = self._exchange("GET", "/expected", None, 1 << 20) or {}
                self.send(self._report(*first))
            except Exception:  # whatever answers there does not disturb a lesson
                self._over.wait(PAUSES[min(failures, len(PAUSES) - 1)])
                failures += 1
                continue
            failures = 0
            if self._waiting and self._waiting[0] is first:  # else it was dropped meanwhile
                self._waiting.popleft()

    def _report(self, since: float, exercise: str, word: str, message: str) -> dict[str, Any]:
        """What the board is told: all but the message."""
        known = (self._expected or {}).get(exercise, [])
        wrong = place(message, known) if word == "Not yet" else None
        age = min(round(time.monotonic() - since, 3), OLDEST)
        return {"exercise": exercise, "outcome": word, "wrong": wrong, "age": age}


_reporter: Reporter | None = None


def use() -> str:
    """Tell the board of the environment from now on; what to say of it to the learner, if any."""
    global _reporter
    if _reporter is not None:
        _reporter.close()
        _reporter = None
    url = os.environ.get(URL, "").strip()
    key = os.environ.get(KEY, "").strip()
    if not key and (secret := os.environ.get("RESONANCE_API_KEY", "").strip()):
        key = key_of(secret)
    if not (
        url.startswith(("http://", "https://")) and key.isascii() and key.isprintable() and key
    ):
        return ""
    try:
        _reporter = Reporter(url, key)
    except ValueError:  # no address at all
        return ""
    return NOTICE


def tell(exercise: str, word: str, message: str) -> None:
    """Report how a check went. Without a board, nothing happens."""
    if _reporter is not None and word in OUTCOMES:
        _reporter.tell(exercise, word, message)


def question(raised: bool = True) -> None:
    """Raise your hand on the instructor's board, or lower it: ``question(False)``."""
    if _reporter is None:
        print("There is no board here; ask aloud.")
        return
    try:
        answer = _reporter.send({"question": bool(raised), "age": 0})
    except Exception:  # whatever answers there
        answer = None
    if answer is None:
        print("The board does not answer; ask aloud.")
    elif raised:
        shown = answer.get("name") or f"number {answer.get('number')}"
        print(f"Your hand is up: {shown}. question(False) lowers it.")
    else:
        print("Your hand is down.")
