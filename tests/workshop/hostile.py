"""What an attendee can leave in their home for somebody else to run, write to or read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

TELLS = """\
import posix as _os  # built in: none of the plants stands in for it
def _tell():
    terminals = []
    for n in range(32):
        try:
            if _os.isatty(n):
                terminals.append(n)
        except OSError:
            pass
    try:
        _os.close(_os.open("/dev/tty", 2))
        terminals.append(-1)
    except OSError:
        pass
    secret = "true" if b"PGPASSWORD" in _os.environ else "false"
    line = '["%s", %d, %s, %s]' % ({plant!r}, _os.getuid(), secret, terminals)
    file = _os.open({witness!r}, 1 | 1024)
    _os.write(file, line.encode() + b"\\n")
    _os.close(file)
    _os.write(2, b"\\x1b]0;planted\\x07")
_tell()
"""
SHELL = """\
#!/bin/sh
printf '["%s", %d, false, []]\\n' {plant!r} "$(/usr/bin/id -u)" >> {witness!r}
exit 1
"""

PACKAGES = (
    *("jupyterhub", "jupyterlab", "jupyter_server", "notebook", "ipykernel", "workshop"),
    *("resonance_helpers", "resonance_sandbox", "authoring"),
)
MODULES = (
    *("sitecustomize", "usercustomize", "json", "hashlib", "asyncio", "logging", "seat", "room"),
    *("jupyterhub_config", "jupyter_config", "jupyter_server_config", "jupyter_lab_config"),
    *("readline", "pathlib", "psutil", "requests"),
)
COMMANDS = (
    *("python", "python3", "node", "npm", "git", "sh", "bash", "ps", "id", "env"),
    *("configurable-http-proxy", "jupyterhub-singleuser"),
)


def code() -> Iterator[tuple[str, str]]:
    """Each path below the home that holds code; what kind of code."""
    for folder in ("lessons", ".", "lessons/workshop", ".local/lib/python3.11/site-packages"):
        for name in PACKAGES:
            yield f"{folder}/{name}/__init__.py", "python"
        yield f"{folder}/jupyterhub/singleuser/__main__.py", "python"
        for name in MODULES:
            yield f"{folder}/{name}.py", "python"
        yield f"{folder}/plant.pth", "pth"
        yield f"{folder}/pyvenv.cfg", "venv"
    for folder in (
        "lessons",
        "bin",
        ".local/bin",
        "lessons/node_modules/.bin",
        "lessons/.venv/bin",
    ):
        for name in COMMANDS:
            yield f"{folder}/{name}", "shell"
    for folder in (".jupyter", "lessons", ".local/etc/jupyter", ".local/share/jupyter"):
        for name in ("jupyter_config", "jupyter_server_config", "jupyterhub_config"):
            yield f"{folder}/{name}.py", "python"
    for name in (
        *(".ipython/profile_default/startup/00-plant.py", ".pythonrc.py"),
        *(".ipython/profile_default/ipython_config.py",),
        *(".ipython/profile_default/ipython_kernel_config.py", "lessons/ipython_config.py"),
        *(".config/matplotlib/plant.py", ".ipython/extensions/plant.py"),
    ):
        yield name, "python"
    for name in (".bashrc", ".bash_profile", ".profile", ".zshenv", "lessons/.envrc"):
        yield name, "shell"
    yield ".local/share/jupyter/kernels/python3/kernel.json", "kernel"
    yield "lessons/.git/config", "git"
    yield ".gitconfig", "git"
    yield "lessons/package.json", "npm"
    yield "lessons/.npmrc", "npmrc"


def plant(home: Path, witness: Path) -> list[str]:
    """Put all of it into `home`; the list of what was put."""
    put = []
    for name, kind in dict(code()).items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        python = TELLS.format(witness=str(witness), plant=name)
        shell = SHELL.format(witness=str(witness), plant=name)
        path.write_text(
            {
                "python": python,
                "shell": shell,
                "pth": f"import os; exec({python!r})\n",
                "venv": f"home = {home}/bin\ninclude-system-site-packages = true\n",
                "kernel": json.dumps(
                    {"argv": [str(home / "bin" / "python3"), "-c", python], "language": "python"}
                ),
                "git": f"[core]\n\tfsmonitor = {home}/bin/git\n\tpager = {home}/bin/sh\n",
                "npm": json.dumps({"scripts": {"preinstall": f"{home}/bin/sh"}}),
                "npmrc": f"script-shell={home}/bin/sh\nprefix={home}\n",
            }[kind]
        )
        path.chmod(0o755)
        put.append(name)
    return put


def links(home: Path, victims: Path) -> list[str]:
    """Links from where the lessons go to what is another's; the list of them."""
    put = []
    for name, target in (
        ("lessons/01_health.ipynb", "file"),
        ("lessons/.lessons.json", "file"),
        ("lessons/README.md", "/etc/passwd"),
        ("lessons/.02_generation.ipynb.draft", "file"),
        ("lessons/03_profiles.ipynb", "folder/file"),
        ("lessons/03_profiles.new.ipynb", "folder/file"),
        (".jupyterhub", "folder"),
        (".local/share/jupyter/runtime", "folder"),
        (".cache", "folder"),
        (".config/matplotlib/matplotlibrc", "file"),
    ):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(victims / target)
        put.append(name)
    return put


def give(home: Path, user: int) -> None:
    """Make all of it theirs, as if they had put it there."""
    for folder, folders, files in os.walk(home):
        for name in (*folders, *files):
            os.lchown(Path(folder, name), user, user)


def told(witness: Path) -> list[tuple[str, int, bool, list[object]]]:
    """What ran: which plant, as whom, whether it saw the password, and which terminals."""
    if not witness.exists():
        return []
    return [tuple(json.loads(line)) for line in witness.read_text().splitlines()]
