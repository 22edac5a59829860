"""Start a JupyterHub for the attendees of a list."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from resonance_helpers.cli.main import port_number
from resonance_sandbox.settings import is_loopback
from resonance_sandbox.tenants.attendees import AttendeesError

from .attendee import confined, environment, theirs_to_change
from .board.command import new_token
from .room import Room

__all__ = ["HubError", "add_options", "run"]

HERE = Path(__file__).resolve().parent
PROXY = HERE / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
"""Run by `node`, and not by npm's link in `.bin`: a copy of a folder has no links."""
WHOLE = HERE / "node_modules" / ".package-lock.json"
"""What npm writes last: without it an installation was broken off."""
NODE = 18
ROOT = HERE.parent
SETTINGS = "RESONANCE_WORKSHOP"
"""The variable that carries what was asked for to `jupyterhub_config.py`."""

PATIENCE = 300
"""Seconds that a first look at the installation may take on a busy machine."""

READ = """\
import sys
from importlib.util import find_spec
parts = "jupyterhub.singleuser", "jupyterlab", "resonance_helpers", "resonance_sandbox"
for path in [*(find_spec(part).origin for part in parts), *sys.argv[1:]]:
    open(path, "rb").close()
"""

GET_NODE = (
    "install Node.js with npm (Debian 12, Ubuntu 24.04: sudo apt install npm; macOS: brew install "
    "node)"
)
EXPOSED = (
    "Warning: {host} can be reached from other machines, and so can a Python prompt on this one by "
    "whoever has a password of the list."
)
IN_THE_OPEN = "Passwords cross the network unencrypted; --certificate and --key would hide them."
ONE_USER = (
    "Attendees share this user's rights: each can read and change the others' files and yours. "
    "Started by root, without --one-user, each runs as a user of their own."
)


class HubError(Exception):
    """The workshop cannot start; one sentence says why and how to mend it."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("attendees", type=Path, help="a list of names, one a line, or a CSV file")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add(
        "--port",
        type=port_number,
        default=8000,
        help="TCP port, 0 for a free one (default: %(default)s)",
    )
    add("--allow-remote", action="store_true", help="let --host be reachable from elsewhere")
    add("--certificate", type=Path, metavar="FILE", help="for https: a chain in PEM")
    add("--key", type=Path, metavar="FILE", help="for https: its private key")
    add(
        "--one-user",
        action="store_true",
        help="let attendees run as you even where you are root, as in a container to throw away",
    )
    add("--board", action="store_true", help="show you who is at which exercise; all are told")
    add(
        "--database",
        metavar="URL",
        help="let all share one sandbox on this database, a tenant each; else each has their own",
    )


def run(options: argparse.Namespace) -> int:
    """Prepare the room, then become JupyterHub.

    It returns only where something is missing, or where that JupyterHub runs already.
    """
    try:
        if not prepare(options):
            return 0
    except (HubError, AttendeesError, OSError) as error:
        print(f"workshop: {error}", file=sys.stderr)
        return 2
    command = [
        sys.executable,
        "-P",
        "-m",
        "jupyterhub",
        "--config",
        str(HERE / "jupyterhub_config.py"),
    ]
    os.execv(sys.executable, command)
    return 0


def prepare(options: argparse.Namespace) -> bool:
    """Make the room ready; False if it is taught in already, and only newcomers were let in."""
    if os.name == "nt":
        raise HubError("JupyterHub does not run on Windows; use WSL, or the bundle on each laptop")
    local = is_loopback(options.host)
    if not (local or options.allow_remote):
        raise HubError(
            f"{options.host} can be reached from other machines; give --allow-remote if you mean it"
        )
    if (options.certificate is None) != (options.key is None):
        raise HubError("--certificate and --key go together")
    for path in filter(None, (options.certificate, options.key)):
        path.open("rb").close()  # an OSError says why not, before the proxy would in its own way
    room = Room(options.attendees.absolute(), options.one_user)
    names = len(room.attendees)  # what is wrong with the list is said before anything is fetched
    if runs(room):
        room.hand_out_passwords()
        print(f"The workshop of {room.path.name} runs; who is new on the list can log in now.")
        print(f"Names and passwords: {room.passwords_file}")
        return False
    port = free_port(options.host, options.port)
    install_proxy()
    room.prepare()
    check_readable(room)
    scheme = "https" if options.certificate else "http"
    url = f"{scheme}://{options.host}:{port}"
    if not local:
        warn(EXPOSED.format(host=options.host))
        if not options.certificate:
            warn(IN_THE_OPEN)
    if room.user(room.attendees[0].tenant) is None:
        warn(ONE_USER)
    print(f"Workshop for {names} attendees on {url} in a moment; Ctrl-C ends it.")
    print(f"Names and passwords: {room.passwords_file}", flush=True)
    ports = inner_ports(room)
    token = new_token() if options.board else None
    if token:
        print(f"Board, for you alone: http://127.0.0.1:{ports[3]}/#{token}", flush=True)
    os.environ[SETTINGS] = json.dumps(
        {
            "list": str(room.path),
            "url": url,
            "ports": ports,
            "board": token,
            "certificate": [str(path.absolute()) for path in (options.certificate, options.key)]
            if options.certificate
            else None,
            "database": options.database,
            "one_user": options.one_user,
        }
    )
    os.chdir(room.hub)
    return True


def install_proxy() -> None:
    """Fetch the proxy at the versions and hashes of package-lock.json, if it is not there."""
    check_node()
    # Before the lock, which an attendee could take, too: they can read that folder.
    if not _has_proxy():
        with _alone():
            if not _has_proxy():
                _fetch_proxy()


def _has_proxy() -> bool:
    return PROXY.exists() and WHOLE.exists()


@contextmanager
def _alone() -> Iterator[None]:
    """While another does this, wait: two of npm in one folder spoil each other's work."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    folder = os.open(HERE, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system that has no locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _fetch_proxy() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise HubError(f"JupyterHub's proxy is installed by npm, which is not there; {GET_NODE}")
    print("Installing JupyterHub's proxy ...", flush=True)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise HubError(
            f"npm could not install the proxy; connect to the network, or use a bundle that holds "
            f"it:\n{done.stdout.strip()}"
        )


def check_node() -> None:
    """Look whether there is a Node.js that runs the proxy, which an old one tells in a traceback.

    Raises:
        HubError: there is none, or it is too old.
    """
    node = shutil.which("node")
    if node is None:
        raise HubError(f"Node.js {NODE} is needed for JupyterHub's proxy; {GET_NODE}")
    try:
        told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=60)
        found = re.match(r"v(\d+)\.", told.stdout)
        said = (told.stdout + told.stderr).strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        found, said = None, str(error)
    if found is None or int(found[1]) < NODE:
        raise HubError(f"Node.js {NODE} is needed, and {node} says {said!r}; {GET_NODE}")


def check_readable(room: Room) -> None:
    """Look whether attendees who are users of their own can run this Python, and not change it.

    It is tried as a user whom nobody is: what an attendee has planted is nowhere near.
    """
    if room.user(room.attendees[0].tenant) is None:
        return
    for path in (room.path, room.path.parent, ROOT, Path(sys.prefix), Path(sys.base_prefix)):
        if at := theirs_to_change(path):
            raise HubError(
                f"others can write to {at}, and the workshop would run or read as root what they "
                "put there; take that right away, or move what is in it to a folder of your own"
            )
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", READ, *map(str, room.handed_out)],
            env=environment(),
            timeout=PATIENCE,
            text=True,
            errors="replace",
            **confined(room.free_user(), subprocess.PIPE),
        )
        reason = done.stdout.strip().rpartition("\n")[2] if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = str(error)
    if reason:
        raise HubError(
            "attendees run as users of their own, and these cannot read this installation, its "
            f"Python or {room.folder} ({reason}); move what is in a private folder such as /root, "
            "start the workshop as another user than root, or give --one-user"
        )


def runs(room: Room) -> bool:
    """Whether the room has a JupyterHub.

    The proxy of one that was killed, as by the end of its terminal, still holds the port: it is
    stopped.
    """
    record = room.hub / "jupyterhub-proxy.pid"
    try:
        proxy = psutil.Process(int(record.read_text()))
        parent = proxy.parent()
        ours = PROXY.name in " ".join(proxy.cmdline()) and proxy.uids().real == os.geteuid()
        if not ours:  # long gone, and its number is another's, whom JupyterHub would end
            record.unlink()
            return False
        if parent is not None and "jupyterhub" in parent.cmdline():
            return True
        proxy.terminate()
        proxy.wait(10)
    except (OSError, ValueError, psutil.Error):
        pass
    return False


def inner_ports(room: Room) -> list[int]:
    """Ports for the hub, the proxy's interface, a shared sandbox and a board: the last, if free.

    Whoever outlived a hub that was killed looks for them there, and goes on working.
    """
    file = room.hub / "ports.json"
    ports = [0, 0, 0, 0]
    with suppress(OSError, ValueError, TypeError):
        last = list(json.loads(file.read_text("utf-8")))
        ports = [*last, *ports[len(last) :]]
    for at, port in enumerate(ports):
        try:
            ports[at] = free_port(port=port)
        except HubError:
            ports[at] = free_port()
    file.write_text(json.dumps(ports), "utf-8")
    return ports


def free_port(host: str = "127.0.0.1", port: int = 0) -> int:
    """`port`, or any free one for 0."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise HubError(
                f"port {port} of {host} cannot be used ({error.strerror}); choose another with "
                "--port"
            ) from None
        return int(probe.getsockname()[1])


def warn(text: str) -> None:
    print(f"workshop: {text}", file=sys.stderr, flush=True)
