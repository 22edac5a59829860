"""Look for what keeps the lessons from running on this machine: one line and one fix each.

A check yields findings, and what it raises is one; it uses the standard library until it knows
that the packages are there, so that it also works where they are not.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import netrc
import os
import re
import shutil
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..lesson.manifest import NOTEBOOKS, available
from .copies import MY_LESSONS
from .folders import can_be_written, written

__all__ = ["CHECKS", "Finding", "examine"]

ROOT = NOTEBOOKS.parent
CONDA = Path(sys.prefix, "conda-meta").is_dir()
REINSTALL = (
    "run `conda env update --file environment.yml`"
    if CONDA
    else "delete .venv and run `make lab` (without make: `python bootstrap.py`)"
)
PINNED = re.compile(r"(?m)^([\w.-]+)==([^\s;\\]+)(?: ; ([^\\\n]+?))?(?: \\)?$")
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and its state; ``fix`` is empty where nothing is wrong.

    A finding that is not ``fatal`` leaves the lessons able to run.
    """

    subject: str
    state: str
    fix: str = ""
    fatal: bool = True

    def __str__(self) -> str:
        word = "ok" if not self.fix else ("FAIL" if self.fatal else "note")
        line = f"{word:4}  {self.subject}: {self.state}"
        return f"{line}\n      fix: {self.fix}" if self.fix else line


def python_version(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Iterator[Finding]:
    """Python 3.11 or newer; newer than 3.15 was not tested."""
    name = ".".join(map(str, version))
    if version[:2] < (3, 11):
        yield Finding("Python", name, f"install Python 3.11 or newer, then {REINSTALL}")
    elif version[:2] > (3, 15):
        yield Finding("Python", f"{name}, newer than what was tested", "try 3.15", False)
    else:
        yield Finding("Python", name)


def packages(lock: Path = ROOT / "requirements-lessons.lock") -> Iterator[Finding]:
    """Each installed version equal to the lock's.

    Of packages that nobody asks for by name, conda chooses the versions, and may do without.
    """
    if not lock.is_file():
        yield Finding("packages", f"no {lock.name} here (not a clone), so none to compare")
        return
    try:
        from packaging.markers import Marker
    except ModuleNotFoundError:
        yield Finding("packages", "not installed", REINSTALL)
        return
    missing: list[str] = []
    other: list[str] = []
    total, wanted_by_lessons = 0, asked_for()
    for name, wanted, marker in PINNED.findall(lock.read_text(encoding="utf-8")):
        if marker and not Marker(marker).evaluate():
            continue
        if CONDA and name not in wanted_by_lessons:
            continue
        total += 1
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if installed != wanted:
            other.append(f"{name} is {installed}, not {wanted}")
    if missing:
        yield Finding("packages", f"{len(missing)} missing: {some(missing)}", REINSTALL)
    if other:
        yield Finding("packages", f"{len(other)} not as locked: {some(other)}", REINSTALL, False)
    if not missing and not other:
        yield Finding("packages", f"{total} as in {lock.name}")


def asked_for() -> set[str]:
    """The packages that lessons ask for by name."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    try:
        asked = map(Requirement, importlib.metadata.requires("resonance-helpers") or ())
    except importlib.metadata.PackageNotFoundError:
        return set()
    return {
        canonicalize_name(one.name)
        for one in asked
        if not one.marker
        or any(one.marker.evaluate({"extra": extra}) for extra in ("lessons", "sandbox"))
    }


def jupyterlab() -> Iterator[Finding]:
    """JupyterLab with the extension that draws widgets."""
    try:
        version = importlib.metadata.version("jupyterlab")
    except importlib.metadata.PackageNotFoundError:
        yield Finding("JupyterLab", "not installed", REINSTALL)
        return
    extension = Path(sys.prefix, "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager")
    if extension.is_dir():
        yield Finding("JupyterLab", f"{version}, with widgets")
    else:
        yield Finding("JupyterLab", f"{version}, but it cannot draw widgets", REINSTALL)


def kernelspec() -> Iterator[Finding]:
    """The kernel named ``python3`` runs this Python, not another environment's."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ModuleNotFoundError:
        return  # reported as a missing package
    fix = "run `python -m ipykernel install --sys-prefix` with this environment's Python"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        yield Finding("kernel python3", "there is none", fix)
        return
    program = spec.argv[0]
    # Jupyter replaces a bare "python" by the Python that it runs on itself.
    if Path(program).name == program or Path(program).absolute() == Path(sys.executable).absolute():
        yield Finding("kernel python3", f"runs {sys.executable}")
    else:
        yield Finding("kernel python3", f"runs {program}, not {sys.executable}", fix)


def ports(wanted: Mapping[int, str] | None = None) -> Iterator[Finding]:
    """The customary ports; each command takes another when asked."""
    customary = {
        8888: "`resonance lab` takes the next free one by itself",
        8000: "stop what holds it, or run `resonance sandbox --port 0`",
    }
    for port, fix in (customary if wanted is None else wanted).items():
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                yield Finding(f"port {port}", "in use", fix, False)
            else:
                yield Finding(f"port {port}", "free")


def proxies() -> Iterator[Finding]:
    """Whether a proxy stands between other programs and a server on this machine."""
    if not set(urllib.request.getproxies()) & {"http", "all"}:
        yield Finding("proxy", "none for http")
        return
    caught = [host for host in ("localhost", "127.0.0.1") if not urllib.request.proxy_bypass(host)]
    if caught:
        state = f"set, also for {' and '.join(caught)}; lessons go round it"
        fix = "for other programs, set NO_PROXY=localhost,127.0.0.1 (add to it if it is set)"
        yield Finding("proxy", state, fix, False)
    else:
        yield Finding("proxy", "set, and this machine is exempt")


def disk(folders: Sequence[Path] | None = None, least: int = 200 * MEGABYTE) -> Iterator[Finding]:
    """The folders that lessons write to can be written and have room, ``least`` in bytes."""
    if folders is None:
        folders = [MY_LESSONS if MY_LESSONS.is_dir() else MY_LESSONS.parent]
        try:
            folders = [*folders, Path(tempfile.gettempdir())]
        except FileNotFoundError as error:
            yield Finding("TMPDIR", str(error.strerror), "set TMPDIR to a folder that you own")
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder):
                free = shutil.disk_usage(folder).free
        except OSError as error:
            fix = "make the folder writable for yourself"
            yield Finding(f"folder {folder}", f"cannot be written ({error.strerror})", fix)
            continue
        fix = "" if free >= least else f"free at least {least // MEGABYTE} MB"
        yield Finding(f"folder {folder}", f"writable, {free // MEGABYTE} MB free", fix)


def home() -> Iterator[Finding]:
    """There is a home, which Jupyter asks for."""
    try:
        Path.home()
    except RuntimeError as error:
        yield Finding("home", str(error), "set HOME to a folder that you own")


def homes(folders: Mapping[str, Path] | None = None) -> Iterator[Finding]:
    """Jupyter, IPython and matplotlib can write where they keep what they have."""
    try:
        there = written() if folders is None else folders
    except ModuleNotFoundError:
        return  # reported as a missing package
    stuck = [f"{path} ({name})" for name, path in there.items() if not can_be_written(path)]
    if stuck:
        fix = "`resonance lab` uses others until it ends; elsewhere, set these to folders you own"
        yield Finding("Jupyter's folders", f"cannot be written: {', '.join(stuck)}", fix, False)
    else:
        yield Finding("Jupyter's folders", "can be written")


def netrc_file() -> Iterator[Finding]:
    """What `~/.netrc` says of this machine, since `requests` sends it along."""
    place = os.environ.get("NETRC") or os.path.expanduser("~/.netrc")
    try:
        entries = netrc.netrc(place).hosts
    except FileNotFoundError:
        return
    except (OSError, netrc.NetrcParseError, ValueError) as error:
        yield Finding("netrc", f"{place} cannot be read ({error})", "mend or move it", False)
        return
    caught = sorted(entries.keys() & {"default", "localhost", "127.0.0.1"})
    of = f"has an entry for {' and '.join(caught)}, which lessons" if caught else "which lessons"
    yield Finding("netrc", f"{place} {of} do not send")


def open_files(least: int = 256) -> Iterator[Finding]:
    """Enough files may be open at once: every connection is one."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows has no such limit
        return
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= most < least:  # RLIM_INFINITY is negative
        yield Finding("open files", f"{most} at once", f"run `ulimit -n {4 * least}` first")
    else:
        yield Finding("open files", f"{'any number' if most < 0 else most} at once")


def clock(now: float | None = None) -> Iterator[Finding]:
    """The clock is not behind the project's own files: tokens and signatures expire by it."""
    behind = Path(__file__).stat().st_mtime - (time.time() if now is None else now)
    if behind > 60:
        yield Finding("clock", f"{behind / 3600:.1f} h behind this project's files", "set it right")
    else:
        yield Finding("clock", "plausible")


def lessons(folder: Path = NOTEBOOKS) -> Iterator[Finding]:
    """The notebooks are there."""
    if found := available(folder):
        yield Finding("lessons", f"{len(found)} in {folder}")
    else:
        yield Finding("lessons", f"none in {folder}", "run this in a clone of the project")


def server() -> Iterator[Finding]:
    """The first line of every lesson works: a sandbox starts, or ``RESONANCE_URL`` answers."""
    try:
        from ..lesson.connect import SetUpError, connect

        with contextlib.redirect_stdout(io.StringIO()) as said:
            api = connect()
    except ModuleNotFoundError as error:
        yield Finding("connect()", f"{error.name} is not installed", REINSTALL)
    except SetUpError as error:
        fix = f"see the sentence above; where it says nothing, {REINSTALL}"
        yield Finding("connect()", str(error), fix)
    except Exception as error:  # whatever keeps a lesson from starting is the finding
        yield Finding("connect()", f"{type(error).__name__}: {error}", REINSTALL)
    else:
        yield Finding("connect()", said.getvalue().strip())
        if api.sandbox is not None:
            api.sandbox.stop()


def chromium() -> Iterator[Finding]:
    """A browser for the tests; a learner needs none of it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            yield Finding("Chromium (tests alone)", path)
            return
    fix = "only for `make test`: install it (Debian: sudo apt install chromium)"
    yield Finding("Chromium (tests alone)", "not found", fix, False)


def some(names: Sequence[str], most: int = 4) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (
    *(python_version, packages, home, jupyterlab, kernelspec, lessons, disk, homes),
    *(open_files, clock),
    *(ports, proxies, netrc_file),
    *(server, chromium),
)


def _found(check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # such as a file of another program's that is damaged
        state = f"cannot be looked at ({type(error).__name__}: {error})"
        yield Finding(check.__name__.replace("_", " "), state, "mend what this names")


def examine(
    say: Callable[[str], None] = print,
    checks: Sequence[Callable[[], Iterable[Finding]]] = CHECKS,
) -> int:
    """Print every finding; 0 if the lessons can run, else 1."""
    broken = 0
    for check in checks:
        for finding in _found(check):
            say(str(finding))
            broken += bool(finding.fix and finding.fatal)
    say("The lessons can run." if not broken else f"To fix before the lessons can run: {broken}.")
    return 1 if broken else 0
