"""OpenRouter: keys that are shown once, names that repeat, lists that hide."""

from typing import Any

import httpx
import pytest

from tests.harness.provider_api import ProviderClient

OTHER_WORKSPACE = "5a1e0000-0000-4000-8000-000000000002"


def _create_key(api: ProviderClient, name: str = "k", **more: Any) -> dict[str, Any]:
    answer = api.request_openrouter("POST", "/keys", json={"name": name, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _list_keys(api: ProviderClient, query: str = "") -> list[dict[str, Any]]:
    answer = api.request_openrouter("GET", f"/keys{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_secret_is_shown_once_only(api: ProviderClient) -> None:
    made = _create_key(api, limit=20)
    secret, key = made["key"], made["data"]
    assert secret.startswith("sk-or-v1-")
    assert len(key["hash"]) == 64
    assert (key["limit"], key["limit_remaining"], key["limit_reset"]) == (20, 20, None)
    assert key["label"] == f"{secret[:12]}...{secret[-4:]}"
    for answer in (api.request_openrouter("GET", f"/keys/{key['hash']}"), api.request_openrouter("GET", "/keys")):
        assert secret not in answer.text


def test_one_name_can_be_given_to_many_keys(api: ProviderClient) -> None:
    hashes = {_create_key(api, "same")["data"]["hash"] for _ in range(2)}
    assert {key["hash"] for key in _list_keys(api)} == hashes


def test_lists_are_newest_first_in_pages_of_a_hundred(api: ProviderClient) -> None:
    names = [f"k{index}" for index in range(103)]
    for name in names:
        _create_key(api, name)
    found = _list_keys(api) + _list_keys(api, "?offset=100")
    assert [key["name"] for key in found] == names[::-1]
    assert (len(_list_keys(api)), _list_keys(api, "?offset=103")) == (100, [])


def test_disabled_expired_and_foreign_keys_are_hidden_unless_asked_for(api: ProviderClient) -> None:
    disabled = _create_key(api, "disabled")["data"]["hash"]
    api.request_openrouter("PATCH", f"/keys/{disabled}", json={"disabled": True})
    _create_key(api, "expired", expires_at="2020-01-01T00:00:00Z")
    _create_key(api, "foreign", workspace_id=OTHER_WORKSPACE)
    assert _list_keys(api) == []
    assert [key["name"] for key in _list_keys(api, "?include_disabled=true")] == ["disabled"]
    assert [key["name"] for key in _list_keys(api, "?include_expired=true")] == ["expired"]
    assert [key["name"] for key in _list_keys(api, f"?workspace_id={OTHER_WORKSPACE}")] == ["foreign"]


def test_list_can_lag(api: ProviderClient) -> None:
    api.simulator.update_config({"openrouter": {"list_lag_s": 60}})
    key = _create_key(api)["data"]["hash"]
    assert _list_keys(api) == []
    assert api.request_openrouter("GET", f"/keys/{key}").status_code == 200


def test_patch_changes_what_it_names(api: ProviderClient) -> None:
    key = _create_key(api, limit=5)["data"]
    answer = api.request_openrouter("PATCH", f"/keys/{key['hash']}", json={"limit": None, "limit_reset": "monthly"})
    changed = answer.json()["data"]
    assert (changed["limit"], changed["limit_reset"], changed["name"]) == (None, "monthly", "k")
    assert changed["updated_at"] is not None


def test_deleted_key_is_gone(api: ProviderClient) -> None:
    key = _create_key(api)["data"]["hash"]
    assert api.request_openrouter("DELETE", f"/keys/{key}").json() == {"deleted": True}
    for method in ("GET", "DELETE"):
        answer = api.request_openrouter(method, f"/keys/{key}")
        assert (answer.status_code, answer.json()) == (404, {"error": {"code": 404, "message": "Resource not found"}})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": 1},
        {"name": "k", "limit": "20"},
        {"name": "k", "limit": True},
        {"name": "k", "limit_reset": "yearly"},
        {"name": "k", "expires_at": "2030-01-01T00:00Z"},
        {"name": "k", "workspace_id": "nope"},
        {"name": "k", "unknown": 1},
    ],
)
def test_bad_bodies_are_refused(api: ProviderClient, body: dict[str, Any]) -> None:
    answer = api.request_openrouter("POST", "/keys", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400)


@pytest.mark.parametrize("query", ["?limit=5", "?offset=-1", "?include_disabled=1"])
def test_bad_queries_are_refused(api: ProviderClient, query: str) -> None:
    assert api.request_openrouter("GET", f"/keys{query}").status_code == 400


def test_external_keys_are_for_partners(api: ProviderClient) -> None:
    answer = api.request_openrouter("POST", "/keys", json={"name": "k", "external": {"user": "u"}})
    assert answer.status_code == 403


def test_management_needs_a_management_key(api: ProviderClient) -> None:
    url = f"{api.simulator.base_urls.openrouter}/keys"
    assert httpx.get(url).json() == {"error": {"code": 401, "message": "Missing Authentication header"}}
    assert httpx.get(url, headers={"Authorization": "Bearer bad-token"}).status_code == 401
    inference = {"Authorization": f"Bearer {_create_key(api)['key']}"}
    answer = httpx.get(url, headers=inference)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "Only management keys can perform this operation"


def test_inference_key_can_ask_about_itself(api: ProviderClient) -> None:
    secret = _create_key(api, limit=3)["key"]
    url = f"{api.simulator.base_urls.openrouter}/key"
    about = httpx.get(url, headers={"Authorization": f"Bearer {secret}"}).json()["data"]
    assert (about["limit"], about["is_management_key"]) == (3, False)
    assert api.request_openrouter("GET", "/key").json()["data"]["is_management_key"] is True


def test_credits_are_reported(api: ProviderClient) -> None:
    assert api.request_openrouter("GET", "/credits").json()["data"] == {"total_credits": 100.5, "total_usage": 25.75}


def test_rate_limit_headers_come_with_429_only(api: ProviderClient) -> None:
    api.simulator.update_config({"openrouter": {"rate_limit": {"requests": 1, "window_s": 60}}})
    first, second = api.request_openrouter("GET", "/credits"), api.request_openrouter("GET", "/credits")
    assert (first.status_code, second.status_code) == (200, 429)
    assert "x-ratelimit-limit" not in first.headers
    assert second.headers["x-ratelimit-remaining"] == "0"
    assert second.json()["error"]["metadata"]["error_type"] == "rate_limit_exceeded"


def test_unknown_paths_answer_in_shape(api: ProviderClient) -> None:
    assert api.request_openrouter("GET", "/nope").json()["error"]["code"] == 404
