"""The folder `client/` is the client to copy: alone, with requests, it works and its types hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.raw_server import raw_server, replies

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "resonance_helpers" / "client"
NEEDED = ["requests", "urllib3", "idna", "certifi", "charset_normalizer"]

PYTEST = """pytest -q -p no:cacheprovider -n 2 --dist loadfile
tests/client tests/batch tests/webhooks tests/performance tests/api"""

PROGRAM = """
import sys
from client.api import AuthenticatedAPIClient
from client.auth import OAuth2ClientCredentials, Secret

api = AuthenticatedAPIClient(sys.argv[1], Secret("a-key-of-mine"))
for _ in range(3):
    print(api.generate_content("a prompt")["article"])
print(sorted({name.partition(".")[0] for name in sys.modules} & {"resonance_helpers", "pandas"}))
"""


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """An empty folder with the client and what requests needs, and nothing else."""
    shutil.copytree(CLIENT, tmp_path / "client", ignore=shutil.ignore_patterns("__pycache__"))
    for name in NEEDED:
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        (tmp_path / name).symlink_to(Path(found.origin).parent)
    return tmp_path


def test_it_works_with_requests_alone(alone: Path) -> None:
    program = alone / "program.py"
    program.write_text(PROGRAM)
    with raw_server(replies({"article": "An article.", "hrv_feedback": 0.9})) as server:
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-W", "error", str(program), server.url],
            cwd=alone,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["An article."] * 3 + ["[]"]
    assert b"Bearer a-key-of-mine" in server.requests[0]


def test_its_types_hold(tmp_path: Path) -> None:
    shutil.copytree(CLIENT, tmp_path / "client", ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "client"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.soak
def test_all_works_without_the_fast_path(tmp_path: Path) -> None:
    """Without its folder, and the one line that opens its door, all tests but its own pass."""
    copy = tmp_path / "copy"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    for name in tracked.stdout.splitlines():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    shutil.rmtree(copy / "resonance_helpers/client/transport/fast")
    shutil.rmtree(copy / "tests/client/transport/fast")
    door = copy / "resonance_helpers/client/transport/__init__.py"
    lines = door.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("from . import fast")]
    assert len(kept) == len(lines) - 1
    door.write_text("".join(kept))
    left = subprocess.run(
        ["grep", "-rnE", r"import fast|\.fast\b", "resonance_helpers", "--include=*.py"],
        cwd=copy,
        capture_output=True,
        text=True,
    )
    assert left.stdout == ""
    done = subprocess.run(
        [sys.executable, "-m", *PYTEST.split()],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=3000,
        env={**os.environ, "PYTHONPATH": str(copy)},
    )
    assert done.returncode == 0, done.stdout[-4000:]
