"""AgentMail: creation that is idempotent by client id, three kinds of 403, pages that may be empty."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from tests.harness.provider_api import ProviderClient


def _create_inbox(api: ProviderClient, **body: Any) -> dict[str, Any]:
    answer = api.request_agentmail("POST", "/inboxes", json=body)
    assert answer.status_code == 200, answer.text
    inbox: dict[str, Any] = answer.json()
    return inbox


def _get_error(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["name"], answer.json()["code"]


def test_inbox_is_its_address_and_omits_what_is_not_set(api: ProviderClient) -> None:
    made = _create_inbox(api, username="agent-abc")
    assert made["inbox_id"] == made["email"] == "agent-abc@agentmail.to"
    assert set(made) == {"pod_id", "inbox_id", "email", "created_at", "updated_at"}
    assert api.request_agentmail("GET", "/inboxes/agent-abc%40agentmail.to").json() == made


def test_inbox_without_a_username_gets_a_random_one(api: ProviderClient) -> None:
    assert _create_inbox(api)["inbox_id"] != _create_inbox(api)["inbox_id"]


def test_client_id_replays_the_first_answer_whatever_the_body(api: ProviderClient) -> None:
    first = _create_inbox(api, username="one", client_id="inst-1", display_name="One")
    assert _create_inbox(api, username="two", client_id="inst-1") == first
    assert len(api.simulator.list_leftovers()) == 1


def test_failed_create_does_not_use_up_its_client_id(api: ProviderClient) -> None:
    assert api.request_agentmail("POST", "/inboxes", json={"username": "admin", "client_id": "c"}).status_code == 403
    assert _create_inbox(api, username="free", client_id="c")["inbox_id"] == "free@agentmail.to"


def test_client_id_after_deletion_as_configured(api: ProviderClient) -> None:
    for mode in ("fresh", "ghost", "refuse"):
        api.simulator.reset({"agentmail": {"client_id_after_delete": mode}})
        first = _create_inbox(api, client_id="c")
        api.request_agentmail("DELETE", f"/inboxes/{first['inbox_id']}")
        again = api.request_agentmail("POST", "/inboxes", json={"client_id": "c"})
        if mode == "refuse":
            assert _get_error(again) == (409, "ConflictError", "resource_deleting")
        else:
            assert (again.json()["inbox_id"] == first["inbox_id"]) == (mode == "ghost")


@pytest.mark.parametrize("status", [403, 409])
def test_taken_username_is_403_or_409(api: ProviderClient, status: int) -> None:
    api.simulator.update_config({"agentmail": {"taken_status": status}})
    _create_inbox(api, username="mine")
    for name in ("mine", "admin"):
        answer = api.request_agentmail("POST", "/inboxes", json={"username": name})
        assert _get_error(answer) == (status, "IsTakenError", "resource_taken")
    assert api.request_agentmail("GET", "/inboxes/admin%40agentmail.to").status_code == 404


def test_plan_limit_is_a_403_of_its_own(api: ProviderClient) -> None:
    api.simulator.update_config({"agentmail": {"inbox_limit": 1}})
    _create_inbox(api, client_id="c")
    _create_inbox(api, client_id="c")
    answer = api.request_agentmail("POST", "/inboxes", json={})
    assert _get_error(answer) == (403, "LimitExceededError", "limit_exceeded")
    assert (answer.json()["resource"], answer.json()["limit"]) == ("inboxes", 1)


def test_bad_key_is_a_bare_403_of_the_gateway(api: ProviderClient) -> None:
    url = f"{api.simulator.base_urls.agentmail}/inboxes"
    answer = httpx.get(url, headers={"Authorization": "Bearer bad-token"})
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert _get_error(httpx.get(url))[::2] == (401, "missing_authorization")
    assert _get_error(httpx.get(url, headers={"Authorization": "bearer am_x"}))[::2] == (401, "invalid_token_type")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"client_id": "a@b"}, "client_id"),
        ({"client_id": ""}, "client_id"),
        ({"clientId": "a"}, "clientId"),
        ({"username": "a b"}, "username"),
        ({"display_name": None}, "display_name"),
        ({"status": "off"}, "status"),
        ({"metadata": {"k": [1]}}, "metadata"),
        ({"metadata": {"k": "v" * 257}}, "metadata"),
    ],
)
def test_bad_bodies_name_the_field(api: ProviderClient, body: dict[str, Any], field: str) -> None:
    answer = api.request_agentmail("POST", "/inboxes", json=body)
    assert _get_error(answer) == (400, "ValidationError", "validation_error")
    assert answer.json()["errors"][0]["path"] == [field]


def test_domain_must_be_verified(api: ProviderClient) -> None:
    assert api.request_agentmail("POST", "/inboxes", json={"domain": "example.com"}).status_code == 422
    api.simulator.update_config({"agentmail": {"verified_domains": ["agentmail.to", "example.com"]}})
    assert _create_inbox(api, username="a", domain="example.com")["email"] == "a@example.com"


def _list_pages(api: ProviderClient, query: str = "") -> list[list[str]]:
    pages: list[list[str]] = []
    token: str | None = None
    while True:
        more = "" if token is None else f"&page_token={token}"
        answer = api.request_agentmail("GET", f"/inboxes?limit=2{query}{more}").json()
        assert answer["count"] == len(answer["inboxes"])
        pages.append([inbox["inbox_id"].split("@")[0] for inbox in answer["inboxes"]])
        token = answer.get("next_page_token")
        if token is None:
            return pages


def test_lists_are_newest_first_and_counts_are_of_the_page(api: ProviderClient) -> None:
    for name in "abcde":
        _create_inbox(api, username=name)
    assert _list_pages(api) == [["e", "d"], ["c", "b"], ["a"]]
    assert _list_pages(api, "&ascending=true") == [["a", "b"], ["c", "d"], ["e"]]


def test_empty_page_can_carry_a_token(api: ProviderClient) -> None:
    api.simulator.update_config({"agentmail": {"empty_page_with_token": True}})
    _create_inbox(api, username="a")
    assert _list_pages(api) == [[], ["a"]]


@pytest.mark.parametrize("query", ["?limit=0", "?limit=x", "?page_token=x", "?client_id=c", "?ascending=1"])
def test_bad_list_queries_are_refused(api: ProviderClient, query: str) -> None:
    assert api.request_agentmail("GET", f"/inboxes{query}").status_code == 400


def test_search_needs_two_characters(api: ProviderClient) -> None:
    _create_inbox(api, username="findme")
    _create_inbox(api, username="other")
    assert api.request_agentmail("GET", "/inboxes/search?q=f").status_code == 400
    found = api.request_agentmail("GET", "/inboxes/search?q=find").json()
    assert [inbox["inbox_id"] for inbox in found["inboxes"]] == ["findme@agentmail.to"]


def test_patch_merges_metadata(api: ProviderClient) -> None:
    _create_inbox(api, username="a", metadata={"x": 1, "y": "2"})
    path = "/inboxes/a%40agentmail.to"
    changed = api.request_agentmail("PATCH", path, json={"metadata": {"x": None, "z": True}, "status": "paused"}).json()
    assert (changed["metadata"], changed["status"]) == ({"y": "2", "z": True}, "paused")
    assert "metadata" not in api.request_agentmail("PATCH", path, json={"metadata": None}).json()
    bad: tuple[dict[str, object], ...] = ({}, {"metadata": {}}, {"username": "b"})
    for body in bad:
        assert api.request_agentmail("PATCH", path, json=body).status_code == 400


@pytest.mark.parametrize("status", [202, 204])
def test_delete_is_empty_and_then_404(api: ProviderClient, status: int) -> None:
    api.simulator.update_config({"agentmail": {"delete_status": status}})
    _create_inbox(api, username="a")
    answer = api.request_agentmail("DELETE", "/inboxes/a%40agentmail.to")
    assert (answer.status_code, answer.content) == (status, b"")
    assert _get_error(api.request_agentmail("DELETE", "/inboxes/a%40agentmail.to")) == (
        404,
        "NotFoundError",
        "not_found",
    )


def test_deletion_can_take_its_time_and_addresses_can_stay_burnt(api: ProviderClient) -> None:
    api.simulator.update_config({"agentmail": {"delete_seconds": 60}})
    _create_inbox(api, username="a")
    api.request_agentmail("DELETE", "/inboxes/a%40agentmail.to")
    answer = api.request_agentmail("POST", "/inboxes", json={"username": "a"})
    assert _get_error(answer)[::2] == (409, "resource_deleting")
    api.simulator.reset({"agentmail": {"address_reusable": False}})
    _create_inbox(api, username="a")
    api.request_agentmail("DELETE", "/inboxes/a%40agentmail.to")
    assert _get_error(api.request_agentmail("POST", "/inboxes", json={"username": "a"}))[2] == "resource_taken"


def test_sending_from_a_fresh_inbox_lags(api: ProviderClient) -> None:
    _create_inbox(api, username="a")
    path, body = "/inboxes/a%40agentmail.to/messages/send", {"to": ["b@example.com"], "text": "hi"}
    assert api.request_agentmail("POST", path, json=body).status_code == 404
    api.simulator.update_config({"agentmail": {"send_lag_s": 0}})
    headers = {"Idempotency-Key": "k1"}
    first = api.request_agentmail("POST", path, json=body, headers=headers).json()
    assert api.request_agentmail("POST", path, json=body, headers=headers).json() == first
    other = api.request_agentmail("POST", path, json={**body, "text": "ho"}, headers=headers)
    assert other.status_code == 409


def test_rate_limit_headers_hold_the_moment_of_the_reset(api: ProviderClient) -> None:
    api.simulator.update_config({"agentmail": {"rate_limit": {"requests": 0, "window_s": 60}}})
    answer = api.request_agentmail("GET", "/inboxes")
    assert _get_error(answer)[::2] == (429, "rate_limit_exceeded")
    assert int(answer.headers["X-RateLimit-Reset"]) > 1_700_000_000
    assert int(answer.headers["Retry-After"]) >= 1


def test_new_inbox_can_be_hidden_from_lists(api: ProviderClient, sim: SimulatorClient) -> None:
    sim.update_config({"agentmail": {"list_lag_s": 60}})
    address = api.request_agentmail("POST", "/inboxes", json={}).json()["inbox_id"]
    assert api.request_agentmail("GET", "/inboxes").json()["inboxes"] == []
    assert api.request_agentmail("GET", f"/inboxes/{address}").status_code == 200
    sim.update_config({"agentmail": {"list_lag_s": 0}})
    assert api.request_agentmail("GET", "/inboxes").json()["count"] == 1
