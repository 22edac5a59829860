"""A folder to carry on a stick: from it a room is set up with no network at all.

- `install.py`: what a learner runs; `README.txt` says how
- `project/`: this project, with a lock of what lessons and a JupyterHub need
- `lessons/`: the student edition
- `wheels/`: those packages, for this machine's system and Python, and for any named with --for
- `site/`: the documentation, if `make docs` has made it
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .hub import HERE, WHOLE, HubError, install_proxy
from .room import student_edition

__all__ = ["BundleError", "Target", "add_options", "applicable", "needed", "run"]

ROOT = HERE.parent
EXTRAS = ("sandbox", "lessons", "workshop")
BUILD = ("hatchling", "editables", "pip")  # what installs the project itself
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
LEFT_OUT = ("tests/", "benchmarks/", ".ci/", ".github/", "requirements-bench.lock")
UNFINISHED = "UNFINISHED"
"""A file that is in a bundle while it is made. `install.py` knows it too."""
SITE = ROOT / "build" / "site"

VIA = r"#(?:   | via )([\w.-]+)"
"""How the lock says what needs a package."""

SYSTEMS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "linux": (
        {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
        (
            *(f"manylinux_2_{minor}_x86_64" for minor in (28, 27, 24, 17, 12, 5)),
            *("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"),
        ),
    ),
    "macos": (
        {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
        (
            *(f"macosx_{major}_0_arm64" for major in (14, 13, 12, 11)),
            *(
                f"macosx_{major}_universal2"
                for major in ("11_0", "10_15", "10_13", "10_12", "10_9")
            ),
        ),
    ),
    "windows": (
        {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
        ("win_amd64",),
    ),
}
"""By name: what markers see there, and the tags of its wheels. On macOS those of Apple silicon."""


class BundleError(Exception):
    """The bundle cannot be made; one sentence says why."""


@dataclass(frozen=True)
class Target:
    """A system and a Python that wheels are for, as in ``windows-3.13``; None: those that run."""

    system: str | None = None
    python: str | None = None

    @classmethod
    def named(cls, name: str) -> Target:
        system, _, python = name.partition("-")
        if system not in SYSTEMS or python not in PYTHONS:
            raise argparse.ArgumentTypeError(
                f"{name!r} is not one of {', '.join(SYSTEMS)} with one of {', '.join(PYTHONS)}, "
                "as in windows-3.13"
            )
        return cls(system, python)

    def sees(self, marker: str) -> bool:
        """Whether a requirement with that marker applies there."""
        environment = dict(default_environment())
        if self.system is not None:
            environment |= SYSTEMS[self.system][0]
            environment |= {"python_version": str(self.python)}
            environment |= {"python_full_version": f"{self.python}.0"}
            machine = {"macos": "arm64", "windows": "AMD64"}.get(self.system, "x86_64")
            environment["platform_machine"] = machine
        return Marker(marker).evaluate(environment)

    def options(self) -> list[str]:
        """What pip has to be told."""
        if self.system is None:
            return []
        platforms = SYSTEMS[self.system][1]
        return [
            *(f"--platform={platform}" for platform in platforms),
            *("--implementation=cp", f"--python-version={self.python}"),
        ]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="the bundle; brought up to date if it is there")
    parser.add_argument(
        "--for",
        dest="targets",
        type=Target.named,
        action="append",
        default=[],
        metavar="SYSTEM-PYTHON",
        help="wheels for other laptops too, as in windows-3.13, macos-3.12, linux-3.11",
    )


def run(options: argparse.Namespace) -> int:
    try:
        make(options.folder.absolute(), [Target(), *options.targets])
    except BundleError as error:
        print(f"workshop: {error}", file=sys.stderr)
        return 2
    except OSError as error:  # the disk is full, or the stick was pulled
        print(f"workshop: {error}; the same command goes on from here", file=sys.stderr)
        return 2
    return 0


def make(folder: Path, targets: list[Target]) -> None:
    project, wheels = folder / "project", folder / "wheels"
    unfinished = folder / UNFINISHED
    ours = unfinished.exists() or (folder / "install.py").exists()
    if folder.exists() and any(folder.iterdir()) and not ours:
        raise BundleError(f"{folder} has something else in it; name a new folder")
    try:
        install_proxy()
    except HubError as error:
        print(f"Without JupyterHub's proxy, so for laptops alone: {error}", file=sys.stderr)
    blocks = needed(read_lock(ROOT / "requirements.lock"))
    uv = read_lock(ROOT / "requirements-uv.lock")  # it installs ten times as fast as pip
    folder.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    wheels.mkdir(exist_ok=True)
    if project.exists():
        shutil.rmtree(project)
    for path in files():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, project / path)
    if WHOLE.exists():
        shutil.copytree(
            HERE / "node_modules",
            project / "workshop" / "node_modules",
            ignore=shutil.ignore_patterns(".bin"),  # links, which a stick may not hold
        )
    (project / "requirements.lock").write_text("".join(blocks), encoding="utf-8")
    for target in targets:
        download([*applicable(blocks, target), *uv], wheels, target)
    for name in ("install.py", "README.txt"):
        shutil.copy2(HERE / "stick" / name, folder / name)
    (folder / "lessons").mkdir(exist_ok=True)
    student_edition(folder / "lessons")
    if (folder / "site").exists():
        shutil.rmtree(folder / "site")
    if SITE.is_dir():
        shutil.copytree(SITE, folder / "site")
    else:
        print("Without the site: `make docs` first would add it.", file=sys.stderr)
    unfinished.unlink()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    count = len(list(wheels.iterdir()))
    print(f"{folder}: {size / 1e6:.0f} MB, {count} wheels. README.txt there says how to go on.")


def files() -> Iterator[str]:
    """What git knows of this project and a room needs."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
        reason = listed.stderr.strip() if listed.returncode else ""
    except OSError as error:
        reason = f"git does not run: {error.strerror}"
    if reason:
        raise BundleError(f"a bundle has what git knows of the project in {ROOT}:\n{reason}")
    for path in filter(None, listed.stdout.split("\0")):
        if not path.startswith(LEFT_OUT) and (ROOT / path).is_file():
            yield path


def read_lock(path: Path) -> list[str]:
    """The blocks of the lock. A name has several where Pythons or systems need other versions."""
    return re.findall(r"(?m)^\S.*\n(?:[ \t]+.*\n?)*", path.read_text(encoding="utf-8"))


def name_of(block: str) -> str:
    return canonicalize_name(re.split(r"[=\[ ]", block)[0])


def needed(blocks: list[str]) -> list[str]:
    """The part of the lock without tools of development.

    That is what `EXTRAS` name, and whatever these need, as the lock's own comments ("via") tell.
    """
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*declared["dependencies"], *BUILD]
    for extra in EXTRAS:
        wanted += declared["optional-dependencies"][extra]
    names = {canonicalize_name(Requirement(one).name) for one in wanted} - {"resonance-helpers"}
    wanted_by = [
        (name_of(block), {canonicalize_name(one) for one in re.findall(VIA, block)})
        for block in blocks
    ]
    if missing := names - {name for name, _ in wanted_by}:
        raise BundleError(f"requirements.lock lacks {', '.join(sorted(missing))}; run make lock")
    while more := {name for name, via in wanted_by if via & names} - names:
        names |= more
    return [block for block in blocks if name_of(block) in names]


def applicable(blocks: list[str], target: Target) -> list[str]:
    """The blocks that apply to `target`, without markers: pip would read them for this machine."""
    kept = []
    for block in blocks:
        head, separator, rest = block.partition(" \\\n")
        pin, _, marker = head.partition(" ; ")
        if not marker or target.sees(marker):
            kept.append(pin + separator + rest)
    return kept


def download(blocks: list[str], wheels: Path, target: Target) -> None:
    where = f"{target.system}, Python {target.python}" if target.system else "this machine"
    print(f"Fetching {len(blocks)} wheels for {where} ...", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        lock = Path(scratch) / "lock.txt"
        lock.write_text("".join(blocks), encoding="utf-8")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input"),
                *("--disable-pip-version-check", "--no-deps", "--only-binary=:all:"),
                *("--require-hashes", "--dest", str(wheels), "--requirement", str(lock)),
                *target.options(),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    if done.returncode:
        raise BundleError(f"pip could not fetch the wheels for {where}:\n{done.stdout.strip()}")
