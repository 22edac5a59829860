"""Install the ResonanceOS tutorial from this bundle. No network is needed.

    python3 install.py [FOLDER]        (Windows: py install.py)

FOLDER is where it goes, by default `resonance` in your home. A second run brings it up to date;
lessons that you have changed stay as they are, in a folder `lessons` of their own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


# While this file is there, a copy is not whole; whoever put it there may go on.
UNFINISHED = "UNFINISHED"


def main():
    if (HERE / UNFINISHED).exists():
        print("Set-up: this bundle is not whole; whoever made it has to run their command again.")
        return 1
    try:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path.home() / "resonance").absolute()
    except RuntimeError:
        print("Set-up: you have no home folder; name a folder: python3 install.py FOLDER")
        return 1
    mine = folder / "project"
    folder.mkdir(parents=True, exist_ok=True)  # before the look, so that nobody makes it after that
    if os.name != "nt" and folder.stat().st_uid != os.geteuid():
        print(f"Set-up: {folder} belongs to another user; run this as they, or name a new folder.")
        return 1  # what they put there would run as you
    ours = (folder / UNFINISHED).exists() or (mine / "bootstrap.py").exists()
    if any(folder.iterdir()) and not ours:
        print(f"Set-up: {folder} has something else in it; name a new folder.")
        return 1
    (folder / UNFINISHED).touch()
    if mine.exists():  # all but what was made there, such as .venv
        for path in (HERE / "project").iterdir():
            remove(mine / path.name)
    copy(HERE / "project", mine)
    environment = dict(os.environ, PIP_NO_INDEX="1", PIP_FIND_LINKS=(HERE / "wheels").as_uri())
    command = [sys.executable, str(mine / "bootstrap.py"), "--all"]  # a hub, too
    code = subprocess.call(command, env=environment)
    if code:
        print(
            "A Python that this bundle has no wheels for? See README.txt, and the names in wheels."
        )
        return code
    windows = os.name == "nt"
    python = Path("project", ".venv", "Scripts" if windows else "bin", "python")
    subprocess.check_call(
        [
            str(folder / python),
            str(mine / "workshop" / "seat.py"),
            "--put",
            str(HERE / "lessons"),
            str(folder / "lessons"),
        ]
    )
    (folder / UNFINISHED).unlink()
    # From its folder, since PowerShell runs no quoted path; pushd, since cd stays on its drive.
    print(f'\nDone. To begin:\n\n    {"pushd" if windows else "cd"} "{folder}"')
    print(f"    {python} -m resonance_helpers lab --notebooks lessons")
    return 0


def copy(source, target):
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_dir():
            copy(path, target / path.name)
        else:
            shutil.copy(str(path), str(target / path.name))
            os.chmod(str(target / path.name), path.stat().st_mode | 0o600)  # sticks are read-only


def remove(path):
    if path.is_dir():
        shutil.rmtree(str(path))
    elif path.exists():
        path.unlink()


def run():
    """`main`, and a sentence for what breaks it off; the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a path may have letters that an old code page lacks
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return main()
    except OSError as problem:  # the disk is full, or the stick was pulled
        why = f"{problem}. Once that is mended"
    except subprocess.CalledProcessError:
        why = "the lessons were not put in place"
    except KeyboardInterrupt:
        why = "interrupted"
    print(f"Set-up: {why}; the same command goes on from here.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(run())
