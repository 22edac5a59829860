"""The client's promises hold on the oldest requests and urllib3 that `pyproject.toml` allows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALL = "pip install --quiet --no-deps --target"
PYTEST = """pytest -q -p no:cacheprovider -p no:schemathesis -W ignore::ResourceWarning
--ignore tests/client/test_lowest.py --ignore tests/client/test_watched.py
--ignore tests/client/test_copied.py tests/client"""


@pytest.mark.soak
def test_the_client_on_the_lowest_versions(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lowest = [each.replace(">=", "==") for each in project["dependencies"]]
    assert all(re.fullmatch(r"[a-z0-9]+==[0-9.]+", each) for each in lowest)
    subprocess.run(
        [sys.executable, "-m", *INSTALL.split(), str(tmp_path), *lowest],
        check=True,
        timeout=300,
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    used = subprocess.run(
        [sys.executable, "-c", "import requests as r, urllib3 as u; print(r.__file__, u.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert used.stdout.count(str(tmp_path)) == 2
    done = subprocess.run(
        [sys.executable, "-m", *PYTEST.split()],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-4000:]
