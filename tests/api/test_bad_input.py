"""What is not right about a request gets its status, names its field, and is never echoed."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import API, VECTOR, slug

CANARY = "canary7f3a"


def invalid(raw: bytes, field: str, name: str) -> Any:
    """A body of which one field is invalid."""
    return pytest.param(raw, 422, "validation-failed", field, id=name)


BODIES = [
    pytest.param(b"", 400, "invalid-json", None, id="empty body"),
    pytest.param(b"{", 400, "invalid-json", None, id="half an object"),
    pytest.param(b'{"prompt": "\xff"}', 400, "invalid-json", None, id="not UTF-8"),
    pytest.param(b'\xef\xbb\xbf{"prompt": "a"}', 400, "invalid-json", None, id="BOM"),
    pytest.param(b"[" * 100_000, 400, "invalid-json", None, id="depth bomb"),
    pytest.param(
        b'{"prompt": "a", "x": ' + b"[" * 40 + b"]" * 40 + b"}",
        400,
        "invalid-json",
        None,
        id="deep",
    ),
    pytest.param(b"[" + b"0," * 50_000 + b"0]", 400, "invalid-json", None, id="many values"),
    pytest.param(b'{"prompt": "a", "prompt": "b"}', 400, "duplicate-key", None, id="duplicate"),
    pytest.param(
        b'{"prompt": "a", "x": {"y": 1, "y": 2}}', 400, "duplicate-key", None, id="inner duplicate"
    ),
    invalid(b"[]", "body", "a list"),
    invalid(b'"text"', "body", "a string"),
    invalid(b"null", "body", "null"),
    invalid(b"{}", "prompt", "no prompt"),
    invalid(b'{"prompt": ""}', "prompt", "empty prompt"),
    invalid(b'{"prompt": " \\n\\t"}', "prompt", "blank prompt"),
    invalid(b'{"prompt": "\\ufeff\\u0085\\u001c\\u2028"}', "prompt", "blank in any dialect"),
    invalid(b'{"prompt": 5}', "prompt", "number prompt"),
    invalid(b'{"prompt": ["a"]}', "prompt", "list prompt"),
    invalid(b'{"prompt": null}', "prompt", "null prompt"),
    invalid(json.dumps({"prompt": CANARY * 1000}).encode(), "prompt", "10,000 characters"),
    invalid(b'{"prompt": "a\\ud800"}', "prompt", "surrogate"),
    invalid(b'{"prompt": "a", "x\\udc00": 1}', "body", "surrogate key"),
    invalid(b'{"prompt": "a", "temperature": NaN}', "temperature", "NaN"),
    invalid(b'{"prompt": "a", "temperature": -Infinity}', "temperature", "-Infinity"),
    invalid(b'{"prompt": "a", "temperature": 1e400}', "temperature", "1e400"),
    invalid(b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}", "seed", "5,000 digits"),
    invalid(b'{"prompt": "a", "seed": ' + b"9" * 30 + b"}", "seed", "30 digits"),
    invalid(b'{"prompt": "a", "seed": 1.5}', "seed", "1.5"),
    invalid(b'{"prompt": "a", "seed": true}', "seed", "true"),
    invalid(b'{"prompt": "a", "seed": "1"}', "seed", "'1'"),
    invalid(b'{"prompt": "a", "paragraphs": 9}', "paragraphs", "nine"),
    invalid(b'{"prompt": "a", "paragraphs": 0}', "paragraphs", "none"),
    invalid(b'{"prompt": "a", "temperature": 2.1}', "temperature", "2.1"),
    invalid(b'{"prompt": "a", "temperature": true}', "temperature", "a truth as temperature"),
    invalid(b'{"prompt": "a", "max_length": 1}', "max_length", "short"),
    invalid(b'{"prompt": "a", "profile_name": "No/Such"}', "profile_name", "bad name"),
    pytest.param(
        b'{"prompt": "a", "profile_name": "invalid_profile"}',
        404,
        "unknown-profile",
        None,
        id="unknown profile",
    ),
    pytest.param(
        b'{"prompt": "a", "tenant": "nobody"}', 404, "unknown-tenant", None, id="unknown tenant"
    ),
    pytest.param(
        b'{"prompt": "a", "profile_name": "acme_brand_voice"}',
        404,
        "unknown-profile",
        None,
        id="another's profile",
    ),
]


@pytest.mark.parametrize(("raw", "status", "kind", "field"), BODIES)
def test_generation(api: API, raw: bytes, status: int, kind: str, field: str | None) -> None:
    response = api("POST", "/hr_generate", raw=raw)
    assert (response.status_code, slug(response)) == (status, kind)
    errors = response.json().get("errors", [])
    assert [error["field"] for error in errors] == ([field] if field else [])
    if field:
        assert field in response.json()["detail"]
    assert CANARY not in response.text
    assert api.stored() == 0


@pytest.mark.parametrize(
    ("vector", "field"),
    [
        (VECTOR[:7], "hrv_vector"),
        ([*VECTOR, 0.5], "hrv_vector"),
        ([], "hrv_vector"),
        ("text", "hrv_vector"),
        (None, "hrv_vector"),
        ({"sentence_variance": 0.5}, "hrv_vector"),
        ([1.1, *VECTOR[1:]], "hrv_vector[0] (sentence_variance)"),
        ([0.5, -1.01, *VECTOR[2:]], "hrv_vector[1] (emotional_valence)"),
        ([0.5, 0.5, -0.1, *VECTOR[3:]], "hrv_vector[2] (emotional_intensity)"),
        (["0.5", *VECTOR[1:]], "hrv_vector[0] (sentence_variance)"),
        ([True, *VECTOR[1:]], "hrv_vector[0] (sentence_variance)"),
        ([None, *VECTOR[1:]], "hrv_vector[0] (sentence_variance)"),
    ],
)
def test_vectors(api: API, vector: object, field: str) -> None:
    response = api.create("mine", hrv_vector=vector)
    assert (response.status_code, slug(response)) == (422, "validation-failed")
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e400"])
def test_vector_of_no_finite_number(api: API, number: bytes) -> None:
    raw = (
        b'{"tenant": "default", "profile_name": "mine", "hrv_vector": ['
        + number
        + b",0,0,0,0,0,0,0]}"
    )
    response = api("POST", "/profiles", raw=raw)
    assert (response.status_code, slug(response)) == (422, "validation-failed")
    assert response.json()["errors"][0]["field"] == "hrv_vector"


@pytest.mark.parametrize(
    "name",
    ["a/b", "a.b", "..", "a b", "naïve", "Upper", "_x", "-x", "", "x" * 100, "a\n", "é", "\u0430"],
)
def test_names(api: API, name: str) -> None:
    for fields in ({"profile_name": name}, {"tenant": name, "profile_name": "fine"}):
        response = api("POST", "/profiles", {"tenant": "default", "hrv_vector": VECTOR, **fields})
        assert (response.status_code, slug(response)) == (422, "validation-failed")
        assert [error["field"] for error in response.json()["errors"]] == [next(iter(fields))]


@pytest.mark.stored
def test_characters_that_one_database_cannot_store(api: API, admin: API) -> None:
    response = api.create("mine", description="half\0way")
    assert (response.status_code, slug(response)) == (422, "validation-failed")
    assert response.json()["errors"][0]["field"] == "description"
    assert api.create("mine", metadata={"half\0way": "\0"}).json()["metadata"] == {
        "half\0way": "\0"
    }
    for path in ("/api_keys/half%00way", "/webhooks/half%00way"):
        assert slug(admin("DELETE", path)) == "validation-failed"


@pytest.mark.parametrize(
    "metadata",
    [{"a": "x" * 20_000}, [1], "text", {"deep": [[[[{"a": 1}]]]] * 3000}],
    ids=["large", "list", "text", "large and deep"],
)
def test_metadata(api: API, metadata: object) -> None:
    response = api.create("mine", metadata=metadata)
    assert response.status_code in (400, 422)
    if slug(response) == "validation-failed":
        assert response.json()["errors"][0]["field"] == "metadata"


def test_a_body_over_one_mebibyte_is_413_and_the_answer_arrives(api: API) -> None:
    for size in (2 << 20, 10 << 20):
        response = api("POST", "/hr_generate", {"prompt": CANARY + "x" * size})
        assert (response.status_code, slug(response)) == (413, "body-too-large")
        assert CANARY not in response.text
        assert "RateLimit" in response.headers
    assert api("GET", "/health").status_code == 200


def test_a_body_of_exactly_one_mebibyte_is_read(api: API) -> None:
    body = b'{"prompt": "' + b"x" * ((1 << 20) - 14) + b'"}'
    assert len(body) == 1 << 20
    assert slug(api("POST", "/hr_generate", raw=body)) == "validation-failed"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application"])
def test_another_content_type_is_415(api: API, kind: str) -> None:
    response = api("POST", "/hr_generate", {"prompt": "a"}, Content_Type=kind)
    assert (response.status_code, slug(response)) == (415, "unsupported-media-type")


def test_half_a_request_is_none(api: API) -> None:
    """What arrived of it makes sense, but more was to come when the sender left."""
    body = json.dumps({"tenant": "default", "profile_name": "half", "hrv_vector": VECTOR}).encode()
    head = (
        f"POST /profiles HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body) + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", urlsplit(api.server.url).port or 0)) as there:
        there.sendall(head.encode() + body)
        there.shutdown(socket.SHUT_WR)
        assert there.recv(1) == b""
    assert api("GET", "/profiles/default/half").status_code == 404


def test_a_list_is_spoken_of_in_the_same_words(api: API) -> None:
    for events, said in (([], "events: is empty."), (["x"] * 21, "events: has more than 20 items")):
        refused = api("POST", "/webhooks", {"url": "https://example.org", "events": events})
        assert (refused.status_code, slug(refused)) == (422, "validation-failed")
        assert refused.json()["detail"].startswith(said)


def test_who_may_not_call_is_told_that_first(api: API) -> None:
    for raw, media in ((b"{", "application/json"), (b"{}", "text/plain"), (b"", "")):
        refused = api("POST", "/api_keys", raw=raw, Content_Type=media)
        assert (refused.status_code, slug(refused)) == (401, "missing-credentials")


def test_a_compressed_body_is_415(api: API) -> None:
    raw = gzip.compress(b'{"prompt": "a"}')
    response = api("POST", "/hr_generate", raw=raw, Content_Encoding="gzip")
    assert (response.status_code, slug(response)) == (415, "unsupported-media-type")


def test_methods_made_up_are_counted_together(api: API) -> None:
    for number in range(5):
        assert api(f"FOO{number}", "/profiles").status_code == 405
    endpoints = api("GET", "/metrics").json()["endpoints"]
    assert endpoints["(other) /profiles"]["requests"] == 5


def test_a_charset_beside_the_content_type_is_no_matter(api: API) -> None:
    kind = "Application/JSON; charset=utf-8"
    assert api("POST", "/hrv", {"text": "So it is."}, Content_Type=kind).status_code == 200


def test_an_unknown_field_is_ignored_and_named(api: API) -> None:
    answer = api.generate("Bees in cities", tone="dry", **{"x" * 200: 1}).json()
    assert answer["article"] == api.generate("Bees in cities").json()["article"]
    assert "unknown field ignored: tone" in answer["warnings"]
    assert all(len(warning) < 100 for warning in answer["warnings"])


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("tenant=../x", "tenant"),
        ("cursor=abc", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=" + "A" * 600, "cursor"),
    ],
)
def test_queries(api: API, query: str, field: str) -> None:
    response = api("GET", f"/profiles?{query}")
    assert (response.status_code, slug(response)) == (422, "validation-failed")
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("query", ["limit=1&limit=2", "limit=1&tenant=default&limit=1"])
def test_a_parameter_with_two_values_is_refused(api: API, query: str) -> None:
    response = api("GET", f"/profiles?{query}")
    assert (response.status_code, slug(response)) == (422, "validation-failed")
    assert response.json()["errors"] == [
        {"field": "limit", "message": "stands twice; send it once"}
    ]
    assert api("GET", "/profiles?limit=1&x=1&x=2").status_code == 200


@pytest.mark.parametrize(
    "since",
    [
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00",  # whose + is a space in an address
        "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
    ],
)
def test_a_time_that_is_none_is_told_how_to_write_one(api: API, since: str) -> None:
    response = api("POST", f"/webhooks/wh_1/redeliver?since={since}")
    assert (response.status_code, slug(response)) == (422, "validation-failed")
    (error,) = response.json()["errors"]
    assert error["field"] == "since"
    assert "as in 2026-01-31T12:00:00Z" in error["message"]
    assert "%2B" in error["message"]


@pytest.mark.parametrize("field", ["temperature", "seed", "paragraphs"])
def test_a_number_past_all_bounds_is_told_in_plain_words(api: API, field: str) -> None:
    for number in ("1e300", "1" * 350):
        response = api("POST", "/hr_generate", raw=f'{{"prompt":"a","{field}":{number}}}'.encode())
        assert response.status_code == 422
        (error,) = response.json()["errors"]
        assert error["field"] == field
        assert error["message"] in (
            "is a number of too many digits",
            "is to be less than or equal to 2",
            "is to be less than or equal to 8",
            "is to be less than or equal to 9007199254740991",
        )


def test_a_byte_order_mark_is_named(api: API) -> None:
    response = api("POST", "/hr_generate", raw=b'\xef\xbb\xbf{"prompt": "a"}')
    assert (response.status_code, slug(response)) == (400, "invalid-json")
    assert "byte order mark" in response.json()["detail"]


def test_addresses_that_are_not_there(api: API) -> None:
    for path in ("/", "/nothing", "/health/", "/profiles/default/a/b", "/..%2f..%2fetc/passwd"):
        response = api("GET", path)
        assert (response.status_code, slug(response)) == (404, "not-found"), path
        assert "passwd" not in response.text


def test_methods_that_an_address_does_not_take(api: API) -> None:
    response = api("DELETE", "/profiles")
    assert (response.status_code, slug(response)) == (405, "method-not-allowed")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    response = api("DELETE", "/static-offline-docs/swagger-ui.css")
    assert (response.status_code, slug(response)) == (405, "method-not-allowed")
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    asked = api("OPTIONS", "/profiles/default/house_style")
    assert asked.status_code == 204
    assert asked.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"


def test_head_is_get_without_a_body(api: API) -> None:
    head, get = api("HEAD", "/profiles"), api("GET", "/profiles")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
