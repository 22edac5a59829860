"""Secret canaries: where a secret may be read once, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from resonance_sandbox.launcher import Sandbox

from .conftest import API
from .oauth_flow import Browser, hidden, service_token

LOUD = (
    "import logging, sys; logging.basicConfig(level=0, stream=sys.stderr); "
    "from resonance_sandbox.__main__ import main; sys.exit(main())"
)
"""A sandbox in a process where every library logs all it can."""


def test_no_secret_is_kept_or_told(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    errors = (tmp_path / "stderr").open("w+", encoding="utf-8")
    options = ["--port", "0", "--json", "--access-log", "--until-stdin-ends", "--still"]
    options += ["--burst", "100000", "--rate-limit", "100000", "--allow-loopback-webhooks"]
    process = subprocess.Popen(
        [sys.executable, "-c", LOUD, *options, "--database", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    with Sandbox(process, errors, told["url"], told["credentials"]) as server:
        canaries = use_every_credential(server)
        admin = API(server, "admin")
        seen = {
            "requests": "".join(
                str(server.requests(t)) for t in ("default", "acme_corp", "globex")
            ),
            "metrics": admin("GET", "/metrics").text
            + admin("GET", "/metrics", Accept="text/plain").text,
            "list of keys": admin("GET", "/api_keys").text,
            "list of webhooks": admin("GET", "/webhooks?tenant=acme_corp").text,
            "document": admin("GET", "/openapi.json").text,
            "reprs": repr(server) + repr(server.credentials),
            "log": server.log(),
        }
        files = list(tmp_path.glob("sandbox.db*"))
        assert any(file.name.endswith("-wal") for file in files)
        seen["database while it runs"] = b"".join(f.read_bytes() for f in files).decode("latin-1")
    seen["log"] += server.log()
    seen["database"] = path.read_bytes().decode("latin-1")
    assert "/oauth/token" in seen["log"], "the log was on"
    assert canaries["new key"].split("_")[2] in seen["database"], "what is public is found"
    assert len(canaries) == 22
    for place, text in seen.items():
        for name, secret in canaries.items():
            for form in {secret, quote(secret, safe=""), secret[-20:]}:
                assert form not in text, f"the {name} is in the {place}"


def use_every_credential(server: Sandbox) -> dict[str, str]:
    """Use each kind of secret, well and badly, and return them all by name."""
    canaries: dict[str, str] = {}

    def keep(name: str, secret: Any) -> str:
        assert len(str(secret)) >= 20
        canaries[name] = str(secret)
        return str(secret)

    for tenant, held in server.credentials.items():
        for kind in ("api_key", "client_secret", "password"):
            if kind in held:
                keep(f"{kind} of {tenant}", held[kind])
    admin = API(server, "admin")
    body = {"tenant": "acme_corp", "scopes": ["generate", "profiles:read"]}
    made = admin("POST", "/api_keys", body, Idempotency_Key="make").json()
    keep("new key", made["key"])
    path = f"/api_keys/{made['id']}/rotate"
    rotated = admin("POST", path, {}, Idempotency_Key="rotate").json()
    keep("rotated key", rotated["key"])
    for key in (made["key"], rotated["key"]):
        API(server)("GET", "/profiles", X_API_Key=key)
        API(server).generate("Tea", Idempotency_Key="tea", Authorization=f"Bearer {key}")
        API(server)("GET", "/profiles", Authorization=f"Bearer {key}x")
    access = keep("service's token", service_token(server).json()["access_token"])
    API(server).generate("Tea", Idempotency_Key="tea", Authorization=f"Bearer {access}")
    API(server)("GET", "/profiles", X_API_Key=access)

    body = {"tenant": "acme_corp", "url": "http://127.0.0.1:9/", "events": ["profile.created"]}
    made = admin("POST", "/webhooks", body, Idempotency_Key="hook").json()
    keep("webhook's secret", made["secret"])
    path = f"/webhooks/{made['id']}/rotate_secret"
    rotated = admin("POST", path, {}, Idempotency_Key="hook2").json()
    keep("rotated webhook's secret", rotated["secret"])
    own = keep("secret of the caller's own", "whsec_" + "own/canary+of/4+a" * 2)
    admin("POST", "/webhooks", {**body, "secret": own}, Idempotency_Key="hook3")
    admin("POST", "/webhooks", {**body, "secret": own, "url": "https://10.0.0.1/"})
    admin("POST", f"/webhooks/{made['id']}/test")

    browser = Browser(server)
    page = browser.ask()
    browser.submit(page, username=browser.held["username"], password="wrong-" + "w" * 20)
    keep("wrong password", "wrong-" + "w" * 20)
    keep("csrf token", hidden(page.text)["csrf"])
    code = keep("code", browser.consented()["code"])
    keep("verifier", browser.verifier)
    for cookie in browser.session.cookies:
        keep("session", cookie.value)
    browser.exchange(code, code_verifier="x" * 43)
    tokens = browser.exchange(code).json()
    keep("user's token", tokens["access_token"])
    refresh = keep("refresh token", tokens["refresh_token"])
    renewed = browser.refresh(refresh).json()
    keep("renewed token", renewed["access_token"])
    keep("renewed refresh token", renewed["refresh_token"])
    browser.refresh(renewed["refresh_token"])
    browser.refresh(refresh)  # a reuse
    for secret in list(canaries.values()):
        # In places where it does not belong: none may repeat it.
        for answer in (
            API(server)("GET", "/profiles", Authorization=f"Bearer {secret}"),
            API(server)("GET", "/profiles", X_API_Key=secret),
            browser.token(grant_type="refresh_token", refresh_token=secret),
            browser.token(grant_type="authorization_code", code=secret),
            browser.token(grant_type=secret),
            browser.submit(browser.ask(), username=secret, password=secret),
        ):
            assert secret not in answer.text
            assert answer.status_code < 500
    return canaries
