"""A room of scripted attendees, to see the board before a room does.

``python -m workshop.board.rehearsal [--attendees 30]`` starts a board of its own, lets each of them
check exercises rightly, wrongly, for too long or not at all, and prints what that took. What such a
board keeps is marked as scripted.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from resonance_helpers.cli.lab import free_port
from resonance_helpers.lesson.board import Reporter, key_of

from ..room import Room
from .command import TOKEN, new_token
from .state import STUCK, Exercise, exercises

__all__ = ["ROLES", "attend", "serve"]

ROLES = ("right", "right", "wrong", "right", "stuck", "idle")
"""What attendees do, in turn."""


@contextlib.contextmanager
def serve(folder: Path, attendees: int) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Serve the board of a new room in `folder`: its address, the token, a key for each name."""
    path = folder / "list.csv"
    path.write_text("".join(f"Attendee {n}\n" for n in range(1, attendees + 1)), "utf-8")
    room = Room(path, one_user=True)
    for inner in (room.folder, room.hub):
        inner.mkdir()
    room.hand_out_passwords()
    port, token = free_port(0), new_token()
    command = [sys.executable, "-m", "workshop", "board", str(path), "--port", str(port)]
    with subprocess.Popen(
        [*command, "--rehearsal"],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, TOKEN: token},
    ) as board:
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(600):
                with contextlib.suppress(OSError):
                    get(url, "/", "")
                    break
                time.sleep(0.1)
            yield url, token, {name: key_of(word) for name, word in room.passwords.items()}
        finally:
            board.terminate()


def get(url: str, path: str, credential: str) -> tuple[int, bytes]:
    """The status and the body of one GET."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {credential}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def attend(role: str, reporter: Reporter, known: list[Exercise], at: random.Random) -> list[float]:
    """Do what the role does; the seconds that each check's report took the attendee."""
    took = []

    def tell(one: Exercise, word: str) -> None:
        began = time.perf_counter()
        reporter.tell(one.name, word, f"Well. {at.choice(one.told)} Look again.")
        took.append(time.perf_counter() - began)

    if role == "idle":
        tell(known[0], "Correct")
        return took
    if role == "stuck":  # for minutes, so what they tell is as old
        for age, one, word, wrong in (
            *((900, one, "Correct", None) for one in known[: at.randint(2, 9)]),
            *((age, known[9], "Not yet", 0) for age in (STUCK + 60, STUCK + 20, 30)),
        ):
            reporter.send({"exercise": one.name, "outcome": word, "wrong": wrong, "age": age})
        reporter.send({"question": True})
        return took
    for one in known[: at.randint(2, 9)]:
        for _ in range(at.randint(0, 2)):
            tell(one, "Not yet")
        tell(one, "Correct")
    if role == "wrong":
        last = known[9 + at.randint(0, 2)]
        for _ in range(3):
            tell(last, "Not yet")
    return took


def main() -> int:
    """Rehearse, and print what was measured; with --stay, go on until Enter."""
    parser = argparse.ArgumentParser(prog="python -m workshop.board.rehearsal")
    parser.add_argument("--attendees", type=int, default=30, metavar="N")
    parser.add_argument("--stay", action="store_true", help="keep the board until Enter")
    options = parser.parse_args()
    known, took = list(exercises().values()), []
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), options.attendees) as (url, token, keys),
    ):
        reporters = [Reporter(url, key) for key in keys.values()]

        def one(at: int) -> None:
            took.extend(attend(ROLES[at % len(ROLES)], reporters[at], known, random.Random(at)))

        threads = [threading.Thread(target=one, args=(at,)) for at in range(len(reporters))]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for reporter in reporters:
            reporter.drain(120)
        print(f"{len(reporters)} attendees, {len(took)} checks in", end=" ")
        print(f"{time.perf_counter() - began:.1f} s, all on the board")
        took.sort()
        print(f"  a check's report costs   median {median(took) * 1e3:.3f} ms,", end=" ")
        print(f"most {took[-1] * 1e3:.3f} ms")
        loads = []
        for _ in range(20):
            began = time.perf_counter()
            status, body = get(url, "/state", token)
            loads.append(time.perf_counter() - began)
        board = json.loads(body)
        print(f"  the board's news         median {median(loads) * 1e3:.0f} ms,", end=" ")
        print(f"{len(body) / 1000:.0f} kB, status {status}")
        print(f"  on it                    {len(board['attendees'])} attendees,", end=" ")
        print(f"{sum(row['stuck'] for row in board['exercises'])} stuck,", end=" ")
        print(f"{sum(one['hand'] is not None for one in board['attendees'])} hands,", end=" ")
        print(f"everybody past {board['past']}")
        refused = [get(url, "/state", key)[0] for key in [*keys.values(), "", token[:-1]]]
        print(f"  others who asked for it  {len(refused)}, refused {refused.count(401)}")
        if options.stay:
            print(f"  {url}/#{token}", flush=True)
            input()
    return 0


if __name__ == "__main__":
    sys.exit(main())
