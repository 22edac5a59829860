"""The examples take events from real sockets: once each, and only what is signed."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from resonance_helpers.webhooks import new_secret, sign

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SECRET = new_secret()


@contextmanager
def fastapi_server(app: Any) -> Iterator[str]:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@contextmanager
def flask_server(app: Any) -> Iterator[str]:
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "serve"), [("webhooks_fastapi", fastapi_server), ("webhooks_flask", flask_server)]
)
def test_an_example_takes_events(
    name: str, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_WEBHOOK_SECRET", SECRET.reveal())
    monkeypatch.chdir(tmp_path)
    module = loaded(name)
    handled: list[str] = []
    body = b'{"type": "generation.completed", "data": {"article": "caf\xc3\xa9"}}'

    def send(body: bytes = body, webhook_id: str = "msg_1", **changed: str) -> requests.Response:
        headers = sign(body, SECRET, webhook_id, int(time.time()))
        headers |= {"Content-Type": "application/json"}
        headers |= {f"webhook-{name}": value for name, value in changed.items()}
        return requests.post(f"{url}/webhook", data=body, headers=headers, timeout=20)

    def handle(event: Any) -> None:
        handled.append(event.id)
        if handled == ["msg_2"]:
            raise RuntimeError("the database is down")

    with serve(module.app) as url:
        module.handle = handle
        failed = send(webhook_id="msg_2")
        assert (failed.status_code, handled) == (500, ["msg_2"])
        assert send(webhook_id="msg_2").json() == {"outcome": "handled"}
        assert [send().json()["outcome"] for _ in range(2)] == ["handled", "duplicate"]
        assert send(signature="v1,bm8=").status_code == 400
        assert send(id="msg_3").status_code == 400
        assert send(timestamp="1700000000").status_code == 400
        assert send(b"[]").status_code == 400
        assert send(b"x" * 1_100_000).status_code == 413
    assert handled == ["msg_2", "msg_2", "msg_1"]
    module.seen.close()


def test_a_sender_that_hangs_up_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONANCE_WEBHOOK_SECRET", SECRET.reveal())
    monkeypatch.chdir(tmp_path)
    app = loaded("webhooks_fastapi").app
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/webhook", "query_string": b""}
    asyncio.run(app({**scope, "headers": []}, receive, send))
    assert sent[0]["status"] == 400
