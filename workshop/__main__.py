"""``python -m workshop hub | bundle | trial | board``; make runs the first two."""

from __future__ import annotations

import argparse
import sys

from resonance_helpers.cli.streams import print_anything

from . import bundle, hub, trial
from .board import command as board


def main() -> int:
    top = argparse.ArgumentParser(prog="python -m workshop", description="Teach a room.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("hub", help="start a JupyterHub for the attendees of a list")
    hub.add_options(command)
    command.set_defaults(run=hub.run)
    command = commands.add_parser("bundle", help="put all that a room needs into a folder")
    bundle.add_options(command)
    command.set_defaults(run=bundle.run)
    command = commands.add_parser("trial", help="let as many as will come run lessons at once")
    trial.add_options(command)
    command.set_defaults(run=trial.run)
    command = commands.add_parser("board", help="show who is at which exercise, or end that")
    board.add_options(command)
    command.set_defaults(run=board.run)
    print_anything()
    options = top.parse_args()
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
