"""JupyterLab as a person uses it: open a notebook, run all of it, look."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Self

from playwright.sync_api import Locator, Page, expect

from resonance_helpers.cli.lab import free_port

TOKEN = "for-tests-alone"


class Lab:
    """A JupyterLab as ``make lab`` starts it; ``url`` is its address, ``notebooks`` its folder.

    With ``clone`` it is started in that clone of the project and opens the working copies there.
    """

    def __init__(self, notebooks: Path, settings: Path, clone: Path | None = None) -> None:
        self.clone = clone
        self.notebooks = notebooks
        self.settings = settings
        self.log = settings / "jupyterlab.log"
        self._committed: dict[str, bytes] = {}

    def __enter__(self) -> Self:
        port = free_port(0)
        self.url = f"http://127.0.0.1:{port}"
        env = os.environ | {
            "JUPYTER_TOKEN": TOKEN,
            "JUPYTER_CONFIG_DIR": str(self.settings / "config"),
            "JUPYTER_DATA_DIR": str(self.settings / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.settings / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.settings / "lab"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.settings / "workspaces"),
            "IPYTHONDIR": str(self.settings / "ipython"),
        }
        # Notebook 7 is here for its own tests; a learner's JupyterLab has no button for it.
        off = self.settings / "config" / "labconfig" / "page_config.json"
        off.parent.mkdir(parents=True, exist_ok=True)
        off.write_text('{"disabledExtensions": {"@jupyter-notebook/lab-extension": true}}')
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "resonance_helpers", "lab", "--no-browser"),
                    *("--port", str(port)),
                    *(() if self.clone else ("--notebooks", str(self.notebooks))),
                ],
                cwd=self.clone,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=os.name == "posix",
            )
        self._wait_until_ready()
        return self

    def _wait_until_ready(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                self._api("GET", "status")
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()}")

    def end_kernels(self) -> None:
        """End every kernel, as a night does."""
        for session in json.loads(self._api("GET", "sessions")):
            self._api("DELETE", f"sessions/{session['id']}")

    def forget(self, notebook: str) -> None:
        """End every kernel and undo what an earlier test saved in ``notebook``."""
        self.end_kernels()
        path = self.notebooks / notebook
        path.write_bytes(self._committed.setdefault(notebook, path.read_bytes()))

    def _api(self, method: str, path: str, timeout: float = 10) -> bytes:
        """Call JupyterLab's own REST API; proxies of the environment are not asked."""
        request = urllib.request.Request(f"{self.url}/api/{path}?token={TOKEN}", method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=timeout) as answer:
            return answer.read()

    def __exit__(self, *exc: object) -> None:
        """Ask JupyterLab to end its kernels and itself, as its Shut Down menu does."""
        try:
            self._api("POST", "shutdown")
            self.process.wait(20)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()

    def open(self, page: Page, notebook: str) -> None:
        """Open ``notebook`` as committed, with a kernel of its own, and wait until that is idle."""
        self.forget(notebook)
        page.goto(f"{self.url}/lab/tree/{notebook}?reset&token={TOKEN}")
        expect(page.locator(".jp-Notebook")).to_be_visible(timeout=60_000)
        self.wait_idle(page)

    def wait_idle(self, page: Page, timeout: float = 60) -> None:
        """Wait until the status bar says that the kernel is idle (``timeout`` in seconds).

        The indicator beside the kernel's name says idle before there is a kernel; this does not.
        """
        idle = re.compile(r"\(ipykernel\) \| Idle")
        expect(page.locator("#jp-main-statusbar")).to_contain_text(idle, timeout=timeout * 1000)

    def run_all(self, page: Page, timeout: float = 120) -> None:
        """Clear what was committed, run every cell by the menu, wait for the last prompt's number.

        Raises
        ------
        AssertionError
            If a cell raises, writes to stderr, or the last is not done in ``timeout`` seconds.
        """
        self.menu(page, "Edit", "Clear Outputs of All Cells")
        expect(page.locator(".jp-InputPrompt").filter(has_text=re.compile(r"\d"))).to_have_count(0)
        self.menu(page, "Run", "Run All Cells")
        cells = [
            cell
            for cell in json.loads(self.file(page).read_text(encoding="utf-8"))["cells"]
            if cell["cell_type"] == "code" and "".join(cell["source"]).strip()
        ]
        meant = sum("raises-exception" in cell["metadata"].get("tags", []) for cell in cells)
        last = page.locator(".jp-InputPrompt").get_by_text(f"[{len(cells)}]:", exact=True)
        failed = self.errors(page)
        end = time.monotonic() + timeout
        while not last.count():
            if failed.count() > meant:
                raise AssertionError(f"a cell failed:\n{failed.last.inner_text()}")
            if time.monotonic() > end:
                raise AssertionError(f"cell [{len(cells)}] was not done after {timeout:g} s")
            page.wait_for_timeout(100)
        self.wait_idle(page)

    def errors(self, page: Page) -> Locator:
        """The outputs in which a cell raised or wrote to stderr."""
        return page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').or_(
            page.locator('[data-mime-type="application/vnd.jupyter.error"]')
        )

    def file(self, page: Page) -> Path:
        """The file behind the notebook on the page."""
        name = page.url.partition("/tree/")[2].partition("?")[0]
        return self.notebooks / name

    def menu(self, page: Page, *labels: str) -> None:
        """Choose from the menu bar: ``menu(page, "Run", "Run All Cells")``."""
        bar, *rest = labels
        page.locator("#jp-MainMenu").get_by_text(bar, exact=True).click()
        for label in rest:
            page.locator(".lm-Menu-itemLabel").get_by_text(label, exact=True).click()
