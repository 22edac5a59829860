"""Make .venv ready: the right Python, every package of the lock, this project.

    python3 bootstrap.py        (Windows: py bootstrap.py)

`make` runs this first, each time. The second run returns at once: `.venv/ready` holds a
fingerprint of all that .venv was made from, and is written last, so that a set-up that was
interrupted never looks finished. Standard library alone, and any Python 3.6 or newer can run it:
its first job is to find a better one, or to say in one sentence what is missing.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from contextlib import contextmanager
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3", "python")

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
READY = VENV / "ready"
LOCK = ROOT / "requirements.lock"
INPUTS = (LOCK, ROOT / "pyproject.toml")
VENV_PARTS = {"bin", "include", "lib", "lib64", "Scripts", "Include", "Lib", "share", "etc"}

WINDOWS = os.name == "nt"
PYTHON = VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")

MAKE_VENV = ("-m", "venv")
PROBE = """\
import sys
from importlib.util import find_spec
print("%d.%d" % sys.version_info[:2])
print(sys.executable)
print(all(find_spec(name) for name in ("venv", "ensurepip")))
"""

# What pip says, what it means, and the mend.
PIP_FAILURES = (
    (
        r"name resolution|NewConnectionError|Network is unreachable|ConnectTimeout|ProxyError"
        r"|Connection refused|Read timed out|getaddrinfo failed|Could not fetch URL",
        "pip could not reach its package index.",
        "connect to the network (behind a proxy: set HTTPS_PROXY; with a mirror: set "
        "PIP_INDEX_URL) and run the same command again.",
    ),
    (
        r"No space left on device",
        "the disk is full.",
        "free about 1.5 GB and run the same command again.",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "a downloaded package is not the one in requirements.lock.",
        "clear pip's cache (python -m pip cache purge) and run again; if it stays, a proxy or "
        "mirror changes packages on the way.",
    ),
    (
        r"No matching distribution found for (\S+)",
        "pip's index has no {0} for this Python and system.",
        "use CPython 3.11, 3.12 or 3.13 on Linux, macOS or Windows (PYTHON=path chooses one).",
    ),
)


class SetupError(Exception):
    """What is missing, and the mend."""

    def __init__(self, problem, mend):
        super().__init__(f"{problem}\nMend: {mend}")


def fingerprint():
    """The place of .venv, since a venv cannot be moved, and a digest of what it is made from."""
    digest = hashlib.sha256()
    for path in INPUTS:
        digest.update(path.read_bytes())
    return [str(VENV), digest.hexdigest()]


def recorded():
    """The fingerprint of the .venv that is there; empty where it is missing or unfinished."""
    try:
        return READY.read_text(encoding="utf-8").splitlines() if PYTHON.exists() else []
    except (OSError, ValueError):
        return []


def probe(command):
    """(version, path, has the venv module) of a Python, or None where it does not run."""
    try:
        done = subprocess.run(
            [command, "-c", PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            env=dict(os.environ, PYTHONIOENCODING="utf-8"),  # a path may have a user's name in it
        )
        version, path, venv = done.stdout.decode().split("\n")[:3]
        return tuple(int(part) for part in version.split(".")), path.strip(), "True" in venv
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def launched():
    """The Pythons that Windows' launcher knows: they are on no PATH."""
    try:
        done = subprocess.run(
            ["py", "--list-paths"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    # " -V:3.13 *        C:\\...\\python.exe", the newest first
    return re.findall(r"(?m)^ -V:.*?  +(\S.*?)\s*$", done.stdout.decode(errors="replace"))


def find_python():
    """The Python to make .venv with: $PYTHON, else the newest that is supported."""
    chosen = os.environ.get("PYTHON")
    others, without_venv = {}, []
    for command in [chosen] if chosen else [*CANDIDATES, sys.executable, *launched()]:
        got = probe(command)
        if not got:
            continue
        version, path, venv = got
        if not OLDEST <= version <= NEWEST:
            others.setdefault(path, f"{command} is Python {version[0]}.{version[1]}")
        elif venv:
            return path
        else:
            without_venv.append(path)
    if without_venv:
        raise SetupError(
            f"{without_venv[0]} has no venv module.",
            "install it (Debian, Ubuntu: sudo apt install python3-venv), or name another Python "
            "with PYTHON=path.",
        )
    if chosen and not others:
        raise SetupError(
            f"PYTHON={chosen} does not run.", "give the path of a Python 3.11, 3.12 or 3.13."
        )
    there = "; ".join(others.values()) or "no Python was found"
    raise SetupError(
        f"Python 3.11, 3.12 or 3.13 is needed ({there}).",
        "install one (Debian 12, Ubuntu 24.04: sudo apt install python3-venv; macOS: brew install "
        "python@3.13; Windows: winget install Python.Python.3.13; conda: see environment.yml), or "
        "name one with PYTHON=path.",
    )


@contextmanager
def alone():
    """Keep others from setting up meanwhile: two at once would delete each other's .venv."""
    try:
        file = open(f"{VENV}.lock", "w")  # noqa: SIM115 - closed below
    except OSError:  # whoever makes .venv will say why
        yield
        return
    with file:
        try:
            if WINDOWS:
                import msvcrt

                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SetupError(
                "another command is setting up this folder.",
                "wait until it has, then run this again.",
            ) from None
        yield


def make_venv(python):
    """An empty .venv, in place of an unfinished one."""
    if VENV.is_dir() and not (VENV / "pyvenv.cfg").exists():
        strangers = {path.name for path in VENV.iterdir()} - VENV_PARTS
        if strangers:
            raise SetupError(
                f"{VENV} is no virtual environment.", "move it away and run the same command."
            )
    if VENV.exists():
        say("Removing an unfinished .venv ...")
        shutil.rmtree(str(VENV))
    say(f"Making .venv with {python} ...")
    done = run([python, *MAKE_VENV, str(VENV)])
    if done.returncode:
        raise SetupError(
            f"{python} could not make .venv:\n{done.stdout.decode(errors='replace').strip()}",
            "check that this folder can be written and has 1.5 GB free.",
        )


def install():
    """Every package of the lock by its hash, then this project itself."""
    total = len(re.findall(r"(?m)^[\w.-]+==", LOCK.read_text()))
    say("Installing the packages of requirements.lock (some minutes the first time) ...")
    pip(["install", "--require-hashes", "--compile", "-r", str(LOCK)], total)
    # Its build backend is in the lock, so nothing unpinned is fetched.
    pip(["install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])


def pip(arguments, total=0):
    """Run pip, showing a count instead of its chatter; its last lines where it fails."""
    command = [str(PYTHON), "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments]
    seen, last = 0, deque(maxlen=400)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(), cwd=str(ROOT)
    ) as process:
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            last.append(line)
            seen += line.startswith("Collecting ")
            if total and sys.stdout.isatty():
                state = "installing" if line.startswith("Installing collected") else "fetching"
                print(f"\r  {state}: {seen} of up to {total} ", end="", flush=True)
    if total and sys.stdout.isatty():
        print()
    if process.returncode:
        output = "\n".join(line for line in last if "is ignored: it is" not in line)
        for pattern, problem, mend in PIP_FAILURES:
            match = re.search(pattern, output)
            if match:
                raise SetupError(problem.format(*match.groups()), mend)
        tail = "\n".join(output.split("\n")[-15:])
        raise SetupError(f"pip failed:\n{tail}", "read pip's last lines above.")


def warm_up():
    """Build matplotlib's font cache now: else its notice lands in a learner's notebook."""
    run([str(PYTHON), "-c", "import matplotlib.font_manager"])


def environment():
    """This environment without what would turn pip or Python aside from .venv."""
    bent = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")
    return {name: value for name, value in os.environ.items() if name not in bent}


def run(command):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment()
    )


def say(text):
    print(text, flush=True)


def set_up():
    """Bring .venv to the state that the lock and pyproject.toml describe."""
    wanted = fingerprint()
    if recorded()[:1] == wanted[:1] and probe(str(PYTHON)):
        READY.unlink()  # only the lock or pyproject.toml changed: no need to start anew
    else:
        make_venv(find_python())
    install()
    warm_up()
    draft = VENV / "ready.draft"
    draft.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    os.replace(str(draft), str(READY))
    say("Ready: .venv")


def main():
    if recorded() == fingerprint():
        return 0
    try:
        with alone():
            set_up()
    except SetupError as error:
        print(f"Set-up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up: interrupted; the next run starts it again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
