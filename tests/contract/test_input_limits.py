"""Inputs at their bounds and past them: ids, names, lists, texts, in both APIs."""

from typing import Any

import httpx
import pytest

from local.simulator.client import SimulatorClient
from pointsman.agent import Input, Output, Tool, safe_error_text
from pointsman.db import audit_log
from pointsman.errors import CompositionError
from pointsman.lifecycle.input_rules import MAX_INSTANCE_IDS, MAX_TOOLS, MAX_VARIABLE_BYTES, MAX_VARIABLES
from tests.harness.agent_api import expect_error, get_result, invoke_tool
from tests.harness.database import Database
from tests.harness.ids import unique_id
from tests.prompts.prompt_stream import post_prompt

UNKNOWN_PROMPT = f"prompt-{'0' * 32}"


@pytest.mark.limit("instance-ids")
def test_ids_of_a_status_are_counted(api: httpx.Client, agent: httpx.Client, simulator: SimulatorClient) -> None:
    ids = [str(number) for number in range(MAX_INSTANCE_IDS + 1)]
    assert api.post("/status/batch", json={"instanceIds": ids[1:]}).status_code == 200
    refused = api.post("/status/batch", json={"instanceIds": ids})
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert get_result(invoke_tool(agent, "instances.status", {"instanceIds": ids[1:]}))["services"] == []
    expect_error(invoke_tool(agent, "instances.status", {"instanceIds": ids}), 422, "VALIDATION_ERROR")


@pytest.mark.limit("user-agent")
def test_what_a_client_calls_itself_is_cut_in_the_audit_log(api: httpx.Client) -> None:
    name = unique_id("client-") + "x" * 300
    headers = {"User-Agent": name}
    for enabled in (True, False):
        assert api.put("/maintenance", json={"enabled": enabled}, headers=headers).status_code == 200
    entries = api.get("/audit", params={"action": "maintenance.off", "limit": 5}).json()["entries"]
    assert name[:256] in [entry["userAgent"] for entry in entries]


@pytest.mark.limit("variables")
@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({f"V{number}": "" for number in range(MAX_VARIABLES + 1)}, "at most 200"),
        ({"V": "é" * (MAX_VARIABLE_BYTES // 2) + "x"}, "variables.V: a value may have at most 65536 bytes, not 65537"),
        ({f"V{number}": "x" * MAX_VARIABLE_BYTES for number in range(4)}, "at most 262144 bytes of names and values"),
        ({"é" * 100_000: "x"}, "is no name of a variable"),
    ],
    ids=["number", "value", "sum", "name"],
)
def test_variables_are_bounded(api: httpx.Client, agent: httpx.Client, variables: dict[str, str], problem: str) -> None:
    refused = api.post("/configure/nobody", json={"variables": variables})
    assert refused.status_code == 400
    assert problem in refused.json()["error"]
    assert len(refused.text) < 500
    arguments = {"instanceId": "nobody", "variables": variables}
    response = invoke_tool(agent, "instances.configure", arguments)
    expect_error(response, 422, "VALIDATION_ERROR")


@pytest.mark.limit("variables")
def test_variables_at_their_bound_are_accepted(api: httpx.Client) -> None:
    for variables in ({f"V{number}": "" for number in range(MAX_VARIABLES)}, {"V": "x" * MAX_VARIABLE_BYTES}):
        assert api.post("/configure/nobody", json={"variables": variables}).status_code == 404


@pytest.mark.limit("tool-ids")
def test_list_of_tools_is_bounded(api: httpx.Client, agent: httpx.Client) -> None:
    body = {"instanceId": unique_id("t"), "name": "n", "tools": ["openrouter"] * (MAX_TOOLS + 1)}
    refused = api.post("/create-instance", json=body)
    assert (refused.status_code, refused.json()["error"]) == (400, "tools may hold at most 20 ids, not 21")
    arguments = {"instanceId": body["instanceId"], "tools": body["tools"]}
    expect_error(invoke_tool(agent, "instances.create", arguments), 422, "VALIDATION_ERROR")
    arguments["tools"] = ["openrouter"] * MAX_TOOLS
    expect_error(invoke_tool(agent, "instances.create", arguments), 403, "APPROVAL_REQUIRED")


def create(api: httpx.Client, instance_id: str, name: str) -> httpx.Response:
    """A create that is refused at the latest for its tool."""
    return api.post("/create-instance", json={"instanceId": instance_id, "name": name, "tools": ["none"]})


@pytest.mark.limit("instance-id")
def test_ids_of_instances_are_bounded(api: httpx.Client, agent: httpx.Client) -> None:
    assert "Unknown tool" in create(api, "x" * 128, "n").json()["error"]
    assert "1 to 128 characters" in create(api, "x" * 129, "n").json()["error"]
    expect_error(invoke_tool(agent, "instances.create", {"instanceId": "x" * 19}), 403, "APPROVAL_REQUIRED")
    expect_error(invoke_tool(agent, "instances.create", {"instanceId": "x" * 20}), 422, "VALIDATION_ERROR")
    expect_error(invoke_tool(agent, "instances.destroy", {"instanceId": "x" * 256}), 403, "APPROVAL_REQUIRED")
    expect_error(invoke_tool(agent, "instances.destroy", {"instanceId": "x" * 257}), 422, "VALIDATION_ERROR")


@pytest.mark.limit("service-name")
def test_names_of_services_are_bounded(api: httpx.Client) -> None:
    assert "Unknown tool" in create(api, "x", "n" * 32).json()["error"]
    assert "1 to 32 characters" in create(api, "x", "n" * 33).json()["error"]


@pytest.mark.limit("variable-name")
def test_names_of_variables_are_bounded(api: httpx.Client, agent: httpx.Client) -> None:
    for length, status, code in ((255, 404, "APPROVAL_REQUIRED"), (256, 400, "VALIDATION_ERROR")):
        variables = {"N" * length: "x"}
        assert api.post("/configure/nobody", json={"variables": variables}).status_code == status
        response = invoke_tool(agent, "instances.configure", {"instanceId": "nobody", "variables": variables})
        assert response.json()["error"]["code"] == code
        assert len(response.text) < 1000


@pytest.mark.limit("rejection-reason")
def test_reason_of_a_rejection_is_bounded(agent: httpx.Client) -> None:
    for length, status, code in ((2000, 404, "PROMPT_NOT_FOUND"), (2001, 422, "VALIDATION_ERROR")):
        body = {"toolCallId": "call_1", "reason": "x" * length}
        expect_error(agent.post(f"/prompts/{UNKNOWN_PROMPT}/reject", json=body), status, code)


@pytest.mark.limit("conversation-title")
@pytest.mark.parametrize(("length", "title"), [(80, "t" * 80), (81, "t" * 79 + "…"), (90_000, "t" * 79 + "…")])
def test_title_of_a_conversation_is_cut(
    agent: httpx.Client, simulator: SimulatorClient, length: int, title: str
) -> None:
    conversation_id = get_result(invoke_tool(agent, "conversation.create"))["id"]
    post_prompt(agent, "t" * length, conversationId=conversation_id).read_to_end()
    (listed,) = get_result(invoke_tool(agent, "conversation.list"))["conversations"]
    assert listed["title"] == title


@pytest.mark.limit("idempotency-key")
def test_idempotency_keys_are_bounded(api: httpx.Client) -> None:
    for length, status in ((255, 404), (256, 400)):
        headers = {"Idempotency-Key": "k" * length}
        assert api.delete(f"/destroy/{unique_id('nobody')}", headers=headers).status_code == status


@pytest.mark.limit("audit-details")
def test_details_of_an_audit_entry_are_bounded(db: Database) -> None:
    for length, is_kept in ((3988, True), (3989, False)):
        target = unique_id("bounded-")
        audit_log.record(db, "instance.configure", "instance", target, "started", details={"text": "x" * length})
        row = db.execute("SELECT details FROM audit_log WHERE target = %s", (target,)).fetchone()
        assert row == {"details": {"text": "x" * length} if is_kept else {"truncated": True}}


class Nothing(Input):
    pass


class Anything(Output):
    pass


@pytest.mark.limit("tool-id")
def test_ids_of_tools_are_bounded() -> None:
    def make(length: int) -> Tool[Any, Any]:
        return Tool("a." + "b" * (length - 2), "A tool", Nothing, Anything, lambda _context: Anything())

    assert len(make(128).id) == 128
    with pytest.raises(CompositionError):
        make(129)


@pytest.mark.limit("error-text")
def test_text_of_a_tools_error_is_cut() -> None:
    assert safe_error_text(ValueError("x" * 500)) == "x" * 500
    assert safe_error_text(ValueError("x" * 501)) == "x" * 499 + "…"
