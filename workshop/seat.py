"""An attendee's own process: brings their lessons up to date, then becomes their Jupyter server.

It runs as the attendee, so whatever it writes is theirs, and a link that they set leads to no
place that they could not write to themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

RECORD = ".lessons.json"
"""What was put into the folder, by name: the digest of each file, as long as nobody changes it."""


def update(source: Path, folder: Path) -> list[str]:
    """Bring the lessons in `folder` up to date with those in `source`; one line for each change.

    A file that the attendee has changed stays as it is, and the new one is put beside it, as
    ``03_profiles.new.ipynb``. What they deleted comes back.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = _read(folder / RECORD)
    done = []
    for path in sorted(source.iterdir()):
        if not path.is_file():
            continue
        content = path.read_bytes()
        new, put = _digest(content), record.get(path.name)
        there = _digest_of(folder / path.name)
        if there == new:
            record[path.name] = new
        elif there is None or there == put:
            _write(folder / path.name, content)
            record[path.name] = new
            done.append(f"{path.name}: {'put' if there is None else 'brought up to date'}")
        elif new != put:
            beside = _beside(folder, path.name, new)
            _write(folder / beside, content)
            record[path.name] = new
            done.append(f"{path.name}: changed by you, so it stays; the new one is {beside}")
    _write(folder / RECORD, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return done


def _beside(folder: Path, name: str, new: str) -> str:
    """A name for the new file that takes nobody's place."""
    stem, dot, suffix = name.rpartition(".")
    stem, suffix = (stem, dot + suffix) if stem else (name, "")
    number = 1
    while True:
        candidate = f"{stem}.new{'' if number == 1 else number}{suffix}"
        if _digest_of(folder / candidate) in (None, new):
            return candidate
        number += 1


def _read(path: Path) -> dict[str, str]:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, even if the machine stops meanwhile."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)  # of a time when it was stopped, or a link to elsewhere
    with draft.open("xb") as file:
        file.write(content)
    os.replace(draft, path)


def _digest_of(path: Path) -> str | None:
    try:
        return _digest(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError:
        return ""  # something else stands there, such as a folder: it stays


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    if sys.argv[1:2] == ["--put"]:  # without a JupyterHub: from a bundle onto a laptop
        for line in update(Path(sys.argv[2]), Path(sys.argv[3])):
            print(line)
        return
    folder = Path.home() / "lessons"
    for line in update(Path(os.environ["WORKSHOP_LESSONS"]), folder):
        print(line, flush=True)
    os.chdir(folder)
    # -P: whatever their files are called, none stands in for a module of the server.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "jupyterhub.singleuser", *sys.argv[1:]])


if __name__ == "__main__":
    main()
