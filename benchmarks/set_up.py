"""Seconds of a set-up in a fresh clone, with uv and with pip, from empty caches and from full ones.

And the seconds from ``make lab``, in a clone that is set up, to the article of the welcome page in
Chromium. Caches and clones are temporary folders; what is fetched comes from the package index.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import Goal, Options, Result, stage
from bootstrap import find_uv

ROOT = Path(__file__).resolve().parent.parent
BOUNDS = {("lessons", "uv"): 15, ("lessons", "pip"): 60, ("all", "uv"): 25, ("all", "pip"): 90}
"""Seconds that a set-up from empty caches may take."""
PATIENCE = 180  # seconds for JupyterLab, and for the article


def run(options: Options) -> list[Result]:
    """Each set-up, cold and then warm; a quick run tries uv and the lessons alone."""
    rows, goals, article = [], [], ""
    uv = find_uv()
    with tempfile.TemporaryDirectory(prefix="set-up-") as folder:
        for (part, tool), bound in BOUNDS.items():
            if (tool == "uv" and not uv) or (options.quick and (part, tool) != ("lessons", "uv")):
                continue
            place = Path(folder, f"{part}-{tool}")
            clone = fresh_clone(place / "clone", brings_uv=tool == "uv")
            with stage(f"{part} with {tool}, cold"):
                cold = seconds(clone, part, place, uv if tool == "uv" else None)
            shutil.rmtree(clone / ".venv")
            with stage(f"{part} with {tool}, warm"):
                warm = seconds(clone, part, place, uv if tool == "uv" else None)
            rows.append((f"{part}, {tool}", cold, warm))
            goals.append(Goal(f"seconds for {part} with {tool}, cold", cold, bound))
            article = article or article_on_the_page(clone, place)
        result = Result(
            "set_up",
            "Seconds to set a fresh clone up",
            ("packages, tool", "cold (s)", "warm (s)"),
            rows,
            goals=goals,
            notes=[
                f"From `make lab` to the article of the welcome page: {article}.",
                "Cold: the tool's own cache is empty. Bytecode is compiled, hashes are checked.",
            ],
        )
    return [result]


def fresh_clone(folder: Path, *, brings_uv: bool) -> Path:
    """What git knows of this project, in `folder`; without uv, no index has the one it wants."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    if not brings_uv:
        (folder / "requirements-uv.lock").write_text(f"uv==0 --hash=sha256:{'0' * 64}\n", "utf-8")
    return folder


def seconds(clone: Path, part: str, place: Path, uv: str | None) -> float:
    """How long `bootstrap.py` takes there, with caches below `place`."""
    path = [folder for folder in os.get_exec_path() if not Path(folder, "uv").exists()]
    if uv:
        (place / "bin").mkdir(exist_ok=True)
        if not (place / "bin" / "uv").exists():
            (place / "bin" / "uv").symlink_to(uv)
        path.append(str(place / "bin"))
    env = os.environ | {
        "PATH": os.pathsep.join(path),
        "PYTHON": getattr(sys, "_base_executable", sys.executable),
        "PIP_CACHE_DIR": str(place / "pip"),
        "UV_CACHE_DIR": str(place / "uv"),
    }
    command = [env["PYTHON"], str(clone / "bootstrap.py"), *(["--all"] if part == "all" else [])]
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def article_on_the_page(clone: Path, place: Path) -> str:
    """Seconds from `make lab` to the first article in Chromium, or why there are none."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium or not shutil.which("make"):
        return "not measured (no Chromium or no make here)"
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        began = time.perf_counter()
        with make_lab(clone, place, port):
            wait_for(f"{url}/api?token=bench")
            page.goto(f"{url}/?token=bench", timeout=PATIENCE * 1000)
            cell = page.locator(".jp-CodeCell").first
            cell.locator(".cm-content").click(timeout=PATIENCE * 1000)
            idle = page.locator("#jp-main-statusbar").get_by_text("| Idle")
            idle.wait_for(timeout=PATIENCE * 1000)
            page.keyboard.press("Shift+Enter")
            picture = cell.locator(".jp-OutputArea-output svg, .jp-OutputArea-output img").first
            picture.wait_for(timeout=PATIENCE * 1000)
            taken = time.perf_counter() - began
        browser.close()
    return f"{taken:.1f} s"


@contextmanager
def make_lab(clone: Path, place: Path, port: int) -> Iterator[None]:
    """`make lab` in `clone`, without the browser that it opens, ended with all its kernels."""
    env = os.environ | {"JUPYTER_TOKEN": "bench", "HOME": str(place)}
    process = subprocess.Popen(
        ["make", "lab", f"ARGS=--no-browser --port {port}"],
        cwd=clone,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def wait_for(url: str) -> None:
    """Return when `url` answers; a TimeoutError where it does not for long."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            opener.open(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"nothing answered within {PATIENCE} s")
