"""``hub_starts.py PROJECT FOLDER``: start the hub of a project, wait until one can log in.

A program and no fixture, so that it can run where there is no network.
"""

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


def main() -> int:
    """0 if the page to log in was there within five minutes."""
    project, folder = Path(sys.argv[1]), Path(sys.argv[2])
    (folder / "list.csv").write_text("Ada\n")
    python = project / ".venv" / "bin" / "python"
    options = ("hub", str(folder / "list.csv"), "--one-user", "--port", "8765")
    hub = subprocess.Popen([str(python), "-m", "workshop", *options], cwd=project)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and hub.poll() is None:
            try:
                with urllib.request.urlopen("http://127.0.0.1:8765/hub/login", timeout=9) as page:
                    print(f"the hub of {project} lets people log in: {page.status}")
                    return 0
            except OSError:
                time.sleep(0.5)
        return 1
    finally:
        hub.send_signal(signal.SIGTERM)
        hub.wait(60)


if __name__ == "__main__":
    sys.exit(main())
