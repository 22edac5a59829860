"""Lint, units and lessons on each Python that the README names; for hours, so `make soak` alone.

3.14 and 3.15 are taken from Debian's testing branch where this machine has none of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = [f"3.{minor}" for minor in range(bootstrap.OLDEST[1], bootstrap.NEWEST[1] + 1)]
DEBIAN = Path("/var/tmp/resonance-debian/testing")
"""Kept from run to run: it takes two minutes to make."""
PARTS = ("lint", "units", "lessons")

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(sys.platform != "linux", reason="its other Pythons are those of Linux"),
]


def here(version: str) -> str | None:
    """A Python of that version on this machine, pyenv's among them."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for command in (f"python{version}", *pyenv.glob(f"{version}.*/bin/python3")):
        found = bootstrap.probe(str(command))
        if found and found[0] == tuple(map(int, version.split("."))):
            return found[1]
    return None


@pytest.mark.parametrize("version", VERSIONS)
def test_it_passes_there_too(version: str, tmp_path: Path) -> None:
    if python := here(version):
        clone = tmp_path / "clone"
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        command = ["make", "-C", str(clone), "test", f"PARTS={' '.join(PARTS)}"]
        env = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
        done = run(command, env | {"PYTHON": python})
    elif shutil.which("unshare"):
        script = ROOT / "tests" / "setup" / "debian_testing.sh"
        done = run([str(script), str(DEBIAN), f"python{version}", *PARTS], dict(os.environ))
        if done.returncode == 77:
            pytest.skip(f"no Python {version} here: {done.stdout.strip().splitlines()[-1]}")
    else:
        pytest.skip(f"no Python {version} here")
    assert done.returncode == 0, done.stdout[-5000:]
    assert re.search(r"===== \d+ passed", done.stdout)


def run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The command, with its words of both kinds in one text."""
    return subprocess.run(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
