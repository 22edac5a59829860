"""An attendee's own process: brings their lessons up to date, then becomes their Jupyter server.

It runs as the attendee, so whatever it writes is theirs, and a link that they set leads to no
place that they could not write to themselves.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from resonance_helpers.cli.copies import update


def main() -> None:
    if sys.argv[1:2] == ["--put"]:  # without a JupyterHub: from a bundle onto a laptop
        for line in update(Path(sys.argv[2]), Path(sys.argv[3])):
            print(line)
        return
    folder = Path.home() / "lessons"
    for line in update(Path(os.environ["WORKSHOP_LESSONS"]), folder):
        print(line, flush=True)
    os.chdir(folder)
    # -P: whatever their files are called, none stands in for a module of the server.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "jupyterhub.singleuser", *sys.argv[1:]])


if __name__ == "__main__":
    main()
