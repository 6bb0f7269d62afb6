"""Every function's sample event, handled by the real handler under the real runtime client."""

import json
from typing import Any

import pytest

from local.simulator.client import SimulatorClient
from local.stack.stack import Stack
from local.template.sam_template import Template
from tests.harness.database import Database
from tests.harness.paths import EVENTS, TEMPLATE

CREATE_OPERATION, DESTROY_OPERATION, UNDO_OPERATION, PROVISION_OPERATION = (
    f"op-{number:032d}" for number in (1, 2, 3, 4)
)
RUNNING_PROMPT, WAITING_PROMPT = (f"prompt-{number:032d}" for number in (1, 2))
OPERATION_REQUEST = '{"name": "convos-agent-sample-1", "tools": ["openrouter"]}'


def load_event(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text())


class EventReplay:
    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        functions = Template.load(TEMPLATE, {}).functions
        self.functions_by_handler = {
            f"{function.module}.{function.handler.rpartition('.')[2]}": name for name, function in functions.items()
        }
        self.replayed_events: set[str] = set()

    def __call__(self, name: str) -> Any:
        return json.loads(self.invoke(name, "handler"))

    def invoke(self, name: str, attribute: str) -> bytes:
        self.replayed_events.add(name)
        result = self.stack.invoke(self.functions_by_handler[f"{name.replace('/', '.')}.{attribute}"], load_event(name))
        assert result.error is None, result.payload
        return result.payload

    def replay_http(self, name: str) -> tuple[int, Any]:
        response = self(name)
        assert response["headers"]["content-type"] == "application/json"
        return response["statusCode"], json.loads(response["body"])


@pytest.fixture
def replay(stack: Stack) -> EventReplay:
    return EventReplay(stack)


def test_every_sample_event_is_handled(
    stack: Stack, replay: EventReplay, simulator: SimulatorClient, db: Database
) -> None:
    """In the order of production: each state machine's tasks one by one."""
    assert replay("authorizers/services_key") == {"isAuthorized": True, "context": {"caller": ""}}
    assert replay("authorizers/agent_user") == {
        "isAuthorized": True,
        "context": {"user": "user-1", "problem": "", "permissions": "fleet:read fleet:write"},
    }
    assert replay("migration/migrate")["from"] == replay("migration/migrate")["to"]
    assert replay.replay_http("services/healthz") == (200, {"ok": True})
    status, registry = replay.replay_http("services/registry")
    assert (status, len(registry["tools"])) == (200, 3)
    status, document = replay.replay_http("openapi/services_document")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert replay.replay_http("services/not_found")[0] == 404
    assert replay.replay_http("agent/capabilities") == (200, {"plugins": ["conversation", "time", "instances"]})
    status, listed = replay.replay_http("agent/tools")
    assert (status, "time.now" in [tool["id"] for tool in listed["tools"]]) == (200, True)
    status, called = replay.replay_http("agent/invoke_tool")
    assert (status, list(called["result"])) == (200, ["conversations"])
    status, refused = replay.replay_http("agent/routes")
    assert (status, refused["error"]["code"]) == (404, "NOT_FOUND")
    status, document = replay.replay_http("openapi/combined_document")
    assert (status, "/api/tools/time.now/invoke" in document["paths"]) == (200, True)
    for name in ("documentation/docs_page", "console/console_page"):
        page = replay(name)
        assert (page["statusCode"], page["headers"]["content-type"]) == (200, "text/html; charset=utf-8")

    for table in ("fleet_history", "webhooks"):  # What other tests have left.
        db.execute(f"DELETE FROM {table}")  # type: ignore[arg-type]
    simulator.update_config({"railway": {"deploy_seconds": 0}})
    _insert_operation(db, CREATE_OPERATION, "create")
    key = replay("tasks/provision_tool")["resourceId"]
    service_id = replay("tasks/create_service")["serviceId"]
    volume_id = replay("tasks/attach_volume")["volumeId"]
    domain = replay("tasks/create_domain")["domain"]
    assert replay("tasks/deploy_instance") == {"serviceId": service_id}
    kinds = sorted(leftover.kind for leftover in simulator.list_leftovers())
    assert kinds == ["key", "service", "volume"]

    status, operation = replay.replay_http("services/get_operation")
    assert (status, operation["status"]) == (200, "succeeded")
    assert [step["status"] for step in operation["steps"]] == ["succeeded"] * 5
    assert operation["result"] == {
        "instanceId": "sample-1",
        "serviceId": service_id,
        "url": f"https://{domain}",
        "services": {"openrouter": {"resourceId": key}},
    }
    status, conflict = replay.replay_http("services/create_instance")
    assert (status, conflict["code"]) == (409, "CONFLICT")
    status, fleet = replay.replay_http("services/status_batch")
    assert (status, [service["instanceId"] for service in fleet["services"]]) == (200, ["sample-1"])
    assert replay.replay_http("services/configure_instance") == (200, {"instanceId": "sample-1", "ok": True})
    assert replay.replay_http("services/redeploy_instance") == (200, {"instanceId": "sample-1", "ok": True})
    _insert_operation(db, PROVISION_OPERATION, "provision", '{"tools": ["agentmail"], "limit": null}')
    provisioned = stack.invoke("ProvisionToolFunction", {"operationId": PROVISION_OPERATION, "tool": "agentmail"})
    inbox = json.loads(provisioned.payload)["resourceId"]
    assert replay("tasks/attach_tool") == {"recorded": True}
    status, conflict = replay.replay_http("services/provision_resource")
    assert (status, conflict["error"]) == (409, "Tool agentmail already provisioned for sample-1")
    assert replay.replay_http("services/destroy_resource") == (
        200, {"toolId": "agentmail", "resourceId": inbox, "deleted": True},
    )  # fmt: skip
    assert replay("scheduled/status_poller")["services"] == 1
    status, shown = replay.replay_http("services/dashboard_instances")
    assert (status, shown["instances"][0]["instanceId"]) == (200, "sample-1")
    status, maintenance = replay.replay_http("services/maintenance")
    assert (status, maintenance["enabled"]) == (200, False)
    status, spent = replay.replay_http("services/dashboard_credits")
    assert (status, [key["instanceId"] for key in spent["keys"]]) == (200, ["sample-1"])
    status, listed = replay.replay_http("services/list_instances")
    assert (status, listed["instances"][0]["instanceId"]) == (200, "sample-1")
    status, instance = replay.replay_http("services/get_instance")
    assert (status, [tool["toolId"] for tool in instance["tools"]]) == (200, ["openrouter"])
    status, listed = replay.replay_http("services/list_operations")
    assert (status, {operation["instanceId"] for operation in listed["operations"]}) == (200, {"sample-1"})
    status, history = replay.replay_http("services/fleet_reports")
    assert (status, history["points"][-1]["totals"]) == (200, [{"status": "SUCCESS", "count": 1}])
    status, audit = replay.replay_http("services/list_audit_log")
    assert (status, audit["entries"][-1]["target"]) == (200, {"kind": "instance", "id": "sample-1"})

    _insert_operation(db, DESTROY_OPERATION, "destroy")
    assert volume_id in [leftover.id for leftover in simulator.list_leftovers()]
    for task in ("destroy_tool", "destroy_volumes", "destroy_service"):
        assert replay(f"tasks/{task}") == {"destroyed": True}
    assert replay("tasks/close_operation") == {"closed": False}
    assert simulator.list_leftovers() == []
    status, destroyed = replay.replay_http("services/destroy_instance")
    assert (status, destroyed["error"]) == (404, "Instance sample-1 not found")

    _insert_operation(db, UNDO_OPERATION, "create")
    assert replay("tasks/compensate_operation") == {"undone": True}
    assert db.execute("SELECT status FROM operations WHERE id = %s", (UNDO_OPERATION,)).fetchone() == {
        "status": "failed"
    }

    assert replay.replay_http("services/retry_operation")[0] == 404
    assert replay.replay_http("services/abandon_operation")[0] == 404
    assert set(replay("scheduled/reconciler")) == {"operations", "orphans"}

    _insert_prompt(db, RUNNING_PROMPT, "running")
    assert replay("tasks/advance_prompt") == {"next": "done", "waitSeconds": 0}
    assert db.execute("SELECT status FROM prompts WHERE id = %s", (RUNNING_PROMPT,)).fetchone() == {
        "status": "completed"
    }
    status, page = replay.replay_http("agent/get_prompt")
    assert (status, page["status"]) == (200, "completed")
    assert replay.replay_http("agent/list_prompts")[1]["prompts"][0]["id"] == RUNNING_PROMPT
    assert replay.replay_http("agent/list_approvals") == (200, {"approvals": []})
    assert replay.replay_http("agent/cancel_prompt") == (200, {"promptId": RUNNING_PROMPT, "status": "completed"})
    assert replay.replay_http("agent/approve_call")[0] == 404
    assert replay.replay_http("agent/reject_call")[0] == 404
    head, _, stream = replay.invoke("agent/prompt_stream", "app").partition(b"\0" * 8)
    assert json.loads(head)["statusCode"] == 200
    assert stream.startswith(b"retry: 1000\n\nevent: prompt.created\n")
    head, _, body = replay.invoke("agent/mcp_endpoint", "app").partition(b"\0" * 8)
    assert json.loads(head)["statusCode"] == 200
    assert json.loads(body)["result"]["structuredContent"]["timezone"] == "UTC"
    _insert_prompt(db, WAITING_PROMPT, "waiting")
    assert replay("tasks/await_approval") == {"waiting": True}
    assert replay("tasks/close_prompt") == {"closed": True}
    assert set(replay("scheduled/prompt_recovery")) == {"prompts"}
    assert set(replay("scheduled/retention")) == {
        "conversations", "prompts", "usage", "operations", "audit_entries", "webhook_deliveries", "complete",
        "orphans", "history",
    }  # fmt: skip

    status, listed = replay.replay_http("services/fleet_webhooks")
    assert (status, listed) == (200, {"webhooks": []})
    assert replay.replay_http("agent/user_webhooks") == (200, {"webhooks": []})
    assert replay("scheduled/webhook_delivery") == {"delivered": 0, "failed": 0, "disabled": 0}

    sample_events = {str(path.relative_to(EVENTS).with_suffix("")) for path in EVENTS.rglob("*.json")}
    assert replay.replayed_events == sample_events


def _insert_operation(db: Database, operation_id: str, kind: str, request: str = OPERATION_REQUEST) -> None:
    db.execute(
        "INSERT INTO operations (id, instance_id, kind, request) VALUES (%s, 'sample-1', %s, %s)",
        (operation_id, kind, request),
    )


def _insert_prompt(db: Database, prompt_id: str, status: str) -> None:
    db.execute(
        "INSERT INTO prompts (id, user_id, input, status, deadline)"
        " VALUES (%s, 'user-1', 'Hello', %s, clock_timestamp() + interval '1 hour')",
        (prompt_id, status),
    )
    item = {"type": "message", "role": "user", "content": "Hello"}
    db.execute("INSERT INTO prompt_items VALUES (%s, 1, 0, %s)", (prompt_id, json.dumps(item)))
