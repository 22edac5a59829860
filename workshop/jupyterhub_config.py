"""JupyterHub for one room: a password for each name, a home and a sandbox for each attendee.

`python -m workshop hub` starts it; docs/instructor/room.md tells what keeps
attendees apart and what does not.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from jupyterhub.app import JupyterHub  # noqa: E402
from jupyterhub.auth import Authenticator  # noqa: E402
from jupyterhub.handlers import BaseHandler  # noqa: E402
from jupyterhub.spawner import SimpleLocalProcessSpawner  # noqa: E402

from resonance_helpers.cli.lab import SETTINGS as LAB_SETTINGS  # noqa: E402
from resonance_helpers.lesson.board import KEY as BOARD_KEY  # noqa: E402
from resonance_helpers.lesson.board import URL as BOARD_URL  # noqa: E402
from resonance_helpers.lesson.board import key_of  # noqa: E402
from resonance_helpers.lesson.manifest import pages  # noqa: E402
from resonance_sandbox import SandboxError, start  # noqa: E402
from resonance_sandbox.tenants.attendees import AttendeesError, read_keys, tenant_of  # noqa: E402
from workshop.attendee import confined, log_of  # noqa: E402
from workshop.board.command import TOKEN  # noqa: E402
from workshop.hub import PROXY, SETTINGS  # noqa: E402
from workshop.printable import Printable  # noqa: E402
from workshop.room import Room  # noqa: E402

asked = json.loads(os.environ.pop(SETTINGS))
room = Room(Path(asked["list"]), asked["one_user"])


def today() -> Room:
    """The room as its list is now: it may have grown. As it was, if somebody is just writing it."""
    try:
        now = Room(room.path, room.one_user)
        return now if now.attendees and now.passwords else room
    except (AttendeesError, OSError):
        return room


JupyterHub._log_formatter_cls = Printable


class Names(Authenticator):
    """Lets in who is on the list, by a name in any spelling and the password they were given."""

    def normalize_username(self, username):
        return tenant_of(username)

    async def authenticate(self, handler, data):
        name = tenant_of(data["username"])
        return name if today().admits(name, data["password"]) else None

    async def refresh_user(self, user, handler=None, **_):
        return today().expects(user.name)  # else a cookie would outlive the line on the list


class Seat(SimpleLocalProcessSpawner):
    """A Jupyter server in the attendee's home; where root starts it, as a user of their own."""

    shared = None
    keys: dict[str, str] = {}  # noqa: RUF012

    def make_preexec_fn(self, name):
        return None  # `popen_kwargs` says all, and in a way that is safe beside threads

    async def start(self):
        room.make_home(self.user.name)  # of a latecomer
        output = log_of(room.logs, self.user.name)
        try:
            self.popen_kwargs = confined(room.user(self.user.name), output)
            return await super().start()
        finally:
            os.close(output)

    def user_env(self, env):
        env = super().user_env(env)
        env["LOGNAME"] = env["USERNAME"] = self.user.name
        env["WORKSHOP_LESSONS"] = str(room.lessons)
        env["JUPYTER_CONFIG_PATH"] = str(LAB_SETTINGS)
        if self.user.name in self.keys:  # a latecomer has a sandbox of their own
            env["RESONANCE_URL"] = self.shared.url
            env["RESONANCE_API_KEY"] = self.keys[self.user.name]
        if asked["board"]:
            env[BOARD_URL] = f"http://127.0.0.1:{asked['ports'][3]}"
            env[BOARD_KEY] = key_of(today().passwords[self.user.name])
        return env


if asked["database"]:
    keys = room.path.with_name(f"{room.path.stem}-keys.csv")
    try:
        Seat.shared = start(
            database=asked["database"],
            attendees=room.path,
            keys=keys,
            port=asked["ports"][2],
            timeout=120,
        )
    except SandboxError as error:
        sys.exit(f"workshop: {error}")
    Seat.keys = read_keys(keys)
os.environ.pop("PGPASSWORD", None)  # the shared sandbox has it; the proxy has no use for it

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = asked["url"]
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{asked['ports'][0]}"
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.log_level = "WARN"
if asked["certificate"]:
    c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key = asked["certificate"]
c.ConfigurableHTTPProxy.command = ["node", str(PROXY)]
c.ConfigurableHTTPProxy.log_level = "error"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{asked['ports'][1]}"

c.JupyterHub.authenticator_class = Names
c.Authenticator.allow_all = True  # of those whom `Names` lets in
c.Authenticator.auth_refresh_age = 1
if not hasattr(BaseHandler, "_token_authenticated"):
    BaseHandler._token_authenticated = False  # 6.1 asks for it where a refusal to refresh is told

if asked["board"]:
    c.JupyterHub.services = [
        {
            "name": "board",
            "command": [
                *(sys.executable, "-m", "workshop", "board", str(room.path)),
                *("--port", str(asked["ports"][3])),
            ],
            "cwd": str(HERE.parent),
            "environment": {TOKEN: asked["board"]},
        }
    ]

c.JupyterHub.spawner_class = Seat
c.Seat.home_dir_template = room.home_template
c.Spawner.cmd = [sys.executable, "-I", str(HERE / "seat.py")]
c.Spawner.args = [
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--KernelManager.transport_encryption=auto",
    "--Application.log_level=WARN",
]
if os.geteuid() == 0 and asked["one_user"]:
    c.Spawner.args.append("--allow-root")
c.Spawner.default_url = f"/lab/tree/{pages(room.lessons)[0].filename}"
# Thirty log in within a minute, and a laptop starts a few servers a second at best.
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
c.LocalProcessSpawner.interrupt_timeout = 1  # a server asks whether it is meant; nobody answers
