"""One source for each version: pyproject.toml says what is allowed, the lock what is used."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = [
    "requirements.lock",
    "requirements-lessons.lock",
    "requirements-bench.lock",
    "requirements-uv.lock",
]
CONDA_NAMES = {"matplotlib-base": "matplotlib", "prometheus_client": "prometheus-client"}


def entries(lock: str) -> list[str]:
    """Each pinned package of a lock, with its markers and hashes, as one logical line."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def pinned(lock: str) -> dict[str, str]:
    found = {}
    for entry in entries(lock):
        name, version, marker = re.match(
            r"([\w.-]+)==([^\s;]+)(?: ; ([^\\]+?))? +--hash", entry
        ).groups()
        if not marker or Marker(marker).evaluate():
            found[canonicalize_name(name)] = version
    return found


def direct(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for by name, the extras that it names in extras included."""
    wanted = []
    for text in [*PROJECT["dependencies"]] if not extras else []:
        wanted.append(Requirement(text))
    for extra in extras:
        for text in PROJECT["optional-dependencies"][extra]:
            requirement = Requirement(text)
            if requirement.name == PROJECT["name"]:
                wanted += direct(*requirement.extras)
            else:
                wanted.append(requirement)
    return wanted


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_and_hashed(lock: str):
    for entry in entries(lock):
        assert re.match(r"[\w.-]+==[^\s;]+ .*--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_folder(lock: str):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|--index-url|--find-links|@ file|(?m:^-)", text)


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        ("requirements.lock", []),
        ("requirements.lock", ["test"]),
        ("requirements-lessons.lock", ["lessons"]),
        ("requirements-bench.lock", ["bench"]),
    ],
)
def test_the_lock_holds_what_pyproject_asks_for(lock: str, extras: list[str]):
    versions = pinned(lock)
    for requirement in direct(*extras):
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in {lock}: run `make lock`"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{lock} has {requirement.name} {version}, pyproject.toml wants {requirement.specifier}"
        )


def test_the_locks_agree():
    everything, lessons, bench, _ = map(pinned, LOCKS)
    assert lessons.items() <= everything.items()
    shared = everything.keys() & bench.keys()
    assert {name: everything[name] for name in shared} == {name: bench[name] for name in shared}


def test_lessons_do_without_the_tools_of_authors_and_tests():
    assert not pinned("requirements-lessons.lock").keys() & {
        *("playwright", "mypy", "ruff", "pytest", "sphinx", "jupyterhub", "psycopg", "hypothesis")
    }


def conda() -> dict[str, str]:
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    return dict(re.findall(r"(?m)^ +- ([\w.-]+)==?([\w.]+)(?: *#.*)?$", text))


def test_conda_gets_the_versions_of_the_lock():
    packages = conda()
    packages.pop("python")
    locked = pinned("requirements.lock")
    assert packages == {name: locked[CONDA_NAMES.get(name, name)] for name in packages}


def test_conda_gets_every_direct_dependency_of_the_lessons():
    wanted = {canonicalize_name(one.name) for one in [*direct(), *direct("lessons")]}
    got = {CONDA_NAMES.get(name, name) for name in conda()} - {"python"}
    assert got == wanted


def test_conda_gets_a_supported_python():
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(conda()["python"])


def test_the_supported_pythons_are_the_same_everywhere():
    import bootstrap

    versions = [f"3.{minor}" for minor in range(bootstrap.OLDEST[1], bootstrap.NEWEST[1] + 1)]
    stated = [
        line.rpartition(" ")[2]
        for line in PROJECT["classifiers"]
        if line.startswith("Programming Language :: Python :: 3.")
    ]
    assert stated == versions
    assert PROJECT["requires-python"] == f">={versions[0]}", "a newer Python is tried"
