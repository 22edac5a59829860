"""Each call of the contract, as it is meant to be used."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families

from resonance_sandbox.hrv import NAMES, HRVVector
from resonance_sandbox.metrics.recorder import percentile
from resonance_sandbox.scoring import measure
from resonance_sandbox.store.catalog import SHARED

from .conftest import API, VECTOR, slug


def test_health(api: API) -> None:
    response = api("GET", "/health")
    body = response.json()
    assert response.status_code == 200
    assert body["status"] == "healthy"
    assert set(body["checks"]) == {"database", "writer", "disk"}
    assert all(check["status"] == "ok" for check in body["checks"].values())
    assert all(check["latency_ms"] > 0 for check in body["checks"].values())
    assert body["uptime_seconds"] < api("GET", "/health").json()["uptime_seconds"]


@pytest.fixture
def mended(api: API) -> Iterator[None]:
    yield
    api.server.outage()


@pytest.mark.usefixtures("mended")
def test_a_writer_out_of_order_degrades(api: API) -> None:
    api.server.outage("writer")
    response = api("GET", "/health")
    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["checks"]["writer"]["status"] == "failing"
    refused = api.generate()
    assert (refused.status_code, slug(refused)) == (503, "writer-unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert api("GET", "/profiles").status_code == 200
    assert API(api.server, "acme_corp")("GET", "/health").json()["status"] == "healthy"


@pytest.mark.usefixtures("mended")
def test_a_database_out_of_order_is_unhealthy(api: API) -> None:
    api.server.outage("database")
    response = api("GET", "/health")
    assert (response.status_code, response.json()["status"]) == (503, "unhealthy")
    for refused in (api.generate(), api("GET", "/profiles"), api.create("mine")):
        assert (refused.status_code, slug(refused)) == (503, "database-unavailable")
    api.server.outage()
    assert api("GET", "/health").json()["status"] == "healthy"
    assert api.stored() == 0


def test_generation(api: API) -> None:
    response = api.generate(
        "The history of tea", profile_name="creative_storytelling", paragraphs=2, seed=7
    )
    body = response.json()
    assert response.status_code == 200
    assert body["article"] == "\n\n".join(part["text"] for part in body["paragraphs"])
    assert len(body["paragraphs"]) == 2
    assert body["content_length"] == len(body["article"])
    assert body["profile_name"] == "creative_storytelling"
    assert body["tenant"] == "default"
    assert body["seed"] == 7
    assert body["warnings"] == []
    assert body["request_id"] == response.headers["X-Request-ID"]
    target = HRVVector(body["target_hrv"])
    assert target == SHARED[1].vector
    measured = measure(body["article"]).vector
    assert body["hrv_vector"] == pytest.approx(list(measured), abs=1e-6)
    assert body["hrv_feedback"] == pytest.approx(measured.feedback(target), abs=1e-6)
    for part in body["paragraphs"]:
        assert part["hrv_vector"] == pytest.approx(list(measure(part["text"]).vector), abs=1e-6)
    assert body["generation_time"] > 0
    assert "status" not in body


def test_the_same_request_gives_the_same_article(api: API) -> None:
    first = api.generate("Night trains", temperature=1.5).json()
    assert api.generate("Night trains", temperature=1.5).json()["article"] == first["article"]
    same_seed = api.generate("Night trains", temperature=1.5, seed=first["seed"]).json()
    assert same_seed["article"] == first["article"]
    other = api.generate("Night trains", temperature=1.5, seed=first["seed"] + 1).json()
    assert other["article"] != first["article"]


@pytest.mark.parametrize("most", [50, 200, 1000])
def test_max_length_counts_characters(api: API, most: int) -> None:
    body = api.generate("Salt marshes", max_length=most).json()
    assert 0 < body["content_length"] <= most


@pytest.mark.parametrize(
    "prompt",
    ["?", "\x00", "日本の秋", "🦊" * 2500, "x" * 5000, "a\nb\tc", '"; DROP TABLE', "1" * 60],
)
def test_any_prompt_within_bounds_gets_an_article(api: API, prompt: str) -> None:
    response = api.generate(prompt)
    assert response.status_code == 200, response.text
    assert response.json()["article"]


def test_nulls_stand_for_defaults(api: API) -> None:
    nulls = dict.fromkeys(
        ["tenant", "profile_name", "paragraphs", "max_length", "temperature", "seed"]
    )
    explicit = api.generate("Tide tables", **nulls).json()
    assert explicit["article"] == api.generate("Tide tables").json()["article"]
    assert explicit["profile_name"] == "neutral_professional"


def test_choosing_a_tenant_changes_the_profiles(api: API) -> None:
    listed = {
        tenant: {
            p["profile_name"] for p in api("GET", f"/profiles?tenant={tenant}").json()["profiles"]
        }
        for tenant in ("default", "demo_tenant")
    }
    shared = {preset.name for preset in SHARED}
    assert listed["default"] & listed["demo_tenant"] == shared
    assert all(names - shared for names in listed.values())
    assert api.generate(profile_name="travel_blog", tenant="demo_tenant").status_code == 200
    assert slug(api.generate(profile_name="travel_blog")) == "unknown-profile"


@pytest.mark.stored
def test_the_life_of_a_profile(api: API) -> None:
    made = api.create("mine", metadata={"why": ["tests", 1, None]}, description="My own.")
    assert made.status_code == 201
    assert made.headers["Location"] == "/profiles/default/mine"
    body = made.json()
    assert (body["tenant"], body["shared"]) == ("default", False)
    assert body["metadata"] == {"why": ["tests", 1, None]}
    read = api("GET", made.headers["Location"])
    assert read.json() == body
    assert read.headers["ETag"] == made.headers["ETag"]
    assert api.generate(profile_name="mine").json()["target_hrv"] == VECTOR
    again = api.create("mine")
    assert (again.status_code, slug(again)) == (409, "profile-exists")
    assert api("DELETE", "/profiles/default/mine").status_code == 204
    for gone in (api("GET", "/profiles/default/mine"), api("DELETE", "/profiles/default/mine")):
        assert (gone.status_code, slug(gone)) == (404, "unknown-profile")


@pytest.mark.stored
def test_a_lost_update_is_412(api: API) -> None:
    first = api.create("mine").headers["ETag"]
    path, change = "/profiles/default/mine", {"hrv_vector": [0] * 8}
    second = api("PUT", path, change, If_Match=first)
    assert second.status_code == 200
    assert second.json()["created_at"] == api("GET", path).json()["created_at"]
    for method, body in (("PUT", change), ("DELETE", None)):
        for tag in (first, f"W/{second.headers['ETag']}", "nonsense", '""'):
            lost = api(method, path, body, If_Match=tag)
            assert (lost.status_code, slug(lost)) == (412, "precondition-failed")
    back = api("PUT", path, {"hrv_vector": VECTOR}, If_Match=f'"x", {second.headers["ETag"]}')
    assert back.headers["ETag"] not in (first, second.headers["ETag"])
    assert api("PUT", path, change, If_Match="*").status_code == 200
    assert api("PUT", path, change).status_code == 200


def test_an_unchanged_profile_is_304(api: API) -> None:
    read = api("GET", "/profiles/default/house_style")
    tag = read.headers["ETag"]
    for sent in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        unchanged = api("GET", "/profiles/default/house_style", If_None_Match=sent)
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["ETag"] == tag
    assert api("GET", "/profiles/default/house_style", If_None_Match='"x"').status_code == 200


@pytest.mark.stored
def test_a_condition_holds_for_each_method(api: API) -> None:
    """RFC 9110, 13.1.1 and 13.1.2: what a condition excludes is not done."""
    tag, path = api.create("mine").headers["ETag"], "/profiles/default/mine"
    change = {"hrv_vector": [0] * 8}
    for sent in ("*", tag, f"W/{tag}", f'"x", {tag}'):
        for method, body in (("PUT", change), ("DELETE", None)):
            kept = api(method, path, body, If_None_Match=sent)
            assert (kept.status_code, slug(kept)) == (412, "precondition-failed")
    for also in ({}, {"If_None_Match": "*"}):
        other = api("GET", path, If_Match='"x"', **also)
        assert (other.status_code, slug(other)) == (412, "precondition-failed")
    read = api("GET", path, If_Match=tag)
    assert (read.status_code, read.headers["ETag"]) == (200, tag)
    assert api("PUT", path, change, If_None_Match='"x"', Idempotency_Key="k").status_code == 200
    assert slug(api("PUT", path, change, Idempotency_Key="k")) == "idempotency-key-reused"
    assert api("DELETE", path, If_None_Match='"x"').status_code == 204


def test_shared_profiles_are_read_only(api: API) -> None:
    path = "/profiles/default/tech_startup"
    read = api("GET", path).json()
    assert (read["shared"], read["tenant"]) == (True, "default")
    for refused in (api("DELETE", path), api("PUT", path, {"hrv_vector": VECTOR})):
        assert (refused.status_code, slug(refused)) == (403, "tenant-not-allowed")
    assert slug(api.create("tech_startup")) == "profile-exists"


@pytest.mark.stored
def test_a_hundred_profiles_and_no_more(api: API) -> None:
    there = sum(
        not p["shared"] for p in api("GET", "/profiles?tenant=demo_tenant").json()["profiles"]
    )
    for number in range(100 - there):
        assert api.create(f"p{number}", "demo_tenant").status_code == 201
    one_more = api.create("one_more", "demo_tenant")
    assert (one_more.status_code, slug(one_more)) == (409, "profile-limit")
    assert api("DELETE", "/profiles/demo_tenant/p0").status_code == 204
    assert api.create("one_more", "demo_tenant").status_code == 201


@pytest.mark.stored
@pytest.mark.parametrize("limit", [1, 3, 7, 8, 200])
def test_pages_show_each_profile_once(api: API, limit: int) -> None:
    whole = api("GET", "/profiles?limit=200").json()
    assert whole["next_cursor"] is None
    assert whole["count"] == len(whole["profiles"])
    seen, path = [], f"/profiles?limit={limit}"
    while True:
        page = api("GET", path).json()
        assert page["count"] <= limit
        seen += page["profiles"]
        if page["next_cursor"] is None:
            break
        path = f"/profiles?limit={limit}&cursor={page['next_cursor']}"
    assert seen == whole["profiles"]


@pytest.mark.stored
def test_a_profile_made_or_deleted_meanwhile_moves_no_other(api: API) -> None:
    for name in ("b", "d", "f"):
        api.create(name)
    page = api("GET", "/profiles?limit=9").json()
    assert page["profiles"][-1]["profile_name"] == "d"
    api.create("a")
    api.create("e")
    api("DELETE", "/profiles/default/d")
    rest = api("GET", f"/profiles?cursor={page['next_cursor']}").json()
    names = [profile["profile_name"] for profile in rest["profiles"]]
    assert names == ["e", "f", "house_style", "release_notes"]


def test_a_cursor_belongs_to_its_tenant(api: API) -> None:
    cursor = api("GET", "/profiles?limit=1").json()["next_cursor"]
    refused = api("GET", f"/profiles?tenant=demo_tenant&cursor={cursor}")
    assert (refused.status_code, slug(refused)) == (422, "validation-failed")


@pytest.mark.stored
@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_forged_cursor_names_nothing_that_a_database_cannot_compare(api: API, name: str) -> None:
    content = json.dumps(["default", True, name], separators=(",", ":")).encode()
    forged = base64.urlsafe_b64encode(hashlib.sha256(content).digest()[:6] + content).decode()
    refused = api("GET", f"/profiles?cursor={forged.rstrip('=')}")
    assert (refused.status_code, slug(refused)) == (422, "validation-failed")


def test_hrv_shows_its_evidence(api: API) -> None:
    text = "Why do we wait? The gate was opened. She ran like the wind."
    body = api("POST", "/hrv", {"text": text}).json()
    assert body["hrv_vector"] == pytest.approx(list(measure(text).vector))
    assert set(body["evidence"]) == set(NAMES)
    assert body["evidence"]["active_voice_ratio"]["found"] == ["was opened"]


def test_tenants(api: API, admin: API) -> None:
    listed = api("GET", "/tenants").json()
    assert {t["tenant"]: t["access"] for t in listed["tenants"]}.items() >= {
        "default": "open",
        "demo_tenant": "open",
    }.items()
    assert all(t["access"] == "open" for t in listed["tenants"])
    before = {t["tenant"] for t in admin("GET", "/tenants").json()["tenants"]}
    assert before >= {"default", "demo_tenant", "acme_corp", "globex"}
    made = admin("POST", "/tenants", {"tenant": "initech", "access": "private"})
    assert made.status_code == 201
    assert made.json()["profile_count"] == len(SHARED)
    assert slug(admin("POST", "/tenants", {"tenant": "initech"})) == "tenant-exists"
    assert admin.create("mine", "initech").status_code == 201
    assert slug(api.create("mine", "initech")) == "unknown-tenant"
    assert slug(api("POST", "/tenants", {"tenant": "mine"})) == "missing-credentials"
    refused = API(api.server, "acme_corp")("POST", "/tenants", {"tenant": "mine"})
    assert (refused.status_code, slug(refused)) == (403, "insufficient-scope")
    assert 'scope="admin"' in refused.headers["WWW-Authenticate"]


def test_metrics_count_what_happened(api: API) -> None:
    first, second = api.generate("One").json(), api.generate("Two").json()
    api.generate("")
    body = api("GET", "/metrics").json()
    assert body["requests"] == 3
    assert body["errors"] == 1
    assert body["success_rate"] == pytest.approx(2 / 3, abs=1e-6)
    assert body["statuses"] == {"200": 2, "422": 1}
    assert body["generations"] == {
        "executed": 2,
        "stored": 2,
        "replayed": 0,
        "kept": 2,
    }
    assert body["characters_generated"] == first["content_length"] + second["content_length"]
    mean = (first["hrv_feedback"] + second["hrv_feedback"]) / 2
    assert body["mean_hrv_feedback"] == pytest.approx(mean, abs=1e-5)
    took = first["generation_time"] + second["generation_time"]
    assert body["characters_per_second"] == pytest.approx(
        body["characters_generated"] / took, rel=1e-3
    )
    times = body["endpoints"]["POST /hr_generate"]["response_time"]
    assert 0 < times["p50"] <= times["p95"] <= times["p99"]
    assert body["endpoints"]["POST /hr_generate"]["requests"] == 3


def test_metrics_as_prometheus_text_say_the_same(api: API) -> None:
    api.generate("One")
    api("GET", "/nothing")
    for accept in (
        "text/plain",
        "application/openmetrics-text;q=0.9,text/plain;version=0.0.4;q=0.5",
    ):
        response = api("GET", "/metrics", Accept=accept)
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        samples = {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(response.text)
            for sample in family.samples
        }
        assert samples["resonance_requests_total", "/hr_generate", "200", "POST"] == 1
        assert samples["resonance_requests_total", "(no route)", "404", "GET"] == 1
        assert samples[("resonance_generations_stored_total",)] == 1
        assert samples["resonance_response_seconds_count", "/hr_generate", "POST"] == 1
        assert samples["resonance_response_seconds_bucket", "+Inf", "/hr_generate", "POST"] == 1


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/plain"),
        ("text/plain;q=0.5, application/json;q=0.9", "application/json"),
        ("application/json;q=0, */*", "text/plain"),
        ("text/html, text/plain;q=0.2", "text/plain"),
    ],
)
def test_metrics_by_accept(api: API, accept: str | None, kind: str) -> None:
    response = api("GET", "/metrics", **({} if accept is None else {"Accept": accept}))
    assert response.headers["Content-Type"].split(";")[0] == kind
    assert response.headers["Vary"] == "Accept"


def test_metrics_in_no_form_we_have(api: API) -> None:
    response = api("GET", "/metrics", Accept="image/png")
    assert (response.status_code, slug(response)) == (406, "not-acceptable")


def test_percentiles_are_by_nearest_rank() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([], 0.5) is None
    assert percentile([math.pi], 0.01) == math.pi


def test_the_log_of_requests(api: API) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    api.generate("One", Idempotency_Key="k", User_Agent="test", Traceparent=trace)
    api.generate("")
    shown = api.server.requests()
    assert [(entry["method"], entry["path"], entry["status"]) for entry in shown] == [
        ("POST", "/hr_generate", 200),
        ("POST", "/hr_generate", 422),
    ]
    assert [entry["idempotency_key"] for entry in shown] == ["k", None]
    assert shown[0]["headers"]["user-agent"] == "test"
    assert shown[0]["headers"]["traceparent"] == trace
    assert shown[1]["problem"] == "validation-failed"
    assert "One" not in str(shown)


@pytest.mark.stored
def test_reset_restores_the_first_state(api: API) -> None:
    fresh = api("GET", "/profiles?limit=200").json()
    api.create("mine")
    api("DELETE", "/profiles/default/house_style")
    api("PUT", "/profiles/default/release_notes", {"hrv_vector": VECTOR})
    api.generate(Idempotency_Key="k")
    api.server.reset()
    again = api("GET", "/profiles?limit=200").json()
    drop = ("created_at",)
    assert [{k: v for k, v in p.items() if k not in drop} for p in again["profiles"]] == [
        {k: v for k, v in p.items() if k not in drop} for p in fresh["profiles"]
    ]
    assert api.stored() == 0
    assert "Idempotency-Replayed" not in api.generate(Idempotency_Key="k").headers


def test_what_ends_after_a_reset_began_before_it(api: API) -> None:
    api.server.faults.add("latency", seconds=1, route="/hr_generate")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(api.generate)
        while not api.server.faults.list()[0]["seen"]:
            assert not answer.done()
        api.server.reset()
        assert answer.result(30).status_code == 200
    time.sleep(0.1)
    assert api.server.requests() == []
    assert api("GET", "/metrics").json()["endpoints"] == {}


def test_the_documentation_needs_no_other_machine(api: API) -> None:
    page = api("GET", "/docs").text
    assert "swagger-ui-bundle.js" in page
    assert "https://" not in page
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert asset.startswith("/")
        assert api("GET", asset).status_code == 200
    assert api("GET", "/redoc").status_code == 404
