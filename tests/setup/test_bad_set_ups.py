"""Machines on which a set-up is not easy: it succeeds, or says in one sentence why it cannot.

The real `bootstrap.py` runs, with real pip and uv, on a small project with one package, which a
server of this machine hands out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import venv
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

import bootstrap

ROOT = Path(__file__).resolve().parents[2]
UV = bootstrap.find_uv()
pytestmark = pytest.mark.skipif(os.name != "posix", reason="its bad machines are those of POSIX")
needs_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare"),
    reason="only root of Linux can make such a machine",
)
needs_uv = pytest.mark.skipif(not UV, reason="no uv here")
with_each = pytest.mark.parametrize(
    "uv",
    [
        pytest.param(True, marks=needs_uv, id="uv"),
        pytest.param(False, marks=pytest.mark.soak, id="pip"),
    ],
)

BACKEND = """
import os, zipfile

METADATA = "Metadata-Version: 2.1\\nName: resonance-helpers\\nVersion: 0.1.0\\n"
WHEEL = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "resonance_helpers-0.1.0-py3-none-any.whl"
    info = "resonance_helpers-0.1.0.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("_editable_impl_resonance_helpers.pth", os.getcwd())
        for part, text in (("METADATA", METADATA), ("WHEEL", WHEEL)):
            wheel.writestr(info + part, text)
        wheel.writestr(info + "RECORD", "")
    return name
"""
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "resonance-helpers"
version = "0.1.0"
"""


def wheel(folder: Path) -> Path:
    """A package with one module."""
    path = folder / "tiny-1-py3-none-any.whl"
    files = {
        "tiny.py": "answer = 42\n",
        "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n",
        "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = []
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            lines.append(f"{name},sha256={digest.decode().rstrip('=')},{len(text)}\n")
        archive.writestr(
            "tiny-1.dist-info/RECORD", "".join([*lines, "tiny-1.dist-info/RECORD,,\n"])
        )
    return path


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel(tmp_path_factory.mktemp("wheel"))


def make(folder: Path, package: Path) -> Path:
    """The small project in `folder`."""
    for name in ("resonance_helpers/cli/main", "resonance_sandbox/__init__"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").touch()
    (folder / "matplotlib").mkdir()
    (folder / "matplotlib" / "font_manager.py").touch()
    (folder / "backend.py").write_text(BACKEND, "utf-8")
    (folder / "pyproject.toml").write_text(PROJECT, "utf-8")
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    for name in ("requirements.lock", "requirements-lessons.lock"):
        (folder / name).write_text(f"tiny==1 --hash=sha256:{digest}\n", "utf-8")
    (folder / "requirements-uv.lock").write_text(f"uv==0.0 --hash=sha256:{'0' * 64}\n", "utf-8")
    shutil.copy(ROOT / "bootstrap.py", folder)
    return folder


class Index:
    """A package index on this machine; with `status`, that is all it ever answers."""

    def __init__(self, package: Path, status: int = 200, tls: ssl.SSLContext | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = b'<a href="/tiny-1-py3-none-any.whl">tiny-1-py3-none-any.whl</a>'
                if self.path.endswith(".whl"):
                    body = package.read_bytes()
                known = status != 200 or "tiny" in self.path
                self.send_response(status if known else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if tls:
            scheme = "https"
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/simple"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def index(package: Path) -> Iterator[Callable[..., str]]:
    """Starts an index; its address."""
    started: list[Index] = []

    def start(status: int = 200, tls: ssl.SSLContext | None = None) -> str:
        started.append(Index(package, status, tls))
        return started[-1].url

    yield start
    for one in started:
        one.close()


def set_up(
    folder: Path, index: str, *, uv: bool = False, prefix: tuple[str, ...] = (), **env: str
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `bootstrap.py` there."""
    place = folder.parent / "path"
    place.mkdir(exist_ok=True)
    if uv and not (place / "uv").exists():
        (place / "uv").symlink_to(str(UV))
    elif not uv:
        (place / "uv").unlink(missing_ok=True)
    python = getattr(sys, "_base_executable", sys.executable)
    home = folder.parent / "home"
    home.mkdir(exist_ok=True)
    settings = {
        "PATH": f"{place}:/usr/bin:/bin",
        "HOME": str(home),
        "PYTHON": python,
        "PIP_INDEX_URL": index,
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_HTTP_RETRIES": "0",
        "UV_NO_CONFIG": "1",
    }
    done = subprocess.run(
        [*prefix, env.get("PYTHON", python), str(folder / "bootstrap.py")],
        env=settings | env,
        cwd="/",
        capture_output=True,
        timeout=900,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")


def import_there(folder: Path, **env: str) -> None:
    """The project is found from another folder, as a kernel looks for it."""
    python = folder / ".venv" / "bin" / "python"
    subprocess.run(
        [python, "-c", "import resonance_helpers, tiny"], cwd="/", env=env, check=True, timeout=300
    )


# -- what cannot be mended from here is one sentence -----------------------------------------------


@pytest.fixture(scope="module")
def half_made(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Path:
    """A project whose .venv is there, and older than its lock: packages are all that it lacks."""
    folder = make(tmp_path_factory.mktemp("half-made") / "clone", package)
    venv.create(folder / ".venv", with_pip=True)
    return folder


def unknown_certificate(_: Callable[..., str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize(
    "uv", [False, pytest.param(True, marks=[pytest.mark.soak, needs_uv], id="uv, then pip")]
)
@pytest.mark.parametrize(
    ("index_is", "says"),
    [
        pytest.param(
            401, "lets nobody in who does not log in (HTTP 401 or 403)", marks=pytest.mark.soak
        ),
        (403, "lets nobody in who does not log in (HTTP 401 or 403)"),
        pytest.param(
            404, "there is no package index at its address (HTTP 404)", marks=pytest.mark.soak
        ),
        pytest.param(503, "the package index is out of order (HTTP 5xx)", marks=pytest.mark.soak),
        ("dead", "the package index could not be reached"),
        pytest.param(
            "no network", "the package index could not be reached", marks=pytest.mark.soak
        ),
        pytest.param("plain", "pip takes no packages over plain http", marks=pytest.mark.soak),
        pytest.param(
            "unknown",
            "the certificate of the package index is not known on this machine",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_an_index_that_gives_nothing_is_one_sentence(
    index_is: int | str, says: str, uv: bool, half_made: Path, index: Callable[..., str]
) -> None:
    url = {
        "dead": lambda: "http://127.0.0.1:9/simple",
        "no network": lambda: "https://index.invalid/simple",
        "plain": lambda: "http://index.invalid/simple",
        "unknown": lambda: index(tls=unknown_certificate(index)),
    }.get(str(index_is), lambda: index(status=index_is))()
    python = (half_made / ".venv" / "bin" / "python").resolve()
    made = f"{half_made}/.venv with {python}\nolder\nlessons\n"
    (half_made / ".venv" / "ready").write_text(made, "utf-8")
    code, _, told = set_up(half_made, url, uv=uv)
    assert code == 1
    sentence, fix = told.strip().splitlines()
    assert sentence.startswith("Set-up: ")
    assert says in sentence
    assert fix.startswith("Fix: ")
    assert not (half_made / ".venv" / "ready").exists()


@pytest.mark.parametrize(
    ("says", "there"),
    [
        ("Python 3.11 or newer is needed (", "3.9\n/a/python\nTrue\nCPython"),
        ("/a/python has no venv module", "3.12\n/a/python\nFalse\nCPython"),
        (" does not run", "pyenv: python: command not found"),
    ],
    ids=["no Python that fits", "no venv", "none that runs"],
)
def test_a_python_that_will_not_do_is_one_sentence(
    says: str, there: str, tmp_path: Path, package: Path
) -> None:
    folder = make(tmp_path / "clone", package)
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ncat <<END\n{there}\nEND\n")
    python.chmod(0o755)
    # As make does: one Python runs bootstrap.py, and another is asked for.
    prefix = ("env", f"PYTHON={python}")
    code, said, told = set_up(folder, "http://127.0.0.1:9/simple", prefix=prefix)
    assert (code, said) == (1, "")
    sentence, fix = told.splitlines()
    assert says in sentence
    assert fix.startswith("Fix: ")
    assert not (folder / ".venv").exists()


@needs_root
@with_each
def test_a_full_disk_is_one_sentence(
    tmp_path: Path, package: Path, index: Callable[..., str], uv: bool
) -> None:
    folder = make(tmp_path / "clone", package)
    shutil.copytree(folder, tmp_path / "copy")
    full = f'mount -t tmpfs -o size=200k tmpfs "{folder}" && cp -r "{tmp_path}"/copy/. "{folder}"'
    full += f' && head -c 80k /dev/zero > "{folder}/more"; exec "$@"'
    code, _, told = set_up(
        folder, index(), uv=uv, prefix=("unshare", "--mount", "sh", "-c", full, "sh")
    )
    assert (code, told.splitlines()[0]) == (1, "Set-up: the disk is full.")


@pytest.fixture
def anybodys() -> Iterator[Path]:
    """Not below pytest's own folder, which nobody else may enter."""
    with tempfile.TemporaryDirectory(prefix="set-up-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@needs_root
@pytest.mark.parametrize(
    ("whose", "says"), [("clone", "cannot be written"), (".venv", "is another user's")]
)
def test_what_another_user_made_is_one_sentence(
    whose: str, says: str, anybodys: Path, package: Path, index: Callable[..., str]
) -> None:
    folder = make(anybodys / "clone", package)
    (folder / ".venv").mkdir()
    if whose == ".venv":
        os.chown(folder, 65534, 65534)
    prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    code, said, told = set_up(folder, index(), prefix=prefix, PYTHON="/usr/bin/python3")
    assert (code, said) == (1, "")
    sentence, fix = told.splitlines()
    assert says in sentence
    assert fix.startswith("Fix: ")


# -- what need not stop anybody does not -----------------------------------------------------------


OTHER_ENDS = {
    **{"PIP_USER": "1", "PIP_TARGET": "/nowhere", "PIP_PREFIX": "/nowhere", "PIP_ROOT": "/nowhere"},
    **{"PIP_REQUIRE_VIRTUALENV": "1", "PIP_CONSTRAINT": "/nowhere", "PIP_REQUIRE_HASHES": "1"},
    **{"PIP_DRY_RUN": "1", "PIP_QUIET": "3", "PIP_PYTHON": "/nowhere", "PIP_NO_BINARY": ":all:"},
    **{"UV_PYTHON": "3.9", "UV_PROJECT": "/nowhere", "UV_PROJECT_ENVIRONMENT": "/nowhere"},
    **{"UV_CONSTRAINT": "/nowhere", "UV_OVERRIDE": "/nowhere", "UV_EXCLUDE_NEWER": "2001-01-01"},
    **{"UV_VENV_SEED": "1", "UV_WORKING_DIR": "/", "UV_REQUIRE_HASHES": "1", "UV_NO_BUILD": "1"},
    **{"PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONPATH": "/nowhere"},
    "PYTHONPYCACHEPREFIX": "/dev/null/cache",
}
FILES_FOR_OTHER_ENDS = {
    "pip/pip.conf": "[global]\nuser = true\nrequire-hashes = true\nquiet = 3\n",
    "uv/uv.toml": 'required-version = "==0.1"\n',
}


AT_ONCE = (
    "a C locale",
    "a home that cannot be written",
    "a umask of 077",
    "64 open files",
    "a TMPDIR that is not there",
    "no stdin and no stdout",
    "another environment that is active",
    "a sitecustomize that prints",
)


@with_each
@pytest.mark.parametrize(
    "machine",
    [
        "most of these at once",
        *(pytest.param(one, marks=pytest.mark.soak) for one in AT_ONCE),
        pytest.param("another encoding", marks=pytest.mark.soak),
        "an entry for everybody in netrc",
        pytest.param("no HOME", marks=pytest.mark.soak),
        "settings for other ends",
        pytest.param("files of settings for other ends", marks=pytest.mark.soak),
        pytest.param("an ordinary user", marks=needs_root),
    ],
)
def test_it_succeeds_in_a_folder_with_odd_letters_and(
    machine: str, uv: bool, anybodys: Path, package: Path, index: Callable[..., str]
) -> None:
    tmp_path = anybodys
    folder = make(tmp_path / "My Ünï course 100% #1's?", package)
    env: dict[str, str] = {}
    prefix: tuple[str, ...] = ()
    here = AT_ONCE if machine == "most of these at once" else (machine,)
    if "a C locale" in here:
        env["LC_ALL"] = "C"
    if "a home that cannot be written" in here:
        env["HOME"] = "/dev/null/home"
    if "a umask of 077" in here:
        prefix += ("sh", "-c", 'umask 077; exec "$@"', "sh")
    if "64 open files" in here:
        prefix += ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")
    if "a TMPDIR that is not there" in here:
        env["TMPDIR"] = "/nowhere/tmp"
    if "no stdin and no stdout" in here:
        prefix += ("sh", "-c", 'exec "$@" <&- >&-', "sh")
    if "another environment that is active" in here:
        env |= {"VIRTUAL_ENV": "/nowhere/venv", "CONDA_PREFIX": "/nowhere/conda"}
    if "a sitecustomize that prints" in here:
        (tmp_path / "site").mkdir()
        (tmp_path / "site" / "sitecustomize.py").write_text("print('hello')\nprint('world')\n")
        env["PYTHONPATH"] = str(tmp_path / "site")
    if machine == "another encoding":
        if subprocess.run(["locale", "-a"], capture_output=True).stdout.find(b"8859") < 0:
            pytest.skip("no locale with another encoding is installed")
        env = {"LC_ALL": "de_DE.iso88591"}
    elif machine == "an entry for everybody in netrc":
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / ".netrc").write_text("default login somebody password canary\n")
    elif machine == "no HOME":
        prefix = ("env", "-u", "HOME")
    elif machine == "settings for other ends":
        env = OTHER_ENDS
    elif machine == "files of settings for other ends":
        config = tmp_path / "home" / ".config"
        for path, text in FILES_FOR_OTHER_ENDS.items():
            (config / path).parent.mkdir(parents=True)
            (config / path).write_text(text)
        env = {"PIP_CONFIG_FILE": "", "UV_NO_CONFIG": ""}
    elif machine == "an ordinary user":
        for path in [tmp_path, *tmp_path.rglob("*")]:
            os.chown(path, 65534, 65534)
        prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        env = {"HOME": "/nonexistent", "PYTHON": "/usr/bin/python3"}
        program = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))"
        for command in ([env["PYTHON"], "-c", program], [str(UV), "--version"] if uv else ["true"]):
            if subprocess.run([*prefix, *command], capture_output=True, cwd="/").returncode:
                pytest.skip(f"others cannot run this {command[0]}")
    code, said, told = set_up(folder, index(), uv=uv, prefix=prefix, **env)
    assert (code, told) == (0, ""), said
    assert said.endswith("Ready: .venv\n") or "no stdin and no stdout" in here
    import_there(folder, **({"LC_ALL": env["LC_ALL"]} if "LC_ALL" in env else {}))


@needs_uv
@pytest.mark.soak
@pytest.mark.skipif(
    sys.base_prefix in ("/usr", "/usr/local") or sys.platform != "linux",
    reason="this Python does not stand in a folder of its own",
)
def test_where_no_python_fits_uv_fetches_one(
    tmp_path: Path, package: Path, index: Callable[..., str]
) -> None:
    """With this Python as a stand-in for the one that uv would download."""
    major, minor, patch = sys.version_info[:3]
    left_out = {"test", "__pycache__", "site-packages"}

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if left_out & {*entry.name.split("/")} else entry

    with tarfile.open(tmp_path / "python.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(sys.base_prefix, "python", filter=kept)
    download = {
        "name": "cpython",
        "arch": {"family": platform.machine(), "variant": None},
        **{"os": "linux", "libc": "gnu", "major": major, "minor": minor, "patch": patch},
        **{"prerelease": "", "sha256": None, "variant": None, "build": None},
        "url": (tmp_path / "python.tar.gz").as_uri(),
    }
    (tmp_path / "downloads.json").write_text(json.dumps({"cpython": download}), "utf-8")
    folder = make(tmp_path / "clone", package)
    (folder / "no_python.py").write_text(
        "import sys, bootstrap\n"
        f"bootstrap.FETCHED = '{major}.{minor}'\n"
        "bootstrap.probe = lambda command: None\n"
        "sys.exit(bootstrap.main())\n"
    )
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "uv").symlink_to(real_uv())
    done = subprocess.run(
        [sys.executable, folder / "no_python.py"],
        env={
            "PATH": str(tmp_path / "path"),
            "HOME": str(tmp_path),
            "PIP_INDEX_URL": index(),
            "UV_PYTHON_INSTALL_DIR": str(tmp_path / "pythons"),
            "UV_PYTHON_DOWNLOADS_JSON_URL": (tmp_path / "downloads.json").as_uri(),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert f"uv fetches {major}.{minor}" in done.stdout
    python = (folder / ".venv" / "bin" / "python").resolve()
    assert python.is_relative_to(tmp_path / "pythons")
    import_there(folder)


def real_uv() -> str:
    """The program itself, where the uv on the PATH is a script that finds it, as pyenv's is."""
    code = "from uv import find_uv_bin; print(find_uv_bin())"
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        done = subprocess.run([python, "-c", code], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
    return str(UV)
