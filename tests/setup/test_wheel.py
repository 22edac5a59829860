"""What `pip install` of a clone brings: the packages that people take home, and requests."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this state."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


def test_it_holds_what_people_take_home_and_nothing_for_authors(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    rooms = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    for_them = {"resonance_helpers", "resonance_sandbox", "resonance_judge"}
    assert rooms == {name for name in for_them if (ROOT / name).is_dir()}
    sources = {
        str(path.relative_to(ROOT).as_posix())
        for name in rooms
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert sources == {name for name in names if ".dist-info/" not in name}
    # PEP 561: without it, all that a package gives is Any to its callers.
    assert {f"{name}/py.typed" for name in rooms} <= sources


def test_alone_it_asks_for_requests_and_what_that_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = message_from_bytes(archive.read(name))
    asked = map(Requirement, metadata.get_all("Requires-Dist"))
    assert {one.name for one in asked if not one.marker} == {"requests", "urllib3"}


@pytest.mark.soak
def test_pip_in_an_empty_venv_brings_no_more(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "install", ROOT], capture_output=True, text=True)
    if done.returncode and "connection" in done.stderr.lower():
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    listed = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
    assert {line.replace(" @", "==").split("==")[0] for line in listed.splitlines()} == {
        *("certifi", "charset-normalizer", "idna", "requests", "resonance-helpers", "urllib3")
    }
    program = (
        "from resonance_helpers import ResonanceOSAPIClient as Client\n"
        "print(Client('http://127.0.0.1:9', deadline=1).health_check()['status'])"
    )
    ran = subprocess.run(
        [python, "-c", program], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert ran.stdout == "error\n"
