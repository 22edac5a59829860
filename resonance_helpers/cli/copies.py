"""A learner's working copies: made from the lessons without their outputs, and kept up to date.

What a learner has changed is never overwritten. Whoever runs this owns the folder: what it writes
is theirs, and a link that they set leads to no place that they could not write to themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..lesson.manifest import NOTEBOOKS
from ..lesson.solved import COPIES

__all__ = ["KEPT", "MY_LESSONS", "is_notebook", "put", "strip", "update", "write_whole"]

MY_LESSONS = NOTEBOOKS.parent / "my-lessons"
"""Where `resonance lab` works, in a clone of the project; git does not see it."""


KEPT = "changed by you, so it stays"
"""How `put` tells of a file that it left alone."""


def strip(notebook: bytes) -> bytes:
    """A notebook as a learner gets it: without outputs, so that what has an output has been run.

    Its metadata say of the language what the kernel of this Python will say: JupyterLab compares
    the two when it opens a notebook, and calls it unsaved where they differ.
    """
    try:
        content: dict[str, Any] = json.loads(notebook)
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None
        content["metadata"]["language_info"] = _language()
    except (ValueError, LookupError, TypeError, RecursionError):
        return notebook  # no notebook, whatever its name says: it stays as it is
    # nbformat's own form, so that saving it unchanged in JupyterLab changes no byte.
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def is_notebook(path: Path) -> bool:
    """Whether it can be read as one; not where a merge or a full disk has spoilt it."""
    try:
        return isinstance(json.loads(path.read_bytes())["cells"], list)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return False


def _language() -> dict[str, Any]:
    """What ipykernel tells of the language, without the second that importing it takes."""
    return {
        "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": sys.version.split()[0],
    }


def update(source: Path, folder: Path) -> list[str]:
    """Bring the lessons in `folder` up to date with those in `source`; one line for each change.

    A file that the learner has changed stays as it is, and the new one is put beside it, as
    ``03_profiles.new.ipynb``. What they deleted comes back.

    Args:
        source: the lessons; their outputs are left behind.
        folder: made where it is missing.

    Returns:
        A sentence for each file that was put, renewed or offered.

    Raises:
        OSError: the folder can't be written.
    """
    files = {}
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.name.startswith("."):  # such as what `put` records there
            content = path.read_bytes()
            files[path.name] = strip(content) if path.suffix == ".ipynb" else content
    return put(files, folder)


def put(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Bring `folder` up to date with `files`, by name; as `update`, which see.

    Broken off at any file, it goes on when it is called again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    record = _read(folder / COPIES)
    done = []
    try:
        for name, content in files.items():
            new, last = _digest(content), record.get(name)
            there = _digest_of(folder / name)
            if there is None or there == last != new:
                write_whole(folder / name, content)
                done.append(f"{name}: {'put' if there is None else 'brought up to date'}")
            elif there != new and last != new:
                beside = _beside(folder, name, new)
                write_whole(folder / beside, content)
                done.append(f"{name}: {KEPT}; the new one is {beside}")
            record[name] = new
    finally:  # what was put counts as put, even if the disk is full by now
        text = json.dumps(record, indent=1, sort_keys=True) + "\n"
        write_whole(folder / COPIES, text.encode())
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
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, even if the disk is full or the machine stops meanwhile.

    It is written beside, as ``.name.4711.draft`` by process 4711, and then put in place: of two
    at once each has its own.

    Raises:
        OSError: it can't be; what was there is there.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    draft.unlink(missing_ok=True)  # of a time when it was killed, or a link to elsewhere
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(path, draft)
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def _digest_of(path: Path) -> str | None:
    try:
        return _digest(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError:
        return ""  # something else stands there, such as a folder: it stays


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
