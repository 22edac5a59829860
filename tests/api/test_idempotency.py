"""An Idempotency-Key makes a request that came twice happen once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from resonance_sandbox import start

from .conftest import API, UNLIMITED, VECTOR, slug


def replayed(response: object) -> bool:
    return getattr(response, "headers", {}).get("Idempotency-Replayed") == "true"


@pytest.mark.stored
def test_the_first_answer_is_replayed(api: API) -> None:
    first = api.generate("Bees", Idempotency_Key="k1")
    second = api.generate("Bees", Idempotency_Key="k1")
    assert not replayed(first)
    assert replayed(second)
    assert second.content == first.content
    assert second.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert api.stored() == 1
    assert api("GET", "/metrics").json()["generations"] == {
        "executed": 1,
        "stored": 1,
        "replayed": 1,
        "kept": 1,
    }


def test_the_same_payload_in_other_bytes_is_the_same(api: API) -> None:
    api("POST", "/hrv", raw=b'{"text": "So it is.", "x": 1}', Idempotency_Key="k")
    again = api("POST", "/hrv", raw=b'{ "x":1, "text":"So it is." }', Idempotency_Key="k")
    assert replayed(again)


def test_another_payload_is_422(api: API) -> None:
    api.generate("Bees", Idempotency_Key="k")
    for other in (
        api.generate("Wasps", Idempotency_Key="k"),
        api("POST", "/hrv", {"prompt": "Bees"}, Idempotency_Key="k"),
        api("POST", "/hr_generate?x=1", {"prompt": "Bees"}, Idempotency_Key="k"),
        api("DELETE", "/profiles/default/house_style", Idempotency_Key="k"),
    ):
        assert (other.status_code, slug(other)) == (422, "idempotency-key-reused")
    assert api("GET", "/profiles/default/house_style").status_code == 200


@pytest.mark.stored
def test_put_and_delete_too(api: API) -> None:
    made = api.create("mine", Idempotency_Key="a")
    assert api.create("mine", Idempotency_Key="a").headers["Location"] == made.headers["Location"]
    path, change = "/profiles/default/mine", {"hrv_vector": [0] * 8}
    tag = made.headers["ETag"]
    put = api("PUT", path, change, If_Match=tag, Idempotency_Key="b")
    again = api("PUT", path, change, If_Match=tag, Idempotency_Key="b")
    assert (again.status_code, replayed(again)) == (200, True)
    assert again.headers["ETag"] == put.headers["ETag"]
    assert slug(api("PUT", path, change, If_Match=tag)) == "precondition-failed"
    for expected in (False, True):
        gone = api("DELETE", path, Idempotency_Key="c")
        assert (gone.status_code, replayed(gone)) == (204, expected)
    assert slug(api("DELETE", path)) == "unknown-profile"


@pytest.mark.parametrize(
    ("body", "status"),
    [({"prompt": ""}, 422), ({"prompt": "a", "profile_name": "none_such"}, 404)],
)
def test_a_final_refusal_is_kept(api: API, body: dict[str, str], status: int) -> None:
    first = api("POST", "/hr_generate", body, Idempotency_Key="k")
    second = api("POST", "/hr_generate", body, Idempotency_Key="k")
    assert first.status_code == second.status_code == status
    assert replayed(second)
    assert second.json() == first.json()


def test_what_may_change_is_not_kept(api: API) -> None:
    api.create("mine")
    for _ in range(2):
        exists = api.create("mine", Idempotency_Key="k")
        assert (exists.status_code, replayed(exists)) == (409, False)
    api("DELETE", "/profiles/default/mine")
    assert api.create("mine", Idempotency_Key="k").status_code == 201
    api.server.outage("writer")
    assert api.generate(Idempotency_Key="g").status_code == 503
    api.server.outage()
    assert api.generate(Idempotency_Key="g").status_code == 200
    assert replayed(api.generate(Idempotency_Key="g"))


def test_a_get_has_no_use_for_a_key(api: API) -> None:
    for _ in range(2):
        assert not replayed(api("GET", "/profiles", Idempotency_Key="k"))


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "naïve", "tab\there"])
def test_a_key_has_a_form(api: API, key: str) -> None:
    response = api.create("mine", Idempotency_Key=key.encode("latin-1"))
    assert (response.status_code, slug(response)) == (422, "validation-failed")
    assert response.json()["errors"][0]["field"] == "Idempotency-Key"
    assert api("GET", "/profiles/default/mine").status_code == 404


def test_what_is_not_there_takes_no_key(api: API) -> None:
    api.generate("Bees", Idempotency_Key="k")
    assert api("PUT", "/hr_generate", {}, Idempotency_Key="k").status_code == 405
    assert api("POST", "/nothing", {}, Idempotency_Key="k").status_code == 404


def test_while_the_first_runs_others_wait() -> None:
    with start(latency=0.5, rate_limit=UNLIMITED, burst=UNLIMITED) as server:

        def send(_: int) -> tuple[int, str | None, bool]:
            answer = API(server).generate("Bees", Idempotency_Key="k")
            if answer.status_code == 409:
                assert slug(answer) == "idempotency-in-progress"
            return answer.status_code, answer.headers.get("Retry-After"), replayed(answer)

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))
        assert sorted(answers)[0] == (200, None, False)
        assert [answer for answer in answers if answer[0] != 200] == [(409, "1", False)] * 7
        assert send(0) == (200, None, True)
        assert API(server).stored() == 1


@pytest.mark.stored
def test_a_hundred_keys_by_many_threads_are_a_hundred_effects(api: API) -> None:
    def send(number: int) -> bytes:
        while True:
            answer = API(api.server).create(f"p{number % 20}", Idempotency_Key=f"k{number % 20}")
            if answer.status_code != 409:
                assert answer.status_code == 201, answer.text
                return answer.content

    with ThreadPoolExecutor(16) as pool:
        bodies = list(pool.map(send, range(100)))
    assert len(set(bodies)) == 20
    listed = api("GET", "/profiles?limit=200").json()["profiles"]
    own = [profile for profile in listed if not profile["shared"]]
    assert sum(profile["hrv_vector"] == VECTOR for profile in own) == 20
