"""Open JupyterLab on a learner's working copies, where they were."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..lesson.manifest import NOTEBOOKS, Lesson, pages
from ..lesson.progress import last_place
from .copies import MY_LESSONS, is_notebook, update
from .folders import substitutes, written

__all__ = ["LabError", "command", "environment", "free_port", "lab"]

HOST = "127.0.0.1"
PORT = 8888
SETTINGS = Path(__file__).resolve().parent / "jupyter"
"""A folder of Jupyter's configuration: defaults that a learner's own settings still override."""


class LabError(Exception):
    """JupyterLab cannot be opened; the message says why and how to mend it."""


def lab(*, notebooks: Path | None = None, port: int | None = None, browser: bool = True) -> int:
    """Open JupyterLab on the lessons and wait until it ends; its exit code.

    Args:
        notebooks: a folder to open as it is; by default the working copies in `MY_LESSONS`, made
            or brought up to date first.
        port: by default the first free one from 8888 on; 0 for any.
        browser: whether to open one.

    Raises:
        LabError: there are no lessons, JupyterLab is not installed, or ``port`` is in use.
    """
    arguments = command(notebooks or working_copies(), free_port(port), browser=browser)
    with tempfile.TemporaryDirectory(prefix="resonance-lab-", ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(arguments, env=environment(Path(folder)))
        with ended_with_us(process):
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    continue  # JupyterLab had the same Ctrl-C, and asks whether to stop


@contextlib.contextmanager
def ended_with_us(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Within the block what would end this process ends that one, which would stay behind."""
    numbers = [signal.SIGTERM, *([signal.SIGHUP] if os.name == "posix" else [])]
    mine = [one for one in numbers if signal.getsignal(one) is signal.SIG_DFL]  # not under nohup
    for number in mine:
        signal.signal(number, lambda *_: process.terminate())
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


def command(notebooks: Path, port: int, *, browser: bool = True) -> list[str]:
    """The command that starts JupyterLab in ``notebooks``, on the page where the learner was."""
    arguments = [
        *(sys.executable, "-m", "resonance_helpers.cli.jupyter_app", "jupyterlab"),
        f"--ServerApp.ip={HOST}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={notebooks.resolve()}",
        f"--LabApp.default_url=/lab/tree/{first_page(notebooks).filename}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--KernelManager.transport_encryption=auto",
        "--Application.log_level=WARN",
    ]
    if not browser:
        arguments.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--allow-root")  # JupyterLab refuses root otherwise, as in a container
    return arguments


def working_copies(source: Path = NOTEBOOKS, folder: Path = MY_LESSONS) -> Path:
    """The folder of working copies, made or brought up to date, and told of where it changed.

    Raises:
        LabError: there are no lessons in ``source``, something else has the folder's name, or it
            can't be written.
    """
    first_page(source)  # or say that there is none
    if os.path.lexists(folder) and not folder.is_dir():
        raise LabError(
            f"{folder} is not a folder, so your lessons cannot be put there. "
            "Fix: rename it, and run the same command again"
        )
    new = not folder.exists()
    try:
        changes = update(source, folder)
    except OSError as error:
        raise LabError(
            f"{folder} cannot be written ({error.strerror or error}). Fix: make it writable for "
            "yourself, with some megabytes free, and run the same command again"
        ) from None
    if new:
        changes = [f"Your lessons are in {folder.name}, copied from {source.name}: work there."]
    changes += [
        f"{page.filename}: no notebook any more, so JupyterLab cannot open it. "
        "Fix: rename it, and the next start puts a new one there."
        for page in pages(folder)
        if not is_notebook(folder / page.filename)
    ]
    print(*changes, sep="\n", end="\n" if changes else "", flush=True)
    return folder


def first_page(notebooks: Path) -> Lesson:
    """The page to open: where the learner was, else the first one there is."""
    there = pages(notebooks)
    if not there:
        raise LabError(
            f"there are no lessons in {notebooks}: run this in a clone of the project, "
            "or name its folder with --notebooks"
        )
    place = last_place(notebooks)
    return place if place in there else there[0]


def environment(instead: Path) -> dict[str, str]:
    """The environment for JupyterLab: this one, and the project's default settings.

    What it cannot write in the learner's home, as on a machine that is reset, goes to ``instead``.
    """
    try:
        env = os.environ | substitutes(written(), instead)
    except RuntimeError:
        raise LabError("you have no home folder. Fix: set HOME to a folder that you own") from None
    paths = [env["JUPYTER_CONFIG_PATH"]] if env.get("JUPYTER_CONFIG_PATH") else []
    env["JUPYTER_CONFIG_PATH"] = os.pathsep.join([*paths, str(SETTINGS)])
    return env


def free_port(port: int | None) -> int:
    """``port``, or the first free one from 8888 on; 0 takes any free one."""
    if port is not None:
        try:
            return bound(port)
        except OSError as error:
            raise LabError(
                f"port {port} cannot be used ({error.strerror}): choose another with --port, or "
                "leave --port out and a free one is taken"
            ) from None
    for candidate in range(PORT, PORT + 100):
        with contextlib.suppress(OSError):
            return bound(candidate)
    raise LabError(f"ports {PORT} to {PORT + 99} are all in use: choose another with --port")


def bound(port: int) -> int:
    """The port that was bound where ``port`` was asked for, free again. An OSError says why not."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return int(probe.getsockname()[1])
