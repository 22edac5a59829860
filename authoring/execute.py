"""Run the lessons and commit what they print, so that a second run changes no byte.

Each lesson runs from top to bottom in a kernel of its own. Its new outputs are laid beside the
committed ones; where the two are alike, the committed output stays. `compare` says what that is.
"""

from __future__ import annotations

import copy
import hashlib
import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_helpers.cli.copies import write_whole
from resonance_helpers.lesson.manifest import NOTEBOOKS, available, pages

from . import guide, reading
from .compare import PICTURES, WIDGET_VIEW, alike, comparable
from .navigation import navigation, table

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["Difference", "LessonError", "contents", "differences", "execute", "merge", "run_cells"]

NAVIGATION = "navigation"
"""The tag of the cell that is written from the manifest."""

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE_INFO = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}

CONTENTS = """\
# Lessons

{table}

Minutes are for reading and for practice. Each lesson stands alone and starts its own sandbox.
"""


class LessonError(Exception):
    """A lesson did not run to its end; the message names the lesson, the cell and the error."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A place where a committed lesson is not what a new run makes of it."""

    lesson: str
    cell: int | None
    what: str

    def __str__(self) -> str:
        place = self.lesson if self.cell is None else f"{self.lesson}, cell {self.cell}"
        return f"{place}: {self.what}"


# -- running --------------------------------------------------------------------------------------


def run_cells(
    notebook: NotebookNode,
    folder: Path,
    *,
    name: str = "notebook",
    times: int = 1,
    timeout: float = 60,
    url: str | None = None,
    key: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[NotebookNode]:
    """Run every code cell in order, ``times`` times over in one kernel; a copy for each pass.

    ``timeout`` is in seconds and for each cell. The kernel starts in ``folder``, without the
    settings of this machine's user; ``url`` names a server to use in place of the sandbox, and
    ``key`` is an API key for it, by default that of the environment.

    Raises:
    ------
    LessonError
        If a cell raises (and is not tagged ``raises-exception``), takes too long, writes to
        stderr, or kills its kernel.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    working = copy.deepcopy(notebook)
    client = NotebookClient(
        working,
        kernel_name=KERNELSPEC["name"],
        timeout=timeout,
        startup_timeout=max(60, int(timeout)),
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=True,  # for the site; the committed form leaves it out
        resources={"metadata": {"path": str(folder)}},
    )
    passes = []
    total = len(working.cells)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch,
        client.setup_kernel(env=kernel_environment(scratch, url, key), transport_encryption="auto"),
    ):
        for _ in range(times):
            for index, cell in enumerate(working.cells):
                place = f"{name}, cell {index + 1} ({first_line(cell.source)})"
                try:
                    client.execute_cell(cell, index)
                except CellExecutionError as error:
                    raise LessonError(f"{place}: {error.ename}: {error.evalue}") from None
                except CellTimeoutError:
                    raise LessonError(f"{place}: still running after {timeout:g} s") from None
                except DeadKernelError:
                    raise LessonError(f"{place}: the kernel died") from None
                for output in cell.get("outputs", ()):
                    if output.get("name") == "stderr":
                        raise LessonError(f"{place}: wrote to stderr: {output.text.strip()}")
                progress(index + 1, total)
            client.set_widgets_metadata()
            passes.append(copy.deepcopy(working))
    return passes


def kernel_environment(
    scratch: str, url: str | None = None, key: str | None = None
) -> dict[str, str]:
    """The environment of a lesson's kernel: nobody's start-up files, styles or credentials."""
    settings = (
        *("RESONANCE_", "IPYTHON", "MPL", "MATPLOTLIB"),
        *("PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONOPTIMIZE"),
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    env["IPYTHONDIR"] = scratch
    if url:
        env["RESONANCE_URL"] = url
        for name in ("RESONANCE_API_KEY", "RESONANCE_ALLOW_HTTP"):
            if name in os.environ:
                env[name] = os.environ[name]
        if key:
            env["RESONANCE_API_KEY"] = key
    return env


def first_line(source: str) -> str:
    """The first line of a cell, short enough for a message."""
    line = source.strip().partition("\n")[0]
    return line if len(line) <= 60 else line[:59] + "…"


# -- comparing ------------------------------------------------------------------------------------


def merge(committed: NotebookNode, fresh: NotebookNode, *, redraw: bool = False) -> NotebookNode:
    """The notebook to save: ``fresh``, but with each committed output that is still true.

    A picture is kept as long as the text beside it is equal; ``redraw`` takes the new one.
    """
    merged = normalise(fresh)
    if redraw:
        return merged
    before = {cell.id: cell for cell in normalise(committed).cells}
    for cell in merged.cells:
        old = before.get(cell.id)
        if cell.cell_type != "code" or old is None or old.cell_type != "code":
            continue
        if len(old.outputs) != len(cell.outputs):
            continue
        for at, (kept, new) in enumerate(zip(old.outputs, cell.outputs, strict=True)):
            if alike(comparable(kept), comparable(new)):
                if kept.output_type == "execute_result":
                    kept.execution_count = new.execution_count
                cell.outputs[at] = kept
    return merged


def normalise(notebook: NotebookNode) -> NotebookNode:
    """A copy in the one form that is committed: no widget ids, no times, no editor's traces."""
    import nbformat

    notebook = nbformat.from_dict(copy.deepcopy(notebook))
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO}
    )
    seen: set[str] = set()
    for index, cell in enumerate(notebook.cells):
        if not cell.get("id") or cell.id in seen:
            digest = hashlib.sha256(f"{index}\n{cell.source}".encode())
            cell.id = digest.hexdigest()[:8]
        seen.add(cell.id)
        kept = {
            name: cell.metadata[name] for name in ("tags", "jupyter") if cell.metadata.get(name)
        }
        cell.metadata = nbformat.from_dict(kept)
        if cell.cell_type == "code":
            cell.outputs = [tidy(output) for output in cell.outputs]
    return notebook


def tidy(output: NotebookNode) -> NotebookNode:
    """An output without what only this run or this machine knows."""
    if output.output_type in ("display_data", "execute_result"):
        output.data.pop(WIDGET_VIEW, None)
    elif output.output_type == "error":
        output.traceback = [without_paths(frame) for frame in output.traceback]
    return output


def without_paths(text: str) -> str:
    """``text`` with this machine's folders cut off its file names.

    Those that are known go first, since a name with a space in it looks like two.
    """
    home = Path.home()
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    known = [(folder, "site-packages/") for folder in packages]
    roots = (str(NOTEBOOKS.parent), sys.prefix, sys.base_prefix, str(home))
    known += [(folder, "") for folder in roots]
    known += [(os.path.realpath(folder), new) for folder, new in known]
    for folder, new in known:
        text = text.replace(f"{folder}{os.sep}", new)
        if Path(folder).is_relative_to(home):  # as IPython shortens it
            text = text.replace(os.path.join("~", Path(folder).relative_to(home), ""), new)
    return re.sub(r"[^\s'\"]*[/\\]site-packages[/\\]", "site-packages/", text)


def dump(notebook: NotebookNode) -> str:
    """The text of a notebook file, always formatted alike."""
    import nbformat

    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


def differences(name: str, committed: NotebookNode, merged: NotebookNode) -> Iterator[Difference]:
    """Where ``merged`` is not ``committed``, cell by cell (cells are counted from 1)."""
    if len(committed.cells) != len(merged.cells):
        yield Difference(name, None, "the number of cells differs")
        return
    pairs = zip(committed.cells, merged.cells, strict=True)
    for number, (old, new) in enumerate(pairs, start=1):
        if old == new:
            continue
        if old.source != new.source:
            yield Difference(name, number, "is not what the manifest says")
        elif old.get("outputs") != new.get("outputs"):
            yield Difference(name, number, f"({first_line(new.source)}) {changed(old, new)}")
        elif old.get("execution_count") != new.get("execution_count"):
            yield Difference(name, number, "its execution count differs")
        else:
            yield Difference(name, number, "its id or metadata is not in the committed form")


def changed(old: NotebookNode, new: NotebookNode) -> str:
    """The first line that differs between the outputs of two code cells, before and now."""
    before, now = (
        [line for output in cell.outputs for line in shown(output)] for cell in (old, new)
    )
    for was, is_now in zip_longest(before, now, fillvalue="nothing more"):
        if not alike(was, is_now):
            return f"printed {first_line(was)!r}, now {first_line(is_now)!r}"
    return "differs in a picture or in the form of its outputs"


def shown(output: NotebookNode) -> list[str]:
    """The lines of text that an output shows."""
    if output.output_type in ("display_data", "execute_result"):
        texts = [value for mime, value in sorted(output.data.items()) if mime not in PICTURES]
        texts += [about["alt"] for about in output.metadata.values() if about.get("alt")]
    else:
        texts = [output.get("text") or f"{output.ename}: {output.evalue}"]
    return [line for text in texts for line in str(text).splitlines()]


# -- the command ----------------------------------------------------------------------------------


def execute(
    paths: Sequence[Path] | None = None,
    *,
    check: bool = False,
    redraw: bool = False,
    timeout: float = 60,
    url: str | None = None,
    say: Callable[[str], None] = print,
) -> list[Difference]:
    """Run lessons (by default all) and save what they print; the differences found.

    With ``check`` nothing is written. With ``url`` the lessons run against that server, and
    nothing is written or compared either: another server answers with other data.

    Raises:
    ------
    LessonError
        If a lesson does not run to its end. The lessons before it are already saved.
    """
    found: list[Difference] = []
    chosen = list(paths) if paths else [NOTEBOOKS / one.filename for one in pages()]
    for path in chosen:
        found += execute_one(path, check=check, redraw=redraw, timeout=timeout, url=url, say=say)
    if not url and any(path.parent == NOTEBOOKS for path in chosen):
        found += contents(NOTEBOOKS.parent, check=check)
    return found


def execute_one(
    path: Path,
    *,
    check: bool,
    redraw: bool,
    timeout: float,
    url: str | None,
    say: Callable[[str], None],
) -> list[Difference]:
    """Run one lesson; see `execute`."""
    import nbformat

    try:
        text = path.read_text(encoding="utf-8")
        committed = nbformat.reads(text, as_version=4)
        for cell in committed.cells:
            cell.source.strip()
    except Exception as error:  # whatever nbformat makes of what is no notebook
        raise LessonError(f"{path.name}: cannot be read: {error}") from None
    fresh = run_cells(
        cleared(committed, path), path.parent, name=path.name, timeout=timeout, url=url
    )[0]
    if url:
        say(f"{path.name}: ran against {url}")
        return []
    merged = merge(committed, fresh, redraw=redraw)
    new = dump(merged)
    if new == text:
        say(f"{path.name}: unchanged")
        return []
    found = list(differences(path.name, committed, merged))
    found = found or [Difference(path.name, None, "the file is not in the committed format")]
    if check:
        say(f"{path.name}: differs")
    else:
        write_whole(path.resolve(), new.encode())
        say(f"{path.name}: saved")
    return found


def cleared(notebook: NotebookNode, path: Path) -> NotebookNode:
    """A copy without outputs, its navigation written from the manifest."""
    notebook = normalise(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        elif NAVIGATION in cell.metadata.get("tags", ()):
            lessons = pages(path.parent)
            for lesson in lessons:
                if lesson.filename == path.name:
                    cell.source = navigation(lesson, lessons)
    return notebook


def contents(root: Path, *, check: bool = False) -> list[Difference]:
    """Write the lessons' tables of contents under ``root`` from the manifest, and the guide's."""
    stale = reading.update(root, check=check)
    lessons = available(root / "notebooks")
    wanted = {root / "notebooks" / "README.md": CONTENTS.format(table=table(lessons))}
    readme = root / "README.md"
    if readme.is_file():
        wanted[readme] = re.sub(
            "(?s)(?<=<!-- lessons -->\n).*?(?=<!-- /lessons -->)",
            lambda _: table(lessons, "notebooks/") + "\n",
            readme.read_text(encoding="utf-8"),
        )
    wanted |= guide.pages(root / "docs" / "instructor")
    for path, text in wanted.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not check:
                write_whole(path.resolve(), text.encode())
    told = "what is computed in it is not up to date"
    return [Difference(path.relative_to(root).as_posix(), None, told) for path in stale]


def named(names: Iterable[str], notebooks: Path = NOTEBOOKS) -> list[Path]:
    """The notebooks that ``names`` mean: a path, a topic, a slug or a number.

    Raises:
    ------
    LessonError
        If a name means no notebook that exists.
    """
    found = []
    for name in names:
        if Path(name).is_file():
            found.append(Path(name).resolve())
            continue
        for lesson in pages(notebooks):
            if name in (lesson.topic, lesson.slug, lesson.filename, str(lesson.number)):
                found.append(notebooks / lesson.filename)
                break
        else:
            known = ", ".join(lesson.topic for lesson in available(notebooks)) or "none yet"
            raise LessonError(f"no lesson {name!r}; there are: {known}")
    return found
