"""Make .venv ready: the right Python, every package of a lock by its hash, this project.

    python3 bootstrap.py          what the lessons need (requirements-lessons.lock)
    python3 bootstrap.py --all    and what tests, the site and a workshop need (requirements.lock)

On Windows write ``py`` for ``python3``. `make` runs this first, each time. The second run returns
at once: `.venv/ready` holds a fingerprint of all that .venv was made from, and is written last, so
that a set-up that was interrupted never looks finished. Packages are installed with uv: the one
that is there, or a pinned one that pip brings; where neither works, with pip. Standard library
alone, and any Python 3.6 or newer can run it: its first job is to find a better one, or to say in
one sentence what is missing.
"""

import errno
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 15)  # the newest that was tested; a newer one is tried
FETCHED = "3.13"  # what uv brings where no Python fits
CANDIDATES = (
    *(f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)),
    *("python3", "python"),
)
OLDEST_UV = (0, 5)

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
READY = VENV / "ready"
LOCKS = {"lessons": ROOT / "requirements-lessons.lock", "all": ROOT / "requirements.lock"}
UV_LOCK = ROOT / "requirements-uv.lock"
PROJECT = ROOT / "pyproject.toml"
VENV_PARTS = {"bin", "include", "lib", "lib64", "Scripts", "Include", "Lib", "share", "etc"}

WINDOWS = os.name == "nt"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")

PROBE = """\
import platform, sys
from importlib.util import find_spec
print("%d.%d" % sys.version_info[:2])
print(sys.executable)
print(all(find_spec(name) for name in ("venv", "ensurepip")))
print(platform.python_implementation())
"""

# Builds matplotlib's font cache, too: else its notice lands in a learner's notebook.
CHECK = "import resonance_helpers.cli.main, resonance_sandbox, matplotlib.font_manager"

SETTINGS = {
    "PIP_INDEX_URL": "UV_INDEX_URL",
    "PIP_EXTRA_INDEX_URL": "UV_EXTRA_INDEX_URL",
    "PIP_NO_INDEX": "UV_NO_INDEX",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_DEFAULT_TIMEOUT": "UV_HTTP_TIMEOUT",
}
"""Pip's settings in the environment, and what uv calls them."""

SOURCES = re.compile(
    "INDEX|FIND_LINKS|HOST|CERT|TLS|HTTP|PROXY|TIMEOUT|RETRIES|KEYRING|CREDENTIALS|TOKEN|OFFLINE"
    "|CACHE_DIR|NO_CACHE|LINK_MODE|CONCURRENT|CONFIG_FILE|NO_CONFIG|PYTHON_(INSTALL|DOWNLOADS)"
)
"""What the names of those settings have in them that say where packages come from, and how."""

SWITCHES = ("PIP_USER", "PIP_REQUIRE_VIRTUALENV", "PIP_REQUIRE_HASHES", "PIP_DRY_RUN", "PIP_QUIET")
"""What a pip.conf may have turned on and only hinders here; hashes are asked for by an option."""

# What pip and uv say, what it means, and what to do; the first that fits counts.
FAILURES = (
    (
        r"No space left on device|os error 28\b|not enough space on the disk",
        "the disk is full.",
        "free about 1.5 GB and run the same command again.",
    ),
    (
        r"Too many open files|os error 24\b",
        "too few files may be open at once.",
        "run `ulimit -n 1024` and the same command again.",
    ),
    (
        r"not valid UTF-8|surrogates not allowed",
        "the name of this folder, or of one above it, is not in UTF-8.",
        "rename it and run the same command again.",
    ),
    (
        r"DO NOT MATCH THE HASHES|Hash mismatch for",
        "a downloaded package is not the one in the lock.",
        "clear the cache (pip cache purge, uv cache clean) and run again; if it stays, a proxy or "
        "mirror changes packages on the way.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|invalid peer certificate"
        r"|UnknownIssuer",
        "the certificate of the package index is not known on this machine.",
        "name your organisation's certificates (PIP_CERT=/path/to/them.pem) and run the same "
        "command again.",
    ),
    (
        r"\b(401|403|407)\b[^\n]{0,3}(?:Client Error|Unauthorized|Forbidden|Proxy Auth)"
        r"|HTTP error (401|403|407)\b|User for \S+",
        "the package index lets nobody in who does not log in (HTTP 401 or 403).",
        "give it a user and a password (PIP_INDEX_URL=https://user:password@host/simple), or name "
        "another index.",
    ),
    (
        r"\b(5\d\d) (?:Server Error|Service Unavailable|Bad Gateway|Internal|Gateway)"
        r"|HTTP error 5\d\d\b|too many 50\d error responses",
        "the package index is out of order (HTTP 5xx).",
        "try again in a few minutes, or name a mirror with PIP_INDEX_URL.",
    ),
    (
        r"location or host (?:at )?(\S+) is being ignored|repository located at (\S+) is not a "
        r"trusted",
        "pip takes no packages over plain http.",
        "name the index by its https address in PIP_INDEX_URL, or its host in PIP_TRUSTED_HOST.",
    ),
    (
        r"name resolution|NewConnectionError|Network is unreachable|ConnectTimeout|ProxyError"
        r"|Connection refused|Read timed out|getaddrinfo failed|Could not fetch URL \S+: conn"
        r"|dns error|error sending request|tcp connect error|operation timed out",
        "the package index could not be reached.",
        "connect to the network (behind a proxy: set HTTPS_PROXY; with a mirror: set "
        "PIP_INDEX_URL) and run the same command again.",
    ),
    (
        r"\b404\b[^\n]{0,3}(?:Client Error|Not Found)|HTTP error 404\b",
        "there is no package index at its address (HTTP 404).",
        "correct PIP_INDEX_URL or pip's index-url: it ends in /simple at most indexes.",
    ),
    (
        r"No matching distribution found for (\S+)",
        "the package index has no {0} that fits this Python and this system without compiling.",
        "use CPython 3.11 to 3.15 on Linux, Windows or macOS (PYTHON=path chooses one).",
    ),
)


class SetupError(Exception):
    """What is missing, and what to do."""

    def __init__(self, problem, fix):
        super().__init__(f"{problem}\nFix: {fix}")


class ToolError(Exception):
    """Pip or uv failed; its last lines."""


# -- what is there ---------------------------------------------------------------------------------


def fingerprint(part="all"):
    """The place of .venv and its Python, since it can follow neither; what it is made from; which.

    What it is made from is a digest of the lock and of pyproject.toml.
    """
    digest = hashlib.sha256()
    for path in (LOCKS[part], PROJECT):
        digest.update(path.read_bytes())
    return [f"{VENV} with {os.path.realpath(str(PYTHON))}", digest.hexdigest(), part]


def recorded():
    """The fingerprint of the .venv that is there; empty where it is missing or unfinished."""
    try:
        return READY.read_text(encoding="utf-8").splitlines() if PYTHON.exists() else []
    except (OSError, ValueError):
        return []


def probe(command):
    """(version, path, has the venv module) of a CPython, or None where it does not run."""
    try:
        done = subprocess.run(
            [command, "-c", PROBE],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            env=dict(os.environ, PYTHONIOENCODING="utf-8"),  # a path may have a user's name in it
        )
        # The last lines: a sitecustomize may have printed some.
        version, path, venv, kind = done.stdout.decode().splitlines()[-4:]
        if kind.strip() != "CPython":
            return None
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


def find_python(uv=None):
    """The Python to make .venv with: $PYTHON, else the newest that was tested, else a newer one.

    With uv none needs the venv module; where none fits, it is the version that uv fetches.
    """
    chosen = os.environ.get("PYTHON")
    newer, others, without_venv = {}, {}, []
    for command in [chosen] if chosen else [*CANDIDATES, sys.executable, *launched()]:
        got = probe(command)
        if not got:
            continue
        version, path, venv = got
        if version < OLDEST:
            others.setdefault(path, f"{command} is Python {dotted(version)}")
        elif not venv and not uv:
            without_venv.append(path)
        elif version <= NEWEST:
            return path
        else:
            newer.setdefault(path, version)
    for path, version in newer.items():
        say(f"Python {dotted(version)} is newer than what was tested; trying it.")
        return path
    if without_venv:
        raise SetupError(
            f"{without_venv[0]} has no venv module.",
            "install it (Debian, Ubuntu: sudo apt install python3-venv), or name another Python "
            "with PYTHON=path.",
        )
    if uv and not chosen:
        say(f"No Python from {dotted(OLDEST)} on is here; uv fetches {FETCHED}.")
        return FETCHED
    if chosen and not others:
        raise SetupError(
            f"PYTHON={chosen} does not run.",
            f"give the path of a CPython {dotted(OLDEST)} or newer.",
        )
    there = "; ".join(others.values()) or "no Python was found"
    raise SetupError(
        f"Python {dotted(OLDEST)} or newer is needed ({there}).",
        "run `python3 -m pip install --user uv` and then this again: uv brings a Python. Or "
        "install one (Debian 12, Ubuntu 24.04 and newer: sudo apt install python3-venv; macOS: "
        f"brew install python; Windows: py install {FETCHED}, or winget install "
        f"Python.Python.{FETCHED}; conda: see environment.yml), or name one with PYTHON=path.",
    )


def find_uv():
    """The path of a uv that is recent enough, or None."""
    for uv in (shutil.which("uv"), str(BIN / "uv")):
        try:
            said = subprocess.run(
                [uv or "", "--version"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=30,
                cwd=str(ROOT),  # pyenv's stand-in for it obeys a .python-version there
            ).stdout.decode(errors="replace")
        except (OSError, subprocess.TimeoutExpired):
            continue
        version = re.match(r"uv (\d+)\.(\d+)", said)
        if version and tuple(map(int, version.groups())) >= OLDEST_UV:
            told = run([uv, "cache", "dir"])
            if told.returncode:
                continue  # it cannot read its own settings, and nothing else would go better
            try:
                cache = os.fsdecode(told.stdout.strip())
                os.makedirs(cache, exist_ok=True)
                tempfile.TemporaryFile(dir=cache).close()
            except (OSError, ValueError):
                os.environ["UV_NO_CACHE"] = "1"  # uv stops there, where pip does without
            return uv
    return None


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


# -- the steps -------------------------------------------------------------------------------------


def make_venv(python, uv=None):
    """An empty .venv, in place of an unfinished one."""
    strangers = {".venv"} if VENV.is_symlink() or VENV.is_file() else set()
    if VENV.is_dir() and not (VENV / "pyvenv.cfg").exists():
        strangers |= {path.name for path in VENV.iterdir()} - VENV_PARTS
    if strangers:
        raise SetupError(
            f"{VENV} is no virtual environment of this folder's own.",
            "move it away and run the same command.",
        )
    if VENV.exists():
        say("Removing an unfinished .venv ...")
        shutil.rmtree(str(VENV))
    say(f"Making .venv with {'Python ' * (python == FETCHED)}{python} ...")
    command = [uv, "venv", "--python", python] if uv else [python, "-m", "venv"]
    try:
        tool([*command, str(VENV)], Progress("making .venv"))
    except ToolError as error:
        said = str(error).strip()
        if shutil.disk_usage(str(ROOT)).free < 50e6:  # venv does not say so
            said = os.strerror(errno.ENOSPC)
        refuse(said)
        raise SetupError(
            f"{python} could not make .venv:\n{said}",
            "check that this folder can be written and has 1.5 GB free.",
        ) from None


def bring_uv():
    """Have pip bring the pinned uv into .venv; None where it cannot, and pip does it all."""
    say("Fetching uv, which installs ten times as fast as pip ...")
    try:
        pip(["install", "--require-hashes", "--no-deps", "-r", UV_LOCK.name], Progress("uv"))
    except ToolError as error:
        refuse(str(error), unless=("No matching distribution", r"\b404\b"))
    return find_uv()


def install(part, uv):
    """Every package of the lock by its hash, then this project itself."""
    lock = LOCKS[part]
    total = len(set(re.findall(r"(?m)^([\w.-]+)==", lock.read_text(encoding="utf-8"))))
    # The lock is whole, so nothing is left to resolve.
    packages = ["install", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    packages += ["-r", lock.name]  # from this folder, whatever its name has in it
    # Its build backend is in the lock, so nothing unpinned is fetched.
    project = ["install", "--no-deps", "--no-build-isolation", "--editable", "."]
    say(f"Installing the packages of {lock.name} ...")
    first = ""
    if uv:
        try:
            at = ["pip", "install", "--python", str(PYTHON)]
            tool([uv, *at, "--compile-bytecode", *packages[1:]], Progress("packages", total))
            tool([uv, *at, *project[1:]], Progress("this project"))
            compile_all()
            return
        except ToolError as error:
            first = str(error)
            refuse(first, only=r"os error 28\b")
            say("uv could not do it; trying pip ...")
    try:
        if run([str(PYTHON), "-m", "pip", "--version"]).returncode:
            tool([str(PYTHON), "-m", "ensurepip"], Progress("pip"))
        pip([*packages, "--no-compile"], Progress("packages", total))
        pip(project, Progress("this project"))
        compile_all({path.parent for path in installed("*.dist-info")})
    except ToolError as error:
        said = str(error)
        missing = re.search(r"No matching distribution found for (\S+)", said)
        if missing:  # the reason why is told only when asked for
            said = why_missing(missing.group(1)) + said
        refuse(said)
        refuse(first)
        raise SetupError(
            "pip failed:\n" + "\n".join(said.split("\n")[-15:]), "read pip's last lines above."
        ) from None


def pip(arguments, progress):
    """Run .venv's pip; a ToolError where it fails."""
    settings = ("--no-input", "--disable-pip-version-check")
    tool([str(PYTHON), "-m", "pip", *settings, *arguments], progress)


def compile_all(packages=()):
    """Compile these folders and this project's on all cores at once.

    What does not compile never runs. Where nobody may write bytecode later, each start of the
    sandbox would compile all of it again.
    """
    folders = {*packages, *ROOT.glob("resonance_*/")}
    with suppress(ToolError):
        command = [str(PYTHON), "-m", "compileall", "-q", "-j", "0", *map(str, folders)]
        tool(command, Progress("compiling"))


def why_missing(requirement):
    """What pip says of the index in detail, for one package that it did not find there."""
    with tempfile.TemporaryDirectory() as folder:
        download = ["download", "-vv", "--no-deps", "--only-binary", ":all:", "-d", folder]
        try:
            pip([*download, requirement], Progress("asking the index"))
        except ToolError as error:
            lines = str(error).split("\n")
            return "".join(line + "\n" for line in lines if "Could not fetch URL" in line)
    return ""


def point_here():
    """Let .venv find this project by a relative path, which is ASCII wherever the project is.

    Python 3.11 and 3.12 read the file in the locale's encoding, and pip writes it in UTF-8.
    """
    for path in installed("*resonance_helpers*.pth"):
        path.write_text(os.path.relpath(str(ROOT), str(path.parent)) + "\n", encoding="ascii")


def check():
    """Import the project as a kernel does, from another folder; a SetupError where that fails."""
    progress = Progress("trying it")
    with tempfile.TemporaryDirectory() as folder:
        try:
            tool(
                [str(PYTHON), "-W", "ignore", "-c", CHECK], progress, folder, environment(utf8=None)
            )
        except ToolError as error:
            refuse(str(error))
            raise SetupError(
                ".venv is made, but does not work:\n" + "\n".join(str(error).split("\n")[-3:]),
                "delete .venv and run the same command again; if it stays, try another Python "
                "(PYTHON=path).",
            ) from None


def installed(pattern):
    """The paths in .venv's folder of packages."""
    packages = "Lib/site-packages/" if WINDOWS else "lib/python*/site-packages/"
    return list(VENV.glob(packages + pattern))


# -- running tools ---------------------------------------------------------------------------------


class Progress:
    """Shows that something moves: on a terminal one line that changes, else a line at times."""

    TERMINAL = bool(sys.stdout) and sys.stdout.isatty()
    INTERVAL = 1.0 if TERMINAL else 1.8  # seconds

    def __init__(self, what, total=0):
        self.what, self.total = what, total
        self.began = time.time()
        self.done = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.show, daemon=True)
        self.thread.start()

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def show(self):
        start, end = ("\r  ", " ") if self.TERMINAL else ("  ", "\n")
        shown = False
        while not self.done.wait(self.INTERVAL):
            print(f"{start}{self.state()}{end}", end="", flush=True)
            shown = True
        if shown and end == " ":
            print()

    def state(self):
        """Such as ``packages: 31 of up to 148 installed, 12 s``."""
        text = f"{self.what}:"
        if self.total:
            text += f" {len(installed('*.dist-info'))} of up to {self.total} installed,"
        return f"{text} {time.time() - self.began:.0f} s"


def tool(command, progress, folder=None, env=None):
    """Run a command and show that it does; a ToolError with its last lines where it fails."""
    last = deque(maxlen=400)
    with progress:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env or environment(),
            cwd=folder or str(ROOT),
        )
        with process:
            try:
                for raw in process.stdout:
                    line = raw.decode(errors="replace").rstrip()
                    if "is ignored: it is" not in line:
                        last.append(line)
            except BaseException:
                process.terminate()  # else it goes on in .venv, beside the next run
                process.wait()
                raise
    if process.returncode:
        raise ToolError("\n".join(last))


def run(command):
    """Run a command in silence."""
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        cwd=str(ROOT),
    )


def refuse(output, only=None, unless=()):
    """A SetupError for what pip's or uv's words mean, if it is known."""
    if (only and not re.search(only, output)) or any(re.search(one, output) for one in unless):
        return
    for pattern, problem, fix in FAILURES:
        match = re.search(pattern, output)
        if match:
            raise SetupError(problem.format(*match.groups()), fix) from None


def environment(utf8="1"):
    """This environment without what would turn pip, uv or Python aside.

    Of their settings those stay that say where packages come from, and how. In UTF-8 they
    understand any folder's name, whatever the locale.
    """
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PIP_", "UV_")) or SOURCES.search(name)
    }
    if not os.path.isdir(env.get("TMPDIR", "")):
        env.pop("TMPDIR", None)  # uv, without a home to write to, stops at a missing folder
    env.update(dict.fromkeys(SWITCHES, "0"))
    for theirs, ours in SETTINGS.items():
        if env.get(theirs):
            env.setdefault(ours, env[theirs])
    links = [
        one for one in env.get("PIP_FIND_LINKS", "").split() if "://" in one or Path(one).exists()
    ]
    env["UV_FIND_LINKS"] = ",".join(links)  # uv wants commas, and stops at a missing folder
    env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")  # as pip; hashes decide
    env.setdefault("UV_SYSTEM_CERTS", "true")
    if utf8:
        env.setdefault("PYTHONUTF8", utf8)
    return env


def dotted(version):
    """Such as 3.11."""
    return ".".join(str(part) for part in version)


def say(text):
    """A line of progress."""
    print(text, flush=True)


def set_up(part):
    """Bring .venv to the state that the lock and pyproject.toml describe."""
    before = recorded()
    if not os.access(str(ROOT), os.W_OK):
        raise SetupError(
            f"{ROOT} cannot be written.",
            "make it writable for yourself, or clone the project where you may write.",
        )
    if VENV.exists() and not os.access(str(VENV), os.W_OK):
        raise SetupError(
            f"{VENV} is another user's.",
            "remove it (sudo rm -rf .venv), and run the same command again, without sudo.",
        )
    if before[2:] == ["all"]:
        part = "all"  # an update leaves nobody with less than before
    uv = find_uv()
    if before[:1] == fingerprint()[:1] and probe(str(PYTHON)):
        READY.unlink()  # only the lock or pyproject.toml changed: no need to start anew
    else:
        make_venv(find_python(uv), uv)
    install(part, uv or bring_uv())
    point_here()
    check()
    draft = VENV / "ready.draft"
    draft.write_text("\n".join(fingerprint(part)) + "\n", encoding="utf-8")
    os.replace(str(draft), str(READY))
    say("Ready: .venv")


def main(arguments=()):
    """Set up what is asked for, if it is not there; the exit code."""
    part = "all" if "--all" in arguments else "lessons"
    for stream in (sys.stdout, sys.stderr):  # a path may have letters that an old code page lacks
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if recorded() in [fingerprint("all"), fingerprint(part)]:
        return 0
    try:
        with alone():
            set_up(part)
    except SetupError as error:
        print(f"Set-up: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        full = error.errno == errno.ENOSPC
        problem = "the disk is full." if full else f"{error.filename or ROOT}: {error.strerror}."
        fix = "free about 1.5 GB" if full else "make this folder writable for yourself"
        print(f"Set-up: {problem}\nFix: {fix} and run the same command again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nSet-up: interrupted; the next run starts it again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does
    sys.exit(main(sys.argv[1:]))
