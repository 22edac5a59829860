"""``python -m resonance_sandbox``: run a sandbox until Ctrl-C."""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .telling import tell

if TYPE_CHECKING:
    from fastapi import FastAPI

__all__ = ["main"]

EXPOSED = (
    "Warning: {host} can be reached from other machines. Whoever reaches it can use the open "
    "tenants, and keys cross the network unencrypted: use none that matter elsewhere."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sandbox; the exit code is 2 where it cannot start, with one sentence on stderr."""
    options = _parser().parse_args(arguments)
    # Imported late: --help and mistakes answer at once.
    from .settings import WEBHOOK_RETRY, Settings, SettingsError, is_loopback

    try:
        settings = Settings(
            host=options.host,
            port=options.port,
            auth=options.auth,
            database=options.database,
            latency=options.latency,
            still=options.still,
            allow_remote=options.allow_remote,
            rate_limit=options.rate_limit,
            burst=options.burst,
            quota=options.quota,
            token_lifetime=options.token_lifetime,
            access_log=options.access_log,
            allowed_hosts=tuple(options.allow_host),
            allow_loopback_webhooks=options.allow_loopback_webhooks,
            webhook_retry=WEBHOOK_RETRY
            if options.webhook_retry is None
            else _waits(options.webhook_retry),
            webhook_timeout=options.webhook_timeout,
            webhook_disable_after=options.webhook_disable_after,
            shared=options.attendees is not None,
            clock=_seconds(options.clock),
        )
    except SettingsError as error:
        return _refuse(error)

    from .listening import BindError, bind, url_of

    try:
        listening = bind(settings.host, settings.port)
    except BindError as error:
        return _refuse(error)

    # What a start makes stays: the garbage collector would look through it again and again, here
    # and (but for `freeze`) in the middle of requests.
    gc.disable()
    _import_fastapi()

    from sqlalchemy.exc import SQLAlchemyError

    from .app import create_app, issue_credentials
    from .server import die_with_parent, run
    from .store import DatabaseError, reason_of
    from .tenants.attendees import AttendeesError

    if options.parent:
        die_with_parent(options.parent)

    url = url_of(listening)
    room = ""
    try:
        app = create_app(settings, url=url)
        credentials = issue_credentials(app)
        if options.attendees:
            room = _fill_room(app, options.attendees, options.keys, url)
    except (DatabaseError, AttendeesError, OSError, SQLAlchemyError) as error:
        gc.enable()
        listening.close()
        if isinstance(error, SQLAlchemyError):
            error = DatabaseError(f"the database cannot be used: {reason_of(error)}")
        return _refuse(error)
    if not is_loopback(settings.host):
        tell(f"sandbox: {EXPOSED.format(host=settings.host)}")

    def ready() -> None:
        if options.json:
            line = json.dumps({"url": url, "pid": os.getpid(), "credentials": credentials})
        else:
            line = f"ResonanceOS v6 sandbox on {url} (see {url}/docs); Ctrl-C stops it.{room}"
        try:
            print(line, flush=True)
        except OSError as error:  # a full disk, or a pipe that nobody reads
            sys.stdout = None  # or it is tried again at the end
            tell(f"sandbox: it is on {url}, which cannot be written to stdout: {error.strerror}")

    gc.freeze()
    gc.enable()
    run(app, listening, ready, until_stdin_ends=options.until_stdin_ends)
    return 0


def _import_fastapi() -> None:
    """Import FastAPI, and with it nothing that a start can do without."""
    # Else pydantic reads the metadata of every installed package, in search of plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # FastAPI would import pydantic 1, to find out that no model here is of that version.
    sys.modules["pydantic.v1"] = None  # type: ignore[assignment]  # as if it were not installed
    from pydantic import BaseModel

    # FastAPI has models of all that OpenAPI knows; what they need is made when one is first used.
    BaseModel.model_config["defer_build"] = True
    import fastapi  # noqa: F401

    del BaseModel.model_config["defer_build"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="resonance sandbox",
        usage="%(prog)s [OPTION ...]",
        description="Run a ResonanceOS v6 server on this machine, to learn and to test against.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--port", type=int, default=8000, help="TCP port, 0 for a free one (default: %(default)s)")
    add(
        "--auth",
        choices=("optional", "required"),
        default="optional",
        help="whether open tenants answer anonymous callers (default: %(default)s)",
    )
    add(
        "--database",
        metavar="URL",
        help="SQLite file to keep, as a path or sqlite:///file.db; or postgresql://user@host/name "
        "(its password in PGPASSWORD or ~/.pgpass, where the list of processes does not show it)",
    )
    add(
        "--latency",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="let each generation wait, as a remote model would (default: %(default)s)",
    )
    add("--json", action="store_true", help="when ready, print one line of JSON with the keys")
    add("--still", action="store_true", help="displayed ids and times are the same on every run")
    add("--allow-remote", action="store_true", help="let --host be reachable from elsewhere")
    add(
        "--attendees",
        type=Path,
        metavar="FILE",
        help="for a room: give each name on this list, one a line, a tenant and an API key",
    )
    add(
        "--keys",
        type=Path,
        metavar="FILE",
        help="write who has which key here, for your eyes alone (default: FILE-keys.csv)",
    )
    add("--allow-host", action="append", default=[], metavar="NAME", help="answer to it, too")
    add("--rate-limit", type=int, default=1_000, metavar="N", help="requests a minute per caller")
    add("--burst", type=int, default=100, metavar="N", help="requests a second per caller")
    add("--quota", type=int, default=100_000, metavar="N", help="requests a day per caller")
    add(
        "--token-lifetime",
        type=int,
        default=900,
        metavar="SECONDS",
        help="let OAuth access tokens end so soon (default: %(default)s)",
    )
    add("--access-log", action="store_true", help="write a line to stderr for each request")
    add(
        "--allow-loopback-webhooks",
        action="store_true",
        help="let webhooks lead to this machine, by http and at any port too",
    )
    add(
        "--webhook-retry",
        metavar="SECONDS,...",
        help="waits between the tries of a delivery (default: from 5 seconds to 10 hours)",
    )
    add(
        "--webhook-timeout",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="how long one try may take (default: %(default)s)",
    )
    add(
        "--webhook-disable-after",
        type=int,
        default=5,
        metavar="N",
        help="dead deliveries in a row that disable a webhook (default: %(default)s)",
    )
    add(
        "--clock",
        default="0s",
        metavar="AHEAD",
        help="set the clock so far ahead of this machine's, as in 28h, 90m or 7d; "
        "POST /sandbox/clock advances it later",
    )
    add("--parent", type=int, default=0, help=argparse.SUPPRESS)
    add("--until-stdin-ends", action="store_true", help=argparse.SUPPRESS)
    return parser


def _fill_room(app: FastAPI, listed: Path, file: Path | None, url: str) -> str:
    from .tenants.attendees import enrol, read_keys, read_list, write_keys

    attendees = read_list(listed)
    file = file or listed.with_name(f"{listed.stem}-keys.csv")
    held = enrol(app, attendees, read_keys(file))
    write_keys(file, attendees, held, url)
    return f"\n{len(attendees)} attendees; their keys are in {file}."


def _seconds(text: str) -> float:
    from .settings import SettingsError

    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    try:
        return float(text.removeprefix("+")[:-1]) * units[text[-1:]]
    except (ValueError, KeyError):
        raise SettingsError(
            f"clock: {text[:40]!r} is no length of time; give a number and its unit (s, m, h, d), "
            "as in 28h"
        ) from None


def _waits(text: str) -> tuple[float, ...]:
    from .settings import SettingsError

    try:
        return tuple(float(wait) for wait in text.split(",") if wait.strip())
    except ValueError:
        raise SettingsError(
            f"webhook_retry: {text!r} is no list of seconds; give numbers, as in 5,60,3600"
        ) from None


def _refuse(error: Exception) -> int:
    tell(f"sandbox: {error}")
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before it was ready
        sys.exit(130)
