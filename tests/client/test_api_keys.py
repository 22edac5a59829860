"""API keys, managed through the client: made, listed, rotated, revoked, and never shown."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient, Secret


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start() as running:
        yield running


@pytest.fixture
def admin(server: sandbox.Sandbox) -> ResonanceOSAPIClient:
    server.reset("acme_corp")
    key = Secret(server.credentials["admin"]["api_key"])
    return ResonanceOSAPIClient(server.url, auth=ApiKeyAuth(key))


def with_key(server: sandbox.Sandbox, key: Any) -> ResonanceOSAPIClient:
    return ResonanceOSAPIClient(server.url, auth=ApiKeyAuth(key))


def test_a_key_from_its_making_to_its_end(
    server: sandbox.Sandbox, admin: ResonanceOSAPIClient
) -> None:
    made = admin.create_api_key(["profiles:read"], "acme_corp", name="report", expires_in=600)
    assert made["scopes"] == ["profiles:read"]
    assert made["expires_at"]
    client = with_key(server, made["key"])
    assert client.get_profiles("acme_corp")["count"] > 0
    assert client.generate_content("Rain")["type"] == "insufficient-scope"

    listed = admin.get_api_keys("acme_corp")["api_keys"]
    assert made["id"] in [key["id"] for key in listed]
    assert not any("key" in key for key in listed)

    rotated = admin.rotate_api_key(made["id"], overlap_seconds=60)
    assert rotated["id"] == made["id"]
    assert rotated["key"] != made["key"]
    for key in (made["key"], rotated["key"]):
        assert with_key(server, key).get_profiles("acme_corp")["count"] > 0

    assert admin.delete_api_key(made["id"]) == {}
    for key in (made["key"], rotated["key"]):
        assert with_key(server, key).get_profiles("acme_corp")["response_code"] == 401
    gone = admin.delete_api_key(made["id"])
    assert type(gone.error).__name__ == "UnknownApiKeyError"


def test_rotation_without_overlap_ends_the_old_key_at_once(
    server: sandbox.Sandbox, admin: ResonanceOSAPIClient
) -> None:
    made = admin.create_api_key(["profiles:read"], "acme_corp")
    admin.rotate_api_key(made["id"], overlap_seconds=0)
    assert with_key(server, made["key"]).get_profiles()["response_code"] == 401


def test_an_answer_with_a_key_does_not_show_it(admin: ResonanceOSAPIClient) -> None:
    made = admin.create_api_key(["generate"], "acme_corp")
    secret = made["key"].reveal()
    assert secret.startswith("ros_")
    assert secret not in repr(made) + str(made) + f"{made}"
    with pytest.raises(TypeError):
        pickle.dumps(made)


def test_a_key_is_rotated_under_load_and_no_request_is_lost(
    server: sandbox.Sandbox, admin: ResonanceOSAPIClient
) -> None:
    made = admin.create_api_key(["profiles:read"], "acme_corp")
    auth = ApiKeyAuth(made["key"])
    client = ResonanceOSAPIClient(server.url, auth=auth, retry=None)
    results: list[dict[str, Any]] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            results.append(client.get_profiles("acme_corp", limit=1))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        before = len(results)
        auth.key = admin.rotate_api_key(made["id"], overlap_seconds=30)["key"]
        while len(results) < before + 10:
            stop.wait(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    lost = [result for result in results if result.get("status") == "error"]
    assert [failure for failure in lost if failure["response_code"] != 429] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate",), "scopes is a str"),
        ((None,), "scopes is a NoneType"),
        (([1],), r"scopes\[0\] is a int"),
        ((["generate"], 7), "tenant is a int"),
    ],
)
def test_wrong_arguments_raise(
    admin: ResonanceOSAPIClient, arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        admin.create_api_key(*arguments)


def test_a_key_id_changes_no_path(admin: ResonanceOSAPIClient) -> None:
    with pytest.raises(ValueError, match="path"):
        admin.rotate_api_key("..")
    assert admin.delete_api_key("a/../b")["response_code"] == 404
