"""A real request for every operation, and a real answer from a sandbox, taken with each build.

Each `Sample` is one request in three languages: curl, bare `requests`, and the client. The tests
run all three, so that what stands on a page works as it stands there.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

import resonance_sandbox as sandbox

__all__ = ["SAMPLES", "Sample", "Taken", "curl", "plain", "server", "take", "taken"]

BASE = "http://localhost:8000"
"""The address on the pages; a sandbox that is asked has another."""
VECTOR = [0.5, 0.4, 0.6, 0.7, 0.6, 0.4, 0.5, 0.8]
CREDENTIALS = {
    "key": "RESONANCE_API_KEY",
    "admin": "RESONANCE_ADMIN_KEY",
    "service": "RESONANCE_CLIENT_SECRET",
}
"""Who asks, and the variable of the environment that holds their secret."""
SERVICE = "acme_corp-service"
HIDDEN = ("key", "secret", "access_token", "refresh_token")
LONGEST = 160


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. ``{name}`` in a string is what an earlier answer gave.

    Attributes:
        operation: as in the OpenAPI document: ``"POST /profiles"``.
        client: the same with the client, as Python on ``api``; empty where it has no such method.
        who: whose credential goes along, a key of `CREDENTIALS`; empty for nobody's.
        keep: name to the field of the answer that later samples need.
    """

    operation: str
    client: str = ""
    who: str = "key"
    status: int = 200
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """``"POST"``."""
        return self.operation.partition(" ")[0]

    def address(self) -> str:
        """Path and query."""
        path = self.path or self.operation.partition(" ")[2]
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{path}?{query}" if query else path


SAMPLES = (
    Sample("GET /health", "api.health_check()", who=""),
    Sample(
        "POST /hr_generate",
        'api.generate_content(\n    "The future of artificial intelligence",\n'
        '    profile_name="tech_startup",\n    paragraphs=1,\n)',
        json={
            "prompt": "The future of artificial intelligence",
            "profile_name": "tech_startup",
            "paragraphs": 1,
        },
    ),
    Sample(
        "POST /hrv",
        'api.measure_text("We doubled our output. Nobody had to work late.")',
        json={"text": "We doubled our output. Nobody had to work late."},
    ),
    Sample("GET /tenants", "api.get_tenants()"),
    Sample(
        "POST /tenants",
        'api.create_tenant("initech")',
        who="admin",
        status=201,
        json={"tenant": "initech", "access": "private"},
    ),
    Sample(
        "POST /profiles",
        f'api.create_profile("acme_corp", "plain_words", {VECTOR})',
        status=201,
        json={"tenant": "acme_corp", "profile_name": "plain_words", "hrv_vector": VECTOR},
    ),
    Sample("GET /profiles", "api.get_profiles(limit=2)", query={"limit": "2"}),
    Sample(
        "GET /profiles/{tenant}/{profile_name}",
        'api.get_profile("acme_corp", "plain_words")',
        path="/profiles/acme_corp/plain_words",
        keep={"etag": "ETag"},
    ),
    Sample(
        "PUT /profiles/{tenant}/{profile_name}",
        f'api.update_profile("acme_corp", "plain_words", {VECTOR}, if_match=\'{{etag}}\')',
        path="/profiles/acme_corp/plain_words",
        json={"hrv_vector": VECTOR},
        headers={"If-Match": "{etag}"},
    ),
    Sample(
        "DELETE /profiles/{tenant}/{profile_name}",
        'api.delete_profile("acme_corp", "plain_words")',
        status=204,
        path="/profiles/acme_corp/plain_words",
    ),
    Sample("GET /metrics", "api.get_system_metrics()"),
    Sample(
        "POST /webhooks",
        'api.create_webhook("http://localhost:9/events", ["generation.completed"])',
        status=201,
        json={"url": "http://localhost:9/events", "events": ["generation.completed"]},
        keep={"webhook": "id"},
    ),
    Sample("GET /webhooks", "api.get_webhooks()"),
    Sample("GET /webhooks/{id}", 'api.get_webhook("{webhook}")', path="/webhooks/{webhook}"),
    Sample(
        "PATCH /webhooks/{id}",
        'api.update_webhook("{webhook}", events=["generation.completed", "profile.created"])',
        path="/webhooks/{webhook}",
        json={"events": ["generation.completed", "profile.created"]},
    ),
    Sample(
        "POST /webhooks/{id}/test",
        'api.test_webhook("{webhook}")',
        status=202,
        path="/webhooks/{webhook}/test",
        keep={"delivery": "id"},
    ),
    Sample(
        "GET /webhooks/{id}/deliveries",
        'api.get_deliveries("{webhook}")',
        path="/webhooks/{webhook}/deliveries",
    ),
    Sample(
        "GET /webhooks/{id}/deliveries/{delivery}",
        'api.get_delivery("{webhook}", "{delivery}")',
        path="/webhooks/{webhook}/deliveries/{delivery}",
    ),
    Sample(
        "POST /webhooks/{id}/deliveries/{delivery}/redeliver",
        'api.redeliver("{webhook}", "{delivery}")',
        status=202,
        path="/webhooks/{webhook}/deliveries/{delivery}/redeliver",
    ),
    Sample(
        "POST /webhooks/{id}/redeliver",
        'api.redeliver_since("{webhook}", "2026-01-31T12:00:00Z")',
        status=202,
        path="/webhooks/{webhook}/redeliver",
        query={"since": "2026-01-31T12:00:00Z"},
    ),
    Sample(
        "POST /webhooks/{id}/enable",
        'api.enable_webhook("{webhook}")',
        path="/webhooks/{webhook}/enable",
    ),
    Sample(
        "POST /webhooks/{id}/rotate_secret",
        'api.rotate_webhook_secret("{webhook}", overlap_seconds=3600)',
        path="/webhooks/{webhook}/rotate_secret",
        json={"overlap_seconds": 3600},
    ),
    Sample(
        "DELETE /webhooks/{id}",
        'api.delete_webhook("{webhook}")',
        status=204,
        path="/webhooks/{webhook}",
    ),
    Sample(
        "POST /api_keys",
        'api.create_api_key(["generate"], "acme_corp", name="newsroom", expires_in=86400)',
        who="admin",
        status=201,
        json={
            "scopes": ["generate"],
            "tenant": "acme_corp",
            "name": "newsroom",
            "expires_in": 86400,
        },
        keep={"key_id": "id"},
    ),
    Sample("GET /api_keys", "api.get_api_keys()", who="admin"),
    Sample(
        "POST /api_keys/{id}/rotate",
        'api.rotate_api_key("{key_id}", overlap_seconds=60)',
        who="admin",
        path="/api_keys/{key_id}/rotate",
        json={"overlap_seconds": 60},
    ),
    Sample(
        "DELETE /api_keys/{id}",
        'api.delete_api_key("{key_id}")',
        who="admin",
        status=204,
        path="/api_keys/{key_id}",
    ),
    Sample("GET /.well-known/oauth-authorization-server", who=""),
    Sample("GET /.well-known/jwks.json", who=""),
    Sample(
        "POST /oauth/token",
        who="service",
        form={"grant_type": "client_credentials", "scope": "generate"},
        keep={"token": "access_token"},
    ),
    Sample("POST /oauth/revoke", who="service", form={"token": "{token}"}),
    Sample(
        "GET /oauth/authorize",
        who="",
        query={
            "response_type": "code",
            "client_id": "acme_corp-app",
            "redirect_uri": "{redirect_uri}",
            "scope": "generate",
            "state": "af0ifjsldkj",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        },
    ),
)
"""In the order in which they can be sent: an answer gives the ids that later ones need."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A sample with the answer that a sandbox gave it; both as they stand on a page."""

    sample: Sample
    curl: str
    plain: str
    client: str
    answer: str
    media: str


def server() -> sandbox.Sandbox:
    """A sandbox on which every sample works."""
    return sandbox.start(still=True, allow_loopback_webhooks=True)


def environment(running: sandbox.Sandbox) -> dict[str, str]:
    """The variables that hold the secrets of the samples."""
    acme, admin = running.credentials["acme_corp"], running.credentials["admin"]
    secrets = (acme["api_key"], admin["api_key"], acme["client_secret"])
    return dict(zip(CREDENTIALS.values(), map(str, secrets), strict=True))


def first_known(running: sandbox.Sandbox) -> dict[str, str]:
    """What the first samples need of the sandbox."""
    return {"redirect_uri": str(running.credentials["acme_corp"]["redirect_uri"])}


def send(sample: Sample, running: sandbox.Sandbox, known: Mapping[str, str]) -> requests.Response:
    """Send a sample to a sandbox."""
    secrets = environment(running)
    headers = {name: fill(value, known) for name, value in sample.headers.items()}
    auth = None
    if sample.who == "service":
        auth = (SERVICE, secrets[CREDENTIALS["service"]])
    elif sample.who:
        headers["Authorization"] = f"Bearer {secrets[CREDENTIALS[sample.who]]}"
    return requests.request(
        sample.method,
        running.url + fill(sample.address(), known),
        json=sample.json,
        data={k: fill(v, known) for k, v in sample.form.items()} if sample.form else None,
        headers=headers,
        auth=auth,
        timeout=30,
    )


def learn(sample: Sample, headers: Mapping[str, str], body: Any, known: dict[str, str]) -> None:
    """Keep what later samples need."""
    for name, where in sample.keep.items():
        known[name] = headers[where] if where == "ETag" else str(body[where])


def take() -> Iterator[Taken]:
    """Send every sample to one sandbox, and take its answers.

    Raises:
        RuntimeError: an answer has another status than the page would say.
    """
    with server() as running:
        known = first_known(running)
        for sample in SAMPLES:
            response = send(sample, running, known)
            if response.status_code != sample.status:
                raise RuntimeError(f"{sample.operation}: {response.status_code} {response.text}")
            shown = {name: value for name, value in known.items() if name != "token"}
            shown["token"] = "eyJ…"
            media = response.headers.get("Content-Type", "").partition(";")[0]
            body = response.json() if media.endswith("json") else None
            yield taken(sample, shown, running.url, media, body)
            learn(sample, response.headers, body, known)


def taken(
    sample: Sample, known: Mapping[str, str], url: str, media: str = "", body: Any = None
) -> Taken:
    """A sample and an answer as a page shows them."""
    answer = json.dumps(tidy(body), indent=2, ensure_ascii=False) if body is not None else ""
    # Numbers stand in one line: eight of them are one vector.
    answer = re.sub(r"\[[\s\d.,-]+\]", lambda found: " ".join(found[0].split()), answer)
    answer = answer.replace("[ ", "[").replace(" ]", "]")
    return Taken(
        sample,
        curl(sample, known),
        plain(sample, known),
        fill(sample.client, known),
        answer.replace(url, BASE),
        media,
    )


def tidy(value: Any, name: str = "") -> Any:
    """An answer short enough to read, and without a secret."""
    if isinstance(value, dict):
        return {key: tidy(one, key) for key, one in value.items()}
    if isinstance(value, list):
        few = [tidy(one) for one in value[: 8 if all(isinstance(v, float) for v in value) else 2]]
        return few if len(few) == len(value) else [*few, f"… {len(value) - len(few)} more"]
    if isinstance(value, str):
        if name in HIDDEN:
            return f"{value[:4]}…"
        return value if len(value) <= LONGEST else value[:LONGEST].rsplit(" ", 1)[0] + " …"
    return value


def curl(sample: Sample, known: Mapping[str, str]) -> str:
    """The sample as a command for a shell."""
    method = "" if sample.method == "GET" else f"-X {sample.method} "
    parts = [f"curl {method}{shlex.quote(BASE + fill(sample.address(), known))}"]
    variable = CREDENTIALS.get(sample.who, "")
    if sample.who == "service":
        parts.append(f'-u "{SERVICE}:${variable}"')
    elif variable:
        parts.append(f'-H "Authorization: Bearer ${variable}"')
    for name, value in sample.headers.items():
        parts.append(f"-H {shlex.quote(f'{name}: {fill(value, known)}')}")
    for name, value in (sample.form or {}).items():
        parts.append(f"-d {shlex.quote(f'{name}={fill(value, known)}')}")
    if sample.json is not None:
        parts.append('-H "Content-Type: application/json"')
        parts.append(f"-d {shlex.quote(json.dumps(sample.json))}")
    return " \\\n    ".join(parts)


def plain(sample: Sample, known: Mapping[str, str]) -> str:
    """The sample as Python with `requests` alone."""
    lines = [f'"{BASE}{fill(sample.address(), known)}",']
    headers = {name: fill(value, known) for name, value in sample.headers.items()}
    variable = CREDENTIALS.get(sample.who, "")
    if sample.who == "service":
        lines.append(f'auth=("{SERVICE}", os.environ["{variable}"]),')
    elif variable:
        shown = "".join(f", {name!r}: {value!r}" for name, value in headers.items())
        bearer = f"f\"Bearer {{os.environ['{variable}']}}\""
        lines.append(f'headers={{"Authorization": {bearer}{shown}}},')
    if sample.form is not None:
        form = {name: fill(value, known) for name, value in sample.form.items()}
        lines.append(f"data={json.dumps(form)},")
    if sample.json is not None:
        lines.append(f"json={json.dumps(sample.json)},")
    body = "\n    ".join([*lines, "timeout=30,"])
    imports = "import os\n\nimport requests" if variable else "import requests"
    call = f"requests.{sample.method.lower()}(\n    {body}\n)"
    return f"{imports}\n\nresponse = {call}"


def fill(text: str, known: Mapping[str, str]) -> str:
    """Put what is known in place of its names."""
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return text
