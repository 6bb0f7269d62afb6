"""Every function's sample event, replayed through the real handler under the real runtime client."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack import Stack

EVENTS = Path(__file__).parents[2] / "events"
CREATE, DESTROY, UNDO, PROVISION = (f"op-{number:032d}" for number in (1, 2, 3, 4))
REQUEST = '{"name": "convos-agent-sample-1", "tools": ["openrouter"]}'


def event(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text())


class Replay:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.names = {function["handler"]: name for name, function in stack.status()["functions"].items()}
        self.replayed: set[str] = set()

    def __call__(self, name: str) -> Any:
        self.replayed.add(name)
        result = self.stack.invoke(self.names[f"{name.replace('/', '.')}.handler"], event(name))
        assert result.error is None, result.payload
        return json.loads(result.payload)

    def http(self, name: str) -> tuple[int, Any]:
        answer = self(name)
        assert answer["headers"]["content-type"] == "application/json"
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture
def replay(stack: Stack) -> Replay:
    return Replay(stack)


def test_every_sample_event(stack: Stack, replay: Replay, simulator: SimulatorClient, db) -> None:
    """In the order in which they would come, each state machine's tasks one by one."""
    assert replay("authorizer") == {"isAuthorized": True, "context": {"caller": ""}}
    assert replay("migrate")["from"] == replay("migrate")["to"]
    assert replay.http("services/healthz") == (200, {"ok": True})
    status, registry = replay.http("services/registry")
    assert (status, len(registry["tools"])) == (200, 3)
    status, document = replay.http("services/openapi")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert replay.http("services/not_found")[0] == 404

    simulator.config({"railway": {"deploy_seconds": 0}})
    _begin(db, CREATE, "create")
    key = replay("tasks/provision_tool")["resourceId"]
    service_id = replay("tasks/create_service")["serviceId"]
    volume_id = replay("tasks/attach_volume")["volumeId"]
    domain = replay("tasks/create_domain")["domain"]
    assert replay("tasks/deploy_instance") == {"serviceId": service_id}
    assert replay("tasks/record_instance") == {"recorded": True}
    kinds = sorted(left.kind for left in simulator.leftovers())
    assert kinds == ["key", "service", "volume"]

    status, operation = replay.http("services/get_operation")
    assert (status, operation["status"]) == (200, "succeeded")
    assert [step["status"] for step in operation["steps"]] == ["succeeded"] * 6
    assert operation["result"] == {
        "instanceId": "sample-1",
        "serviceId": service_id,
        "url": f"https://{domain}",
        "services": {"openrouter": {"resourceId": key}},
    }
    status, conflict = replay.http("services/create_instance")
    assert (status, conflict["code"]) == (409, "CONFLICT")
    status, fleet = replay.http("services/status_batch")
    assert (status, [service["instanceId"] for service in fleet["services"]]) == (200, ["sample-1"])
    assert replay.http("services/configure") == (200, {"instanceId": "sample-1", "ok": True})
    assert replay.http("services/redeploy") == (200, {"instanceId": "sample-1", "ok": True})
    _begin(db, PROVISION, "provision", '{"tools": ["agentmail"], "limit": null}')
    made = stack.invoke("ProvisionToolFunction", {"operationId": PROVISION, "tool": "agentmail"})
    inbox = json.loads(made.payload)["resourceId"]
    assert replay("tasks/attach_tool") == {"recorded": True}
    status, conflict = replay.http("services/provision")
    assert (status, conflict["error"]) == (409, "Tool agentmail already provisioned for sample-1")
    assert replay.http("services/destroy_resource") == (
        200, {"toolId": "agentmail", "resourceId": inbox, "deleted": True},
    )  # fmt: skip
    assert replay("scheduled/status_poller")["services"] == 1
    status, shown = replay.http("services/dashboard_instances")
    assert (status, shown["instances"][0]["instanceId"]) == (200, "sample-1")
    status, spent = replay.http("services/dashboard_credits")
    assert (status, [key["instanceId"] for key in spent["keys"]]) == (200, ["sample-1"])

    _begin(db, DESTROY, "destroy")
    assert volume_id in [left.id for left in simulator.leftovers()]
    for task in ("destroy_tool", "destroy_volumes", "destroy_service"):
        assert replay(f"tasks/{task}") == {"destroyed": True}
    assert replay("tasks/close_operation") == {"closed": True}
    assert simulator.leftovers() == []
    status, gone = replay.http("services/destroy_instance")
    assert (status, gone["error"]) == (404, "Instance sample-1 not found")

    _begin(db, UNDO, "create")
    assert replay("tasks/undo") == {"undone": True}
    assert db.execute("SELECT status FROM operations WHERE id = %s", (UNDO,)).fetchone() == {"status": "failed"}

    assert replay.http("services/retry_operation")[0] == 404
    assert replay.http("services/abandon_operation")[0] == 404
    assert set(replay("scheduled/reconciler")) == {"operations", "orphans"}

    there = {str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.rglob("*.json")}
    assert replay.replayed == there


def _begin(db, operation_id: str, kind: str, request: str = REQUEST) -> None:
    db.execute(
        "INSERT INTO operations (id, instance_id, kind, request) VALUES (%s, 'sample-1', %s, %s)",
        (operation_id, kind, request),
    )
