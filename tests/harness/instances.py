"""Instances that tests create through the Services API, and what must hold when they are gone."""

from typing import Any

import httpx

from local.simulator.client import SimulatorClient

from .database import Database
from .ids import unique_id
from .wait import wait_until

TOOLS = ["openrouter", "agentmail", "telnyx"]
ENV_KEYS = {
    "openrouter": ("OPENROUTER_API_KEY",),
    "agentmail": ("AGENTMAIL_INBOX_ID",),
    "telnyx": ("TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"),
}
"""Variables that a tool sets in the instance's service; the first one is the row's `env_key`."""


def new_instance_id() -> str:
    return unique_id("t")


def create_request(instance_id: str, tools: list[str] | None = None) -> dict[str, Any]:
    """The body of POST /create-instance, with all tools by default."""
    return {
        "instanceId": instance_id,
        "name": f"convos-agent-{instance_id}",
        "tools": TOOLS if tools is None else tools,
    }


def create_instance(api: httpx.Client, body: dict[str, Any]) -> httpx.Response:
    """POST /create-instance."""
    return api.post("/create-instance", json=body)


def insert_instance(db: Database) -> str:
    """Insert an instance without resources; returns its id."""
    instance_id = new_instance_id()
    db.execute(
        "INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id) VALUES (%s, %s, 'e')",
        (instance_id, f"s-{instance_id}"),
    )
    return instance_id


def insert_leaked_create(api: httpx.Client, db: Database, tools: list[str]) -> tuple[dict[str, Any], str]:
    """Insert what a create leaves that could undo nothing, just now. Returns its request and its operation's id."""
    body = create_request(new_instance_id(), tools)
    assert create_instance(api, body).status_code == 200
    row = db.execute(
        "UPDATE operations SET status = 'leaked', undoing = true, result = NULL, updated_at = now(),"
        ' error = \'{"message": "no", "code": "OPERATION_FAILED"}\' WHERE instance_id = %s RETURNING id',
        (body["instanceId"],),
    ).fetchone()
    db.execute("DELETE FROM instance_infra WHERE instance_id = %s", (body["instanceId"],))
    assert row is not None
    return body, row["id"]


def get_operation(api: httpx.Client, operation_id: str) -> dict[str, Any]:
    """GET /operations/{operationId}."""
    return api.get(f"/operations/{operation_id}").json()


def wait_for_operation(api: httpx.Client, operation_id: str, timeout: float = 60) -> dict[str, Any]:
    """Wait until an operation has ended; returns its page."""

    def page_if_ended() -> dict[str, Any] | None:
        page = get_operation(api, operation_id)
        return page if page["status"] != "running" else None

    return wait_until(page_if_ended, timeout, f"the end of {operation_id}")


def wait_until_deployed(api: httpx.Client, instance_id: str) -> None:
    """Wait until Railway has built the instance's deployment: it can be deployed again only then."""
    ids = {"instanceIds": [instance_id]}
    wait_until(lambda: api.post("/status/batch", json=ids).json()["services"][0]["deployStatus"] == "SUCCESS")


def assert_nothing_is_left(simulator: SimulatorClient, db: Database, instance_id: str) -> None:
    """Assert that neither a provider, nor a row, nor an open journal entry holds anything of the instance."""
    assert simulator.list_leftovers() == []
    for table in ("instance_infra", "instance_services"):
        rows = db.execute(f"SELECT * FROM {table} WHERE instance_id = %s", (instance_id,)).fetchall()
        assert rows == [], table
    open_entries = db.execute(
        "SELECT * FROM operation_resources WHERE instance_id = %s AND state IN ('intended', 'created')", (instance_id,)
    ).fetchall()
    assert open_entries == []


def assert_can_be_created_again(api: httpx.Client, simulator: SimulatorClient, body: dict[str, Any]) -> None:
    """Assert that the same request succeeds now, and that all it created can be destroyed."""
    simulator.clear_faults()
    response = create_instance(api, body)
    assert response.status_code == 200, response.text
    assert set(response.json()["services"]) == set(body["tools"])
    destroyed = api.delete(f"/destroy/{body['instanceId']}")
    assert destroyed.status_code == 200, destroyed.text
    assert simulator.list_leftovers() == []
