from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import resonance_sandbox as sandbox
from resonance_helpers.cli import doctor, lab
from resonance_helpers.cli import main as cli
from resonance_helpers.cli.lab import LabError


def test_the_module_is_the_console_script():
    done = subprocess.run(
        [sys.executable, "-m", "resonance_helpers", "--help"], capture_output=True, text=True
    )

    assert done.returncode == 0
    assert done.stdout.startswith("usage: resonance ")
    for command in ("lab", "sandbox", "doctor"):
        assert f"\n    {command} " in done.stdout


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from resonance_helpers.cli import main as cli; cli.parser(); "
        "print({'requests', 'pandas', 'fastapi', 'nbclient'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["lab", "--port", "x"], ["lab", "--port", "70000"]]
)
def test_wrong_usage_is_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)

    assert caught.value.code == 2
    assert "usage: resonance" in capsys.readouterr().err


def test_lab_passes_its_options_on(monkeypatch):
    given = {}
    monkeypatch.setattr(lab, "lab", lambda **options: given.update(options) or 0)

    assert cli.main(["lab", "--port", "0", "--no-browser", "--notebooks", "here"]) == 0
    assert given == {"notebooks": Path("here"), "port": 0, "browser": False}


def test_lab_says_in_one_sentence_why_it_cannot(monkeypatch, capsys):
    def refuse(**_: object) -> int:
        raise LabError("port 1 is in use")

    monkeypatch.setattr(lab, "lab", refuse)

    assert cli.main(["lab"]) == 1
    assert capsys.readouterr().err == "resonance: port 1 is in use\n"


def test_sandbox_gets_its_own_options(monkeypatch):
    from resonance_sandbox import __main__ as server

    given = []
    monkeypatch.setattr(server, "main", lambda arguments: given.append(arguments) or 0)

    assert cli.main(["sandbox", "--port", "0", "--json"]) == 0
    assert given == [["--port", "0", "--json"]]


def test_a_sandbox_that_is_not_installed_is_said():
    code = (
        "import sys; sys.modules['fastapi'] = None; from resonance_helpers.cli import main as cli; "
        "sys.exit(cli.main(['sandbox', '--port', '0']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 1
    assert "needs fastapi, which is not installed. Fix: run pip install" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_gives_its_code(monkeypatch):
    monkeypatch.setattr(doctor, "examine", lambda: 1)

    assert cli.main(["doctor"]) == 1


def test_ctrl_c_is_no_traceback(monkeypatch):
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "examine", interrupt)
    monkeypatch.setattr(cli, "sandbox", interrupt)

    assert cli.main(["doctor"]) == 130
    assert cli.main(["sandbox"]) == 130


def test_it_tells_its_version(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])

    assert caught.value.code == 0
    assert re.fullmatch(r"resonance \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_a_real_sandbox_is_started_and_a_port_in_use_is_one_sentence():
    with sandbox.start() as running:
        port = running.url.rpartition(":")[2]
        done = subprocess.run(
            [sys.executable, "-m", "resonance_helpers", "sandbox", "--port", port],
            capture_output=True,
            text=True,
            timeout=300,
        )

    assert done.returncode != 0
    assert port in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_a_path_that_an_old_code_page_cannot_say_is_said_all_the_same(tmp_path: Path):
    folder = tmp_path / "Łukasz"
    done = subprocess.run(
        [sys.executable, "-m", "resonance_helpers", "lab", "--notebooks", str(folder)],
        env=os.environ | {"PYTHONIOENCODING": "cp1252:strict", "PYTHONUTF8": "0"},
        capture_output=True,
    )
    assert done.returncode == 1
    assert b"there are no lessons in" in done.stderr
    assert b"ukasz" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="pipes there end otherwise")
def test_who_has_heard_enough_is_no_fault():
    program = """
import sys
from resonance_helpers.cli import main as cli, doctor
doctor.examine = lambda: [print(flush=True) for _ in range(2)]
sys.stdin.readline()
sys.exit(cli.main(["doctor"]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        command.stdout.close()
        assert command.stdin is not None
        command.stdin.close()
        assert command.stderr is not None
        assert command.stderr.read() == ""
    assert command.returncode == 1
