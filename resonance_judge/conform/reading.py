"""Clauses that GET and HEAD alone can show."""

from __future__ import annotations

import email.utils
import re
import secrets
import time
from typing import Any

import requests

from .clause import Broken, clause, require
from .prober import Prober, plainly, problem

SHARED = {
    "neutral_professional": [0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8],
    "creative_storytelling": [0.8, 0.5, 0.7, 0.4, 0.8, 0.8, 0.9, 0.6],
    "marketing_enthusiastic": [0.7, 0.6, 0.8, 0.6, 0.7, 0.6, 0.7, 0.8],
    "persuasive_sales": [0.6, 0.7, 0.8, 0.9, 0.5, 0.5, 0.6, 0.9],
    "tech_startup": [0.5, 0.4, 0.5, 0.8, 0.6, 0.4, 0.5, 0.9],
    "technical_academic": [0.3, -0.2, 0.2, 0.8, 0.3, 0.1, 0.2, 0.8],
    "professional_business": [0.5, 0.0, 0.3, 0.6, 0.4, 0.2, 0.3, 0.7],
}
"""The contract's shared profiles. Not the sandbox's own table: it is one of those checked."""

ROUTES = ("/health", "/hr_generate", "/hrv", "/tenants", "/profiles", "/metrics", "/webhooks")

_ITEM = re.compile(r'"(\w+)";(.+)')


def body(response: requests.Response) -> Any:
    """The JSON of a good answer.

    Raises:
        Broken: it is another.
    """
    asked = f"{response.request.method} {response.request.path_url}"
    require(response.ok, f"{asked} was answered {response.status_code}.")
    try:
        told = response.json()
    except ValueError:
        raise Broken(f"{asked} was answered without JSON.") from None
    require(isinstance(told, dict), f"{asked}: the answer is no JSON object.")
    return told


@clause("health", "GET /health says how the server and its parts are.")
def _health(call: Prober) -> None:
    told = body(call.get("/health"))
    require(told.get("status") in ("healthy", "degraded"), f"its status is {told.get('status')!r}.")
    for field in ("version", "uptime_seconds", "checks"):
        require(field in told, f"GET /health lacks {field}.")


@clause("head", "HEAD is answered as GET is, without a body.")
def _head(call: Prober) -> None:
    got, head = call.get("/health"), call("HEAD", "/health")
    require(head.status_code == got.status_code, f"HEAD /health was answered {head.status_code}.")
    require(not head.content, "HEAD /health was answered with a body.")


@clause("request-ids", "Every answer carries an X-Request-ID of its own; a valid one is kept.")
def _request_ids(call: Prober) -> None:
    found = [call.get(path).headers.get("X-Request-ID") for path in ("/health", "/profiles", "/no")]
    require(all(found), "an answer carries no X-Request-ID.")
    require(len(set(found)) == len(found), "two answers carry the same X-Request-ID.")
    mine = f"conform-{secrets.token_hex(8)}"
    kept = call.get("/health", headers={"X-Request-ID": mine}).headers.get("X-Request-ID")
    require(kept == mine, "an X-Request-ID that the caller sent is not kept.")
    bad = 'a "quoted" <id>'
    kept = call.get("/health", headers={"X-Request-ID": bad}).headers.get("X-Request-ID")
    require(kept != bad, "an X-Request-ID that is none is sent back.")


@clause("problems", "An error is application/problem+json, with the id of its request.")
def _problems(call: Prober) -> None:
    response = call.get(f"/{call.name()}")
    told = problem(response, 404)
    require(
        told["request_id"] == response.headers.get("X-Request-ID"),
        "the problem's request_id is not that of the header.",
    )


@clause("problem-types", "Each reason has a problem type of its own.")
def _types(call: Prober) -> None:
    route = problem(call.get(f"/{call.name()}"), 404)["type"]
    profile = problem(call.get(f"/profiles/{call.tenant}/{call.name()}"), 404)["type"]
    tenant = problem(call.get(f"/profiles?tenant={call.name()}"), 404)["type"]
    require(len({route, profile, tenant}) == 3, "different reasons have the same type.")


@clause("no-echo", "An error repeats nothing of what the caller sent.")
def _echo(call: Prober) -> None:
    canary = f"canary{secrets.token_hex(8)}"
    for path in (f"/{canary}", f"/profiles?tenant={canary}", f"/profiles?cursor={canary}"):
        text = call.get(path, headers={"Authorization": f"Bearer {canary}"}).text
        require(canary not in text, f"the error for {path[:10]}… repeats what was sent.")
        require("Traceback" not in text, "an error holds a traceback.")


@clause("methods", "A method that an address does not take is answered 405 with Allow.")
def _methods(call: Prober) -> None:
    response = call.get("/hr_generate")
    problem(response, 405)
    require("POST" in response.headers.get("Allow", ""), "Allow does not name POST.")


@clause("server-timing", "Every answer says in Server-Timing how long the server took.")
def _timing(call: Prober) -> None:
    began = time.perf_counter()
    response = call.get("/profiles", paced=False)
    took = (time.perf_counter() - began) * 1000
    found = re.search(r"app;dur=([\d.]+)", response.headers.get("Server-Timing", ""))
    require(found, "there is no Server-Timing with app;dur=.")
    assert found is not None
    require(float(found[1]) <= took, f"it says {found[1]} ms, and {took:.1f} ms went by in all.")


@clause("shared-profiles", "The seven shared profiles are there, with their vectors.")
def _shared(call: Prober) -> None:
    found = {one["profile_name"]: one for one in pages(call, 100)}
    for name, vector in SHARED.items():
        require(name in found, f"{name} is not among GET /profiles.")
        require(found[name]["hrv_vector"] == vector, f"{name} has another vector.")
        require(found[name].get("shared") is True, f"{name} is not marked as shared.")


@clause("tenants", "GET /tenants lists the tenants of this caller, and nobody else's.")
def _tenants(call: Prober) -> None:
    told = body(call.get("/tenants"))
    listed = {one["tenant"]: one for one in told["tenants"]}
    require(told.get("count") == len(listed), f"its count is {told.get('count')!r}.")
    require(call.tenant in listed, f"{call.tenant} is not among them.")
    require(call.private not in listed, f"{call.private} is among them.")
    for name, one in listed.items():
        require(one.get("access") in ("open", "private"), f"{name} has no access.")
        require(isinstance(one.get("profile_count"), int), f"{name} has no profile_count.")


@clause("cursors", "next_cursor leads through all profiles, each once.")
def _cursors(call: Prober) -> None:
    whole = [(one["tenant"], one["profile_name"]) for one in pages(call, 100)]
    small = [(one["tenant"], one["profile_name"]) for one in pages(call, 2)]
    require(len(set(small)) == len(small), "a profile comes on two pages.")
    require(small == whole, f"pages of 2 hold {len(small)} profiles, one of 100 {len(whole)}.")


@clause("bad-cursor", "A cursor that the server never gave is refused.")
def _bad_cursor(call: Prober) -> None:
    problem(call.get("/profiles?cursor=c_nonsense"), 400, 422)


@clause("etag", "A profile has a strong ETag, the same until it changes.")
def _etag(call: Prober) -> None:
    path = f"/profiles/{call.tenant}/neutral_professional"
    first, second = call.get(path), call.get(path)
    body(first)
    etag = first.headers.get("ETag", "")
    require(re.fullmatch(r'"[^"]+"', etag), f"its ETag is {etag or 'missing'}.")
    require(etag == second.headers.get("ETag"), "it changes though the profile does not.")


@clause("tenants-look-absent", "A tenant of somebody else looks like one that does not exist.")
def _absent(call: Prober) -> None:
    told = []
    for tenant in (call.private, call.name()):
        response = call.get(f"/profiles?tenant={tenant}", foreign=True)
        said = problem(response, 404)
        told.append({k: v for k, v in said.items() if k not in ("instance", "request_id")})
    require(told[0] == told[1], f"{call.private} is answered in other words.")


@clause("bad-credentials", "A bad credential is answered 401 with WWW-Authenticate.")
def _credentials(call: Prober) -> None:
    response = call.get("/profiles", headers={"Authorization": "Bearer nonsense"})
    problem(response, 401)
    challenge = response.headers.get("WWW-Authenticate", "")
    require(challenge.startswith("Bearer"), f"WWW-Authenticate is {challenge or 'missing'}.")


@clause("metrics", "GET /metrics is JSON, and Prometheus text for who accepts that.")
def _metrics(call: Prober) -> None:
    body(call.get("/metrics"))
    text = call.get("/metrics", headers={"Accept": "text/plain; version=0.0.4"})
    kind = text.headers.get("Content-Type", "")
    require(text.ok and kind.startswith("text/plain"), f"its Content-Type is {kind}.")
    require("# TYPE" in text.text, "it names no type of a metric.")


@clause("rate-limit-headers", "Every answer tells the limits, and what is left of them.")
def _limits(call: Prober) -> None:
    before, after = (limits(call.get("/profiles")) for _ in range(2))
    refused = limits(call.get(f"/{call.name()}"))
    require(before.keys() == refused.keys(), "an error tells other limits.")
    slow = max(before, key=lambda name: before[name]["w"])
    require(
        after[slow]["r"] < before[slow]["r"],
        f'"{slow}" had {before[slow]["r"]} left before a request and {after[slow]["r"]} after it.',
    )


@clause("rate-limit-reset", "X-RateLimit-Reset is Unix time, and agrees with RateLimit.")
def _reset(call: Prober) -> None:
    began = time.time()
    response = call.get("/profiles")
    told = limits(response)
    # By the server's clock or by ours, which may differ; and it was read at any time in between.
    clocks = (time.time(), clock_of(response))
    earliest, latest = min(clocks) - (clocks[0] - began) - 2, max(clocks) + 2
    for name in ("Limit", "Remaining", "Reset"):
        value = response.headers.get(f"X-RateLimit-{name}", "")
        require(value.isdecimal(), f"X-RateLimit-{name} is {value or 'missing'}.")
    reset = int(response.headers["X-RateLimit-Reset"])
    minute = next((one for one in told.values() if one["w"] == 60), None)
    require(minute is not None, "no limit is by the minute.")
    assert minute is not None
    require(
        earliest <= reset - minute["t"] <= latest,
        f"X-RateLimit-Reset is {reset - clocks[0]:.0f} s away, and RateLimit says {minute['t']} s.",
    )


@clause("openapi", "The OpenAPI document describes the calls.")
def _openapi(call: Prober) -> None:
    paths = body(call.get("/openapi.json")).get("paths", {})
    missing = [route for route in ROUTES if route not in paths]
    require(not missing, f"it lacks {', '.join(missing)}.")


@clause("oauth-metadata", "OAuth's metadata names its issuer, its endpoints and S256.")
def _oauth(call: Prober) -> None:
    told = body(call.get("/.well-known/oauth-authorization-server"))
    here = plainly(call.url)
    require(plainly(told.get("issuer")) == here, f"its issuer is {told.get('issuer')!r}.")
    for name in ("token_endpoint", "authorization_endpoint", "jwks_uri"):
        value = told.get(name, "")
        require(plainly(value).startswith(f"{here}/"), f"{name} is {value!r}.")
    methods = told.get("code_challenge_methods_supported")
    require(methods == ["S256"], f"its methods of PKCE are {methods}.")


@clause("jwks", "The keys that sign tokens are there, and nothing secret of them.")
def _jwks(call: Prober) -> None:
    keys = body(call.get("/.well-known/jwks.json")).get("keys")
    require(isinstance(keys, list) and keys, "there is no key.")
    for key in keys or ():
        require("d" not in key, "a private key is shown.")
        require({"kty", "kid"} <= key.keys(), "a key lacks kty or kid.")


def clock_of(response: requests.Response) -> float:
    """The time in Unix seconds by the clock of the server, if its answer has a Date."""
    try:
        return email.utils.parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (LookupError, ValueError, OverflowError):
        return time.time()


def pages(call: Prober, limit: int) -> list[dict[str, Any]]:
    """All profiles, by pages of so many."""
    found: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(200):
        told = body(call.get(f"/profiles?tenant={call.tenant}&limit={limit}{cursor}"))
        require(isinstance(told.get("profiles"), list), "GET /profiles lacks its list profiles.")
        require("next_cursor" in told, "GET /profiles lacks next_cursor.")
        found += told["profiles"]
        if not told["next_cursor"]:
            return found
        cursor = f"&cursor={told['next_cursor']}"
    raise Broken("200 pages did not come to an end.")


def limits(response: requests.Response) -> dict[str, dict[str, int]]:
    """The limits that an answer tells: quota `q` and window `w`, rest `r` and reset `t`.

    Raises:
        Broken: it tells none.
    """
    told: dict[str, dict[str, int]] = {}
    for header in ("RateLimit-Policy", "RateLimit"):
        value = response.headers.get(header)
        require(value, f"{response.request.path_url} was answered without {header}.")
        for item in (value or "").split(","):
            found = _ITEM.fullmatch(item.strip())
            require(found, f"{header} is {value!r}.")
            assert found is not None
            numbers = dict(part.split("=", 1) for part in found[2].split(";") if "=" in part)
            told.setdefault(found[1], {}).update({k: int(v) for k, v in numbers.items()})
    for name, numbers_of in told.items():
        require({"q", "w", "r", "t"} <= numbers_of.keys(), f'"{name}" is not told whole.')
    return told
