"""The dashboard's two pages, the stored fleet and OpenRouter's spend, without secrets."""

from typing import Any

import httpx
import pytest
from psycopg.types.json import Jsonb

from local.simulator.client import SimulatorClient
from tests.harness.database import Database
from tests.harness.instances import TOOLS, create_instance, create_request, new_instance_id
from tests.harness.provider_api import ProviderClient
from tests.harness.status_poller import insert_instances

pytestmark = pytest.mark.usefixtures("no_instances")

INSTANCE_FIELDS = {
    "instanceId", "provider", "serviceId", "environmentId", "projectId", "url", "deployStatus", "runtimeImage",
    "volumeId", "createdAt", "updatedAt", "tools",
}  # fmt: skip
KEY_FIELDS = {
    "id", "name", "instanceId", "limit", "limitRemaining", "limitReset", "usage", "usageDaily", "usageWeekly",
    "usageMonthly", "disabled", "createdAt",
}  # fmt: skip


def list_shown_instances(api: httpx.Client) -> list[dict[str, Any]]:
    response = api.get("/dashboard/instances")
    assert response.status_code == 200, response.text
    return response.json()["instances"]


def insert_tool(db: Database, instance_id: str, tool_id: str, meta: object, *, value: str = "planted-value") -> None:
    db.execute(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, resource_meta, env_key, env_value)"
        " VALUES (%s, %s, 'r', %s, 'KEY', %s)",
        (instance_id, tool_id, None if meta is None else Jsonb(meta), value),
    )


def show_meta(api: httpx.Client, db: Database, tool_id: str, meta: object) -> dict[str, Any]:
    (instance_id,) = insert_instances(db, ["service"])
    insert_tool(db, instance_id, tool_id, meta)
    return list_shown_instances(api)[0]["tools"][0]["meta"]


@pytest.mark.parametrize("path", ["/dashboard/instances", "/dashboard/credits"])
def test_the_pages_need_the_key_and_allow_only_get(api: httpx.Client, path: str) -> None:
    response = httpx.get(f"{api.base_url}{path}", headers={"Authorization": "Bearer wrong"})
    assert (response.status_code, response.json()["error"]) == (401, "Invalid or missing API key")
    response = api.post(path, json={})
    assert (response.status_code, response.json()["code"]) == (405, "METHOD_NOT_ALLOWED")


def test_an_instance_is_shown_with_its_tools_and_no_secret(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    body = create_request(new_instance_id(), TOOLS)
    created = create_instance(api, body).json()
    stored = db.execute("SELECT * FROM instance_infra").fetchone()
    response = api.get("/dashboard/instances")
    (instance,) = response.json()["instances"]
    assert set(instance) == INSTANCE_FIELDS
    assert instance["instanceId"] == body["instanceId"]
    assert (instance["serviceId"], instance["url"]) == (created["serviceId"], created["url"])
    assert (instance["provider"], instance["environmentId"]) == ("railway", "sim-environment")
    assert (instance["projectId"], instance["volumeId"]) == ("sim-project", stored["volume_id"])
    assert instance["createdAt"] == stored["created_at"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    tools = {tool["toolId"]: tool for tool in instance["tools"]}
    assert list(tools) == TOOLS
    assert {name: tool["resourceId"] for name, tool in tools.items()} == {
        name: service["resourceId"] for name, service in created["services"].items()
    }
    assert {tool["status"] for tool in tools.values()} == {"active"}
    assert tools["openrouter"]["envKey"] == "OPENROUTER_API_KEY"
    # All that the providers wrote is shown, but for the label.
    for row in db.execute("SELECT tool_id, resource_meta, env_value FROM instance_services").fetchall():
        assert set(tools[row["tool_id"]]["meta"]) == set(row["resource_meta"]) - {"label"}
        if row["tool_id"] == "openrouter":
            assert row["env_value"] not in response.text
            assert row["resource_meta"]["label"] not in response.text
    assert "envValue" not in response.text
    assert api.delete(f"/destroy/{body['instanceId']}").status_code == 200


def test_instances_are_listed_newest_first_also_without_tools(
    api: httpx.Client, simulator: SimulatorClient, db: Database
) -> None:
    insert_instances(db, ["s1"], prefix="old", age="3 hours")
    insert_instances(db, ["s2"], prefix="new", age="1 hour", provider_project_id=None, deploy_status=None)
    insert_instances(db, ["s3"], prefix="mid", age="2 hours")
    instances = list_shown_instances(api)
    assert [instance["instanceId"] for instance in instances] == ["new-00001", "mid-00001", "old-00001"]
    assert [instance["tools"] for instance in instances] == [[], [], []]
    assert (instances[0]["projectId"], instances[0]["deployStatus"], instances[0]["url"]) == (None, None, None)


def test_an_empty_fleet_is_an_empty_list(api: httpx.Client) -> None:
    assert api.get("/dashboard/instances").json() == {"instances": []}


@pytest.mark.parametrize("meta", [None, [], ["sk-or-v1-abcdef"], "text", 7, True, {}])
def test_meta_that_is_not_an_object_is_empty(api: httpx.Client, db: Database, meta: object) -> None:
    assert show_meta(api, db, "openrouter", meta) == {}


def test_only_known_facts_are_shown_and_no_value_like_a_secret(api: httpx.Client, db: Database) -> None:
    stored = {
        "limit": 20, "usage": "0.5", "disabled": False, "limit_reset": "sk-or-v1-0e6c1c96aa", "label": "sk-or-v1...c96",
        "key": "planted-key", "env": {"A": "planted"}, "created_at": {"nested": "planted"}, "expires_at": None,
        "usage_daily": "f" * 64, "usage_weekly": ["planted"], "limit_remaining": "a " * 200,
    }  # fmt: skip
    assert show_meta(api, db, "openrouter", stored) == {"limit": 20, "usage": "0.5", "disabled": False}


@pytest.mark.parametrize("tool_id", ["agentmail", "telnyx", "bankr"])
def test_facts_of_another_tool_are_not_shown(api: httpx.Client, db: Database, tool_id: str) -> None:
    assert show_meta(api, db, tool_id, {"limit": 20, "usage": "1"}) == {}


@pytest.mark.limit("spend-numbers")
def test_a_stored_number_that_no_double_holds_is_not_shown(api: httpx.Client, db: Database) -> None:
    """Older programs write this column, too, and Postgres holds numbers of any length."""
    meta = {"limit": 10**400, "usage": -(10**400), "usage_daily": 10**300, "limit_remaining": 1.5, "disabled": True}
    assert show_meta(api, db, "openrouter", meta) == {"usage_daily": 10**300, "limit_remaining": 1.5, "disabled": True}


def test_a_fleet_of_thousands_is_listed(api: httpx.Client, db: Database) -> None:
    insert_instances(db, [f"s{number}" for number in range(2500)])
    db.execute(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key)"
        " SELECT instance_id, tool_id, 'r', 'KEY' FROM instance_infra, unnest(%s::text[]) AS tool_id",
        (TOOLS,),
    )
    instances = list_shown_instances(api)
    assert len(instances) == 2500
    assert all(len(instance["tools"]) == 3 for instance in instances)


def test_credits_and_keys_are_numbers_in_usd(api: httpx.Client, providers: ProviderClient) -> None:
    created = providers.create_key("convos-agent-a1", limit=20, limit_reset="monthly")
    response = api.get("/dashboard/credits")
    assert response.status_code == 200, response.text
    assert response.json()["credits"] == {"total": 100.5, "used": 25.75, "remaining": 74.75}
    (key,) = response.json()["keys"]
    assert set(key) == KEY_FIELDS
    assert key == {
        "id": created["data"]["hash"], "name": "convos-agent-a1", "instanceId": "a1", "limit": 20, "limitRemaining": 20,
        "limitReset": "monthly", "usage": 0, "usageDaily": 0, "usageWeekly": 0, "usageMonthly": 0, "disabled": False,
        "createdAt": created["data"]["created_at"],
    }  # fmt: skip
    assert created["key"] not in response.text
    assert created["data"]["label"] not in response.text


def test_keys_of_no_instance_are_listed_too(api: httpx.Client, providers: ProviderClient) -> None:
    providers.create_key("somebody's", limit=None)
    providers.create_key("convos-agent-pool-manager")
    providers.create_key("sk-or-v1-pasted-by-mistake")
    disabled = providers.create_key("convos-agent-b2", limit=0.5)["data"]["hash"]
    providers.request_openrouter("PATCH", f"/keys/{disabled}", json={"disabled": True}).raise_for_status()
    keys = {key["name"]: key for key in api.get("/dashboard/credits").json()["keys"]}
    assert {name: key["instanceId"] for name, key in keys.items()} == {
        "somebody's": None, "convos-agent-pool-manager": None, "***": None, "convos-agent-b2": "b2",
    }  # fmt: skip
    assert (keys["somebody's"]["limit"], keys["somebody's"]["limitRemaining"]) == (None, None)
    assert (keys["convos-agent-b2"]["limit"], keys["convos-agent-b2"]["disabled"]) == (0.5, True)


def test_the_listing_is_read_to_its_end(
    api: httpx.Client, simulator: SimulatorClient, providers: ProviderClient
) -> None:
    simulator.update_config({"openrouter": {"page_size": 3}})
    for number in range(8):
        providers.create_key(f"convos-agent-{number}")
    instances = {key["instanceId"] for key in api.get("/dashboard/credits").json()["keys"]}
    assert instances == {str(number) for number in range(8)}


@pytest.mark.parametrize(("operation", "after"), [("credits.get", 0), ("keys.list", 0), ("keys.list", 1)])
@pytest.mark.parametrize("kind", ["server_error", "rate_limit", "refuse"])
def test_a_failure_of_openrouter_is_502(
    api: httpx.Client, simulator: SimulatorClient, providers: ProviderClient, operation: str, after: int, kind
) -> None:
    providers.create_key("convos-agent-1")
    simulator.inject_fault("openrouter", operation, kind, times=None, after=after)
    response = api.get("/dashboard/credits")
    assert response.status_code == 502, response.text
    assert response.json()["error"].startswith("openrouter ")
    assert "credits" not in response.json()
    assert "keys" not in response.json()
